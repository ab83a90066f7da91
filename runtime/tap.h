// A look at what linears are fed with while a model runs: what calibration gathers its statistics from.
#ifndef NIBBLE_RUNTIME_TAP_H_
#define NIBBLE_RUNTIME_TAP_H_

#include <cstdint>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "device/operations.h"
#include "model/role.h"

namespace nibble {

class Peers;
class Weights;

// Called from the one thread that runs the model.
class Tap {
 public:
  virtual ~Tap() = default;

  // The linear of this role (and expert, or -1) is about to be applied to x [T, in], in the device's memory and valid
  // until the next operation. Linears that share their input are each told of it.
  virtual void See(Role role, int slice, ConstMatrix x) = 0;

  // Whether the outputs of the linears of this role are wanted. Where they are not, neither they nor what follows from
  // them in the same part of the layer is computed: who only wants to see a linear's input need not wait for the rest.
  // REQUIRES: the states of a run without some outputs are dropped.
  virtual bool Needs(Role /*role*/) const { return true; }

  // The rows of an expert's inputs, until the next such call, are these tokens of the run, in rising order; with peers,
  // of all of their runs, one after the other.
  virtual void Routed(absl::Span<const int64_t> /*tokens*/) {}

  // An expert has been shown all its tokens of this layer (there may be none). A tap that changes experts may replace
  // its matrices now: the layer's outputs are computed from the new ones. True: it wants to see them once more before
  // that.
  virtual bool ChangesExperts() const { return false; }
  virtual absl::StatusOr<bool> ExpertSeen(int /*expert*/, Weights& /*weights*/) { return false; }

  // Of a tap that changes experts: those that run other parts of the text, and change others of the layer's experts;
  // null: there are none. Each expert is shown to the tap of one of them, with the tokens of all; then all are asked to
  // bring its changes to the weights that they have of it. Taps of all have been shown what comes before experts when
  // one is asked to be ready for these.
  virtual Peers* peers() { return nullptr; }
  virtual absl::Status BeforeExperts() { return absl::OkStatus(); }
  virtual absl::Status TakeChanges(int /*expert*/, Weights& /*weights*/) { return absl::OkStatus(); }
};

}  // namespace nibble

#endif  // NIBBLE_RUNTIME_TAP_H_
