#include "pipeline/transform/apply_transforms.h"

#include <optional>
#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "base/status.h"
#include "formats/imatrix/imatrix.h"
#include "pipeline/calibration/calibrate.h"

namespace nibble {
namespace {

absl::Status Check(absl::Span<const Transform> transforms, const CalibrationOptions& calibration) {
  for (const Transform& transform : transforms) {
    if (!calibration.imatrix_path.empty()) {
      return absl::InvalidArgumentError(absl::StrCat("--transform ", transform.name,
                                                     ": expected no --imatrix, which is of the inputs that weights had "
                                                     "before it, found one (--calibration-text serves both)"));
    }
    if (NeedsStatistics(transform) && calibration.texts.empty()) {
      return absl::InvalidArgumentError(
          absl::StrCat("--transform ", transform.name, ": expected --calibration-text, found none"));
    }
  }
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<Model> ApplyTransforms(const Model& model, absl::Span<const Transform> transforms,
                                      const ApplyOptions& options, const CalibrationOptions& calibration,
                                      Progress& progress) {
  NIBBLE_RETURN_IF_ERROR(Check(transforms, calibration));
  std::optional<Model> transformed;
  for (const Transform& transform : transforms) {
    const Model& before = transformed ? *transformed : model;
    std::optional<Calibration> statistics;
    if (NeedsStatistics(transform) && !options.for_plan) {
      NIBBLE_ASSIGN_OR_RETURN(
          statistics,
          Calibrate(
              before,
              {.texts = calibration.texts, .threads = options.threads, .work = calibration.work, .comm = options.comm},
              progress));
    }
    std::vector<std::string> notes;
    NIBBLE_ASSIGN_OR_RETURN(
        transformed, FoldTransform(before, transform, statistics ? &statistics->matrix : nullptr, options.fold, notes));
    for (const std::string& note : notes) progress.Warn(note);
  }
  return *std::move(transformed);
}

}  // namespace nibble
