// A look at what linears are fed with while a model runs: what calibration gathers its statistics from.
#ifndef NIBBLE_RUNTIME_TAP_H_
#define NIBBLE_RUNTIME_TAP_H_

#include "absl/status/status.h"
#include "device/operations.h"
#include "model/role.h"

namespace nibble {

class Weights;

// Called from the one thread that runs the model.
class Tap {
 public:
  virtual ~Tap() = default;

  // The linear of this role (and expert, or -1) is about to be applied to x [T, in], in the device's memory and valid
  // until the next operation. Linears that share their input are each told of it.
  virtual void See(Role role, int slice, ConstMatrix x) = 0;

  // An expert has been shown all its tokens of this layer (there may be none). A tap that changes experts may replace
  // its matrices now: the layer's outputs are computed from the new ones.
  virtual bool ChangesExperts() const { return false; }
  virtual absl::Status ExpertSeen(int /*expert*/, Weights& /*weights*/) { return absl::OkStatus(); }
};

}  // namespace nibble

#endif  // NIBBLE_RUNTIME_TAP_H_
