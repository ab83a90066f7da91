#include <algorithm>
#include <cmath>
#include <vector>

#include "device/cpu/column_panel.h"
#include "device/cpu/cpu_device.h"
#include "device/cpu/gemm.h"
#include "device/cpu/operations.h"
#include "device/cpu/work.h"

namespace nibble::cpu {
namespace {

constexpr int64_t kRows = kPanelRows;
constexpr int kPasses = 2;  // through a group's columns, for each choice of its levels

using Column = float[kRows];

class Panel {
 public:
  Panel(CpuDevice& device, const RefineGroupsArguments& arguments, Matrix error, uint8_t* codes, uint8_t* choices)
      : device_(device), a_(arguments), error_(error), codes_(codes), choices_(choices), n_(arguments.w.cols) {
    for (auto* buffer : {&errors_, &weights_}) buffer->resize(n_ * kRows);
    for (auto* buffer : {&outside_, &trial_, &best_}) buffer->resize(a_.group * kRows);
    for (auto* buffer : {&trial_codes_, &best_codes_}) buffer->resize(a_.group * kRows);
    levels_.resize(a_.codes * kRows);
  }

  void Run(int64_t first) {
    first_ = first;
    rows_ = std::min(kRows, a_.w.rows - first);
    Transpose(a_.w, weights_);
    Transpose(error_, errors_);
    for (int64_t group = 0; group * a_.group < n_; ++group) RunGroup(group);
    for (int64_t r = 0; r < rows_; ++r) {
      for (int64_t j = 0; j < n_; ++j) error_.row(first_ + r)[j] = errors_[j * kRows + r];
    }
  }

 private:
  void Transpose(ConstMatrix from, std::vector<float>& to) {
    std::fill(to.begin(), to.end(), 0.0f);
    for (int64_t r = 0; r < rows_; ++r) {
      for (int64_t j = 0; j < n_; ++j) to[j * kRows + r] = from.row(first_ + r)[j];
    }
  }

  // What the errors of other groups' columns add to the group's.
  void SumOutside(int64_t begin) {
    Gemm(device_, a_.group, kRows, n_, 1, {a_.coupling.row(begin), n_}, {errors_.data(), kRows}, 0,
         {outside_.data(), kRows});
    for (int64_t j = 0; j < a_.group; ++j) {
      for (int64_t i = 0; i < a_.group; ++i) {
        AddScaled(&errors_[(begin + i) * kRows], -Coupling(begin, j, i), &outside_[j * kRows]);
      }
    }
  }

  float Coupling(int64_t begin, int64_t j, int64_t i) const { return a_.coupling.row(begin + j)[begin + i]; }

  void RunGroup(int64_t group) {
    const int64_t begin = group * a_.group;
    SumOutside(begin);
    double least[kRows];
    uint8_t chosen[kRows] = {};
    for (int64_t choice = 0; choice < a_.choices; ++choice) {
      TakeLevels(group, choice);
      std::copy_n(&errors_[begin * kRows], a_.group * kRows, trial_.begin());
      for (int pass = 0; pass < kPasses; ++pass) {
        for (int64_t j = 0; j < a_.group; ++j) RoundColumn(begin, j);
      }
      double cost[kRows];
      Cost(begin, cost);
      for (int64_t r = 0; r < kRows; ++r) {
        if (choice > 0 && !(cost[r] < least[r])) continue;
        least[r] = cost[r];
        chosen[r] = static_cast<uint8_t>(choice);
        for (int64_t j = 0; j < a_.group; ++j) {
          best_[j * kRows + r] = trial_[j * kRows + r];
          best_codes_[j * kRows + r] = trial_codes_[j * kRows + r];
        }
      }
    }
    std::copy(best_.begin(), best_.end(), &errors_[begin * kRows]);
    for (int64_t r = 0; r < rows_; ++r) {
      choices_[(first_ + r) * (n_ / a_.group) + group] = chosen[r];
      for (int64_t j = 0; j < a_.group; ++j) {
        codes_[(first_ + r) * n_ + begin + j] = static_cast<uint8_t>(best_codes_[j * kRows + r]);
      }
    }
  }

  void TakeLevels(int64_t group, int64_t choice) {
    for (int64_t r = 0; r < kRows; ++r) {
      const float* from = a_.levels.row(first_ + std::min(r, rows_ - 1)) + (group * a_.choices + choice) * a_.codes;
      for (int64_t c = 0; c < a_.codes; ++c) levels_[c * kRows + r] = from[c];
    }
  }

  void RoundColumn(int64_t begin, int64_t j) {
    Column target, nearest;
    std::copy_n(&outside_[j * kRows], kRows, target);
    for (int64_t i = 0; i < a_.group; ++i) {
      if (i != j) AddScaled(&trial_[i * kRows], Coupling(begin, j, i), target);
    }
    const float* w = &weights_[(begin + j) * kRows];
    for (int64_t r = 0; r < kRows; ++r) target[r] += w[r];
    Nearest(levels_.data(), a_.codes, target, nearest, &trial_codes_[j * kRows]);
    for (int64_t r = 0; r < kRows; ++r) trial_[j * kRows + r] = w[r] - nearest[r];
  }

  // What the group's errors add to e H e^T.
  void Cost(int64_t begin, double* cost) {
    std::fill_n(cost, kRows, 0.0);
    for (int64_t j = 0; j < a_.group; ++j) {
      Column sum;
      for (int64_t r = 0; r < kRows; ++r) sum[r] = 2 * outside_[j * kRows + r];
      for (int64_t i = 0; i < a_.group; ++i) AddScaled(&trial_[i * kRows], Coupling(begin, j, i), sum);
      for (int64_t r = 0; r < kRows; ++r) {
        cost[r] += a_.pivots[begin + j] * static_cast<double>(trial_[j * kRows + r]) * sum[r];
      }
    }
  }

  CpuDevice& device_;
  const RefineGroupsArguments& a_;
  const Matrix error_;
  uint8_t* const codes_;
  uint8_t* const choices_;
  const int64_t n_;
  int64_t first_ = 0, rows_ = 0;
  std::vector<float> errors_, weights_;            // [n, kRows]
  std::vector<float> outside_, trial_, best_;      // [group, kRows]
  std::vector<int32_t> trial_codes_, best_codes_;  // the same
  std::vector<float> levels_;                      // [codes, kRows]
};

}  // namespace

void RefineGroups(Device& device, const RefineGroupsArguments& arguments, Matrix error, absl::Span<uint8_t> codes,
                  absl::Span<uint8_t> choices) {
  auto& cpu = static_cast<CpuDevice&>(device);
  const int64_t rows = arguments.w.rows, n = arguments.w.cols;
  const int threads = ThreadsFor(cpu, rows * n * n);
#pragma omp parallel num_threads(threads)
  {
    Panel panel(cpu, arguments, error, codes.data(), choices.data());
#pragma omp for schedule(dynamic)
    for (int64_t first = 0; first < rows; first += kRows) panel.Run(first);
  }
}

}  // namespace nibble::cpu
