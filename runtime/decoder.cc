#include "runtime/decoder.h"

#include <algorithm>
#include <cassert>
#include <utility>

#include "base/status.h"
#include "runtime/embedding.h"
#include "runtime/row_store.h"

namespace nibble {
namespace {

// A long prompt goes through the layers in pieces of this many tokens.
constexpr int64_t kPieceTokens = 512;

}  // namespace

absl::StatusOr<Decoder> Decoder::Create(Device& device, const Model& model, int64_t capacity, Residency residency) {
  NIBBLE_ASSIGN_OR_RETURN(LayerPass pass, LayerPass::Create(device, model.spec, std::min(capacity, kPieceTokens)));
  NIBBLE_ASSIGN_OR_RETURN(OutputHead head, OutputHead::Create(device, model, residency));
  Decoder decoder(device, model, std::move(pass), std::move(head));
  decoder.capacity_ = capacity;
  for (int layer = 0; layer < model.spec.layers_size(); ++layer) {
    const Attention& attention = model.spec.layers(layer).attention();
    Cache cache;
    NIBBLE_ASSIGN_OR_RETURN(cache.key, device.Allocate(capacity * KeyWidth(attention)));
    NIBBLE_ASSIGN_OR_RETURN(cache.value, device.Allocate(capacity * ValueWidth(attention)));
    decoder.caches_.push_back(std::move(cache));
    if (residency == Residency::kStreamed) continue;
    KeptLayer kept = {{}, LayerExperts(device, model, layer)};
    NIBBLE_ASSIGN_OR_RETURN(kept.weights, Weights::OfLayer(device, model, layer));
    NIBBLE_RETURN_IF_ERROR(kept.experts.Keep());
    decoder.layers_.push_back(std::move(kept));
  }
  return decoder;
}

absl::StatusOr<std::vector<float>> Decoder::Append(absl::Span<const uint32_t> ids) {
  assert(!ids.empty() && size_ + static_cast<int64_t>(ids.size()) <= capacity_);
  std::vector<float> last;
  for (; !ids.empty(); ids.remove_prefix(std::min<size_t>(kPieceTokens, ids.size()))) {
    NIBBLE_ASSIGN_OR_RETURN(last, RunLayers(ids.subspan(0, kPieceTokens)));
  }
  NIBBLE_ASSIGN_OR_RETURN(const Buffer normed, head_.Normalize(last));
  std::vector<float> logits(model_->spec.vocab_size());
  NIBBLE_RETURN_IF_ERROR(head_.Logits(normed.matrix(1, last.size()), absl::MakeSpan(logits)));
  return logits;
}

absl::StatusOr<std::vector<float>> Decoder::RunLayers(absl::Span<const uint32_t> ids) {
  const int64_t width = model_->spec.hidden_size();
  std::vector<float> states(ids.size() * width);
  NIBBLE_RETURN_IF_ERROR(Embed(*model_, ids, size_, ids.size(), device_->threads(), absl::MakeSpan(states)));
  NIBBLE_ASSIGN_OR_RETURN(const Buffer buffer, device_->Allocate(states.size()));
  device_->Upload(states, buffer.data());
  const Matrix hidden = buffer.matrix(ids.size(), width);
  for (int layer = 0; layer < model_->spec.layers_size(); ++layer) {
    if (!layers_.empty()) {
      NIBBLE_RETURN_IF_ERROR(RunLayer(layer, layers_[layer].weights, layers_[layer].experts, hidden));
      continue;
    }
    NIBBLE_ASSIGN_OR_RETURN(const Weights weights, Weights::OfLayer(*device_, *model_, layer));
    LayerExperts experts(*device_, *model_, layer);
    NIBBLE_RETURN_IF_ERROR(RunLayer(layer, weights, experts, hidden));
  }
  size_ += ids.size();
  std::vector<float> last(width);
  NIBBLE_RETURN_IF_ERROR(device_->Download(hidden.row(hidden.rows - 1), absl::MakeSpan(last)));
  return last;
}

absl::Status Decoder::RunLayer(int layer, const Weights& weights, LayerExperts& experts, Matrix hidden) {
  const Layer& spec = model_->spec.layers(layer);
  const Cache& cache = caches_[layer];
  const LayerCache view = {cache.key.matrix(capacity_, KeyWidth(spec.attention())),
                           cache.value.matrix(capacity_, ValueWidth(spec.attention())), size_};
  NIBBLE_RETURN_IF_ERROR(pass_.RunAttention(spec, weights, 1, hidden, &view));
  if (!spec.feed_forward().has_experts()) {
    pass_.RunFeedForward(spec, weights, hidden);
    return absl::OkStatus();
  }
  std::vector<float> states(hidden.rows * hidden.cols);
  NIBBLE_RETURN_IF_ERROR(device_->Download(hidden.data, absl::MakeSpan(states)));
  NIBBLE_ASSIGN_OR_RETURN(RowStore rows, RowStore::Create(hidden.rows, hidden.cols, nullptr));
  NIBBLE_RETURN_IF_ERROR(rows.Write(0, states));
  NIBBLE_RETURN_IF_ERROR(pass_.RunExperts(spec, weights, experts, {rows, 0, hidden.rows}));
  NIBBLE_RETURN_IF_ERROR(rows.Read(0, absl::MakeSpan(states)));
  device_->Upload(states, hidden.data);
  return absl::OkStatus();
}

}  // namespace nibble
