#include "runtime/layer.h"

#include "base/status.h"
#include "runtime/norm.h"

namespace nibble {

absl::StatusOr<LayerPass> LayerPass::Create(Device& device, const ModelSpec& spec, int64_t max_tokens) {
  NIBBLE_ASSIGN_OR_RETURN(AttentionPass attention, AttentionPass::Create(device, spec, max_tokens));
  NIBBLE_ASSIGN_OR_RETURN(FeedForwardPass feed_forward, FeedForwardPass::Create(device, spec, max_tokens));
  LayerPass pass(device, spec, std::move(attention), std::move(feed_forward), max_tokens);
  NIBBLE_ASSIGN_OR_RETURN(pass.normed_, device.Allocate(max_tokens * spec.hidden_size()));
  NIBBLE_ASSIGN_OR_RETURN(pass.projected_, device.Allocate(max_tokens * spec.hidden_size()));
  return pass;
}

int64_t LayerPass::FloatsPerToken(const ModelSpec& spec) {
  return 2 * int64_t{spec.hidden_size()} + AttentionPass::FloatsPerToken(spec) + FeedForwardPass::FloatsPerToken(spec);
}

absl::Status LayerPass::RunAttention(const Layer& layer, const Weights& weights, int64_t sequences, Matrix hidden,
                                     const LayerCache* cache) {
  const Matrix x = Normed(weights, Role::kAttentionNorm, Role::kAttentionNormBias, hidden);
  const Matrix y = projected_.matrix(hidden.rows, hidden.cols);
  NIBBLE_RETURN_IF_ERROR(attention_.Run(layer.attention(), weights, sequences, x, cache, y));
  AddTo(hidden, weights, Role::kPostAttentionNorm, y);
  return absl::OkStatus();
}

void LayerPass::RunFeedForward(const Layer& layer, const Weights& weights, Matrix hidden) {
  const Matrix x = Normed(weights, Role::kFeedForwardNorm, Role::kFeedForwardNormBias, hidden);
  const Matrix y = projected_.matrix(hidden.rows, hidden.cols);
  feed_forward_.Run(layer.feed_forward(), weights, kDense, x, y);
  AddTo(hidden, weights, Role::kPostFeedForwardNorm, y);
}

absl::Status LayerPass::RunExperts(const Layer& layer, const Weights& weights, LayerExperts& experts,
                                   const ExpertsTokens& tokens) {
  return nibble::RunExperts(*device_, *spec_, layer.feed_forward(), weights, experts,
                            {feed_forward_, normed_, projected_, max_tokens_}, tokens);
}

Matrix LayerPass::Normed(const Weights& weights, Role weight, Role bias, ConstMatrix hidden) const {
  const Matrix x = normed_.matrix(hidden.rows, hidden.cols);
  Normalize(*device_, spec_->norm(), weights.vector(weight), weights.vector(bias), hidden, x);
  return x;
}

void LayerPass::AddTo(Matrix hidden, const Weights& weights, Role post_norm, Matrix y) const {
  if (const float* weight = weights.vector(post_norm); weight != nullptr) {
    Normalize(*device_, spec_->norm(), weight, nullptr, y, y);
  }
  device_->operations().add(*device_, y, hidden);
}

}  // namespace nibble
