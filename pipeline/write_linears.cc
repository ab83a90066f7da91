#include "pipeline/write_linears.h"

#include <algorithm>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/strings/str_cat.h"
#include "absl/types/span.h"
#include "base/status.h"
#include "device/cpu/cpu_device.h"
#include "model/role.h"
#include "quant/gptq/curvature.h"
#include "quant/gptq/gptq.h"
#include "runtime/sequences.h"
#include "runtime/tap.h"
#include "runtime/weights.h"

namespace nibble {
namespace {

using Part = Sequences::Part;
using Outcome = Sequences::Outcome;

// Linears that see one and the same input, observed while `part` of the layer runs with what is behind it already
// quantized.
struct Stage {
  Part part;
  std::vector<Role> roles;
};

const Stage kAttentionStages[] = {
    {Part::kAttention, {Role::kQuery, Role::kKey, Role::kValue, Role::kQueryKeyValue, Role::kQueryA, Role::kKeyValueA}},
    {Part::kAttention, {Role::kQueryB}},
    {Part::kAttention, {Role::kAttentionOutput}},
};
const Stage kFeedForwardStages[] = {
    {Part::kFeedForward, {Role::kGate, Role::kUp, Role::kSharedGate, Role::kSharedUp}},
    {Part::kFeedForward, {Role::kDown, Role::kSharedDown}},
};
// Observed expert by expert, in one run.
const Stage kExpertStages[] = {
    {Part::kFeedForward, {Role::kExpertGate, Role::kExpertUp}},
    {Part::kFeedForward, {Role::kExpertDown}},
};

bool IsOf(const Stage& stage, Role role) {
  return std::find(stage.roles.begin(), stage.roles.end(), role) != stage.roles.end();
}

// The gram of a stage's inputs.
class InputGram {
 public:
  explicit InputGram(const Stage& stage) : stage_(stage) {}

  // All the stage's linears are fed with the same: those of the first that shows up count.
  void See(Device& device, Role role, ConstMatrix x) {
    if (!IsOf(stage_, role) || leader_.value_or(role) != role) return;
    if (!leader_) {
      leader_ = role;
      size_ = x.cols;
      sum_.resize(size_ * size_);
      buffer_ = device.Allocate(size_ * size_);
      if (buffer_.ok()) device.Upload(sum_, buffer_->data());
    }
    tokens_ += x.rows;
    if (buffer_.ok()) device.operations().gram(device, x, buffer_->matrix(size_, size_));
  }

  int64_t tokens() const { return tokens_; }

  // Nothing if no input was seen, or nothing but zeros.
  absl::StatusOr<std::optional<Curvature>> MakeCurvature(Device& device, double damping) {
    NIBBLE_RETURN_IF_ERROR(buffer_.status());
    if (tokens_ == 0) return std::nullopt;
    NIBBLE_RETURN_IF_ERROR(device.Download(buffer_->data(), absl::MakeSpan(sum_)));
    if (std::all_of(sum_.begin(), sum_.end(), [](float value) { return value == 0; })) return std::nullopt;
    return Curvature::Of(device, sum_, size_, damping);
  }

 private:
  const Stage& stage_;
  std::optional<Role> leader_;
  int64_t size_ = 0, tokens_ = 0;
  std::vector<float> sum_;
  absl::StatusOr<Buffer> buffer_ = Buffer();
};

class LinearsJob {
 public:
  LinearsJob(const Model& model, const OutputPlan& plan, const Windows& windows, const LinearOptions& options,
             Output& output, Progress& progress)
      : device_(options.threads),
        model_(model),
        plan_(plan),
        windows_(windows),
        options_(options),
        output_(output),
        progress_(progress) {
    for (size_t i = 0; i < plan.tensors.size(); ++i) {
      const LogicalTensor& first = plan.tensors[i].slices[0];
      if (IsCalibrated(plan.tensors[i])) outputs_[{first.role, first.layer}] = i;
    }
  }

  absl::StatusOr<CalibrationReport> Run() {
    NIBBLE_ASSIGN_OR_RETURN(Sequences sequences, Sequences::Embed(device_, model_, windows_.ids, windows_.length));
    for (int layer = 0; layer < model_.spec.layers_size(); ++layer) {
      NIBBLE_ASSIGN_OR_RETURN(Weights weights, Weights::OfLayer(device_, model_, layer));
      for (const Stage& stage : kAttentionStages) NIBBLE_RETURN_IF_ERROR(RunStage(stage, layer, sequences, weights));
      NIBBLE_RETURN_IF_ERROR(sequences.RunPart(layer, Part::kAttention, weights, Outcome::kKept));
      for (const Stage& stage : kFeedForwardStages) NIBBLE_RETURN_IF_ERROR(RunStage(stage, layer, sequences, weights));
      ExpertsTap tap(*this, layer);
      if (model_.spec.layers(layer).feed_forward().has_experts()) weights.set_tap(&tap);
      NIBBLE_RETURN_IF_ERROR(sequences.RunPart(layer, Part::kFeedForward, weights, Outcome::kKept));
      ShowProgress(layer);
    }
    report_.set_tokens(windows_.ids.size());
    return std::move(report_);
  }

 private:
  // What one stage's linears see.
  class StageTap : public Tap {
   public:
    StageTap(Device& device, const Stage& stage) : device_(device), gram_(stage) {}
    void See(Role role, int /*slice*/, ConstMatrix x) override { gram_.See(device_, role, x); }
    InputGram& gram() { return gram_; }

   private:
    Device& device_;
    InputGram gram_;
  };

  // Quantizes each expert when it has seen its tokens.
  class ExpertsTap : public Tap {
   public:
    ExpertsTap(LinearsJob& job, int layer) : job_(job), layer_(layer) { Begin(); }

    void See(Role role, int slice, ConstMatrix x) override {
      if (slice < 0) return;
      for (InputGram& gram : grams_) gram.See(job_.device_, role, x);
    }
    bool ChangesExperts() const override { return true; }
    absl::Status ExpertSeen(int expert, Weights& weights) override {
      for (size_t i = 0; i < grams_.size(); ++i) {
        NIBBLE_RETURN_IF_ERROR(job_.Quantize(kExpertStages[i], layer_, expert, grams_[i], weights));
      }
      Begin();
      return absl::OkStatus();
    }

   private:
    void Begin() {
      grams_.clear();
      for (const Stage& stage : kExpertStages) grams_.emplace_back(stage);
    }

    LinearsJob& job_;
    const int layer_;
    std::vector<InputGram> grams_;
  };

  bool HasOutput(const Stage& stage, int layer) const {
    return std::any_of(stage.roles.begin(), stage.roles.end(),
                       [&](Role role) { return outputs_.contains(std::pair(role, layer)); });
  }

  absl::Status RunStage(const Stage& stage, int layer, Sequences& sequences, Weights& weights) {
    if (!HasOutput(stage, layer)) return absl::OkStatus();
    StageTap tap(device_, stage);
    weights.set_tap(&tap);
    const absl::Status status = sequences.RunPart(layer, stage.part, weights, Outcome::kDropped);
    weights.set_tap(nullptr);
    NIBBLE_RETURN_IF_ERROR(status);
    return Quantize(stage, layer, -1, tap.gram(), weights);
  }

  absl::Status Quantize(const Stage& stage, int layer, int slice, InputGram& gram, Weights& weights) {
    NIBBLE_ASSIGN_OR_RETURN(const std::optional<Curvature> curvature, gram.MakeCurvature(device_, options_.damping));
    for (const Role role : stage.roles) {
      const auto found = outputs_.find(std::pair(role, layer));
      if (found == outputs_.end()) continue;
      NIBBLE_RETURN_IF_ERROR(QuantizeOne(found->second, slice, curvature, gram.tokens(), weights));
    }
    return absl::OkStatus();
  }

  // Writes the linear, and leaves in `weights` what a program that reads the file will find.
  absl::Status QuantizeOne(size_t output, int slice, const std::optional<Curvature>& curvature, int64_t tokens,
                           Weights& weights) {
    const OutputTensor& tensor = plan_.tensors[output];
    const Role role = tensor.slices[0].role;
    const BlockFormat& format = GetFormat(tensor.format);
    const ConstMatrix matrix = weights.matrix(role);
    const int64_t rows = matrix.rows, cols = matrix.cols;
    std::vector<float> values(rows * cols);
    NIBBLE_RETURN_IF_ERROR(device_.Download(matrix.data, absl::MakeSpan(values)));
    for (float& value : values) value *= tensor.multiplier;
    std::vector<std::byte> bytes(format.BytesFor(rows * cols));
    CalibratedLinear& figures = *report_.add_linears();
    figures.set_name(tensor.name);
    figures.set_slice(slice);
    figures.set_tokens(tokens);
    if (options_.method == LinearMethod::kGptq && curvature && CanGptq(tensor.format)) {
      NIBBLE_ASSIGN_OR_RETURN(const GptqFigures gptq,
                              EncodeGptq(device_, format, *curvature, values, {}, absl::MakeSpan(bytes)));
      figures.set_outputs(gptq.outputs);
      figures.set_searched_error(gptq.searched);
      figures.set_error(gptq.error);
    } else {
      const float* squares = curvature ? curvature->diagonal().data() : nullptr;
      EncodeSearched(device_, format, squares, cols, values, absl::MakeSpan(bytes));
    }
    format.decode(bytes.data(), rows * cols / format.block_elements, values.data());
    for (float& value : values) value /= tensor.multiplier;
    weights.Replace(device_, role, values);
    return output_.WriteRows(tensor, std::max(slice, 0), 0, bytes);
  }

  void ShowProgress(int layer) {
    const uint64_t tokens = windows_.ids.size(), layers = model_.spec.layers_size();
    progress_.Update({.stage = absl::StrCat("calibrate, layer ", layer + 1, "/", layers),
                      .detail = "",
                      .done = tokens * (layer + 1),
                      .total = tokens * layers,
                      .unit = "tok"});
  }

  CpuDevice device_;
  const Model& model_;
  const OutputPlan& plan_;
  const Windows& windows_;
  const LinearOptions options_;
  Output& output_;
  Progress& progress_;
  absl::flat_hash_map<std::pair<Role, int>, size_t> outputs_;  // role, layer -> place in the plan
  CalibrationReport report_;
};

}  // namespace

bool IsCalibrated(const OutputTensor& tensor) {
  const Role role = tensor.slices[0].role;
  const auto observed = [&](absl::Span<const Stage> stages) {
    return std::any_of(stages.begin(), stages.end(), [&](const Stage& stage) { return IsOf(stage, role); });
  };
  return !tensor.keep_bits && (observed(kAttentionStages) || observed(kFeedForwardStages) || observed(kExpertStages));
}

absl::StatusOr<CalibrationReport> WriteLinears(const Model& model, const OutputPlan& plan, const Windows& windows,
                                               const LinearOptions& options, Output& output, Progress& progress) {
  return LinearsJob(model, plan, windows, options, output, progress).Run();
}

}  // namespace nibble
