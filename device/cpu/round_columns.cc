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
// What the errors of far columns add to a stretch's targets is summed by one product, and what those of its own earlier
// blocks add by one for each block: a block alone is too small for a fast product over all columns before it.
constexpr int64_t kStretch = 512;
constexpr int64_t kBlock = 64;

// A panel of rows, everything in it transposed, so that each step works on all its rows side by side.
class Panel {
 public:
  Panel(CpuDevice& device, const RoundColumnsArguments& arguments, Matrix error, uint8_t* codes)
      : device_(device), a_(arguments), error_(error), codes_(codes), n_(arguments.w.cols) {
    errors_.resize(n_ * kRows);
    targets_.resize(kStretch * kRows);
  }

  void Run(int64_t first) {
    first_ = first;
    rows_ = std::min(kRows, a_.w.rows - first);
    TakeLevels();
    for (int64_t begin = 0; begin < n_; begin += kStretch) RunStretch(begin, std::min(begin + kStretch, n_));
  }

 private:
  void TakeLevels() {
    levels_.resize(a_.levels.cols * kRows);
    for (int64_t r = 0; r < rows_; ++r) {
      const float* from = a_.levels.row(first_ + r);
      for (int64_t i = 0; i < a_.levels.cols; ++i) levels_[i * kRows + r] = from[i];
    }
  }

  void RunStretch(int64_t begin, int64_t end) {
    std::fill(targets_.begin(), targets_.end(), 0.0f);
    AddErrors(0, begin, begin, end, targets_.data());
    for (int64_t block = begin; block < end; block += kBlock) {
      const int64_t last = std::min(block + kBlock, end);
      float* targets = &targets_[(block - begin) * kRows];
      AddErrors(begin, block, block, last, targets);
      RoundBlock(block, last, targets);
    }
  }

  // What is in rows goes in and out a row at a time: a column of them would not stay in the cache.
  void RoundBlock(int64_t begin, int64_t end, float* targets) {
    float w[kBlock * kRows] = {};
    int32_t codes[kBlock * kRows];
    for (int64_t r = 0; r < rows_; ++r) {
      for (int64_t j = begin; j < end; ++j) w[(j - begin) * kRows + r] = a_.w.row(first_ + r)[j];
    }
    for (int64_t j = begin; j < end; ++j) {
      RoundColumn(begin, j, &w[(j - begin) * kRows], &targets[(j - begin) * kRows], &codes[(j - begin) * kRows]);
    }
    for (int64_t r = 0; r < rows_; ++r) {
      for (int64_t j = begin; j < end; ++j) {
        error_.row(first_ + r)[j] = errors_[j * kRows + r];
        a_.w.row(first_ + r)[j] = targets[(j - begin) * kRows + r];
        codes_[(first_ + r) * n_ + j] = static_cast<uint8_t>(codes[(j - begin) * kRows + r]);
      }
    }
  }

  // Of columns [from, to), to the targets of [begin, end).
  void AddErrors(int64_t from, int64_t to, int64_t begin, int64_t end, float* targets) {
    if (from == to) return;
    Gemm(device_, end - begin, kRows, to - from, 1, {a_.coupling.row(begin) + from, n_},
         {&errors_[from * kRows], kRows}, 1, {targets, kRows});
  }

  // The target becomes what it is from its level.
  void RoundColumn(int64_t begin, int64_t j, const float* w, float* target, int32_t* code) {
    float nearest[kRows];
    const float* coupling = a_.coupling.row(j);
    for (int64_t i = begin; i < j; ++i) AddScaled(&errors_[i * kRows], coupling[i], target);
    for (int64_t r = 0; r < kRows; ++r) target[r] += w[r];
    Nearest(&levels_[a_.group[j] * a_.codes * kRows], a_.codes, target, nearest, code);
    for (int64_t r = 0; r < kRows; ++r) {
      errors_[j * kRows + r] = w[r] - nearest[r];
      target[r] -= nearest[r];
    }
  }

  CpuDevice& device_;
  const RoundColumnsArguments& a_;
  const Matrix error_;
  uint8_t* const codes_;
  const int64_t n_;
  int64_t first_ = 0, rows_ = 0;
  std::vector<float> errors_;   // [n, kRows]
  std::vector<float> targets_;  // [kStretch, kRows]
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
