// A model's weights, loaded in turn: the next ones while the last ones are at work.
#ifndef NIBBLE_RUNTIME_WEIGHT_LOADER_H_
#define NIBBLE_RUNTIME_WEIGHT_LOADER_H_

#include <future>
#include <optional>

#include "absl/status/statusor.h"
#include "device/device.h"
#include "model/model.h"
#include "runtime/weights.h"

namespace nibble {

// Used by one thread at a time; `device` and `model` outlive it. What it loads ahead goes through the device's side.
class WeightLoader {
 public:
  struct Place {
    int layer = 0;
    int expert = -1;  // -1: the layer but its experts
    friend bool operator==(const Place&, const Place&) = default;
  };

  // `ahead`: there is room for the next ones. Else each is loaded when it is asked for.
  WeightLoader(Device& device, const Model& model, bool ahead) : device_(&device), model_(&model), ahead_(ahead) {}

  bool ahead() const { return ahead_; }

  // `next`: what will be asked for after it, if anything.
  absl::StatusOr<Weights> Load(Place place, std::optional<Place> next);

 private:
  Device* device_;
  const Model* model_;
  bool ahead_;
  std::optional<Place> next_;
  std::future<absl::StatusOr<Weights>> loading_;  // what lies at next_
};

}  // namespace nibble

#endif  // NIBBLE_RUNTIME_WEIGHT_LOADER_H_
