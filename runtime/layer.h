// One layer's forward pass over a batch of sequences.
#ifndef NIBBLE_RUNTIME_LAYER_H_
#define NIBBLE_RUNTIME_LAYER_H_

#include <cstdint>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "device/device.h"
#include "model/model_spec.pb.h"
#include "model/role.h"
#include "runtime/weights.h"

namespace nibble {

// The keys and values of one layer, for one sequence that grows.
struct LayerCache {
  Matrix key;        // [capacity, kv_heads * key_length]
  Matrix value;      // [capacity, kv_heads * value_length]
  int64_t past = 0;  // rows that are filled
};

// Holds the activations of a batch of at most `max_tokens` tokens. Used by one thread at a time; `device` and `spec`
// outlive it.
class LayerForward {
 public:
  static absl::StatusOr<LayerForward> Create(Device& device, const ModelSpec& spec, int64_t max_tokens);

  // Floats that Create allocates for each token.
  static int64_t FloatsPerToken(const ModelSpec& spec);

  // hidden [sequences * T, hidden_size] becomes the layer's output. Without a cache the sequences begin at position 0.
  // With one there is one sequence: its T tokens follow the `past` ones, and their keys and values are added behind
  // those. REQUIRES: room in the cache.
  absl::Status Run(const Layer& layer, const LayerWeights& weights, int64_t sequences, Matrix hidden,
                   const LayerCache* cache = nullptr);

 private:
  LayerForward(Device& device, const ModelSpec& spec) : device_(&device), spec_(&spec) {}

  absl::Status RunAttention(const Attention& attention, const LayerWeights& weights, int64_t sequences, Matrix hidden,
                            const LayerCache* cache);
  void RunFeedForward(const FeedForward& feed_forward, const LayerWeights& weights, Matrix hidden);
  // Every product with a weight of the layer: a tap on what linears see goes here.
  void Linear(const LayerWeights& weights, Role role, const float* bias, ConstMatrix x, Matrix y) const;
  Matrix Normed(const LayerWeights& weights, Role role, ConstMatrix hidden) const;

  Device* device_;
  const ModelSpec* spec_;
  Buffer normed_, query_, key_, value_, attended_, gate_, up_, projected_;
};

}  // namespace nibble

#endif  // NIBBLE_RUNTIME_LAYER_H_
