// What a job may have had of a device, for tests: figures that floats hold exactly.
#ifndef NIBBLE_CLI_DEVICE_USE_FIXTURE_H_
#define NIBBLE_CLI_DEVICE_USE_FIXTURE_H_

#include "pipeline/report.pb.h"

namespace nibble::cli {

inline void AddStage(const char* name, bool beside, double seconds, double busy_seconds, double flops, double bytes,
                     DeviceUse& use) {
  DeviceStage& stage = *use.add_stages();
  stage.set_stage(name);
  stage.set_beside(beside);
  stage.set_seconds(seconds);
  stage.set_busy_seconds(busy_seconds);
  stage.set_flops(flops);
  stage.set_bytes(bytes);
}

inline DeviceUse MakeDeviceUse() {
  DeviceUse use;
  use.set_device("cuda (NVIDIA H200)");
  use.set_peak_flops(989e12);
  use.set_peak_bytes(4800e9);
  AddStage("other", false, 1, 0.5, 0, 0, use);
  AddStage("attention", false, 8, 8, 512e12, 16e12, use);
  AddStage("load", false, 7, 3.5, 0, 8e12, use);
  AddStage("load", true, 4, 1, 0, 1e9, use);
  return use;
}

}  // namespace nibble::cli

#endif  // NIBBLE_CLI_DEVICE_USE_FIXTURE_H_
