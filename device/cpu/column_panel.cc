#include "device/cpu/column_panel.h"

#include <cmath>

// Compiled for several instruction sets; the machine's best is taken when the program starts. Element by element the
// arithmetic is the same (no contraction, no reordering), and so are the results.
#if defined(__x86_64__) && defined(__GNUC__) && !defined(__clang__)
#define SIMD_CLONES __attribute__((target_clones("default", "avx2", "arch=x86-64-v4")))
#else
#define SIMD_CLONES
#endif

namespace nibble::cpu {

SIMD_CLONES void Nearest(const float* levels, int64_t codes, const float* target, float* nearest, int32_t* code) {
  float distance[kPanelRows];
  for (int64_t r = 0; r < kPanelRows; ++r) {
    nearest[r] = levels[r];
    distance[r] = std::abs(target[r] - levels[r]);
    code[r] = 0;
  }
  for (int32_t c = 1; c < codes; ++c) {
    const float* level = levels + c * kPanelRows;
    for (int64_t r = 0; r < kPanelRows; ++r) {
      const float away = std::abs(target[r] - level[r]);
      const bool nearer = away < distance[r];
      distance[r] = nearer ? away : distance[r];
      nearest[r] = nearer ? level[r] : nearest[r];
      code[r] = nearer ? c : code[r];
    }
  }
}

SIMD_CLONES void AddScaled(const float* error, float factor, float* sum) {
  for (int64_t r = 0; r < kPanelRows; ++r) sum[r] += error[r] * factor;
}

}  // namespace nibble::cpu
