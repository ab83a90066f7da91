#include "quant/gptq/output_error.h"

#include <cstdint>

#include "base/status.h"
#include "device/buffers.h"
#include "quant/gptq/rounding_errors.h"

namespace nibble {
namespace {

using Originals = InputStatistics::Originals;

absl::StatusOr<std::vector<float>> Downloaded(Device& device, ConstMatrix matrix) {
  std::vector<float> values(matrix.rows * matrix.cols);
  NIBBLE_RETURN_IF_ERROR(device.Download(matrix.data, absl::MakeSpan(values)));
  return values;
}

double Dot(absl::Span<const float> a, absl::Span<const float> b) {
  double sum = 0;
  for (size_t i = 0; i < a.size(); ++i) sum += static_cast<double>(a[i]) * b[i];
  return sum;
}

// Each row of a, which have `n` elements, with the same of b.
std::vector<double> DotRows(Device& device, absl::Span<const float> a, absl::Span<const float> b, int64_t n) {
  std::vector<double> sums(a.size() / n);
#pragma omp parallel for schedule(static) num_threads(device.threads())
  for (size_t r = 0; r < sums.size(); ++r) sums[r] = Dot(a.subspan(r * n, n), b.subspan(r * n, n));
  return sums;
}

// values [rows, n] times the transpose of w [m, n]: [rows, m]; host memory in and out.
absl::StatusOr<std::vector<float>> Times(Device& device, absl::Span<const float> values, ConstMatrix w) {
  const int64_t rows = values.size() / w.cols;
  NIBBLE_ASSIGN_OR_RETURN(const Buffer x, Uploaded(device, values));
  NIBBLE_ASSIGN_OR_RETURN(const Buffer y, device.Allocate(rows * w.rows));
  device.operations().matmul(device, x.matrix(rows, w.cols), w, nullptr, y.matrix(rows, w.rows));
  return Downloaded(device, y.matrix(rows, w.rows));
}

}  // namespace

absl::StatusOr<OutputError> OutputError::Create(Device& device, const InputStatistics& statistics) {
  OutputError result(device, statistics);
  if (statistics.originals() == Originals::kNone) return result;
  const int64_t n = statistics.size();
  NIBBLE_ASSIGN_OR_RETURN(const std::vector<float> gram, Downloaded(device, statistics.gram()));
  NIBBLE_ASSIGN_OR_RETURN(std::vector<float> drift, Downloaded(device, statistics.cross()));
  if (statistics.originals() == Originals::kAll) {
    NIBBLE_ASSIGN_OR_RETURN(std::vector<float> inherited, Downloaded(device, statistics.original()));
    for (int64_t i = 0; i < n; ++i) {
      for (int64_t j = 0; j < n; ++j) inherited[i * n + j] += gram[i * n + j] - drift[i * n + j] - drift[j * n + i];
    }
    NIBBLE_ASSIGN_OR_RETURN(result.inherited_, Uploaded(device, inherited));
  }
  for (int64_t i = 0; i < n * n; ++i) drift[i] -= gram[i];
  NIBBLE_ASSIGN_OR_RETURN(result.drift_, Uploaded(device, drift));
  if (statistics.outputs() == 0) return result;
  NIBBLE_ASSIGN_OR_RETURN(result.state_drift_, Downloaded(device, statistics.state_cross()));
  if (statistics.originals() == Originals::kAll) {
    NIBBLE_ASSIGN_OR_RETURN(result.state_inherited_, Downloaded(device, statistics.state_original()));
    for (size_t i = 0; i < result.state_drift_.size(); ++i) result.state_inherited_[i] -= result.state_drift_[i];
  }
  return result;
}

absl::StatusOr<std::vector<float>> OutputError::Drift(const Rows& rows) const {
  if (drift_.empty()) return std::vector<float>();
  const int64_t n = statistics_->size();
  NIBBLE_ASSIGN_OR_RETURN(std::vector<float> drift, Times(*device_, rows.weights, drift_.matrix(n, n)));
  if (state_drift_.empty()) return drift;
  for (size_t r = 0; r < rows.rows.size(); ++r) {
    const float* state = &state_drift_[rows.rows[r] * n];
    for (int64_t j = 0; j < n; ++j) drift[r * n + j] += static_cast<float>(rows.multiplier * state[j]);
  }
  return drift;
}

absl::StatusOr<std::vector<float>> OutputError::TimesGram(absl::Span<const float> weights) const {
  return Times(*device_, weights, statistics_->gram());
}

absl::StatusOr<OutputError::Linear> OutputError::Prepare(const Rows& rows) const {
  const int64_t n = statistics_->size();
  const absl::Span<const float> weights = rows.weights;
  Linear linear{
      .weights = weights, .drift = {}, .on_device = {}, .drift_on_device = {}, .inherited = {}, .outputs = {}};
  NIBBLE_ASSIGN_OR_RETURN(linear.drift, Drift(rows));
  NIBBLE_ASSIGN_OR_RETURN(linear.on_device, Uploaded(*device_, weights));
  NIBBLE_ASSIGN_OR_RETURN(linear.drift_on_device, Uploaded(*device_, linear.drift));
  const bool all = statistics_->originals() == Originals::kAll;
  NIBBLE_ASSIGN_OR_RETURN(const std::vector<float> outputs,
                          Times(*device_, weights, all ? statistics_->original() : statistics_->gram()));
  linear.outputs = DotRows(*device_, weights, outputs, n);
  linear.inherited.resize(rows.rows.size());
  if (!all) return linear;
  NIBBLE_ASSIGN_OR_RETURN(const std::vector<float> inherited, Times(*device_, weights, inherited_.matrix(n, n)));
  linear.inherited = DotRows(*device_, weights, inherited, n);
  for (size_t r = 0; r < rows.rows.size() && statistics_->outputs() > 0; ++r) {
    const int64_t row = rows.rows[r];
    linear.inherited[r] +=
        2 * rows.multiplier * Dot(weights.subspan(r * n, n), absl::MakeSpan(state_inherited_).subspan(row * n, n)) +
        rows.multiplier * rows.multiplier * statistics_->state_squares()[row];
  }
  return linear;
}

absl::StatusOr<std::vector<double>> OutputError::Of(const Linear& linear, const BlockFormat& format,
                                                    absl::Span<const std::byte> bytes,
                                                    absl::Span<const float> column_scales) const {
  const int64_t n = statistics_->size(), rows = linear.weights.size() / n;
  NIBBLE_ASSIGN_OR_RETURN(const Buffer buffer, device_->Allocate(linear.weights.size()));
  const Matrix error = buffer.matrix(rows, n);
  if (column_scales.empty()) {
    NIBBLE_RETURN_IF_ERROR(ErrorsOf(*device_, format, linear.on_device.matrix(rows, n), bytes, error));
  } else {
    std::vector<float> errors(linear.weights.size());
    format.decode(bytes.data(), errors.size() / format.block_elements, errors.data());
    for (size_t i = 0; i < errors.size(); ++i) errors[i] = linear.weights[i] - errors[i] / column_scales[i % n];
    device_->Upload(errors, error.data);
  }
  NIBBLE_ASSIGN_OR_RETURN(const Buffer product, device_->Allocate(linear.weights.size()));
  device_->operations().matmul(*device_, error, statistics_->gram(), nullptr, product.matrix(rows, n));
  std::vector<double> sums(rows), of_drift(linear.drift.empty() ? 0 : rows);
  device_->operations().dot_rows(*device_, error, product.matrix(rows, n), nullptr, absl::MakeSpan(sums));
  if (!linear.drift.empty()) {
    device_->operations().dot_rows(*device_, error, linear.drift_on_device.matrix(rows, n), nullptr,
                                   absl::MakeSpan(of_drift));
  }
  NIBBLE_RETURN_IF_ERROR(device_->Download(nullptr, {}));
  for (int64_t r = 0; r < rows; ++r) sums[r] += linear.inherited[r] + (of_drift.empty() ? 0 : 2 * of_drift[r]);
  return sums;
}

}  // namespace nibble
