// Rotary position embedding: the angles of a layer's Rope at given positions.
#ifndef NIBBLE_RUNTIME_ROPE_H_
#define NIBBLE_RUNTIME_ROPE_H_

#include <cstdint>

#include "absl/status/statusor.h"
#include "device/device.h"
#include "model/model_spec.pb.h"

namespace nibble {

struct RopeTable {
  Buffer cosine;  // [count, dimensions / 2]
  Buffer sine;
};

// Pair i turns by position * base^(-2i / dimensions) / frequency_factors[i]; positions first ... first + count - 1.
// Both are multiplied by the magnitude.
absl::StatusOr<RopeTable> MakeRopeTable(Device& device, const Rope& rope, int64_t first, int64_t count);

}  // namespace nibble

#endif  // NIBBLE_RUNTIME_ROPE_H_
