#include "runtime/sequences.h"

#include <algorithm>
#include <optional>

#include "absl/strings/string_view.h"
#include "base/status.h"
#include "device/in_stage.h"
#include "runtime/embedding.h"
#include "runtime/experts.h"
#include "runtime/layer.h"
#include "runtime/row_store.h"
#include "runtime/weights.h"

namespace nibble {
namespace {

// Enough rows for the products to run at full speed; more would only take memory.
constexpr int64_t kBatchTokens = 2048;

// With the states on their way to the device and back.
constexpr absl::string_view kAttentionStage = "attention", kFeedForwardStage = "feed-forward",
                            kExpertsStage = "experts";

int64_t SequencesOfBatch(int64_t length) { return std::max<int64_t>(1, kBatchTokens / length); }

// On the device, while a layer runs.
int64_t FloatsOfToken(const Model& model) {
  return LayerPass::FloatsPerToken(model.spec) + 2 * model.spec.hidden_size();
}

}  // namespace

absl::StatusOr<Sequences> Sequences::Embed(Device& device, const Model& model, absl::Span<const uint32_t> ids,
                                           int64_t length, RowBudget* budget, int64_t beside, TextPart part) {
  const InStage stage(device, "embed");
  NIBBLE_ASSIGN_OR_RETURN(const Room room, FindRoom(device, model, length, beside));
  const int64_t width = model.spec.hidden_size(), batch = SequencesOfBatch(length) * length;
  NIBBLE_ASSIGN_OR_RETURN(RowStore states, RowStore::Create(ids.size(), width, budget));
  std::vector<float> rows;
  for (int64_t first = 0; first < states.rows(); first += batch) {
    const absl::Span<const uint32_t> some = ids.subspan(first, batch);
    rows.resize(some.size() * width);
    NIBBLE_RETURN_IF_ERROR(nibble::Embed(model, some, 0, length, device.threads(), absl::MakeSpan(rows)));
    NIBBLE_RETURN_IF_ERROR(states.Write(first, rows));
  }
  if (part.all == 0) part.all = ids.size() / length;
  return Sequences(device, model, length, room, part, std::move(states));
}

// By trying: what is free may be in pieces. Operations get as much as a layer's weights for what they need meanwhile:
// scores, copies in bf16, blocks on their way.
absl::StatusOr<Sequences::Room> Sequences::FindRoom(Device& device, const Model& model, int64_t length,
                                                    int64_t beside) {
  Room room = {SequencesOfBatch(length), /*ahead=*/true};
  if (device.is_host()) return Room{room.sequences, false};
  const int64_t layer = LargestLayer(model), of_sequence = length * FloatsOfToken(model);
  for (;; room.sequences = (room.sequences + 1) / 2) {
    const int64_t least = beside + 2 * layer + room.sequences * of_sequence;
    if (device.Allocate(least + layer).ok()) return room;
    room.ahead = false;
    const absl::Status fits = device.Allocate(least).status();
    if (fits.ok()) return room;
    if (!absl::IsResourceExhausted(fits) || room.sequences == 1) return fits;
  }
}

absl::Status Sequences::RunLayer(int layer) {
  NIBBLE_ASSIGN_OR_RETURN(const Weights weights, LoadLayer(layer));
  return RunPart(layer, Part::kWhole, weights, Outcome::kKept);
}

absl::StatusOr<Weights> Sequences::LoadLayer(int layer) {
  std::optional<WeightLoader::Place> next;
  if (layer + 1 < model_->spec.layers_size()) next = WeightLoader::Place{layer + 1};
  return loader_.Load({layer}, next);
}

absl::Status Sequences::RunPart(int layer, Part part, const Weights& weights, Outcome outcome) {
  return RunRange(layer, part, weights, outcome, 0, count());
}

absl::Status Sequences::RunBatch(int layer, Part part, const Weights& weights, Outcome outcome, int64_t batch) {
  const Range range = RangeOfBatch(batch);
  return RunRange(layer, part, weights, outcome, range.first, range.last);
}

int64_t Sequences::batches() const {
  const int64_t size = room_.sequences;
  if (part_.block == 0) return (count() + size - 1) / size;
  const int64_t last = count() % part_.block;
  return count() / part_.block * BatchesOfBlock() + (last + size - 1) / size;
}

int64_t Sequences::BatchesOfBlock() const {
  return part_.block == 0 ? batches() : (part_.block + room_.sequences - 1) / room_.sequences;
}

Sequences::Range Sequences::RangeOfBatch(int64_t batch) const {
  int64_t first = batch * room_.sequences;
  if (part_.block > 0) {
    first = batch / BatchesOfBlock() * part_.block + batch % BatchesOfBlock() * room_.sequences;
  }
  return {first, EndOfBatch(first)};
}

int64_t Sequences::EndOfBatch(int64_t first) const {
  const int64_t end = std::min(first + room_.sequences, count());
  return part_.block == 0 ? end : std::min(end, (first / part_.block + 1) * part_.block);
}

int64_t Sequences::TokensOfBatch(int64_t batch) const {
  const Range range = RangeOfBatch(batch);
  return (range.last - range.first) * length_;
}

absl::StatusOr<Sequences> Sequences::Copy() const {
  NIBBLE_ASSIGN_OR_RETURN(RowStore states, CopyFrom(0));
  return Sequences(*device_, *model_, length_, room_, part_, std::move(states));
}

absl::Status Sequences::KeepFrom(int64_t first) {
  NIBBLE_ASSIGN_OR_RETURN(states_, CopyFrom(first * length_));
  return absl::OkStatus();
}

absl::StatusOr<RowStore> Sequences::CopyFrom(int64_t first) const {
  const int64_t kept = tokens() - first, step = room_.sequences * length_;
  NIBBLE_ASSIGN_OR_RETURN(RowStore states, RowStore::Create(kept, states_.width(), states_.budget()));
  for (int64_t token = 0; token < kept; token += step) {
    NIBBLE_ASSIGN_OR_RETURN(const std::vector<float> rows, States(first + token, std::min(step, kept - token)));
    NIBBLE_RETURN_IF_ERROR(states.Write(token, rows));
  }
  return states;
}

absl::StatusOr<std::vector<float>> Sequences::States(int64_t first, int64_t count) const {
  std::vector<float> states(count * states_.width());
  NIBBLE_RETURN_IF_ERROR(states_.Read(first, absl::MakeSpan(states)));
  return states;
}

int64_t Sequences::count() const { return tokens() / length_; }

absl::Status Sequences::RunRange(int layer, Part part, const Weights& weights, Outcome outcome, int64_t first,
                                 int64_t last) {
  const Layer& spec = model_->spec.layers(layer);
  const int64_t width = model_->spec.hidden_size();
  // What experts are shown at once does not depend on which part of the text is here.
  const int64_t batch = std::min(room_.sequences, part_.all);
  const bool attention = part != Part::kFeedForward;
  const bool experts = spec.feed_forward().has_experts() && part != Part::kAttention;
  const bool dense = !spec.feed_forward().has_experts() && part != Part::kAttention;
  NIBBLE_ASSIGN_OR_RETURN(LayerPass pass, LayerPass::Create(*device_, model_->spec, batch * length_));
  if (attention || dense) {
    NIBBLE_ASSIGN_OR_RETURN(const Buffer buffer, device_->Allocate(batch * length_ * width));
    for (int64_t begin = first, end; begin < last; begin = end) {
      end = std::min(last, EndOfBatch(begin));
      const int64_t sequences = end - begin;
      const Matrix hidden = buffer.matrix(sequences * length_, width);
      const InStage begins(*device_, attention ? kAttentionStage : kFeedForwardStage);
      NIBBLE_ASSIGN_OR_RETURN(std::vector<float> states, States(begin * length_, hidden.rows));
      device_->Upload(states, hidden.data);
      if (attention) NIBBLE_RETURN_IF_ERROR(pass.RunAttention(spec, weights, sequences, hidden));
      const InStage ends(*device_, dense ? kFeedForwardStage : kAttentionStage);
      if (dense) pass.RunFeedForward(spec, weights, hidden);
      if (outcome == Outcome::kDropped) continue;
      NIBBLE_RETURN_IF_ERROR(device_->Download(hidden.data, absl::MakeSpan(states)));
      NIBBLE_RETURN_IF_ERROR(states_.Write(begin * length_, states));
    }
  }
  if (!experts) return absl::OkStatus();
  const InStage stage(*device_, kExpertsStage);
  LayerExperts of_layer(*device_, *model_, layer, room_.ahead);
  return pass.RunExperts(spec, weights, of_layer,
                         {.states = states_,
                          .first = first * length_,
                          .count = (last - first) * length_,
                          .block = part_.block * length_,
                          .changes = outcome == Outcome::kKept});
}

int64_t Sequences::TokensAtATime(int64_t length) { return SequencesOfBatch(length) * length; }

int64_t Sequences::WorkingFloats(const Model& model, int64_t length) {
  return LargestLayer(model) + TokensAtATime(length) * FloatsOfToken(model);
}

int64_t Sequences::FloatsPerToken(const Model& model) {
  const auto has_experts = [](const Layer& layer) { return layer.feed_forward().has_experts(); };
  const bool sums = std::any_of(model.spec.layers().begin(), model.spec.layers().end(), has_experts);
  return (sums ? 2 : 1) * int64_t{model.spec.hidden_size()};
}

}  // namespace nibble
