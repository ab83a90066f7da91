// Token by token through a model: one sequence, its keys and values cached.
#ifndef NIBBLE_RUNTIME_DECODER_H_
#define NIBBLE_RUNTIME_DECODER_H_

#include <cstdint>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "device/device.h"
#include "model/model.h"
#include "runtime/attention.h"
#include "runtime/experts.h"
#include "runtime/layer.h"
#include "runtime/output_head.h"
#include "runtime/weights.h"

namespace nibble {

// Used by one thread at a time; `device` and `model` outlive it.
class Decoder {
 public:
  // Room for `capacity` tokens. Resident weights take AllWeights floats; streamed ones are read anew for each Append.
  static absl::StatusOr<Decoder> Create(Device& device, const Model& model, int64_t capacity, Residency residency);

  // Appends the tokens; the logits [vocab_size] of what follows the last one. kInvalidArgument if the model has learned
  // positions, but not so many. REQUIRES: at least one id, all below vocab_size; room for them.
  absl::StatusOr<std::vector<float>> Append(absl::Span<const uint32_t> ids);

  int64_t size() const { return size_; }  // tokens so far

 private:
  struct Cache {
    Buffer key, value;
  };
  struct KeptLayer {
    Weights weights;
    LayerExperts experts;
  };

  Decoder(Device& device, const Model& model, LayerPass pass, OutputHead head)
      : device_(&device), model_(&model), pass_(std::move(pass)), head_(std::move(head)) {}

  // One piece of the tokens through all layers; the states of its last token.
  absl::StatusOr<std::vector<float>> RunLayers(absl::Span<const uint32_t> ids);
  absl::Status RunLayer(int layer, const Weights& weights, LayerExperts& experts, Matrix hidden);

  Device* device_;
  const Model* model_;
  LayerPass pass_;
  OutputHead head_;
  std::vector<KeptLayer> layers_;  // empty if streamed
  std::vector<Cache> caches_;
  int64_t capacity_ = 0;
  int64_t size_ = 0;
};

}  // namespace nibble

#endif  // NIBBLE_RUNTIME_DECODER_H_
