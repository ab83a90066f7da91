#include "runtime/predictions.h"

#include <algorithm>
#include <utility>

#include "base/status.h"
#include "runtime/output_head.h"

namespace nibble {
namespace {

// Positions whose logits of one panel are there at a time.
constexpr int64_t kTileRows = 1024;

// One model's part of the comparison.
struct Side {
  OutputHead head;
  Buffer normed;  // [positions, hidden_size]
  int64_t width;  // hidden_size
  Buffer logits;  // [kTileRows, kPanelRows]
  std::vector<SoftmaxState> softmax;
  std::vector<DivergenceState> divergence;
};

absl::StatusOr<Side> MakeSide(Device& device, const PredictionInput& input, int64_t positions) {
  NIBBLE_ASSIGN_OR_RETURN(OutputHead head, OutputHead::Create(device, *input.model));
  NIBBLE_ASSIGN_OR_RETURN(Buffer normed, head.Normalize(input.hidden));
  NIBBLE_ASSIGN_OR_RETURN(Buffer logits, device.Allocate(kTileRows * OutputHead::kPanelRows));
  return Side{.head = std::move(head),
              .normed = std::move(normed),
              .width = input.model->spec.hidden_size(),
              .logits = std::move(logits),
              .softmax = std::vector<SoftmaxState>(positions),
              .divergence = std::vector<DivergenceState>(positions)};
}

// Takes columns [begin, end) of all positions into every side's states.
absl::Status TakePanel(Device& device, int64_t begin, int64_t end, absl::Span<const uint32_t> targets,
                       std::vector<Side>& sides) {
  const Operations& operations = device.operations();
  std::vector<ConstMatrix> panels;
  for (Side& side : sides) {
    NIBBLE_ASSIGN_OR_RETURN(const ConstMatrix panel, side.head.Panel(begin, end));
    panels.push_back(panel);
  }
  const int64_t positions = targets.size();
  for (int64_t first = 0; first < positions; first += kTileRows) {
    const int64_t rows = std::min(kTileRows, positions - first);
    for (size_t i = 0; i < sides.size(); ++i) {
      Side& side = sides[i];
      const ConstMatrix normed = side.normed.matrix(positions, side.width);
      const Matrix logits = side.logits.matrix(rows, end - begin);
      operations.matmul(device, normed.Rows(first, first + rows), panels[i], nullptr, logits);
      operations.accumulate_softmax(device, logits, begin, targets.subspan(first, rows),
                                    absl::MakeSpan(side.softmax).subspan(first, rows));
      if (i == 0) continue;
      operations.accumulate_divergence(device, sides[0].logits.matrix(rows, end - begin), logits,
                                       absl::MakeSpan(side.divergence).subspan(first, rows));
    }
  }
  return absl::OkStatus();
}

// A divergence is never negative: what rounding leaves below 0 is 0. A NaN stays.
double Divergence(const DivergenceState& state, const SoftmaxState& reference, const SoftmaxState& candidate) {
  const double value = state.sum / reference.sum - reference.LogSumExp() + candidate.LogSumExp();
  return value < 0 ? 0 : value;
}

Predictions Finish(const Side& side, const Side& reference) {
  Predictions predictions;
  for (size_t i = 0; i < side.softmax.size(); ++i) {
    const SoftmaxState& state = side.softmax[i];
    predictions.log_likelihood.push_back(state.target_value - state.LogSumExp());
    predictions.top.push_back(state.argmax);
    if (&side != &reference) {
      predictions.divergence.push_back(Divergence(side.divergence[i], reference.softmax[i], state));
    }
  }
  return predictions;
}

}  // namespace

void Append(const Predictions& more, Predictions& all) {
  const auto append = [](const auto& from, auto& to) { to.insert(to.end(), from.begin(), from.end()); };
  append(more.log_likelihood, all.log_likelihood);
  append(more.top, all.top);
  append(more.divergence, all.divergence);
}

absl::StatusOr<std::vector<Predictions>> Predict(Device& device, std::vector<PredictionInput> inputs,
                                                 absl::Span<const uint32_t> targets) {
  const int64_t vocabulary = inputs[0].model->spec.vocab_size();
  std::vector<Side> sides;
  for (PredictionInput& input : inputs) {
    NIBBLE_ASSIGN_OR_RETURN(Side side, MakeSide(device, input, targets.size()));
    sides.push_back(std::move(side));
    input.hidden = {};  // normed is on the device now
  }
  for (int64_t begin = 0; begin < vocabulary; begin += OutputHead::kPanelRows) {
    NIBBLE_RETURN_IF_ERROR(
        TakePanel(device, begin, std::min(begin + OutputHead::kPanelRows, vocabulary), targets, sides));
  }
  std::vector<Predictions> predictions;
  for (const Side& side : sides) predictions.push_back(Finish(side, sides[0]));
  return predictions;
}

int64_t PredictionFloats(const Model& model) { return OutputHead::kPanelRows * (kTileRows + model.spec.hidden_size()); }

}  // namespace nibble
