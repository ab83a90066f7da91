#include <algorithm>

#include "device/cpu/cpu_device.h"
#include "device/cpu/gemm.h"
#include "device/cpu/operations.h"
#include "device/cpu/work.h"
#include "device/rows_together.h"

namespace nibble::cpu {
namespace {

constexpr int64_t kRows = kRowsTogether;  // of a panel, which one thread solves by itself
constexpr int64_t kBlock = 64;            // columns solved between products

// y L^T = b, from the first column on, in b's place.
void SolveTransposed(CpuDevice& device, ConstMatrix factor, Matrix b) {
  const int64_t n = factor.cols;
  for (int64_t begin = 0; begin < n; begin += kBlock) {
    const int64_t end = std::min(begin + kBlock, n);
    if (begin > 0) {
      Gemm(device, b.rows, end - begin, begin, -1, {b.data, n}, {factor.row(begin), n, Transpose::kYes}, 1,
           {b.data + begin, n});
    }
    for (int64_t r = 0; r < b.rows; ++r) {
      float* row = b.row(r);
      for (int64_t j = begin; j < end; ++j) {
        double rest = row[j];
        for (int64_t i = begin; i < j; ++i) rest -= static_cast<double>(row[i]) * factor.row(j)[i];
        row[j] = static_cast<float>(rest / factor.row(j)[j]);
      }
    }
  }
}

// x L = y, from the last column on.
void Solve(CpuDevice& device, ConstMatrix factor, Matrix b) {
  const int64_t n = factor.cols;
  for (int64_t begin = (n - 1) / kBlock * kBlock; begin >= 0; begin -= kBlock) {
    const int64_t end = std::min(begin + kBlock, n);
    if (end < n) {
      Gemm(device, b.rows, end - begin, n - end, -1, {b.data + end, n}, {factor.row(end) + begin, n}, 1,
           {b.data + begin, n});
    }
    for (int64_t r = 0; r < b.rows; ++r) {
      float* row = b.row(r);
      for (int64_t j = end; j-- > begin;) {
        double rest = row[j];
        for (int64_t i = j + 1; i < end; ++i) rest -= static_cast<double>(row[i]) * factor.row(i)[j];
        row[j] = static_cast<float>(rest / factor.row(j)[j]);
      }
    }
  }
}

}  // namespace

void CholeskySolve(Device& device, ConstMatrix factor, Matrix b) {
  auto& cpu = static_cast<CpuDevice&>(device);
  const int threads = ThreadsFor(cpu, b.rows * b.cols * b.cols);
#pragma omp parallel for schedule(dynamic) num_threads(threads)
  for (int64_t first = 0; first < b.rows; first += kRows) {
    const Matrix panel = b.Rows(first, std::min(first + kRows, b.rows));
    SolveTransposed(cpu, factor, panel);
    Solve(cpu, factor, panel);
  }
}

}  // namespace nibble::cpu
