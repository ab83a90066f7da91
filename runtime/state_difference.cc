#include "runtime/state_difference.h"

#include <algorithm>
#include <cmath>
#include <vector>

namespace nibble {
namespace {

constexpr int64_t kBlockRows = 64;

// Of two rows with these squares and this product; equal directions where one of them has none.
double CosineOf(double squared_a, double squared_b, double product) {
  const double norm = std::sqrt(squared_a) * std::sqrt(squared_b);
  return norm == 0 ? squared_a == squared_b : product / norm;
}

StateDifference CompareRow(const float* reference, const float* candidate, int64_t width) {
  double error = 0, squared_r = 0, squared_c = 0, product = 0;
  for (int64_t i = 0; i < width; ++i) {
    const double r = reference[i], c = candidate[i];
    error += (c - r) * (c - r);
    squared_r += r * r;
    squared_c += c * c;
    product += r * c;
  }
  return {error, squared_r, CosineOf(squared_r, squared_c, product), 1};
}

}  // namespace

StateDifference& StateDifference::operator+=(const StateDifference& other) {
  squared_error += other.squared_error;
  squared_reference += other.squared_reference;
  cosines += other.cosines;
  rows += other.rows;
  return *this;
}

double StateDifference::RelativeError() const {
  return squared_error == 0 ? 0 : std::sqrt(squared_error / squared_reference);
}

StateDifference CompareStates(absl::Span<const float> reference, absl::Span<const float> candidate, int64_t width,
                              int threads) {
  const int64_t rows = reference.size() / width;
  std::vector<StateDifference> blocks((rows + kBlockRows - 1) / kBlockRows);
#pragma omp parallel for schedule(static) num_threads(threads)
  for (int64_t block = 0; block < blocks.size(); ++block) {
    for (int64_t row = block * kBlockRows; row < std::min((block + 1) * kBlockRows, rows); ++row) {
      blocks[block] += CompareRow(&reference[row * width], &candidate[row * width], width);
    }
  }
  StateDifference sum;
  for (const StateDifference& block : blocks) sum += block;
  return sum;
}

}  // namespace nibble
