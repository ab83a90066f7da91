// Gate, activation, up and down: of a dense layer, of one expert, or of the expert that all tokens share.
#ifndef NIBBLE_RUNTIME_FEED_FORWARD_H_
#define NIBBLE_RUNTIME_FEED_FORWARD_H_

#include <cstdint>
#include <optional>

#include "absl/status/statusor.h"
#include "device/device.h"
#include "model/model_spec.pb.h"
#include "model/role.h"
#include "runtime/weights.h"

namespace nibble {

// Which of the weights take part.
struct FeedForwardRoles {
  Role gate, up, down;
  std::optional<Role> gate_bias, up_bias, down_bias;
};

inline constexpr FeedForwardRoles kDense = {Role::kGate,     Role::kUp,     Role::kDown,
                                            Role::kGateBias, Role::kUpBias, Role::kDownBias};
inline constexpr FeedForwardRoles kExpert = {Role::kExpertGate,     Role::kExpertUp,     Role::kExpertDown,
                                             Role::kExpertGateBias, Role::kExpertUpBias, Role::kExpertDownBias};
inline constexpr FeedForwardRoles kShared = {Role::kSharedGate, Role::kSharedUp, Role::kSharedDown};

// Holds the activations of at most `max_tokens` tokens. Used by one thread at a time; `device` outlives it.
class FeedForwardPass {
 public:
  // For the layers of `spec`.
  static absl::StatusOr<FeedForwardPass> Create(Device& device, const ModelSpec& spec, int64_t max_tokens);

  // Floats that Create allocates for each token.
  static int64_t FloatsPerToken(const ModelSpec& spec);

  // x, y [T, hidden_size]. False: a tap does without y.
  bool Run(const FeedForward& feed_forward, const Weights& weights, const FeedForwardRoles& roles, ConstMatrix x,
           Matrix y);

 private:
  explicit FeedForwardPass(Device& device) : device_(&device) {}

  Device* device_;
  Buffer gate_, up_;
};

}  // namespace nibble

#endif  // NIBBLE_RUNTIME_FEED_FORWARD_H_
