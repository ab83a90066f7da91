#include "runtime/feed_forward.h"

#include <algorithm>

#include "base/status.h"
#include "runtime/linear.h"

namespace nibble {
namespace {

int64_t Widest(const ModelSpec& spec) {
  uint32_t widest = 0;
  for (const Layer& layer : spec.layers()) {
    const FeedForward& feed_forward = layer.feed_forward();
    widest = std::max(
        {widest, feed_forward.length(), feed_forward.experts().length(), feed_forward.experts().shared_length()});
  }
  return widest;
}

}  // namespace

absl::StatusOr<FeedForwardPass> FeedForwardPass::Create(Device& device, const ModelSpec& spec, int64_t max_tokens) {
  FeedForwardPass pass(device);
  NIBBLE_ASSIGN_OR_RETURN(pass.gate_, device.Allocate(max_tokens * Widest(spec)));
  NIBBLE_ASSIGN_OR_RETURN(pass.up_, device.Allocate(max_tokens * Widest(spec)));
  return pass;
}

int64_t FeedForwardPass::FloatsPerToken(const ModelSpec& spec) { return 2 * Widest(spec); }

bool FeedForwardPass::Run(const FeedForward& feed_forward, const Weights& weights, const FeedForwardRoles& roles,
                          ConstMatrix x, Matrix y) {
  const Operations& operations = device_->operations();
  const auto bias = [&](const std::optional<Role>& role) { return role ? weights.vector(*role) : nullptr; };
  const int64_t length = weights.matrix(roles.up).rows;
  const Matrix gate = gate_.matrix(x.rows, length), up = up_.matrix(x.rows, length);
  bool all = Linear(*device_, weights, roles.up, bias(roles.up_bias), x, up);
  if (feed_forward.activation() == FeedForward::GELU_TANH) {
    if (!all) return false;
    operations.gelu(*device_, up);
    return Linear(*device_, weights, roles.down, bias(roles.down_bias), up, y);
  }
  all &= Linear(*device_, weights, roles.gate, bias(roles.gate_bias), x, gate);
  if (!all) return false;
  switch (feed_forward.activation()) {
    case FeedForward::GEGLU_TANH:
      operations.geglu(*device_, up, gate);
      break;
    case FeedForward::SWIGLU_CLAMPED:
      operations.swiglu_clamped(*device_, feed_forward.limit(), feed_forward.alpha(), up, gate);
      break;
    default:
      operations.swiglu(*device_, up, gate);
  }
  return Linear(*device_, weights, roles.down, bias(roles.down_bias), gate, y);
}

}  // namespace nibble
