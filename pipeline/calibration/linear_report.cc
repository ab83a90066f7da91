#include "pipeline/calibration/linear_report.h"

#include <string>

#include "absl/strings/str_cat.h"
#include "pipeline/output/output_tensor.h"

namespace nibble {

CalibratedLinear ReportOf(const MadeLinear& made, int64_t tokens, const FitFigures& figures) {
  CalibratedLinear linear;
  linear.set_name(made.tensor->name);
  linear.set_slice(made.slice);
  linear.set_tokens(tokens);
  linear.set_method(figures.feedback ? "gptq" : "weighted");
  linear.set_damping(figures.damping);
  linear.set_upstream(figures.upstream);
  linear.set_columns_scaled(!figures.column_scales.empty());
  const double squared = double{made.tensor->multiplier} * made.tensor->multiplier;
  linear.set_outputs(figures.outputs / squared);
  linear.set_searched_error(figures.searched / squared);
  linear.set_error(figures.error / squared);
  linear.set_fallback(figures.fallback);
  return linear;
}

void WarnOfFallbacks(const CalibrationReport& report, Progress& progress) {
  int64_t count = 0;
  const CalibratedLinear* first = nullptr;
  for (const CalibratedLinear& linear : report.linears()) {
    if (linear.fallback().empty()) continue;
    if (count++ == 0) first = &linear;
  }
  if (first == nullptr) return;
  const std::string slice = first->slice() < 0 ? "" : absl::StrCat(" (expert ", first->slice(), ")");
  progress.Warn(absl::StrCat(count, " of ", report.linears_size(),
                             " linears were rounded without feedback from their inputs, such as ", first->name(), slice,
                             ": ", first->fallback(), "; --json tells of all"));
}

}  // namespace nibble
