// What a linear's inputs X say about rounding its weights: the error of outputs is tr(E H E^T), E = W - Q, H = X^T X.
#ifndef NIBBLE_QUANT_GPTQ_CURVATURE_H_
#define NIBBLE_QUANT_GPTQ_CURVATURE_H_

#include <cstdint>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "device/device.h"

namespace nibble {

// kDataLoss if the gram is not finite: then nothing is to be weighed by it.
absl::Status CheckGram(absl::Span<const float> gram);

// H in the form that rounding needs, columns in the order in which they are rounded: those with the largest inputs
// first, while the others can still make up for their errors. Immutable.
class Curvature {
 public:
  // `gram` [n, n], symmetric, in host memory; `damping` times its mean diagonal is added to the diagonal, ten times as
  // much for as long as that does not make it positive definite. kDataLoss if it is not finite or all zero.
  static absl::StatusOr<Curvature> Of(Device& device, absl::Span<const float> gram, int64_t n, double damping);

  int64_t size() const { return order_.size(); }
  // order()[j] is the column that is rounded as the j-th.
  absl::Span<const int32_t> order() const { return order_; }
  // The diagonal of the gram itself, in the columns' own order: weights for a search over scales.
  absl::Span<const float> diagonal() const { return diagonal_; }
  // What was added to the diagonal in the end, as a share of its mean.
  double damping() const { return damping_; }

  // For device/operations.h round_columns, in rounding order. With R R^T = H, R upper triangular, tr(E H E^T) = |E
  // R|^2, and column j of E R ends at row j: rounding w_j to w_j + sum_{i<j} e_i R_ij / R_jj brings each as near to
  // zero as its level allows. That is GPTQ (arXiv 2210.17323) without an inverse.
  ConstMatrix feedback() const { return feedback_.matrix(size(), size()); }
  // R_jj^2, in rounding order: what the square of target - level weighs in tr(E H E^T).
  absl::Span<const float> feedback_pivots() const { return feedback_pivots_; }
  // For refine_groups, in the columns' own order: H_ji / H_jj, and H_jj, with damping.
  ConstMatrix coupling() const { return coupling_.matrix(size(), size()); }
  absl::Span<const float> pivots() const { return pivots_; }

  // Every row of `rows` [rows, n], in host memory and the columns' own order, times H^-1, H with its damping.
  absl::Status Solve(Device& device, absl::Span<float> rows) const;

  // e H e^T of each row of `error` [rows, n], in the columns' own order, on the device; with damping.
  absl::StatusOr<std::vector<double>> RowErrors(Device& device, ConstMatrix error) const;

 private:
  std::vector<int32_t> order_;
  std::vector<float> diagonal_;
  double damping_ = 0;
  std::vector<float> pivots_, feedback_pivots_;
  Buffer factor_, feedback_, coupling_;
};

}  // namespace nibble

#endif  // NIBBLE_QUANT_GPTQ_CURVATURE_H_
