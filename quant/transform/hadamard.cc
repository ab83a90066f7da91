#include "quant/transform/hadamard.h"

#include <algorithm>
#include <bit>
#include <cassert>
#include <cmath>

namespace nibble {
namespace {

// (a, b) becomes (a + b, a - b).
void Butterfly(int64_t count, double* a, double* b) {
  for (int64_t i = 0; i < count; ++i) {
    const double sum = a[i] + b[i], difference = a[i] - b[i];
    a[i] = sum;
    b[i] = difference;
  }
}

}  // namespace

int64_t HadamardBlock(int64_t size, int64_t limit) { return std::min(size & -size, limit); }

void RotateRows(int64_t block, int64_t cols, absl::Span<double> values) {
  assert(std::has_single_bit(static_cast<uint64_t>(block)));
  const int64_t elements = values.size();
  assert(elements % (block * cols) == 0);
  for (int64_t half = cols; half < block * cols; half *= 2) {
    for (int64_t at = 0; at < elements; at += 2 * half) Butterfly(half, &values[at], &values[at + half]);
  }
  const double factor = 1 / std::sqrt(static_cast<double>(block));
  for (double& value : values) value *= factor;
}

}  // namespace nibble
