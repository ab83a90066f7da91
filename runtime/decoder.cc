#include "runtime/decoder.h"

#include <algorithm>
#include <cassert>
#include <utility>

#include "base/status.h"
#include "runtime/embedding.h"

namespace nibble {
namespace {

// A long prompt goes through the layers in pieces of this many tokens.
constexpr int64_t kPieceTokens = 512;

}  // namespace

absl::StatusOr<Decoder> Decoder::Create(Device& device, const Model& model, int64_t capacity, Residency residency) {
  NIBBLE_ASSIGN_OR_RETURN(LayerForward forward,
                          LayerForward::Create(device, model.spec, std::min(capacity, kPieceTokens)));
  NIBBLE_ASSIGN_OR_RETURN(OutputHead head, OutputHead::Create(device, model, residency));
  Decoder decoder(device, model, std::move(forward), std::move(head));
  decoder.capacity_ = capacity;
  for (int layer = 0; layer < model.spec.layers_size(); ++layer) {
    const Attention& attention = model.spec.layers(layer).attention();
    Cache cache;
    NIBBLE_ASSIGN_OR_RETURN(cache.key, device.Allocate(capacity * attention.kv_heads() * attention.key_length()));
    NIBBLE_ASSIGN_OR_RETURN(cache.value, device.Allocate(capacity * attention.kv_heads() * attention.value_length()));
    decoder.caches_.push_back(std::move(cache));
    if (residency == Residency::kStreamed) continue;
    NIBBLE_ASSIGN_OR_RETURN(LayerWeights weights, LayerWeights::Load(device, model, layer));
    decoder.weights_.push_back(std::move(weights));
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
  NIBBLE_RETURN_IF_ERROR(GatherEmbeddings(*model_, ids, device_->threads(), absl::MakeSpan(states)));
  NIBBLE_ASSIGN_OR_RETURN(const Buffer buffer, device_->Allocate(states.size()));
  device_->Upload(states, buffer.data());
  const Matrix hidden = buffer.matrix(ids.size(), width);
  for (int layer = 0; layer < model_->spec.layers_size(); ++layer) {
    if (!weights_.empty()) {
      NIBBLE_RETURN_IF_ERROR(RunLayer(layer, weights_[layer], hidden));
      continue;
    }
    NIBBLE_ASSIGN_OR_RETURN(const LayerWeights weights, LayerWeights::Load(*device_, *model_, layer));
    NIBBLE_RETURN_IF_ERROR(RunLayer(layer, weights, hidden));
  }
  size_ += ids.size();
  std::vector<float> last(width);
  NIBBLE_RETURN_IF_ERROR(device_->Download(hidden.row(hidden.rows - 1), absl::MakeSpan(last)));
  return last;
}

absl::Status Decoder::RunLayer(int layer, const LayerWeights& weights, Matrix hidden) {
  const Layer& spec = model_->spec.layers(layer);
  const Cache& cache = caches_[layer];
  const int64_t kv_heads = spec.attention().kv_heads();
  const LayerCache view = {cache.key.matrix(capacity_, kv_heads * spec.attention().key_length()),
                           cache.value.matrix(capacity_, kv_heads * spec.attention().value_length()), size_};
  return forward_.Run(spec, weights, 1, hidden, &view);
}

}  // namespace nibble
