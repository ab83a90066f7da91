// The attention of one layer over a batch of sequences: from the normed input to what is added to the residual stream.
#ifndef NIBBLE_RUNTIME_ATTENTION_H_
#define NIBBLE_RUNTIME_ATTENTION_H_

#include <cstdint>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "device/device.h"
#include "model/model_spec.pb.h"
#include "runtime/weights.h"

namespace nibble {

// Columns of a layer's keys and values. Latent attention is computed in its plain form, a key and a value per head.
int64_t KeyWidth(const Attention& attention);
int64_t ValueWidth(const Attention& attention);

// The keys and values of one layer, for one sequence that grows.
struct LayerCache {
  Matrix key;        // [capacity, KeyWidth]
  Matrix value;      // [capacity, ValueWidth]
  int64_t past = 0;  // rows that are filled
};

// Holds the activations of a batch of at most `max_tokens` tokens. Used by one thread at a time; `device` and `spec`
// outlive it.
class AttentionPass {
 public:
  static absl::StatusOr<AttentionPass> Create(Device& device, const ModelSpec& spec, int64_t max_tokens);

  // Floats that Create allocates for each token.
  static int64_t FloatsPerToken(const ModelSpec& spec);

  // x, y [sequences * T, hidden_size]. Without a cache the sequences begin at position 0. With one there is one
  // sequence: its T tokens follow the `past` ones, and their keys and values are added behind those. REQUIRES: room in
  // the cache.
  absl::Status Run(const Attention& attention, const Weights& weights, int64_t sequences, ConstMatrix x,
                   const LayerCache* cache, Matrix y);

 private:
  // Of the tokens at hand; keys and values are rows of what the queries see.
  struct Projections {
    Matrix query, key, value;
  };

  AttentionPass(Device& device, const ModelSpec& spec) : device_(&device), spec_(&spec) {}

  // The three ways from the input to queries, keys and values.
  // False: the tap does without some of them.
  bool ProjectEach(const Weights& weights, ConstMatrix x, const Projections& to);
  bool ProjectFused(const Weights& weights, ConstMatrix x, const Projections& to);
  bool ProjectLatents(const Attention& attention, const Weights& weights, ConstMatrix x, const Projections& to);

  void NormHeads(const float* weight, float epsilon, int64_t heads, Matrix x);
  absl::Status Rotate(const Attention& attention, int64_t past, int64_t length, const Projections& projections);
  absl::Status ScaleQueries(const Temperature& temperature, int64_t past, int64_t length, Matrix query);

  Device* device_;
  const ModelSpec* spec_;
  Buffer query_, key_, value_, attended_;
  Buffer query_latent_, latent_, shared_key_, nope_key_;
};

}  // namespace nibble

#endif  // NIBBLE_RUNTIME_ATTENTION_H_
