#include "converters/dims.h"

#include <algorithm>

namespace nibble {

int LayerCount(const ModelSpec& spec) { return spec.layers_size() + spec.prediction_layers_size(); }

const Layer& LayerOf(const ModelSpec& spec, int layer) {
  return layer < spec.layers_size() ? spec.layers(layer) : spec.prediction_layers(layer - spec.layers_size());
}

int64_t Length(Dim dim, const ModelSpec& spec, int layer) {
  const Attention& attention = LayerOf(spec, std::max(layer, 0)).attention();
  const FeedForward& feed_forward = LayerOf(spec, std::max(layer, 0)).feed_forward();
  const int64_t heads = attention.heads();
  const int64_t kv_heads = attention.kv_heads();
  switch (dim) {
    case Dim::kNone:
      return 1;
    case Dim::kVocab:
      return spec.vocab_size();
    case Dim::kHidden:
      return spec.hidden_size();
    case Dim::kTwiceHidden:
      return 2 * int64_t{spec.hidden_size()};
    case Dim::kContext:
      return spec.context_length();
    case Dim::kHeads:
      return heads;
    case Dim::kQueries:
      return heads * attention.key_length();
    case Dim::kKeys:
      return kv_heads * attention.key_length();
    case Dim::kValues:
      return kv_heads * attention.value_length();
    case Dim::kQueryKeyValues:
      return heads * attention.key_length() + kv_heads * (attention.key_length() + attention.value_length());
    case Dim::kAttended:
      return heads * attention.value_length();
    case Dim::kKeyLength:
      return attention.key_length();
    case Dim::kValueLength:
      return attention.value_length();
    case Dim::kQueryRank:
      return attention.latent().query_rank();
    case Dim::kKeyValueRank:
      return attention.latent().key_value_rank();
    case Dim::kKeyValueRankAndRope:
      return int64_t{attention.latent().key_value_rank()} + attention.rope().dimensions();
    case Dim::kNope:
      return int64_t{attention.key_length()} - attention.rope().dimensions();
    case Dim::kFeedForward:
      return feed_forward.length();
    case Dim::kExperts:
      return feed_forward.experts().count();
    case Dim::kExpertLength:
      return feed_forward.experts().length();
    case Dim::kSharedLength:
      return feed_forward.experts().shared_length();
  }
  return 0;
}

bool AppliesTo(Role role, const Layer& layer) {
  const bool has_experts = layer.feed_forward().has_experts();
  const bool is_latent = layer.attention().has_latent();
  switch (role) {
    case Role::kGate:
    case Role::kGateBias:
    case Role::kUp:
    case Role::kUpBias:
    case Role::kDown:
    case Role::kDownBias:
      return !has_experts;
    case Role::kRouter:
    case Role::kRouterBias:
    case Role::kExpertSelectionBias:
      return has_experts;
    case Role::kSharedGate:
    case Role::kSharedUp:
    case Role::kSharedDown:
      return has_experts && layer.feed_forward().experts().shared_length() > 0;
    case Role::kQuery:
    case Role::kQueryBias:
      return layer.attention().latent().query_rank() == 0;
    case Role::kQueryA:
    case Role::kQueryANorm:
    case Role::kQueryB:
      return layer.attention().latent().query_rank() > 0;
    case Role::kKeyValueA:
    case Role::kKeyValueANorm:
    case Role::kKeyB:
    case Role::kValueB:
      return is_latent;
    case Role::kPredictionProjection:
    case Role::kPredictionEmbeddingNorm:
    case Role::kPredictionHiddenNorm:
    case Role::kPredictionEmbedding:
    case Role::kPredictionOutput:
    case Role::kPredictionOutputNorm:
      return layer.is_prediction();
    default:
      return !GetRole(role).is_expert || has_experts;
  }
}

int64_t SliceCount(Role role, const Layer& layer) {
  if (GetRole(role).is_expert) return layer.feed_forward().experts().count();
  if (role == Role::kKeyB || role == Role::kValueB) return layer.attention().heads();
  return 0;
}

}  // namespace nibble
