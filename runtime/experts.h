// A mixture of experts: every token is routed to a few experts, and each expert sees its tokens at once.
#ifndef NIBBLE_RUNTIME_EXPERTS_H_
#define NIBBLE_RUNTIME_EXPERTS_H_

#include <cstdint>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "device/device.h"
#include "model/model.h"
#include "model/model_spec.pb.h"
#include "runtime/feed_forward.h"
#include "runtime/row_store.h"
#include "runtime/weight_loader.h"
#include "runtime/weights.h"

namespace nibble {

// The weights of one layer's experts: read when they are asked for, or before that, and dropped for the next one.
// `device` and `model` outlive it.
class LayerExperts {
 public:
  // `ahead`: there is room for the next expert beside the one that was asked for.
  LayerExperts(Device& device, const Model& model, int layer, bool ahead = false)
      : device_(&device), model_(&model), layer_(layer), loader_(device, model, ahead) {}

  // Reads all of them, and keeps them from now on.
  absl::Status Keep();
  // Valid until the next call.
  absl::StatusOr<Weights*> Get(int expert);

 private:
  Device* device_;
  const Model* model_;
  int layer_;
  std::vector<Weights> kept_;
  WeightLoader loader_;
  Weights last_;
};

// Lent by the layer's pass: room for blocks of at most `tokens` tokens.
struct ExpertsWorkspace {
  FeedForwardPass& pass;
  const Buffer& input;   // [tokens, hidden_size]
  const Buffer& output;  // the same
  int64_t tokens;
};

// Hidden states [first, first + count) of `states`.
struct ExpertsTokens {
  RowStore& states;
  int64_t first, count;
  int64_t block = 0;    // routed by pieces that go over no multiple of so many tokens of the run; 0: no matter
  bool changes = true;  // else they stay as they are: for who only looks on
};

// A tap of `weights` is told of the experts' linears too.
//
// States become the layer's output: x + the chosen experts, weighted, + the shared expert, of the norm of x. There may
// be any number: activations are there for one block of tokens at a time, and each expert's weights are fetched once.
// What experts add is gathered in rows under the states' budget. A token's experts are added in the order of their
// index.
absl::Status RunExperts(Device& device, const ModelSpec& spec, const FeedForward& feed_forward, const Weights& weights,
                        LayerExperts& experts, const ExpertsWorkspace& workspace, const ExpertsTokens& tokens);

}  // namespace nibble

#endif  // NIBBLE_RUNTIME_EXPERTS_H_
