// The windows of calibration text that a model is run on, and whether they are enough.
#ifndef NIBBLE_PIPELINE_CALIBRATION_CALIBRATION_TEXT_H_
#define NIBBLE_PIPELINE_CALIBRATION_CALIBRATION_TEXT_H_

#include <cstdint>
#include <string>
#include <vector>

#include "absl/functional/function_ref.h"
#include "absl/status/statusor.h"
#include "model/logical_tensor.h"
#include "model/model.h"
#include "pipeline/calibration_options.h"
#include "pipeline/verify/verify_windows.h"

namespace nibble {

// Inputs that a linear should see for each of its columns: with fewer than one its Hessian is singular, and what a text
// happens to lack is taken for what never comes.
inline constexpr int64_t kInputsPerColumn = 2;

// Tokens of a run whose return counts as repetition, and the share of returning runs from which a text is said to
// repeat. With SmolLM2's tokenizer WikiText has .003, C4 .07 (boilerplate), program code .15.
inline constexpr int64_t kRunTokens = 16;
inline constexpr double kMuchRepetition = 0.3;

// Errors as ReadText and CutWindows have them. `warnings`: too few tokens for the widest linear that `learns` from them
// (of an expert, those that reach it where all are used alike), and a text that repeats.
absl::StatusOr<Windows> CalibrationWindows(const Model& model, const CalibrationTexts& texts,
                                           absl::FunctionRef<bool(const LogicalTensor&)> learns,
                                           std::vector<std::string>& warnings);

// `count` of the windows in their order, every choice as likely as any other; the same ones for the same seed. All, if
// there are no more.
Windows SampleWindows(const Windows& windows, int64_t count, uint64_t seed);

// The share of runs of kRunTokens tokens, begun at every position but a window's first, that were there before; 0 if
// windows are shorter. Of more than a million runs a sample.
double RepeatedShare(const Windows& windows);

}  // namespace nibble

#endif  // NIBBLE_PIPELINE_CALIBRATION_CALIBRATION_TEXT_H_
