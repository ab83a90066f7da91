#include "converters/decoder.h"

#include <cmath>
#include <cstdint>
#include <string>

#include "absl/strings/str_cat.h"
#include "model/role.h"

namespace nibble {
namespace {

void SetAttention(const Fields& fields, Rope::Pairing pairing, const ResolvedRope& resolved, Attention& attention) {
  const uint32_t key_length = fields.Uint(Field::kKeyLength);
  const uint32_t rope_dimensions = fields.Uint(Field::kRopeDimensions);
  attention.set_heads(fields.Uint(Field::kHeads));
  attention.set_kv_heads(fields.Uint(Field::kKvHeads));
  attention.set_key_length(key_length);
  attention.set_value_length(fields.Uint(Field::kValueLength));
  attention.set_scale(1.0f / std::sqrt(static_cast<float>(key_length)));
  attention.set_window(fields.Uint(Field::kWindow));
  Rope& rope = *attention.mutable_rope();
  rope.set_pairing(pairing);
  rope.set_dimensions(rope_dimensions != 0 ? rope_dimensions : key_length);
  rope.set_base(static_cast<float>(fields[Field::kRopeBase]));
  resolved.CopyTo(rope);
}

void SetFeedForward(const Fields& fields, FeedForward& feed_forward) {
  feed_forward.set_length(fields.Uint(Field::kFeedForward));
  feed_forward.set_activation(FeedForward::SWIGLU);
  if (fields[Field::kExperts] == 0) return;
  Experts& experts = *feed_forward.mutable_experts();
  experts.set_count(fields.Uint(Field::kExperts));
  experts.set_used(fields.Uint(Field::kExpertsUsed));
  experts.set_length(fields.Uint(Field::kExpertLength));
}

}  // namespace

double Zero(const Fields&) { return 0; }
double One(const Fields&) { return 1; }
double AsHeads(const Fields& fields) { return fields[Field::kHeads]; }
double AsKeyLength(const Fields& fields) { return fields[Field::kKeyLength]; }
double HeadLength(const Fields& fields) { return fields[Field::kHiddenSize] / fields[Field::kHeads]; }
double DefaultRopeBase(const Fields&) { return 10'000; }

absl::Status CheckHeads(const Fields& fields) {
  const double key_length = fields[Field::kKeyLength];
  if (key_length != std::floor(key_length)) {
    return fields.Error(Field::kHeads, absl::StrCat("a divisor of the hidden size ", fields[Field::kHiddenSize]));
  }
  if (fields.Uint(Field::kHeads) % fields.Uint(Field::kKvHeads) != 0) {
    return fields.Error(Field::kKvHeads, absl::StrCat("a divisor of the ", fields[Field::kHeads], " heads"));
  }
  if (fields.Uint(Field::kKeyLength) % 2 != 0) return fields.Error(Field::kKeyLength, "an even head length");
  if (fields[Field::kValueLength] != key_length) {
    return fields.Error(Field::kValueLength, absl::StrCat("the head length ", key_length));
  }
  if (fields[Field::kExpertsUsed] > fields[Field::kExperts]) {
    return fields.Error(Field::kExpertsUsed, absl::StrCat("at most the ", fields[Field::kExperts], " experts"));
  }
  return absl::OkStatus();
}

ModelSpec UniformSpec(const Identity& identity, const Fields& fields, Rope::Pairing pairing, const ResolvedRope& rope) {
  ModelSpec spec;
  spec.set_family(std::string(identity.family));
  spec.set_architecture(std::string(identity.architecture));
  spec.set_vocab_size(fields.Uint(Field::kVocabSize));
  spec.set_hidden_size(fields.Uint(Field::kHiddenSize));
  spec.set_context_length(fields.Uint(Field::kContextLength));
  spec.set_tied_embeddings(identity.tied);
  spec.mutable_norm()->set_epsilon(static_cast<float>(fields[Field::kNormEpsilon]));
  *spec.mutable_rope_scaling() = rope.scaling;
  Layer layer;
  SetAttention(fields, pairing, rope, *layer.mutable_attention());
  SetFeedForward(fields, *layer.mutable_feed_forward());
  for (uint32_t i = 0; i < fields.Uint(Field::kLayers); ++i) *spec.add_layers() = layer;
  return spec;
}

Fields UniformFields(const ModelSpec& spec) {
  const Attention& attention = spec.layers(0).attention();
  Fields fields;
  fields.Set(Field::kLayers, spec.layers_size());
  fields.Set(Field::kContextLength, spec.context_length());
  fields.Set(Field::kHiddenSize, spec.hidden_size());
  fields.Set(Field::kHeads, attention.heads());
  fields.Set(Field::kKvHeads, attention.kv_heads());
  fields.Set(Field::kRopeBase, attention.rope().base());
  fields.Set(Field::kNormEpsilon, spec.norm().epsilon());
  fields.Set(Field::kKeyLength, attention.key_length());
  fields.Set(Field::kValueLength, attention.value_length());
  fields.Set(Field::kVocabSize, spec.vocab_size());
  fields.Set(Field::kRopeDimensions, attention.rope().dimensions());
  fields.Set(Field::kWindow, attention.window());
  fields.Set(Field::kFeedForward, spec.layers(0).feed_forward().length());
  for (const Layer& layer : spec.layers()) {
    const FeedForward& feed_forward = layer.feed_forward();
    if (feed_forward.has_experts() && fields[Field::kExperts] == 0) {
      fields.Set(Field::kExperts, feed_forward.experts().count());
      fields.Set(Field::kExpertsUsed, feed_forward.experts().used());
      fields.Set(Field::kExpertLength, feed_forward.experts().length());
    }
  }
  return fields;
}

bool IsTied(const TensorSource& source) { return source.Find(GetRole(Role::kOutput).gguf_name) == nullptr; }

uint32_t EmbeddingRows(const TensorSource& source) {
  const StoredTensor* embedding = source.Find(GetRole(Role::kTokenEmbedding).gguf_name);
  return embedding != nullptr && embedding->shape.size() == 2 ? static_cast<uint32_t>(embedding->shape[0]) : 0;
}

}  // namespace nibble
