#include <algorithm>
#include <cmath>
#include <limits>
#include <vector>

#include "device/cpu/column_panel.h"
#include "device/cpu/cpu_device.h"
#include "device/cpu/gemm.h"
#include "device/cpu/operations.h"
#include "device/cpu/work.h"

namespace nibble::cpu {
namespace {

constexpr int64_t kRows = kPanelRows;
constexpr int64_t kBlock = 64;  // columns whose far errors are summed by one product

// A panel of rows, everything in it transposed, so that each step works on all its rows side by side.
class Panel {
 public:
  Panel(CpuDevice& device, const RoundColumnsArguments& arguments, Matrix error, uint8_t* codes)
      : device_(device), a_(arguments), error_(error), codes_(codes), n_(arguments.w.cols) {
    errors_.resize(n_ * kRows);
    targets_.resize(kBlock * kRows);
  }

  void Run(int64_t first) {
    first_ = first;
    rows_ = std::min(kRows, a_.w.rows - first);
    TakeLevels();
    std::fill(errors_.begin(), errors_.end(), 0.0f);
    for (int64_t begin = 0; begin < n_; begin += kBlock) RunBlock(begin, std::min(begin + kBlock, n_));
    for (int64_t r = 0; r < rows_; ++r) {
      for (int64_t j = 0; j < n_; ++j) error_.row(first + r)[j] = errors_[j * kRows + r];
    }
  }

 private:
  void TakeLevels() {
    levels_.resize(a_.levels.cols * kRows);
    for (int64_t r = 0; r < rows_; ++r) {
      const float* from = a_.levels.row(first_ + r);
      for (int64_t i = 0; i < a_.levels.cols; ++i) levels_[i * kRows + r] = from[i];
    }
  }

  void RunBlock(int64_t begin, int64_t end) {
    // What the errors of the columns before the block add.
    if (begin > 0) {
      Gemm(device_, end - begin, kRows, begin, 1, {a_.coupling.row(begin), n_}, {errors_.data(), kRows}, 0,
           {targets_.data(), kRows});
    } else {
      std::fill(targets_.begin(), targets_.end(), 0.0f);
    }
    for (int64_t j = begin; j < end; ++j) RoundColumn(begin, j);
  }

  void RoundColumn(int64_t begin, int64_t j) {
    float w[kRows] = {}, nearest[kRows];
    int32_t code[kRows];
    float* target = &targets_[(j - begin) * kRows];
    const float* coupling = a_.coupling.row(j);
    for (int64_t i = begin; i < j; ++i) AddScaled(&errors_[i * kRows], coupling[i], target);
    for (int64_t r = 0; r < rows_; ++r) w[r] = a_.w.row(first_ + r)[j];
    for (int64_t r = 0; r < kRows; ++r) target[r] += w[r];
    Nearest(&levels_[a_.group[j] * a_.codes * kRows], a_.codes, target, nearest, code);
    for (int64_t r = 0; r < rows_; ++r) {
      errors_[j * kRows + r] = w[r] - nearest[r];
      a_.w.row(first_ + r)[j] = target[r] - nearest[r];
      codes_[(first_ + r) * n_ + j] = static_cast<uint8_t>(code[r]);
    }
  }

  CpuDevice& device_;
  const RoundColumnsArguments& a_;
  const Matrix error_;
  uint8_t* const codes_;
  const int64_t n_;
  int64_t first_ = 0, rows_ = 0;
  std::vector<float> errors_;   // [n, kRows]
  std::vector<float> targets_;  // [kBlock, kRows]
  std::vector<float> levels_;   // [groups * codes, kRows]
};

}  // namespace

void RoundColumns(Device& device, const RoundColumnsArguments& arguments, Matrix error, absl::Span<uint8_t> codes) {
  auto& cpu = static_cast<CpuDevice&>(device);
  const int64_t rows = arguments.w.rows, n = arguments.w.cols;
  const int threads = ThreadsFor(cpu, rows * n * n);
#pragma omp parallel num_threads(threads)
  {
    Panel panel(cpu, arguments, error, codes.data());
#pragma omp for schedule(dynamic)
    for (int64_t first = 0; first < rows; first += kRows) panel.Run(first);
  }
}

}  // namespace nibble::cpu
