// One product of blocks, on the calling thread alone.
#ifndef NIBBLE_DEVICE_CPU_GEMM_H_
#define NIBBLE_DEVICE_CPU_GEMM_H_

#include <cstdint>

#include "device/cpu/cpu_device.h"

namespace nibble::cpu {

enum class Transpose { kNo, kYes };

// A block inside a row-major matrix: rows lie `stride` floats apart. kYes: what it stands for is its transpose.
struct ConstBlock {
  const float* data;
  int64_t stride;
  Transpose transpose = Transpose::kNo;
};

struct Block {
  float* data;
  int64_t stride;
};

// Rows by which oneDNN's kernels take a left-hand side, on every instruction set: of a product of a multiple of them
// each row is what it is in any other such product, wherever it stands. (What is left of other numbers goes other
// ways.)
inline constexpr int64_t kSteadyRows = 24;

// c [m, n] = alpha a b + beta c: a [m, k], b [k, n]. Reports to `device` if it has no memory to work in.
// REQUIRES: inside a parallel region, that is, of one thread at least.
void Gemm(CpuDevice& device, int64_t m, int64_t n, int64_t k, float alpha, ConstBlock a, ConstBlock b, float beta,
          Block c);

}  // namespace nibble::cpu

#endif  // NIBBLE_DEVICE_CPU_GEMM_H_
