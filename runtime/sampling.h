// Which token follows, given the logits.
#ifndef NIBBLE_RUNTIME_SAMPLING_H_
#define NIBBLE_RUNTIME_SAMPLING_H_

#include <cstdint>
#include <random>

#include "absl/types/span.h"

namespace nibble {

class Sampler {
 public:
  // Temperature 0 takes the most likely token, the first of equals; else tokens are drawn from
  // softmax(logits / temperature), the same for the same seed.
  Sampler(double temperature, uint64_t seed) : temperature_(temperature), random_(seed) {}

  // REQUIRES: not empty.
  uint32_t Sample(absl::Span<const float> logits);

 private:
  double temperature_;
  std::mt19937_64 random_;
};

}  // namespace nibble

#endif  // NIBBLE_RUNTIME_SAMPLING_H_
