// One layer's forward pass over a batch of sequences.
#ifndef NIBBLE_RUNTIME_LAYER_H_
#define NIBBLE_RUNTIME_LAYER_H_

#include <cstdint>
#include <utility>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "device/device.h"
#include "model/model_spec.pb.h"
#include "model/role.h"
#include "runtime/attention.h"
#include "runtime/experts.h"
#include "runtime/feed_forward.h"
#include "runtime/weights.h"

namespace nibble {

// Holds the activations of a batch of at most `max_tokens` tokens. A layer is attention, then the feed-forward part:
// RunFeedForward, or RunExperts where the layer has experts. Used by one thread at a time; `device` and `spec` outlive
// it.
class LayerPass {
 public:
  static absl::StatusOr<LayerPass> Create(Device& device, const ModelSpec& spec, int64_t max_tokens);

  // Floats that Create allocates for each token.
  static int64_t FloatsPerToken(const ModelSpec& spec);

  // hidden [sequences * T, hidden_size]; sequences and cache as AttentionPass::Run has them.
  absl::Status RunAttention(const Layer& layer, const Weights& weights, int64_t sequences, Matrix hidden,
                            const LayerCache* cache = nullptr);
  void RunFeedForward(const Layer& layer, const Weights& weights, Matrix hidden);
  absl::Status RunExperts(const Layer& layer, const Weights& weights, LayerExperts& experts,
                          const ExpertsTokens& tokens);

 private:
  LayerPass(Device& device, const ModelSpec& spec, AttentionPass attention, FeedForwardPass feed_forward,
            int64_t max_tokens)
      : device_(&device),
        spec_(&spec),
        attention_(std::move(attention)),
        feed_forward_(std::move(feed_forward)),
        max_tokens_(max_tokens) {}

  Matrix Normed(const Weights& weights, Role weight, Role bias, ConstMatrix hidden) const;
  // hidden += y, behind the norm if the layer has it.
  void AddTo(Matrix hidden, const Weights& weights, Role post_norm, Matrix y) const;

  Device* device_;
  const ModelSpec* spec_;
  AttentionPass attention_;
  FeedForwardPass feed_forward_;
  int64_t max_tokens_;
  Buffer normed_, projected_;
};

}  // namespace nibble

#endif  // NIBBLE_RUNTIME_LAYER_H_
