// Tells a device what the operations are for that it is asked for meanwhile.
#ifndef NIBBLE_DEVICE_IN_STAGE_H_
#define NIBBLE_DEVICE_IN_STAGE_H_

#include "absl/strings/string_view.h"
#include "device/device.h"

namespace nibble {

// Stages may lie in one another: an inner one's time is its own alone. Names are as Device::EnterStage wants them.
class InStage {
 public:
  InStage(Device& device, absl::string_view stage) : device_(device), outer_(device.EnterStage(stage)) {}
  ~InStage() { device_.EnterStage(outer_); }
  InStage(const InStage&) = delete;
  InStage& operator=(const InStage&) = delete;

 private:
  Device& device_;
  const absl::string_view outer_;
};

}  // namespace nibble

#endif  // NIBBLE_DEVICE_IN_STAGE_H_
