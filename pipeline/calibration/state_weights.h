// What is added to a hidden state counts by its share of that state, which the next norm divides by: else the few
// tokens whose states are a thousand times as large as others' would be all that counts.
#ifndef NIBBLE_PIPELINE_CALIBRATION_STATE_WEIGHTS_H_
#define NIBBLE_PIPELINE_CALIBRATION_STATE_WEIGHTS_H_

#include <cstdint>

#include "absl/status/statusor.h"
#include "device/device.h"
#include "runtime/sequences.h"

namespace nibble {

// A batch's. Empty ones weigh nothing.
struct StateWeights {
  Buffer factors;  // [tokens]: the inverse of each state's root mean square
  Buffer drift;    // [tokens, hidden size]: the original path's less the quantized one's, times factors; empty
                   // where there is no original path

  // Row by row; nothing without factors.
  void Scale(Device& device, Matrix x) const;
};

// Of tokens [first, first + tokens). `original`: null where there is none.
absl::StatusOr<StateWeights> ReadStateWeights(Device& device, const Sequences* original, const Sequences& quantized,
                                              int64_t first, int64_t tokens);

}  // namespace nibble

#endif  // NIBBLE_PIPELINE_CALIBRATION_STATE_WEIGHTS_H_
