#include "quant/block/packing.h"

#include <cstddef>
#include <random>
#include <string>
#include <vector>

#include "gtest/gtest.h"
#include "quant/block/format.h"

namespace nibble {
namespace {

constexpr size_t kValues = 512;

class PackingTest : public testing::TestWithParam<const BlockFormat*> {};

std::vector<const BlockFormat*> WithPacking() {
  std::vector<const BlockFormat*> formats;
  for (const BlockFormat& format : Formats()) {
    if (FindPacking(format.id) != nullptr) formats.push_back(&format);
  }
  return formats;
}

INSTANTIATE_TEST_SUITE_P(Formats, PackingTest, testing::ValuesIn(WithPacking()),
                         [](const auto& info) { return std::string(info.param->name); });

// What the published elements and scales mean, by the formats that folders are read with.
struct Published {
  Format elements, scales;
};
Published PublishedAs(Format format) {
  if (format == Format::kMXFP4) return {Format::kF4, Format::kF8_E8M0};
  if (format == Format::kNVFP4) return {Format::kF4, Format::kF8_E4M3};
  return {Format::kInt4, Format::kBF16};
}

TEST_P(PackingTest, CodesTimesScalesAreTheBlocksValues) {
  const BlockFormat& format = *GetParam();
  const Packing& packing = *FindPacking(format.id);
  std::mt19937 random(7);
  std::normal_distribution<float> normal(0, 0.7f);
  std::vector<float> values(kValues);
  for (float& value : values) value = normal(random);
  for (size_t i = 0; i < 128; ++i) values[i] = 0;
  const size_t blocks = kValues / format.block_elements;
  std::vector<std::byte> bytes(format.BytesFor(kValues));
  format.encode_weighted(values.data(), nullptr, blocks, bytes.data());
  std::vector<float> expected(kValues);
  format.decode(bytes.data(), blocks, expected.data());

  std::vector<std::byte> codes(kValues / 2), scales(kValues / packing.group * packing.scale_bytes);
  packing.unpack(bytes.data(), blocks, codes.data(), scales.data());
  const Published published = PublishedAs(format.id);
  std::vector<float> elements(kValues), scale_values(kValues / packing.group);
  GetFormat(published.elements).decode(codes.data(), kValues / 2, elements.data());
  GetFormat(published.scales).decode(scales.data(), scale_values.size(), scale_values.data());
  for (size_t i = 0; i < kValues; ++i) {
    ASSERT_GT(scale_values[i / packing.group], 0) << "value " << i;
    ASSERT_EQ(elements[i] * scale_values[i / packing.group], expected[i]) << "value " << i;
  }
}

TEST(PackingTest, OtherFormatsHaveNone) {
  for (const Format format : {Format::kBF16, Format::kQ4_0, Format::kQ4_K, Format::kInt4}) {
    EXPECT_EQ(FindPacking(format), nullptr);
  }
}

}  // namespace
}  // namespace nibble
