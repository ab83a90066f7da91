// The bytes of linears that share their inputs, made in several ways and judged by outputs that none of these saw.
#ifndef NIBBLE_QUANT_GPTQ_FIT_H_
#define NIBBLE_QUANT_GPTQ_FIT_H_

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "base/peers.h"
#include "device/device.h"
#include "quant/block/format.h"
#include "quant/gptq/input_statistics.h"

namespace nibble {

struct FitOptions {
  bool feedback = true;  // else the search over scales alone
  // Of the mean diagonal, largest first (quant/gptq/curvature.h). The first is taken for all the linears together, but
  // for a smaller one that brings outputs on held-out tokens nearer to the original's by a twentieth at least,
  // judged by a sample of rows: what is less may be the noise of these tokens, and what is fitted to noise
  // goes on to all layers behind.
  std::vector<double> dampings = {0.2, 0.05, 0.01};
  // How much of what quantization before the linear did to its inputs, and to the hidden state that its outputs are
  // added to, it tries to make up for, where the statistics have originals. Before they are rounded, weights move
  // toward the least-squares answer W + M (X^T X)^-1 (quant/gptq/output_error.h; GPTAQ, arXiv 2504.02692, without the
  // hidden state), each row by this times the share that brings its held-out outputs nearest to the original's. 0: not
  // at all.
  //
  // Half of that share has three quarters of the gain there, and a quarter of the noise that the answer brings along: a
  // perturbation of the weights, and so the same for every token and every layer behind.
  double upstream = 0.5;
  double upstream_damping = 0.2;
  // Whether a linear's columns may be multiplied by scales before they are rounded, as AWQ does (quant/transform/
  // awq_scales.h), if held-out outputs come nearer by it: whoever asks for it divides what comes before the linear.
  // REQUIRES: one linear.
  bool scale_columns = false;
  // Who make the same linears, of the same statistics: each some of the rows, on a host; on other devices whole
  // linears. All have all bytes and figures in the end, those that one process makes alone. Null: nobody; else the call
  // is collective, and REQUIRES a steady device if it is the host (device/rows_together.h).
  Peers* peers = nullptr;
};

struct FitLinear {
  const BlockFormat* format;
  absl::Span<const float> values;  // [rows, n], all of them times `multiplier`
  absl::Span<std::byte> out;
  double multiplier = 1;
};

struct FitFigures {
  bool feedback = false;  // chosen; if not, the search over scales stands
  double damping = 0;
  double upstream = 0;               // the share that weights moved by, the mean of the rows
  std::vector<float> column_scales;  // that the bytes' columns are multiplied by, within 1 / kMostColumnScale and
                                     // kMostColumnScale; empty: none
  // On the held-out tokens: squares of the original outputs, and of the error by the search and by what was chosen,
  // which is never above it.
  double outputs = 0;
  double searched = 0;
  double error = 0;
  // Why the inputs said nothing of how errors make up for one another, so that the search was all there was: their
  // Hessian is not finite or not positive definite, or no held-out token judges.
  std::string fallback;
};

inline constexpr float kMostColumnScale = 4;

// `fit` is what bytes are made for, `held_out` what they are judged by. Scales are searched under the diagonal of fit's
// gram. Where one of them is of no use (no tokens, zeros, sums past a float's range, no Cholesky factor) the search
// stands, each column counting alike if need be, and the figures say why. Where a format has no codes to choose
// (CanGptq), the search is all there is, but for upstream errors, which are made up for as well. REQUIRES: fit.size() >
// 0.
absl::StatusOr<std::vector<FitFigures>> FitLinears(Device& device, const InputStatistics& fit,
                                                   const InputStatistics& held_out, absl::Span<const FitLinear> linears,
                                                   const FitOptions& options);

}  // namespace nibble

#endif  // NIBBLE_QUANT_GPTQ_FIT_H_
