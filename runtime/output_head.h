// From hidden states to logits: the final norm, and the output projection in panels of the vocabulary.
#ifndef NIBBLE_RUNTIME_OUTPUT_HEAD_H_
#define NIBBLE_RUNTIME_OUTPUT_HEAD_H_

#include <cstdint>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "device/device.h"
#include "model/model.h"

namespace nibble {

enum class Residency {
  kStreamed,  // weights are read when they are needed, and dropped
  kResident,  // read once, kept
};

// Used by one thread at a time; `device` and `model` outlive it.
class OutputHead {
 public:
  static constexpr int64_t kPanelRows = 1024;

  static absl::StatusOr<OutputHead> Create(Device& device, const Model& model,
                                           Residency residency = Residency::kStreamed);

  // The normed hidden [T, hidden_size], on the device.
  absl::StatusOr<Buffer> Normalize(absl::Span<const float> hidden) const;

  // Rows [begin, end) of the projection (of the token embedding, where they are tied), valid until the next call:
  // logits are normed * panel^T.
  absl::StatusOr<ConstMatrix> Panel(int64_t begin, int64_t end);

  // All logits [T, vocab_size] of normed [T, hidden_size], in host memory.
  absl::Status Logits(ConstMatrix normed, absl::Span<float> logits);

 private:
  OutputHead(Device& device, const Model& model) : device_(&device), model_(&model) {}

  Device* device_;
  const Model* model_;
  const LogicalTensor* projection_ = nullptr;
  Residency residency_ = Residency::kStreamed;
  Buffer norm_, norm_bias_;
  Buffer weights_;  // all rows, or those of the last panel
};

}  // namespace nibble

#endif  // NIBBLE_RUNTIME_OUTPUT_HEAD_H_
