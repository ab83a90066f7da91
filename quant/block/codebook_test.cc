#include "quant/block/codebook.h"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <random>
#include <set>
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

// A step moves the levels of the groups it is for and no others, and leaves every code as it is.
TEST_P(CodebookTest, AdjustmentsMoveTheirGroupsAlone) {
  const BlockFormat& format = *GetParam();
  const Codebook& codebook = *FindCodebook(format.id);
  const std::vector<float> values = Gaussian();
  const size_t groups = format.block_elements / codebook.group, of_group = codebook.codes;
  std::vector<std::byte> bytes(format.block_bytes);
  format.encode_weighted(values.data(), nullptr, 1, bytes.data());
  std::vector<float> before(groups * of_group), after(before.size());
  codebook.Levels(bytes.data(), 1, before.data());
  for (size_t g = 0; g < groups; ++g) {
    std::set<std::vector<float>> different;
    for (uint32_t choice = 0; choice < codebook.adjustments; ++choice) {
      std::vector<std::byte> adjusted = bytes;
      std::vector<uint8_t> choices(groups);
      choices[g] = static_cast<uint8_t>(choice);
      codebook.adjust(choices.data(), adjusted.data());
      codebook.Levels(adjusted.data(), 1, after.data());
      for (size_t i = 0; i < after.size(); ++i) {
        ASSERT_TRUE(std::isfinite(after[i]));
        if (choice > 0 && i / of_group == g) continue;
        EXPECT_EQ(after[i], before[i]) << "choice " << choice << ", level " << i;
      }
      different.insert(std::vector<float>(&after[g * of_group], &after[g * of_group] + of_group));

      // The same codes still give the values of the group's own levels.
      std::vector<float> decoded(format.block_elements), original(format.block_elements);
      format.decode(adjusted.data(), 1, decoded.data());
      format.decode(bytes.data(), 1, original.data());
      for (size_t i = 0; i < decoded.size(); ++i) {
        const float* levels = &before[i / codebook.group * of_group];
        const size_t code = std::find(levels, levels + of_group, original[i]) - levels;
        ASSERT_LT(code, of_group);
        if (std::count(levels, levels + of_group, original[i]) > 1) continue;  // two zeros
        EXPECT_EQ(decoded[i], after[i / codebook.group * of_group + code]) << "value " << i;
      }
    }
    EXPECT_GT(different.size(), 2u) << "group " << g;
  }
}

// At the ends of a format's range steps beyond it are not taken.
TEST_P(CodebookTest, AdjustmentsStayInRange) {
  const BlockFormat& format = *GetParam();
  const Codebook& codebook = *FindCodebook(format.id);
  const size_t groups = format.block_elements / codebook.group;
  for (const float scale : {0.0f, 1e-38f, 6.5e4f}) {
    std::vector<float> values = Gaussian(), levels(groups * codebook.codes);
    for (float& value : values) value *= scale * 20;
    std::vector<std::byte> bytes(format.block_bytes);
    format.encode_weighted(values.data(), nullptr, 1, bytes.data());
    for (uint32_t choice = 0; choice < codebook.adjustments; ++choice) {
      const std::vector<uint8_t> choices(groups, static_cast<uint8_t>(choice));
      for (int times = 0; times < 200; ++times) codebook.adjust(choices.data(), bytes.data());
      codebook.Levels(bytes.data(), 1, levels.data());
      for (const float level : levels) EXPECT_TRUE(std::isfinite(level)) << "choice " << choice;
    }
  }
}

}  // namespace
}  // namespace nibble
