// The router, a thread for each token.
#ifndef NIBBLE_DEVICE_CUDA_ROUTER_H_
#define NIBBLE_DEVICE_CUDA_ROUTER_H_

#include <cstdint>
#include <vector>

#include "absl/types/span.h"
#include "device/cuda/kernel.h"
#include "device/cuda/scratch.h"
#include "device/maths/route_token.h"
#include "device/operations.h"

namespace nibble::cuda {

struct RouteKernel {
  NIBBLE_HOST_DEVICE void operator()(int64_t token) const {
    const int64_t count = a.logits.cols;
    float* const own = values + token * (2 * count + a.groups);
    uint8_t* const own_flags = flags + token * (count + a.groups);
    for (int64_t i = 0; i < count + a.groups; ++i) own_flags[i] = 0;
    RouteToken(a, a.logits.row(token), {own, own + count, own + 2 * count, own_flags, own_flags + count},
               experts + token * a.used, weights + token * a.used);
  }

  RouterArguments a;
  float* values;   // [tokens, 2 * experts + groups]
  uint8_t* flags;  // [tokens, experts + groups]
  int32_t* experts;
  float* weights;
};

template <typename Backend>
void Route(Device& device, const RouterArguments& arguments, absl::Span<int32_t> experts, absl::Span<float> weights) {
  auto& backend = static_cast<Backend&>(device);
  const int64_t tokens = arguments.logits.rows, count = arguments.logits.cols;
  const Scratch<float> values(backend, tokens * (2 * count + arguments.groups)), gates(backend, weights.size());
  const Scratch<uint8_t> flags(backend, tokens * (count + arguments.groups));
  const Scratch<int32_t> chosen(backend, experts.size());
  if (!values.ok() || !gates.ok() || !flags.ok() || !chosen.ok()) return;
  backend.ForEach(tokens, RouteKernel{arguments, values.data(), flags.data(), chosen.data(), gates.data()});
  backend.CopyOut(chosen.data(), experts.size() * sizeof(int32_t), experts.data());
  backend.CopyOut(gates.data(), weights.size() * sizeof(float), weights.data());
}

}  // namespace nibble::cuda

#endif  // NIBBLE_DEVICE_CUDA_ROUTER_H_
