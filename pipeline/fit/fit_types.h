// `--fit`: for every tensor a type, so that the model weighs what it may and loses as little as it can.
#ifndef NIBBLE_PIPELINE_FIT_FIT_TYPES_H_
#define NIBBLE_PIPELINE_FIT_FIT_TYPES_H_

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "model/model.h"
#include "pipeline/types/type_choices.h"
#include "pipeline/types/type_options.h"

namespace nibble {

// The problem (docs/methods.md, "Which type each tensor gets"): every tensor that no option, and no bits that are kept,
// gives a type has one of those whose blocks divide its rows, up to what it is stored in. The expected KL divergence,
// the sum of sensitivity x relative error, is least for a file of `options.fit.bytes` less what its context takes.
// Reads a few rows of every tensor; `threads` 0: all.
//
// In a folder the linears of the layers have a choice, and those one type that vLLM fuses, and all experts
// (pipeline/types/fused_linears).
//
// kInvalidArgument: a budget below the smallest possible size, which is named, or above that of the model as it is
// stored; gpt-oss's own layout; and as ChooseQuantizedTypes. REQUIRES: options.fit.bytes > 0.
//
// `options.fit.left_in_linears`: what calibration leaves of the divergence that the layers' linears cost. Sensitivities
// are those of the search alone, and embedding and output, whose inputs are not calibrated, stay as they are.
inline constexpr double kLeftByImportance = 0.4;
inline constexpr double kLeftByFeedback = 0.14;
absl::StatusOr<TypeChoices> FitTypes(const Model& model, const TypeOptions& options, int threads);

// Whether FitTypes would have a choice, without reading a row: before sensitivities are measured for it.
absl::Status CheckFit(const Model& model, const TypeOptions& options);

}  // namespace nibble

#endif  // NIBBLE_PIPELINE_FIT_FIT_TYPES_H_
