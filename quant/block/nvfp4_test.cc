#include "quant/block/nvfp4.h"

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <limits>
#include <random>
#include <vector>

#include "gtest/gtest.h"
#include "quant/block/block_run.h"
#include "quant/block/format.h"
#include "quant/block/scale_code.h"
#include "quant/block/test_blocks.h"

namespace nibble::nvfp4 {
namespace {

TEST(NVFP4Test, GroupsHaveTheirOwnScales) {
  const std::vector<float> values = Values<Block>([](int i) { return i % kGroup == 3 ? -6.0 * (1 << i / kGroup) : 0; });
  const Block block = PlainBlock(values.data());
  for (int g = 0; g < Block::kGroups; ++g) EXPECT_EQ(HalfOfUE4M3(block.scales[g]), 0.5f * static_cast<float>(1 << g));
  EXPECT_EQ((Decoded<Block, DecodeBlock>(block)), values);
}

TEST(NVFP4Test, WhatIsBelowEveryScaleIsZero) {
  const std::vector<float> values = Values<Block>([](int i) { return i % 2 ? 1e-5 : -1e-5; });
  for (const Block& block : {PlainBlock(values.data()), Searched<Block>(Format::kNVFP4, values, {})}) {
    EXPECT_EQ((Decoded<Block, DecodeBlock>(block)), std::vector<float>(Block::kElements));
  }
}

TEST(NVFP4Test, TheSearchIsExact) {
  std::mt19937 random(3);
  std::normal_distribution<float> normal;
  for (int round = 0; round < 400; ++round) {
    const float size = std::ldexp(1.0f, round % 20 - 12), spread = static_cast<float>(round % 4);
    const std::vector<float> values = Values<Block>([&](int) { return size * normal(random); });
    const std::vector<float> weights = Values<Block>([&](int) { return std::exp(spread * normal(random)); });
    const Block found = Searched<Block>(Format::kNVFP4, values, weights);
    double least = 0;
    for (int g = 0; g < Block::kGroups; ++g) {
      double least_of_group = std::numeric_limits<double>::infinity();
      for (int code = 0; code <= kMaxUE4M3; ++code) {
        Block block = {};
        RoundGroup(&values[g * kGroup], static_cast<uint8_t>(code), g, block);
        std::vector<float> masked(Block::kElements);  // the other groups decode to zero, and weigh nothing
        std::copy_n(&weights[g * kGroup], kGroup, &masked[g * kGroup]);
        least_of_group = std::min(least_of_group, BlockError<Block, DecodeBlock>(values.data(), masked.data(), block));
      }
      least += least_of_group;
    }
    const double error = BlockError<Block, DecodeBlock>(values.data(), weights.data(), found);
    ASSERT_LE(error, least * (1 + 1e-6)) << round;
  }
}

}  // namespace
}  // namespace nibble::nvfp4
