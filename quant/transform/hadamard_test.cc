#include "quant/transform/hadamard.h"

#include <bit>
#include <cmath>
#include <cstdint>
#include <random>
#include <vector>

#include "gtest/gtest.h"

namespace nibble {
namespace {

std::vector<double> Random(int64_t size) {
  std::mt19937 random(size);
  std::normal_distribution<double> normal;
  std::vector<double> values(size);
  for (double& value : values) value = normal(random);
  return values;
}

TEST(HadamardBlock, IsTheLargestPowerOfTwoThatDivides) {
  struct Case {
    int64_t size, limit, block;
  };
  for (const Case& c : {Case{576, 128, 64}, {2880, 128, 64}, {4096, 128, 128}, {96, 128, 32}, {7, 128, 1}}) {
    EXPECT_EQ(HadamardBlock(c.size, c.limit), c.block) << c.size;
  }
}

TEST(RotateRows, IsTheMatrixOfSignsInEveryColumnOfEveryBlock) {
  for (const int64_t block : {1, 2, 8, 64}) {
    for (const int64_t cols : {1, 3}) {
      const int64_t rows = 3 * block;
      const std::vector<double> before = Random(rows * cols);
      std::vector<double> after = before;
      RotateRows(block, cols, absl::MakeSpan(after));
      for (int64_t row = 0; row < rows; ++row) {
        for (int64_t col = 0; col < cols; ++col) {
          double expected = 0;
          for (int64_t k = 0; k < block; ++k) {
            const int sign = std::popcount(static_cast<uint64_t>(row % block & k)) % 2 == 0 ? 1 : -1;
            expected += sign * before[(row / block * block + k) * cols + col];
          }
          ASSERT_NEAR(after[row * cols + col], expected / std::sqrt(block), 1e-13) << block << " " << row << " " << col;
        }
      }
    }
  }
}

TEST(RotateRows, IsItsOwnInverseAndKeepsLengths) {
  const std::vector<double> before = Random(256);
  std::vector<double> values = before;
  RotateRows(128, 1, absl::MakeSpan(values));
  double squares = 0, expected = 0;
  for (size_t i = 0; i < values.size(); ++i) {
    squares += values[i] * values[i];
    expected += before[i] * before[i];
  }
  EXPECT_NEAR(squares, expected, 1e-12 * expected);
  RotateRows(128, 1, absl::MakeSpan(values));
  for (size_t i = 0; i < values.size(); ++i) EXPECT_NEAR(values[i], before[i], 1e-14);
}

TEST(RotateRows, DoesNotDependOnTheColumnsBesideIt) {
  const std::vector<double> wide = Random(32 * 5);
  std::vector<double> rotated = wide;
  RotateRows(32, 5, absl::MakeSpan(rotated));
  for (int col = 0; col < 5; ++col) {
    std::vector<double> column;
    for (int row = 0; row < 32; ++row) column.push_back(wide[row * 5 + col]);
    RotateRows(32, 1, absl::MakeSpan(column));
    for (int row = 0; row < 32; ++row) EXPECT_EQ(rotated[row * 5 + col], column[row]);
  }
}

}  // namespace
}  // namespace nibble
