#include "pipeline/calibration/write_linears.h"

#include <algorithm>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "base/peers.h"
#include "base/status.h"
#include "device/device.h"
#include "device/in_stage.h"
#include "device/make_device.h"
#include "device/measured_device.h"
#include "model/role.h"
#include "pipeline/calibration/calibrated_linears.h"
#include "pipeline/calibration/copy_tap.h"
#include "pipeline/calibration/judge_held_out.h"
#include "pipeline/calibration/linear_report.h"
#include "pipeline/calibration/linear_writer.h"
#include "pipeline/calibration/made_linear.h"
#include "pipeline/calibration/stages.h"
#include "pipeline/calibration/state_weights.h"
#include "pipeline/calibration/statistics_sum.h"
#include "pipeline/calibration/window_blocks.h"
#include "pipeline/comm/comm_peers.h"
#include "pipeline/comm/divide.h"
#include "pipeline/comm/linked_ranks.h"
#include "pipeline/device_use.h"
#include "pipeline/output/check_overflow.h"
#include "pipeline/verify/predict_scored.h"
#include "quant/gptq/fit.h"
#include "quant/gptq/input_statistics.h"
#include "runtime/sequences.h"
#include "runtime/statistics.h"
#include "runtime/tap.h"
#include "runtime/weights.h"

namespace nibble {
namespace {

using Originals = InputStatistics::Originals;
using Outcome = Sequences::Outcome;
using Part = Sequences::Part;

// For a device that measures. Statistics are with the states that inputs are weighed by.
constexpr absl::string_view kFitStage = "fit";

// What linears that share their inputs see: on the tokens that bytes are made for, and on those that judge them.
struct StageStatistics {
  explicit StageStatistics(bool originals)
      : fit(originals ? Originals::kCross : Originals::kNone),
        held_out(originals ? Originals::kAll : Originals::kNone) {}

  int64_t tokens() const { return fit.tokens() + held_out.tokens(); }

  // The first `fit_tokens` are to be fitted to. `state_drift` may be without rows.
  absl::Status Add(Device& device, int64_t fit_tokens, ConstMatrix x, ConstMatrix original, ConstMatrix state_drift) {
    const auto add = [&](InputStatistics& sums, int64_t first, int64_t last) {
      return sums.Add(device, x.Rows(first, last), original.Rows(first, last),
                      state_drift.rows > 0 ? state_drift.Rows(first, last) : state_drift);
    };
    NIBBLE_RETURN_IF_ERROR(add(fit, 0, fit_tokens));
    return add(held_out, fit_tokens, x.rows);
  }

  InputStatistics fit, held_out;
};

// The tokens on their way through one model, and the weights of the layer that they are in.
struct Path {
  Sequences sequences;
  Weights weights;
};

class LinearsJob {
 public:
  LinearsJob(const Model& model, const OutputPlan& plan, const Windows& windows, const LinearOptions& options,
             MeasuredDevice& device, Output& output, Progress& progress)
      : device_(device),
        comm_(*options.comm),
        ranks_(comm_),
        peers_(comm_),
        model_(model),
        windows_(windows),
        blocks_(windows.count(), windows.length),
        first_token_(blocks_.FirstTokenOf(comm_.rank(), comm_.size())),
        own_(windows.Between(first_token_ / windows.length, blocks_.FirstWindowOf(comm_.rank() + 1, comm_.size()))),
        options_(options),
        layers_(options.layers == 0 ? model.spec.layers_size() : std::min(options.layers, model.spec.layers_size())),
        fit_tokens_((windows.count() - HeldOutWindows(windows.count())) * windows.length),
        output_(output),
        progress_(progress),
        linears_(plan, options.method),
        writer_({model, linears_, comm_, device, output, report_},
                options.method == LinearMethod::kGptq && options.scale_channels) {}

  absl::StatusOr<WrittenLinears> Run() {
    NIBBLE_RETURN_IF_ERROR(LinkRanks());
    if (RunsOriginal(options_)) {
      NIBBLE_ASSIGN_OR_RETURN(original_, Begin());
    }
    NIBBLE_ASSIGN_OR_RETURN(quantized_, Begin());
    NIBBLE_ASSIGN_OR_RETURN(const int done, Restore());
    for (int layer = done; layer < layers_; ++layer) {
      for (Path* path : Paths()) {
        path->weights = {};  // before the next ones are there
        NIBBLE_ASSIGN_OR_RETURN(path->weights, path->sequences.LoadLayer(layer));
      }
      NIBBLE_RETURN_IF_ERROR(RunStages(AttentionStages(), layer, Part::kAttention));
      NIBBLE_RETURN_IF_ERROR(RunStages(FeedForwardStages(), layer, Part::kFeedForward));
      ShowProgress(layer);
      NIBBLE_RETURN_IF_ERROR(Save(layer + 1));
    }
    report_.set_tokens(windows_.ids.size());
    report_.set_held_out_tokens(windows_.ids.size() - fit_tokens_);
    WarnOfFallbacks(report_, progress_);
    if (original_) NIBBLE_RETURN_IF_ERROR(Judge());
    report_.set_device(std::string(device_.name()));
    *report_.mutable_device_use() = UseOf(device_);
    NIBBLE_RETURN_IF_ERROR(comm_.Agree(absl::OkStatus()));  // nobody needs this rank's link any more
    return WrittenLinears{std::move(report_), writer_.written_bytes()};
  }

 private:
  // Quantizes each expert when it has seen its tokens: gate and up, and then down on what these make of them.
  class ExpertsTap : public Tap {
   public:
    ExpertsTap(LinearsJob& job, int layer)
        : job_(job), layer_(layer), sum_of_blocks_(job.device_, Originals::kNone), block_(job.FirstBlock()) {}

    void Routed(absl::Span<const int64_t> tokens) override {
      fit_rows_ = std::lower_bound(tokens.begin(), tokens.end(), job_.fit_tokens_) - tokens.begin();
    }
    void See(Role role, int /*slice*/, ConstMatrix x) override {
      const InStage in_statistics(job_.device_, kStatisticsStage);
      if (role == Role::kRouter) {  // sees what the experts do, of all tokens
        status_.Update(AddToLayer(x));
      } else if (role == stage().roles[stage_ == 0 ? 1 : 0]) {
        status_.Update(statistics_.fit.Add(job_.device_, x.Rows(0, fit_rows_)));
        status_.Update(statistics_.held_out.Add(job_.device_, x.Rows(fit_rows_, x.rows)));
      }
    }
    bool Needs(Role role) const override { return !stage().Has(role); }
    bool ChangesExperts() const override { return true; }
    Peers* peers() override { return job_.peers(); }

    absl::Status BeforeExperts() override {
      NIBBLE_RETURN_IF_ERROR(status_);
      if (block_inputs_.tokens() > 0) NIBBLE_RETURN_IF_ERROR(sum_of_blocks_.Add(block_, std::move(block_inputs_)));
      NIBBLE_ASSIGN_OR_RETURN(layer_inputs_, sum_of_blocks_.OfAll(job_.ranks_));
      return absl::OkStatus();
    }

    absl::StatusOr<bool> ExpertSeen(int expert, Weights& weights) override {
      NIBBLE_RETURN_IF_ERROR(status_);
      const InStage in_fit(job_.device_, kFitStage);
      const int64_t tokens = statistics_.tokens();
      if (stage_ == 0 && layer_inputs_.tokens() > 0) {
        NIBBLE_RETURN_IF_ERROR(
            statistics_.fit.AddPrior(job_.device_, layer_inputs_, kPriorTokensPerColumn * layer_inputs_.size()));
      }
      std::vector<MadeLinear> linears = job_.linears_.Of(stage(), layer_, expert);
      NIBBLE_RETURN_IF_ERROR(job_.Make(tokens, statistics_, weights, nullptr, linears));
      NIBBLE_RETURN_IF_ERROR(job_.writer_.Finish(stage(), std::move(linears), weights));
      statistics_ = StageStatistics(false);
      stage_ = 1 - stage_;
      return stage_ == 1;
    }

    absl::Status TakeChanges(int expert, Weights& weights) override {
      std::vector<MadeLinear> linears;
      for (const Stage& stage : ExpertStages()) {
        for (MadeLinear& linear : job_.linears_.Of(stage, layer_, expert)) linears.push_back(std::move(linear));
      }
      return job_.writer_.TakeFinished(std::move(linears), weights);
    }

   private:
    const Stage& stage() const { return ExpertStages()[stage_]; }

    absl::Status AddToLayer(ConstMatrix x) {
      const int64_t token = job_.first_token_ + layer_tokens_;
      const int64_t block = token / job_.blocks_.tokens_of_block();
      if (block != block_) {
        NIBBLE_RETURN_IF_ERROR(sum_of_blocks_.Add(block_, std::move(block_inputs_)));
        block_inputs_ = InputStatistics();
        block_ = block;
      }
      layer_tokens_ += x.rows;
      return block_inputs_.Add(job_.device_, x.Rows(0, std::clamp<int64_t>(job_.fit_tokens_ - token, 0, x.rows)));
    }

    LinearsJob& job_;
    const int layer_;
    int stage_ = 0;
    int64_t fit_rows_ = 0, layer_tokens_ = 0;
    StatisticsSum sum_of_blocks_;
    int64_t block_;
    InputStatistics block_inputs_, layer_inputs_;
    StageStatistics statistics_{false};
    absl::Status status_;
  };

  absl::Status LinkRanks() {
    NIBBLE_ASSIGN_OR_RETURN(ranks_, LinkedRanks::Link(comm_, device_));
    if (!ranks_.why_not().empty() && comm_.is_first()) {
      progress_.Warn(absl::StrCat(ranks_.why_not(), "; statistics go through the host's memory"));
    }
    return absl::OkStatus();
  }

  absl::StatusOr<Path> Begin() {
    NIBBLE_ASSIGN_OR_RETURN(Sequences sequences,
                            Sequences::Embed(device_, model_, own_.ids, own_.length, options_.states,
                                             static_cast<int64_t>(options_.working / sizeof(float)),
                                             {.block = blocks_.size(), .all = windows_.count()}));
    return Path{std::move(sequences), {}};
  }

  // The layers that an earlier run did.
  absl::StatusOr<int> Restore() {
    if (options_.checkpoints == nullptr) return 0;
    NIBBLE_ASSIGN_OR_RETURN(
        const Checkpoints::Restored restored,
        options_.checkpoints->Restore(States(), [&](int layers) { return linears_.AreIn(output_, layers); }));
    for (const std::string& kept : restored.kept) {
      if (!report_.MergeFromString(kept)) return absl::InternalError("checkpoint: expected a report, found none");
    }
    saved_linears_ = report_.linears_size();
    return restored.layers;
  }

  // The first `layers` are done.
  absl::Status Save(int layers) {
    if (options_.checkpoints == nullptr) return absl::OkStatus();
    NIBBLE_ASSIGN_OR_RETURN(const bool is_due, options_.checkpoints->IsDue());
    if (!is_due) return absl::OkStatus();
    const InStage in_write(device_, kWriteStage);
    NIBBLE_RETURN_IF_ERROR(output_.Sync());
    CalibrationReport since;
    for (; saved_linears_ < report_.linears_size(); ++saved_linears_) {
      *since.add_linears() = report_.linears(saved_linears_);
    }
    return options_.checkpoints->Save(layers, States(), since.SerializeAsString());
  }

  std::vector<Sequences*> States() {
    std::vector<Sequences*> states;
    for (Path* path : Paths()) states.push_back(&path->sequences);
    return states;
  }

  // One window alone has to judge itself.
  bool JudgesItself() const { return fit_tokens_ == static_cast<int64_t>(windows_.ids.size()); }

  // What became of the predictions on the held-out windows; the paths end here.
  absl::Status Judge() {
    const int64_t held_out = JudgesItself() ? 0 : fit_tokens_ / windows_.length;
    const int64_t first =
        std::clamp<int64_t>(held_out - first_token_ / windows_.length, 0, own_.count());  // of this rank's
    std::vector<ScoredRun> runs;
    for (Path* path : {&*original_, &*quantized_}) {
      path->weights = {};
      NIBBLE_RETURN_IF_ERROR(path->sequences.KeepFrom(first));
      for (int layer = layers_; layer < model_.spec.layers_size() && path->sequences.tokens() > 0; ++layer) {
        NIBBLE_RETURN_IF_ERROR(path->sequences.RunLayer(layer));
      }
      runs.push_back({&model_, std::move(path->sequences)});
    }
    NIBBLE_ASSIGN_OR_RETURN(const Estimate kld, JudgeHeldOut(device_, comm_, own_.Between(first, own_.count()), runs));
    report_.set_kld(kld.value);
    report_.set_kld_se(kld.se);
    return absl::OkStatus();
  }

  // At least one, if there is more than one.
  static int64_t HeldOutWindows(int64_t windows) {
    return windows == 1 ? 0 : (windows + kFitPerHeldOut) / (kFitPerHeldOut + 1);
  }

  std::vector<Path*> Paths() {
    std::vector<Path*> paths = {&*quantized_};
    if (original_) paths.push_back(&*original_);
    return paths;
  }

  // The stages of a part of a layer, and then the part itself. The original path goes on while it is observed for the
  // last time.
  absl::Status RunStages(absl::Span<const Stage> stages, int layer, Part part) {
    const bool experts = part == Part::kFeedForward && model_.spec.layers(layer).feed_forward().has_experts();
    bool original_done = false;
    for (const Stage& stage : stages) {
      if (!linears_.HasAny(stage, layer)) continue;
      original_done = &stage == &stages.back() && !experts;
      NIBBLE_RETURN_IF_ERROR(RunStage(stage, layer, part, original_done));
    }
    ExpertsTap tap(*this, layer);
    const bool staged = std::any_of(ExpertStages().begin(), ExpertStages().end(),
                                    [&](const Stage& stage) { return linears_.HasAny(stage, layer); });
    if (experts && staged) quantized_->weights.set_tap(&tap);
    for (Path* path : Paths()) {
      if (path != &*quantized_ && original_done) continue;
      NIBBLE_RETURN_IF_ERROR(path->sequences.RunPart(layer, part, path->weights, Outcome::kKept));
      path->weights.set_tap(nullptr);
    }
    return absl::OkStatus();
  }

  absl::Status RunStage(const Stage& stage, int layer, Part part, bool keep_original) {
    StageStatistics statistics(original_.has_value());
    StatisticsSum fit_sum(device_, statistics.fit.originals()), held_out_sum(device_, statistics.held_out.originals());
    CopyTap taps[] = {{device_, stage, false}, {device_, stage, keep_original}};
    const std::vector<Path*> paths = Paths();
    const int64_t batches = quantized_->sequences.batches(), of_block = quantized_->sequences.BatchesOfBlock();
    int64_t token = 0;  // of this rank's
    for (int64_t batch = 0; batch < batches; ++batch) {
      if (comm_.HasFailed()) return comm_.Agree(absl::OkStatus());
      StateWeights states;
      if (stage.writes && !NormsOutputs(layer)) {
        const InStage in_statistics(device_, kStatisticsStage);
        NIBBLE_ASSIGN_OR_RETURN(
            states, ReadStateWeights(device_, original_ ? &original_->sequences : nullptr, quantized_->sequences, token,
                                     quantized_->sequences.TokensOfBatch(batch)));
      }
      for (size_t i = 0; i < paths.size(); ++i) {
        taps[i].Begin();
        paths[i]->weights.set_tap(&taps[i]);
        const Outcome outcome = i == 1 && keep_original ? Outcome::kKept : Outcome::kDropped;
        NIBBLE_RETURN_IF_ERROR(paths[i]->sequences.RunBatch(layer, part, paths[i]->weights, outcome, batch));
        paths[i]->weights.set_tap(nullptr);
        NIBBLE_RETURN_IF_ERROR(taps[i].status());
        states.Scale(device_, taps[i].inputs());
      }
      const Matrix x = taps[0].inputs(), original = taps[paths.size() - 1].inputs();
      const int64_t fit = std::clamp<int64_t>(fit_tokens_ - first_token_ - token, 0, x.rows);
      const int64_t width = model_.spec.hidden_size();
      const InStage in_statistics(device_, kStatisticsStage);
      NIBBLE_RETURN_IF_ERROR(
          statistics.Add(device_, fit, x, original, states.drift.matrix(states.drift.size() / width, width)));
      token += x.rows;
      if ((batch + 1) % of_block != 0 && batch + 1 < batches) continue;
      const int64_t block = FirstBlock() + batch / of_block;
      NIBBLE_RETURN_IF_ERROR(fit_sum.Add(block, std::move(statistics.fit)));
      NIBBLE_RETURN_IF_ERROR(held_out_sum.Add(block, std::move(statistics.held_out)));
      statistics = StageStatistics(original_.has_value());
    }
    NIBBLE_ASSIGN_OR_RETURN(statistics.fit, fit_sum.OfAll(ranks_));
    NIBBLE_ASSIGN_OR_RETURN(statistics.held_out, held_out_sum.OfAll(ranks_));
    std::vector<MadeLinear> linears = linears_.Of(stage, layer, -1);
    DivideLinears(absl::MakeSpan(linears));
    NIBBLE_RETURN_IF_ERROR(Make(statistics.tokens(), statistics, quantized_->weights, peers(), linears));
    return writer_.Finish(stage, std::move(linears), quantized_->weights);
  }

  // Of this rank's.
  int64_t FirstBlock() const { return blocks_.FirstOf(comm_.rank(), comm_.size()); }

  bool NormsOutputs(int layer) const {
    return !model_.tensors.Find(Role::kPostAttentionNorm, layer).empty() ||
           !model_.tensors.Find(Role::kPostFeedForwardNorm, layer).empty();
  }

  Peers* peers() { return comm_.size() == 1 ? nullptr : &peers_; }

  // All ranks make them; one of them writes each.
  void DivideLinears(absl::Span<MadeLinear> linears) const {
    std::vector<uint64_t> costs;
    for (const MadeLinear& linear : linears) costs.push_back(linear.logical().rows * linear.logical().cols);
    const std::vector<int> owners = Divide(costs, comm_.size());
    for (size_t i = 0; i < linears.size(); ++i) linears[i].is_mine = owners[i] == comm_.rank();
  }

  // Makes a stage's linears, together with `peers`, who have the same, or alone.
  absl::Status Make(int64_t tokens, const StageStatistics& statistics, const Weights& weights, Peers* peers,
                    std::vector<MadeLinear>& linears) {
    const InStage in_fit(device_, kFitStage);
    std::vector<FitLinear> fits;
    for (MadeLinear& linear : linears) {
      const ConstMatrix matrix = weights.matrix(linear.logical().role);
      linear.values.resize(matrix.rows * matrix.cols);
      NIBBLE_RETURN_IF_ERROR(device_.Download(matrix.data, absl::MakeSpan(linear.values)));
      for (float& value : linear.values) value *= linear.tensor->multiplier;
      fits.push_back(
          {&GetFormat(linear.tensor->format), linear.values, absl::MakeSpan(linear.bytes), linear.tensor->multiplier});
    }
    std::vector<FitFigures> figures(linears.size());
    if (statistics.fit.size() > 0) {
      const FitOptions fit_options{.feedback = options_.method == LinearMethod::kGptq,
                                   .scale_columns = writer_.CanScaleColumns(),
                                   .peers = peers};
      NIBBLE_ASSIGN_OR_RETURN(
          figures, FitLinears(device_, statistics.fit, JudgesItself() ? statistics.fit : statistics.held_out, fits,
                              fit_options));
    } else {
      for (const FitLinear& fit : fits) {
        fit.format->encode_weighted(fit.values.data(), nullptr, fit.values.size() / fit.format->block_elements,
                                    fit.out.data());
      }
      for (FitFigures& figure : figures) figure.fallback = "tokens: expected some that reach the linear, found none";
    }
    for (size_t i = 0; i < linears.size(); ++i) {
      MadeLinear& linear = linears[i];
      if (linear.is_mine) {
        NIBBLE_RETURN_IF_ERROR(CheckOverflow(model_, *linear.tensor, linear.logical(), 0, linear.values));
      }
      linear.report = ReportOf(linear, tokens, figures[i]);
      linear.column_scales = std::move(figures[i].column_scales);
    }
    return absl::OkStatus();
  }

  void ShowProgress(int layer) {
    const uint64_t tokens = windows_.ids.size(), layers = layers_;
    progress_.Update({.stage = absl::StrCat("calibrate, layer ", layer + 1, "/", layers),
                      .detail = "",
                      .done = tokens * (layer + 1),
                      .total = tokens * layers,
                      .unit = "tok",
                      .device = LoadOf(device_)});
  }

  // Of 17 windows one is held out.
  static constexpr int64_t kFitPerHeldOut = 16;
  // An expert's inputs count as though it had seen so many tokens per column more, like the layer's on average: what
  // few tokens do not say, the layer says.
  static constexpr double kPriorTokensPerColumn = 0.5;

  MeasuredDevice& device_;
  Comm& comm_;
  LinkedRanks ranks_;
  CommPeers peers_;
  const Model& model_;
  const Windows& windows_;  // of all ranks
  const WindowBlocks blocks_;
  const int64_t first_token_;  // of this rank's
  const Windows own_;
  const LinearOptions options_;
  const int layers_;          // that are quantized
  const int64_t fit_tokens_;  // the first so many; the others are held out
  Output& output_;
  Progress& progress_;
  std::optional<Path> quantized_, original_;  // the latter where something is compared with it
  CalibrationReport report_;
  const CalibratedLinears linears_;
  LinearWriter writer_;
  int saved_linears_ = 0;  // of report_: those that the last checkpoint and the ones before it keep
};

}  // namespace

bool RunsOriginal(const LinearOptions& options) { return options.method == LinearMethod::kGptq || options.judge; }

absl::StatusOr<WrittenLinears> WriteLinears(const Model& model, const OutputPlan& plan, const Windows& windows,
                                            const LinearOptions& options, Output& output, Progress& progress) {
  NIBBLE_ASSIGN_OR_RETURN(
      auto device, MakeDevice({.device = options.device, .threads = options.threads, .bf16 = true, .steady = true}));
  return LinearsJob(model, plan, windows, options, *device, output, progress).Run();
}

}  // namespace nibble
