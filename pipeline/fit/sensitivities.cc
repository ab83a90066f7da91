#include "pipeline/fit/sensitivities.h"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/types/span.h"
#include "base/status.h"
#include "converters/family.h"
#include "device/device.h"
#include "device/make_device.h"
#include "device/measured_device.h"
#include "formats/io/work_file.h"
#include "model/role.h"
#include "model/tensor_list.h"
#include "pipeline/calibration/calibration_text.h"
#include "pipeline/device_use.h"
#include "pipeline/fit/fit_types.h"
#include "pipeline/fit/sensitivity_prior.h"
#include "pipeline/verify/predict_scored.h"
#include "pipeline/verify/verify_windows.h"
#include "quant/block/format.h"
#include "runtime/predictions.h"
#include "runtime/row_store.h"
#include "runtime/sequences.h"
#include "runtime/statistics.h"
#include "runtime/tap.h"
#include "runtime/weights.h"

namespace nibble {
namespace {

constexpr uint32_t kWindows = 4;           // of the text
constexpr Format kCoarse = Format::kQ4_0;  // that tensors are rounded to: errors of about a hundredth
constexpr size_t kScoredTogether = 4;      // runs, beside the original
constexpr double kSmallState = 1e-12;      // mean square below which a state counts as this

// What rounding has lost, summed over the matrices of a tensor.
struct Loss {
  double lost = 0;
  double squares = 0;

  double share() const { return squares > 0 ? lost / squares : 0; }
};

// Rounds rows of `cols` in place; a last part that no block fills stays.
void Round(absl::Span<float> values, int64_t cols, Loss& loss) {
  const BlockFormat& format = GetFormat(kCoarse);
  const int64_t blocks = cols / format.block_elements, rounded = blocks * format.block_elements;
  std::vector<std::byte> bytes(format.BytesFor(rounded));
  std::vector<float> decoded(rounded);
  for (size_t row = 0; row < values.size(); row += cols) {
    format.encode_rtn(&values[row], blocks, bytes.data());
    format.decode(bytes.data(), blocks, decoded.data());
    for (int64_t i = 0; i < rounded; ++i) {
      const double difference = double{values[row + i]} - decoded[i];
      loss.lost += difference * difference;
    }
    for (int64_t i = 0; i < cols; ++i) loss.squares += double{values[row + i]} * values[row + i];
    std::copy(decoded.begin(), decoded.end(), &values[row]);
  }
}

// The states' errors, each as a share of its state, for the next norm divides by it: mean over tokens.
double RelativeSquares(absl::Span<const float> reference, absl::Span<const float> other, int64_t width) {
  double sum = 0;
  const int64_t tokens = reference.size() / width;
  for (int64_t token = 0; token < tokens; ++token) {
    double error = 0, square = kSmallState * width;
    for (int64_t i = token * width; i < (token + 1) * width; ++i) {
      const double difference = double{other[i]} - reference[i];
      error += difference * difference;
      square += double{reference[i]} * reference[i];
    }
    sum += error / square;
  }
  return sum / tokens;
}

// Rounds one matrix of weights; the values it had.
absl::StatusOr<std::vector<float>> RoundMatrix(Device& device, Role role, Weights& weights, Loss& loss) {
  const ConstMatrix matrix = weights.matrix(role);
  std::vector<float> values(matrix.rows * matrix.cols);
  NIBBLE_RETURN_IF_ERROR(device.Download(matrix.data, absl::MakeSpan(values)));
  std::vector<float> rounded = values;
  Round(absl::MakeSpan(rounded), matrix.cols, loss);
  weights.Replace(device, role, rounded);
  return values;
}

// Rounds matrices of all experts, each while it is there.
class RoundExperts : public Tap {
 public:
  RoundExperts(Device& device, std::vector<Role> roles) : device_(device), roles_(std::move(roles)) {}

  void See(Role /*role*/, int /*slice*/, ConstMatrix /*x*/) override {}
  bool ChangesExperts() const override { return true; }
  absl::StatusOr<bool> ExpertSeen(int /*expert*/, Weights& weights) override {
    for (const Role role : roles_) NIBBLE_RETURN_IF_ERROR(RoundMatrix(device_, role, weights, loss_).status());
    return false;
  }

  const Loss& loss() const { return loss_; }

 private:
  Device& device_;
  const std::vector<Role> roles_;
  Loss loss_;
};

// A model that is the original but for one layer, or the embedding, on its way through the layers.
struct Run {
  std::vector<std::pair<std::string, double>> shares;  // of its divergence, over what was lost: by tensor
  Sequences sequences;
};

class Measurement {
 public:
  Measurement(const Model& model, const Windows& windows, std::unique_ptr<MeasuredDevice> device, RowBudget& budget,
              Progress& progress)
      : model_(model), windows_(windows), device_(std::move(device)), budget_(budget), progress_(progress) {}

  absl::StatusOr<std::map<std::string, double>> Measure() {
    NIBBLE_ASSIGN_OR_RETURN(Sequences original,
                            Sequences::Embed(*device_, model_, windows_.ids, windows_.length, &budget_));
    NIBBLE_RETURN_IF_ERROR(RoundEmbedding(original));
    for (int layer = 0; layer < model_.spec.layers_size(); ++layer) {
      ShowProgress(layer);
      NIBBLE_RETURN_IF_ERROR(PassLayer(layer, original));
    }
    return Sensitivities(std::move(original));
  }

 private:
  absl::Status RoundEmbedding(const Sequences& original) {
    NIBBLE_ASSIGN_OR_RETURN(Sequences rounded, original.Copy());
    NIBBLE_ASSIGN_OR_RETURN(std::vector<float> states, rounded.States(0, rounded.tokens()));
    Loss loss;
    Round(absl::MakeSpan(states), model_.spec.hidden_size(), loss);
    NIBBLE_RETURN_IF_ERROR(rounded.Replace(0, states));
    if (loss.lost == 0) return absl::OkStatus();
    const TensorStack embedding = model_.tensors.Find(Role::kTokenEmbedding, -1);
    runs_.push_back({{{GgufName(embedding[0]), 1 / loss.share()}}, std::move(rounded)});
    return absl::OkStatus();
  }

  // All runs go on; the original, and one more, through the layer with its linears rounded.
  absl::Status PassLayer(int layer, Sequences& original) {
    NIBBLE_ASSIGN_OR_RETURN(Weights weights, Weights::OfLayer(*device_, model_, layer));
    for (Run& run : runs_) NIBBLE_RETURN_IF_ERROR(Pass(layer, weights, run.sequences));
    NIBBLE_ASSIGN_OR_RETURN(const Sequences before, original.Copy());
    NIBBLE_RETURN_IF_ERROR(Pass(layer, weights, original));

    std::vector<Role> rounded;
    std::vector<std::pair<std::string, double>> shares;
    double errors = 0;
    for (const RoleInfo& role : Roles()) {
      const TensorStack stack = model_.tensors.Find(role.id, layer);
      if (!role.is_linear || stack.empty()) continue;
      Loss loss;
      NIBBLE_ASSIGN_OR_RETURN(const Sequences one, Rounded(layer, {role.id}, before, weights, loss));
      NIBBLE_ASSIGN_OR_RETURN(const double error, Error(original, one));
      if (loss.lost == 0) continue;  // nothing to learn from
      shares.emplace_back(GgufName(stack[0]), error / loss.share());
      rounded.push_back(role.id);
      errors += error;
    }
    if (errors == 0) return absl::OkStatus();
    for (auto& [name, share] : shares) share /= errors;
    Loss of_all;
    NIBBLE_ASSIGN_OR_RETURN(Sequences all, Rounded(layer, rounded, before, weights, of_all));
    runs_.push_back({std::move(shares), std::move(all)});
    return absl::OkStatus();
  }

  static absl::Status Pass(int layer, const Weights& weights, Sequences& sequences) {
    return sequences.RunPart(layer, Sequences::Part::kWhole, weights, Sequences::Outcome::kKept);
  }

  // `before`, behind the layer with these roles' matrices rounded. The weights are what they were.
  absl::StatusOr<Sequences> Rounded(int layer, const std::vector<Role>& roles, const Sequences& before,
                                    Weights& weights, Loss& loss) {
    std::vector<std::pair<Role, std::vector<float>>> values;
    std::vector<Role> of_experts;
    for (const Role role : roles) {
      if (GetRole(role).is_expert) {
        of_experts.push_back(role);
      } else {
        NIBBLE_ASSIGN_OR_RETURN(std::vector<float> unrounded, RoundMatrix(*device_, role, weights, loss));
        values.emplace_back(role, std::move(unrounded));
      }
    }
    RoundExperts tap(*device_, of_experts);
    if (!of_experts.empty()) weights.set_tap(&tap);
    NIBBLE_ASSIGN_OR_RETURN(Sequences sequences, before.Copy());
    NIBBLE_RETURN_IF_ERROR(Pass(layer, weights, sequences));
    weights.set_tap(nullptr);
    loss.lost += tap.loss().lost;
    loss.squares += tap.loss().squares;
    for (const auto& [role, unrounded] : values) weights.Replace(*device_, role, unrounded);
    return sequences;
  }

  absl::StatusOr<double> Error(const Sequences& original, const Sequences& other) const {
    NIBBLE_ASSIGN_OR_RETURN(const std::vector<float> reference, original.States(0, original.tokens()));
    NIBBLE_ASSIGN_OR_RETURN(const std::vector<float> states, other.States(0, other.tokens()));
    return RelativeSquares(reference, states, model_.spec.hidden_size());
  }

  absl::StatusOr<std::map<std::string, double>> Sensitivities(Sequences original) {
    std::map<std::string, double> sensitivities;
    std::vector<ScoredRun> scored;
    scored.push_back({&model_, std::move(original)});
    for (size_t first = 0; first < runs_.size(); first += kScoredTogether) {
      const absl::Span<Run> some = absl::MakeSpan(runs_).subspan(first, kScoredTogether);
      for (Run& run : some) scored.push_back({&model_, std::move(run.sequences)});
      NIBBLE_ASSIGN_OR_RETURN(const std::vector<Predictions> predictions, PredictScored(*device_, windows_, scored));
      for (size_t i = 0; i < some.size(); ++i) {
        const double divergence = Mean(predictions[i + 1].divergence).value;
        if (!std::isfinite(divergence)) {
          return BadData(model_.path, "a finite KL divergence on the calibration text", absl::StrCat(divergence));
        }
        for (const auto& [name, share] : some[i].shares) sensitivities[name] = std::max(0.0, divergence * share);
      }
      scored.erase(scored.begin() + 1, scored.end());
    }
    AddUnmeasured(sensitivities);
    return sensitivities;
  }

  // By the prior, in the proportion of what was measured in the layers to theirs.
  void AddUnmeasured(std::map<std::string, double>& sensitivities) const {
    double measured = 0, prior = 0;
    for (const TensorStack stack : model_.tensors.stacks()) {
      const auto found = sensitivities.find(GgufName(stack[0]));
      if (found == sensitivities.end() || stack[0].layer < 0) continue;
      measured += found->second;
      prior += PriorSensitivity(model_, stack[0]);
    }
    const double scale = prior > 0 ? measured / prior : 1;
    for (const TensorStack stack : model_.tensors.stacks()) {
      sensitivities.emplace(GgufName(stack[0]), scale * PriorSensitivity(model_, stack[0]));
    }
    if (model_.spec.tied_embeddings()) {
      const LogicalTensor& embedding = model_.tensors.Find(Role::kTokenEmbedding, -1)[0];
      sensitivities[GgufName(embedding)] += scale * PriorOfAll(Role::kOutput);
    }
  }

  void ShowProgress(int layer) {
    const uint64_t layers = model_.spec.layers_size(), tokens = windows_.ids.size();
    progress_.Update({.stage = absl::StrCat("sensitivities, layer ", layer + 1, "/", layers),
                      .detail = "",
                      .done = tokens * layer / layers,
                      .total = tokens,
                      .unit = "tok",
                      .device = LoadOf(*device_)});
  }

  const Model& model_;
  const Windows& windows_;
  const std::unique_ptr<MeasuredDevice> device_;
  RowBudget& budget_;
  Progress& progress_;
  std::vector<Run> runs_;
};

}  // namespace

absl::Status MeasureForFit(const Model& model, const CalibrationOptions& calibration, int threads, Progress& progress,
                           TypeOptions& types) {
  if (types.fit.bytes == 0 || calibration.texts.empty()) return absl::OkStatus();
  NIBBLE_RETURN_IF_ERROR(CheckFit(model, types));
  NIBBLE_ASSIGN_OR_RETURN(types.fit.sensitivities, MeasureSensitivities(model, calibration, threads, progress));
  return absl::OkStatus();
}

absl::StatusOr<std::map<std::string, double>> MeasureSensitivities(const Model& model,
                                                                   const CalibrationOptions& calibration, int threads,
                                                                   Progress& progress) {
  CalibrationTexts texts = calibration.texts;
  texts.chunks = texts.chunks == 0 ? kWindows : std::min(texts.chunks, kWindows);
  std::vector<std::string> warnings;  // of too little text for Hessians, which nothing here has
  NIBBLE_ASSIGN_OR_RETURN(const Windows windows,
                          CalibrationWindows(
                              model, texts, [](const LogicalTensor&) { return false; }, warnings));
  NIBBLE_ASSIGN_OR_RETURN(std::unique_ptr<MeasuredDevice> device,
                          MakeDevice({.device = texts.device, .threads = threads, .bf16 = true}));
  io::WorkFile file(*calibration.work.files, calibration.work.directory);
  const uint64_t working = Sequences::WorkingFloats(model, windows.length) * sizeof(float);
  RowBudget budget(calibration.work.BytesBeside(working), file);
  return Measurement(model, windows, std::move(device), budget, progress).Measure();
}

}  // namespace nibble
