// Next-token distributions of several models at the same positions, compared without ever holding one whole.
#ifndef NIBBLE_RUNTIME_PREDICTIONS_H_
#define NIBBLE_RUNTIME_PREDICTIONS_H_

#include <cstdint>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "device/device.h"
#include "model/model.h"

namespace nibble {

// What one model says at each position about the token that follows.
struct Predictions {
  std::vector<double> log_likelihood;  // of the token that did follow
  std::vector<uint32_t> top;           // the most likely token, the first of equals
  std::vector<double> divergence;      // KL(models[0] || this model), in nats; empty for models[0]
};

// Behind the others.
void Append(const Predictions& more, Predictions& all);

struct PredictionInput {
  const Model* model;
  std::vector<float> hidden;  // [positions, hidden_size]: the last layer's output
};

// targets[position] is the token that followed. Values that are not finite spread into log_likelihood and divergence.
// Works through the vocabulary in panels: each output matrix is read once, and memory beyond the inputs is a panel and
// a tile of logits per model. REQUIRES: all models have one vocabulary size.
absl::StatusOr<std::vector<Predictions>> Predict(Device& device, std::vector<PredictionInput> inputs,
                                                 absl::Span<const uint32_t> targets);

// Floats on the device beyond the inputs, per model.
int64_t PredictionFloats(const Model& model);

}  // namespace nibble

#endif  // NIBBLE_RUNTIME_PREDICTIONS_H_
