// The norms on the residual stream.
#ifndef NIBBLE_RUNTIME_NORM_H_
#define NIBBLE_RUNTIME_NORM_H_

#include "device/device.h"
#include "model/model_spec.pb.h"

namespace nibble {

// y = the norm of x, row by row; y may be x. `bias` may be null.
void Normalize(Device& device, const Norm& norm, const float* weight, const float* bias, ConstMatrix x, Matrix y);

}  // namespace nibble

#endif  // NIBBLE_RUNTIME_NORM_H_
