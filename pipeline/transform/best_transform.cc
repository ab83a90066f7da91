#include "pipeline/transform/best_transform.h"

#include <algorithm>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "base/status.h"
#include "pipeline/quantize.h"
#include "pipeline/transform/apply_transforms.h"
#include "pipeline/transform/transform.h"
#include "pipeline/types/container.h"

namespace nibble {
namespace {

constexpr int kTrialLayers = 3;
constexpr double kWorthwhile = 0.02;    // share by which KLD must fall: less may be the noise of these windows
constexpr uint32_t kTrialWindows = 34;  // of which two are held out

// Tells which trial it is that goes on.
class TrialProgress : public Progress {
 public:
  TrialProgress(Progress& progress, const std::string& transform) : progress_(progress), transform_(transform) {}

  void Update(const ProgressUpdate& update) override {
    ProgressUpdate told = update;
    told.stage = absl::StrCat("transform ", transform_, ": ", update.stage);
    progress_.Update(told);
  }
  // The job itself will say it.
  void Warn(const std::string& /*message*/) override {}

 private:
  Progress& progress_;
  const std::string& transform_;
};

struct Trial {
  std::vector<Transform> transforms;  // one, or none
  TransformTrial figures;
};

class Choice {
 public:
  Choice(io::FileSystem& files, const Model& model, const TypeOptions& types, const OutputOptions& output,
         const CalibrationOptions& calibration, Progress& progress)
      : files_(files),
        model_(model),
        types_(types),
        output_(output),
        calibration_(calibration),
        progress_(progress),
        fold_{.allow_requantize = types.allow_requantize} {
    calibration_.judge = true;
  }

  absl::StatusOr<Plan> Run() {
    NIBBLE_RETURN_IF_ERROR(TryFirstLayers());
    Trial& best = trials_.front();
    Trial& none = *std::find_if(trials_.begin(), trials_.end(), [](const Trial& t) { return t.transforms.empty(); });
    NIBBLE_ASSIGN_OR_RETURN(const std::optional<Model> transformed, Transformed(best, calibration_, progress_));
    NIBBLE_ASSIGN_OR_RETURN(auto job, QuantizeJob::Create(files_, transformed ? *transformed : model_, types_,
                                                          OutputOf(best), calibration_, progress_));
    NIBBLE_RETURN_IF_ERROR(job->Write(progress_));
    Take(job->report().calibration(), best);
    if (&best == &none) return Committed(*job, best);
    TrialProgress progress(progress_, none.figures.transform());
    NIBBLE_ASSIGN_OR_RETURN(const CalibrationReport plain, JudgeQuantized(files_, model_, types_, 0, output_.threads,
                                                                          calibration_, *output_.comm, progress));
    Take(plain, none);
    if (best.figures.kld() < (1 - kWorthwhile) * none.figures.kld()) return Committed(*job, best);
    job.reset();  // its temporary file is the next one's
    NIBBLE_ASSIGN_OR_RETURN(job, QuantizeJob::Create(files_, model_, types_, OutputOf(none), calibration_, progress_));
    NIBBLE_RETURN_IF_ERROR(job->Write(progress_));
    return Committed(*job, none);
  }

 private:
  absl::Status TryFirstLayers() {
    CalibrationOptions few = calibration_;
    CalibrationTexts& texts = few.texts;
    texts.chunks = texts.chunks == 0 ? kTrialWindows : std::min(texts.chunks, kTrialWindows);
    trials_.emplace_back();
    if (types_.container == Container::kGguf) {  // what a folder copies from the source knows of no transform
      NIBBLE_ASSIGN_OR_RETURN(const std::vector<Transform> transforms, TransformsThatFold(model_, fold_));
      for (const Transform& transform : transforms) trials_.push_back({{transform}, {}});
    }
    for (Trial& trial : trials_) {
      trial.figures.set_transform(TransformsText(trial.transforms));
      TrialProgress progress(progress_, trial.figures.transform());
      NIBBLE_ASSIGN_OR_RETURN(const std::optional<Model> transformed, Transformed(trial, few, progress));
      NIBBLE_ASSIGN_OR_RETURN(const CalibrationReport report,
                              JudgeQuantized(files_, transformed ? *transformed : model_, types_, kTrialLayers,
                                             output_.threads, few, *output_.comm, progress));
      trial.figures.set_first_layers_kld(report.kld());
    }
    // Of equal ones the first: none.
    std::stable_sort(trials_.begin(), trials_.end(), [](const Trial& a, const Trial& b) {
      return a.figures.first_layers_kld() < b.figures.first_layers_kld();
    });
    return absl::OkStatus();
  }

  OutputOptions OutputOf(const Trial& trial) const {
    OutputOptions output = output_;
    output.attempt = trial.figures.transform();
    return output;
  }

  // Nothing where nothing is folded in.
  absl::StatusOr<std::optional<Model>> Transformed(const Trial& trial, const CalibrationOptions& calibration,
                                                   Progress& progress) const {
    if (trial.transforms.empty()) return std::nullopt;
    return ApplyTransforms(model_, trial.transforms, {.fold = fold_, .threads = output_.threads, .comm = output_.comm},
                           calibration, progress);
  }

  static void Take(const CalibrationReport& report, Trial& trial) {
    trial.figures.set_kld(report.kld());
    trial.figures.set_kld_se(report.kld_se());
  }

  absl::StatusOr<Plan> Committed(QuantizeJob& job, const Trial& chosen) const {
    NIBBLE_RETURN_IF_ERROR(job.Commit());
    Plan plan = job.report();
    plan.set_transform(chosen.figures.transform());
    for (const Trial& trial : trials_) *plan.mutable_calibration()->add_trials() = trial.figures;
    return plan;
  }

  io::FileSystem& files_;
  const Model& model_;
  const TypeOptions& types_;
  const OutputOptions& output_;
  CalibrationOptions calibration_;
  Progress& progress_;
  const FoldOptions fold_;
  std::vector<Trial> trials_;
};

}  // namespace

absl::StatusOr<Plan> QuantizeWithBestTransform(io::FileSystem& files, const Model& model, const TypeOptions& types,
                                               const OutputOptions& output, const CalibrationOptions& calibration,
                                               Progress& progress) {
  if (calibration.texts.empty()) {
    return absl::InvalidArgumentError("--transform auto: expected --calibration-text to judge by, found none");
  }
  return Choice(files, model, types, output, calibration, progress).Run();
}

}  // namespace nibble
