#include "quant/block/mxfp4.h"

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <limits>
#include <random>
#include <utility>
#include <vector>

#include "gtest/gtest.h"
#include "quant/block/block_run.h"
#include "quant/block/format.h"
#include "quant/block/test_blocks.h"

namespace nibble::mxfp4 {
namespace {

TEST(MXFP4Test, TheLargestMagnitudeLiesBetweenFourAndEight) {
  for (const auto& [largest, e] : std::vector<std::pair<float, int>>{
           {4.0f, 127}, {7.99f, 127}, {8.0f, 128}, {1.0f, 125}, {1e-38f, 0}, {1e-45f, 0}, {3.4e38f, 252}, {0.0f, 0}}) {
    std::vector<float> values(Block::kElements);
    values[7] = -largest;
    EXPECT_EQ(PlainBlock(values.data()).e, e) << largest;
  }
}

TEST(MXFP4Test, NegativeZeroDecodesToZero) {
  Block block = {127, {}};
  block.codes[0] = 0x88;
  EXPECT_EQ((Decoded<Block, DecodeBlock>(block)), std::vector<float>(Block::kElements));
}

// The error of every exponent, in double.
double Least(const std::vector<float>& values, const std::vector<float>& weights) {
  double least = std::numeric_limits<double>::infinity();
  for (int e = 0; e <= kMaxExponent; ++e) {
    const auto block = RoundBlock(values.data(), static_cast<uint8_t>(e));
    least = std::min(least, BlockError<Block, DecodeBlock>(values.data(), weights.data(), block));
  }
  return least;
}

TEST(MXFP4Test, TheSearchIsExact) {
  std::mt19937 random(3);
  std::normal_distribution<float> normal;
  for (int round = 0; round < 200; ++round) {
    const float spread = static_cast<float>(round % 4);  // weights from equal to wildly different
    const std::vector<float> values = Values<Block>([&](int) { return 0.02f * normal(random); });
    const std::vector<float> weights = Values<Block>([&](int) { return std::exp(spread * normal(random)); });
    const Block block = Searched<Block>(Format::kMXFP4, values, weights);
    const double error = BlockError<Block, DecodeBlock>(values.data(), weights.data(), block);
    ASSERT_LE(error, Least(values, weights) * (1 + 1e-6));
  }
}

}  // namespace
}  // namespace nibble::mxfp4
