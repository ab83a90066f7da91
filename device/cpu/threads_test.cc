// A device of one thread does all its work on the caller's, the GEMM library's included.
#include <algorithm>
#include <cstdint>
#include <ctime>

#include "device/cpu/cpu_device.h"
#include "device/device.h"
#include "gtest/gtest.h"

namespace nibble {
namespace {

double CpuSeconds(clockid_t clock) {
  timespec time;
  clock_gettime(clock, &time);
  return time.tv_sec + 1e-9 * time.tv_nsec;
}

TEST(CpuDeviceTest, OneThreadMeansOne) {
  CpuDevice device(1);
  const int64_t n = 1024;  // large enough for oneDNN to want more threads
  const Buffer x = *device.Allocate(n * n), y = *device.Allocate(n * n);
  std::fill_n(x.data(), n * n, 1.0f);
  const Matrix matrix = x.matrix(n, n);
  const double process = CpuSeconds(CLOCK_PROCESS_CPUTIME_ID), thread = CpuSeconds(CLOCK_THREAD_CPUTIME_ID);
  device.operations().matmul(device, matrix, matrix, nullptr, y.matrix(n, n));
  device.operations().attention(device, {1, 1, 1, 1, matrix, matrix, matrix}, y.matrix(n, n));
  const double own = CpuSeconds(CLOCK_THREAD_CPUTIME_ID) - thread;
  EXPECT_LE(CpuSeconds(CLOCK_PROCESS_CPUTIME_ID) - process, 1.05 * own);
}

}  // namespace
}  // namespace nibble
