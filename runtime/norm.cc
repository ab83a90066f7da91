#include "runtime/norm.h"

namespace nibble {

void Normalize(Device& device, const Norm& norm, const float* weight, const float* bias, ConstMatrix x, Matrix y) {
  const Operations& operations = device.operations();
  if (norm.kind() == Norm::LAYER) {
    operations.layer_norm(device, x, weight, bias, norm.epsilon(), y);
  } else {
    operations.rms_norm(device, x, weight, norm.epsilon(), y);
  }
}

}  // namespace nibble
