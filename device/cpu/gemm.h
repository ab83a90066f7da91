// One product of blocks, on the calling thread alone.
#ifndef NIBBLE_DEVICE_CPU_GEMM_H_
#define NIBBLE_DEVICE_CPU_GEMM_H_

#include <cstdint>

#include "device/cpu/cpu_device.h"

namespace nibble::cpu {

// A block inside a row-major matrix: rows lie `stride` floats apart.
struct ConstBlock {
  const float* data;
  int64_t stride;
};

enum class Transpose { kNo, kYes };

// c [m, n] = alpha a b: a [m, k]; b [k, n], or with kYes [n, k]. Reports to `device` if it has no memory to work in.
// REQUIRES: inside a parallel region, that is, of one thread at least.
void Gemm(CpuDevice& device, int64_t m, int64_t n, int64_t k, float alpha, ConstBlock a, ConstBlock b,
          Transpose transpose_b, float* c, int64_t c_stride);

}  // namespace nibble::cpu

#endif  // NIBBLE_DEVICE_CPU_GEMM_H_
