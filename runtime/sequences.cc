#include "runtime/sequences.h"

#include <algorithm>

#include "base/status.h"
#include "runtime/embedding.h"
#include "runtime/experts.h"
#include "runtime/layer.h"
#include "runtime/weights.h"

namespace nibble {
namespace {

// Enough rows for the products to run at full speed; more would only take memory.
constexpr int64_t kBatchTokens = 2048;

int64_t SequencesOfBatch(int64_t length) { return std::max<int64_t>(1, kBatchTokens / length); }

}  // namespace

absl::StatusOr<Sequences> Sequences::Embed(Device& device, const Model& model, absl::Span<const uint32_t> ids,
                                           int64_t length) {
  Sequences sequences(device, model, length);
  sequences.states_.resize(ids.size() * model.spec.hidden_size());
  NIBBLE_RETURN_IF_ERROR(nibble::Embed(model, ids, 0, length, device.threads(), absl::MakeSpan(sequences.states_)));
  return sequences;
}

absl::Status Sequences::RunLayer(int layer) {
  NIBBLE_ASSIGN_OR_RETURN(const Weights weights, Weights::OfLayer(*device_, *model_, layer));
  return RunPart(layer, Part::kWhole, weights, Outcome::kKept);
}

absl::Status Sequences::RunPart(int layer, Part part, const Weights& weights, Outcome outcome) {
  return RunRange(layer, part, weights, outcome, 0, count());
}

absl::Status Sequences::RunBatch(int layer, Part part, const Weights& weights, Outcome outcome, int64_t batch) {
  const int64_t size = SequencesOfBatch(length_);
  return RunRange(layer, part, weights, outcome, batch * size, std::min((batch + 1) * size, count()));
}

int64_t Sequences::batches() const {
  const int64_t size = SequencesOfBatch(length_);
  return (count() + size - 1) / size;
}

int64_t Sequences::TokensOfBatch(int64_t batch) const {
  const int64_t size = SequencesOfBatch(length_);
  return (std::min((batch + 1) * size, count()) - batch * size) * length_;
}

void Sequences::KeepFrom(int64_t first) {
  states_.erase(states_.begin(), states_.begin() + first * length_ * model_->spec.hidden_size());
  states_.shrink_to_fit();
}

int64_t Sequences::count() const { return states_.size() / (length_ * model_->spec.hidden_size()); }

absl::Status Sequences::RunRange(int layer, Part part, const Weights& weights, Outcome outcome, int64_t first,
                                 int64_t last) {
  const Layer& spec = model_->spec.layers(layer);
  const int64_t width = model_->spec.hidden_size(), row = length_ * width;
  const int64_t batch = std::min(SequencesOfBatch(length_), last - first);
  const bool attention = part != Part::kFeedForward;
  const bool experts = spec.feed_forward().has_experts() && part != Part::kAttention;
  const bool dense = !spec.feed_forward().has_experts() && part != Part::kAttention;
  NIBBLE_ASSIGN_OR_RETURN(LayerPass pass, LayerPass::Create(*device_, model_->spec, batch * length_));
  if (attention || dense) {
    NIBBLE_ASSIGN_OR_RETURN(const Buffer buffer, device_->Allocate(batch * row));
    for (int64_t begin = first; begin < last; begin += batch) {
      const int64_t sequences = std::min(batch, last - begin);
      const Matrix hidden = buffer.matrix(sequences * length_, width);
      const absl::Span<float> states = absl::MakeSpan(states_).subspan(begin * row, sequences * row);
      device_->Upload(states, hidden.data);
      if (attention) NIBBLE_RETURN_IF_ERROR(pass.RunAttention(spec, weights, sequences, hidden));
      if (dense) pass.RunFeedForward(spec, weights, hidden);
      if (outcome == Outcome::kKept) NIBBLE_RETURN_IF_ERROR(device_->Download(hidden.data, states));
    }
  }
  if (!experts) return absl::OkStatus();
  LayerExperts of_layer(*device_, *model_, layer);
  const absl::Span<float> states = absl::MakeSpan(states_).subspan(first * row, (last - first) * row);
  if (outcome == Outcome::kKept) return pass.RunExperts(spec, weights, of_layer, states);
  std::vector<float> copy(states.begin(), states.end());
  return pass.RunExperts(spec, weights, of_layer, absl::MakeSpan(copy));
}

int64_t Sequences::WorkingFloats(const Model& model, int64_t length) {
  return LargestLayer(model) +
         SequencesOfBatch(length) * length * (LayerPass::FloatsPerToken(model.spec) + model.spec.hidden_size());
}

int64_t Sequences::FloatsPerToken(const Model& model) {
  const auto has_experts = [](const Layer& layer) { return layer.feed_forward().has_experts(); };
  const bool sums = std::any_of(model.spec.layers().begin(), model.spec.layers().end(), has_experts);
  return (sums ? 2 : 1) * int64_t{model.spec.hidden_size()};
}

}  // namespace nibble
