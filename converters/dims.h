// The lengths that a spec gives to tensors, and which layers have which tensors.
#ifndef NIBBLE_CONVERTERS_DIMS_H_
#define NIBBLE_CONVERTERS_DIMS_H_

#include <cstdint>

#include "model/model_spec.pb.h"
#include "model/role.h"

namespace nibble {

// A length that follows from the spec.
enum class Dim : uint8_t {
  kNone,  // of a vector: no second axis
  kVocab,
  kHidden,
  kTwiceHidden,
  kContext,
  // attention
  kHeads,
  kQueries,         // heads * key_length
  kKeys,            // kv_heads * key_length
  kValues,          // kv_heads * value_length
  kQueryKeyValues,  // of queries, keys and values behind one another
  kAttended,        // heads * value_length
  kKeyLength,
  kValueLength,
  // latent attention
  kQueryRank,
  kKeyValueRank,
  kKeyValueRankAndRope,  // the latent, and the rope part that all heads' keys share
  kNope,                 // of a head's key: what rope leaves alone
  // feed-forward
  kFeedForward,
  kExperts,
  kExpertLength,
  kSharedLength,
};

// How many layers have tensors: those for prediction are numbered behind the others.
int LayerCount(const ModelSpec& spec);
const Layer& LayerOf(const ModelSpec& spec, int layer);

// `layer` -1: of the whole model.
int64_t Length(Dim dim, const ModelSpec& spec, int layer);

// Whether a layer of this kind has a tensor of this role: dense layers have no experts, layers with experts no dense
// gate, up and down, and so on.
bool AppliesTo(Role role, const Layer& layer);

// How many slices the GGUF tensor of this role consists of (experts; heads); 0: it is not sliced.
int64_t SliceCount(Role role, const Layer& layer);

}  // namespace nibble

#endif  // NIBBLE_CONVERTERS_DIMS_H_
