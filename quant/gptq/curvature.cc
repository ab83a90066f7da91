#include "quant/gptq/curvature.h"

#include <algorithm>
#include <cmath>
#include <numeric>

#include "absl/strings/str_cat.h"
#include "base/status.h"
#include "device/buffers.h"

namespace nibble {
namespace {

constexpr double kMostDamping = 1e3;
constexpr int64_t kTransposedAtOnce = 16;  // a cache line of floats

}  // namespace

absl::Status CheckGram(absl::Span<const float> gram) {
  const auto bad = std::find_if(gram.begin(), gram.end(), [](float value) { return !std::isfinite(value); });
  if (bad == gram.end()) return absl::OkStatus();
  return BadData("gram of a linear's inputs", "finite numbers", absl::StrCat(*bad));
}

absl::StatusOr<Curvature> Curvature::Of(Device& device, absl::Span<const float> gram, int64_t n, double damping) {
  NIBBLE_RETURN_IF_ERROR(CheckGram(gram));
  Curvature curvature;
  for (int64_t i = 0; i < n; ++i) curvature.diagonal_.push_back(gram[i * n + i]);
  const std::vector<float>& diagonal = curvature.diagonal_;
  const double mean = std::accumulate(diagonal.begin(), diagonal.end(), 0.0) / n;
  if (mean <= 0) return BadData("gram of a linear's inputs", "inputs that are not all zero", "zeros");
  std::vector<int32_t>& order = curvature.order_;
  order.resize(n);
  std::iota(order.begin(), order.end(), 0);
  std::stable_sort(order.begin(), order.end(), [&](int32_t a, int32_t b) { return diagonal[a] > diagonal[b]; });

  // The factor of H from its last column on is R: H is handed over in reverse order.
  std::vector<float> values(n * n);
  NIBBLE_ASSIGN_OR_RETURN(curvature.factor_, device.Allocate(n * n));
  const Buffer& factor = curvature.factor_;
  for (;; damping = damping > 0 ? damping * 10 : 1e-6) {
    if (damping > kMostDamping) return BadData("gram of a linear's inputs", "a positive definite matrix", "none");
#pragma omp parallel for schedule(static) num_threads(device.threads())
    for (int64_t i = 0; i < n; ++i) {
      for (int64_t j = 0; j < n; ++j) values[i * n + j] = gram[int64_t{order[n - 1 - i]} * n + order[n - 1 - j]];
      values[i * n + i] += static_cast<float>(damping * mean);
    }
    device.Upload(values, factor.data());
    if (device.operations().cholesky(device, factor.matrix(n, n)) < 0) break;
  }
  curvature.damping_ = damping;

  NIBBLE_RETURN_IF_ERROR(device.Download(factor.data(), absl::MakeSpan(values)));
  std::vector<float> rows(n * n);
  curvature.feedback_pivots_.resize(n);
  for (int64_t j = 0; j < n; ++j) {
    const float pivot = values[(n - 1 - j) * n + n - 1 - j];
    curvature.feedback_pivots_[j] = pivot * pivot;
  }
#pragma omp parallel for schedule(dynamic) num_threads(device.threads())
  for (int64_t first = 0; first < n; first += kTransposedAtOnce) {
    const int64_t last = std::min(first + kTransposedAtOnce, n);
    for (int64_t i = 0; i < last; ++i) {  // R_ij = L[n-1-i][n-1-j]
      for (int64_t j = std::max(first, i + 1); j < last; ++j) {
        rows[j * n + i] = values[(n - 1 - i) * n + n - 1 - j] / values[(n - 1 - j) * n + n - 1 - j];
      }
    }
  }
  NIBBLE_ASSIGN_OR_RETURN(curvature.feedback_, device.Allocate(n * n));
  device.Upload(rows, curvature.feedback_.data());

  values = {};  // of many inputs this is much memory
  curvature.pivots_.resize(n);
#pragma omp parallel for schedule(static) num_threads(device.threads())
  for (int64_t j = 0; j < n; ++j) {
    const float pivot = curvature.pivots_[j] = static_cast<float>(diagonal[j] + damping * mean);
    for (int64_t i = 0; i < n; ++i) rows[j * n + i] = gram[j * n + i] / pivot;
    rows[j * n + j] = 1;
  }
  NIBBLE_ASSIGN_OR_RETURN(curvature.coupling_, device.Allocate(n * n));
  device.Upload(rows, curvature.coupling_.data());
  return curvature;
}

absl::Status Curvature::Solve(Device& device, absl::Span<float> rows) const {
  const int64_t n = size(), count = rows.size() / n;
  std::vector<float> ordered(rows.size());
  for (int64_t r = 0; r < count; ++r) {
    for (int64_t j = 0; j < n; ++j) ordered[r * n + j] = rows[r * n + order_[n - 1 - j]];
  }
  NIBBLE_ASSIGN_OR_RETURN(const Buffer buffer, device.Allocate(rows.size()));
  device.Upload(ordered, buffer.data());
  device.operations().cholesky_solve(device, factor_.matrix(n, n), buffer.matrix(count, n));
  NIBBLE_RETURN_IF_ERROR(device.Download(buffer.data(), absl::MakeSpan(ordered)));
  for (int64_t r = 0; r < count; ++r) {
    for (int64_t j = 0; j < n; ++j) rows[r * n + order_[n - 1 - j]] = ordered[r * n + j];
  }
  return absl::OkStatus();
}

absl::StatusOr<std::vector<double>> Curvature::RowErrors(Device& device, ConstMatrix error) const {
  NIBBLE_ASSIGN_OR_RETURN(const Buffer pivots, Uploaded(device, pivots_));
  std::vector<double> sums(error.rows);
  device.operations().quadratic_forms(device, error, coupling(), pivots.data(), absl::MakeSpan(sums));
  NIBBLE_RETURN_IF_ERROR(device.Download(nullptr, {}));
  return sums;
}

}  // namespace nibble
