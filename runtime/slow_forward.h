// The slowest forward pass there is, one vector at a time in double precision: an oracle for tests that shares nothing
// with the fast one but the ModelSpec.
#ifndef NIBBLE_RUNTIME_SLOW_FORWARD_H_
#define NIBBLE_RUNTIME_SLOW_FORWARD_H_

#include <cstdint>
#include <vector>

#include "absl/types/span.h"
#include "runtime/random_model.h"

namespace nibble {

// One sequence through the model.
struct SlowForward {
  std::vector<std::vector<double>> hidden;  // [layers + 1][T * hidden_size]: the embeddings, then each layer's output
  std::vector<double> logits;               // [T * vocab_size]
};

SlowForward RunSlowly(const RandomModel& model, absl::Span<const uint32_t> ids);

}  // namespace nibble

#endif  // NIBBLE_RUNTIME_SLOW_FORWARD_H_
