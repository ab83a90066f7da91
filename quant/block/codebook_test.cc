#include "quant/block/codebook.h"

#include <cstddef>
#include <random>
#include <string>
#include <vector>

#include "gtest/gtest.h"
#include "quant/block/format.h"

namespace nibble {
namespace {

constexpr size_t kValues = 1024;

class CodebookTest : public testing::TestWithParam<const BlockFormat*> {};

std::vector<const BlockFormat*> WithCodebook() {
  std::vector<const BlockFormat*> formats;
  for (const BlockFormat& format : Formats()) {
    if (FindCodebook(format.id) != nullptr) formats.push_back(&format);
  }
  return formats;
}

INSTANTIATE_TEST_SUITE_P(Formats, CodebookTest, testing::ValuesIn(WithCodebook()),
                         [](const auto& info) { return std::string(info.param->name); });

std::vector<float> Gaussian() {
  std::mt19937 random(3);
  std::normal_distribution<float> normal(0.01f, 0.05f);
  std::vector<float> values(kValues);
  for (float& value : values) value = normal(random);
  return values;
}

// Every decoded value is one of its group's levels, and setting those levels' codes gives the block back.
TEST_P(CodebookTest, LevelsAreWhatTheFormatDecodes) {
  const BlockFormat& format = *GetParam();
  const Codebook& codebook = *FindCodebook(format.id);
  const std::vector<float> values = Gaussian();
  const size_t blocks = kValues / format.block_elements;
  std::vector<std::byte> bytes(format.BytesFor(kValues));
  format.encode_weighted(values.data(), nullptr, blocks, bytes.data());
  std::vector<float> decoded(kValues), levels(kValues / codebook.group * codebook.codes);
  format.decode(bytes.data(), blocks, decoded.data());
  codebook.Levels(bytes.data(), blocks, levels.data());

  std::vector<uint8_t> codes(kValues);
  for (size_t i = 0; i < kValues; ++i) {
    uint32_t code = 0;
    while (code < codebook.codes && levels[i / codebook.group * codebook.codes + code] != decoded[i]) ++code;
    ASSERT_LT(code, codebook.codes) << "value " << i;
    codes[i] = static_cast<uint8_t>(code);
  }
  std::vector<std::byte> recoded = bytes;
  codebook.set_codes(codes.data(), blocks, recoded.data());
  std::vector<float> again(kValues);
  format.decode(recoded.data(), blocks, again.data());
  EXPECT_EQ(again, decoded);
}

TEST_P(CodebookTest, EveryCodeIsSet) {
  const BlockFormat& format = *GetParam();
  const Codebook& codebook = *FindCodebook(format.id);
  const std::vector<float> values = Gaussian();
  const size_t blocks = kValues / format.block_elements;
  std::vector<std::byte> bytes(format.BytesFor(kValues));
  format.encode_rtn(values.data(), blocks, bytes.data());
  std::vector<float> levels(kValues / codebook.group * codebook.codes), decoded(kValues);
  codebook.Levels(bytes.data(), blocks, levels.data());
  std::vector<uint8_t> codes(kValues);
  std::mt19937 random(4);
  for (uint8_t& code : codes) code = static_cast<uint8_t>(random() % codebook.codes);
  codebook.set_codes(codes.data(), blocks, bytes.data());
  format.decode(bytes.data(), blocks, decoded.data());
  for (size_t i = 0; i < kValues; ++i) {
    ASSERT_EQ(decoded[i], levels[i / codebook.group * codebook.codes + codes[i]]) << "value " << i;
  }
}

TEST(CodebookTest, OnlyFormatsWithCodesHaveOne) {
  for (const Format format : {Format::kF32, Format::kBF16, Format::kQ8_0, Format::kQ2_K, Format::kF8_E4M3}) {
    EXPECT_EQ(FindCodebook(format), nullptr);
  }
}

}  // namespace
}  // namespace nibble
