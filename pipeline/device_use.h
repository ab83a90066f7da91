// What a job had of its device, for reports and progress.
#ifndef NIBBLE_PIPELINE_DEVICE_USE_H_
#define NIBBLE_PIPELINE_DEVICE_USE_H_

#include "absl/strings/string_view.h"
#include "device/measured_device.h"
#include "pipeline/progress.h"
#include "pipeline/report.pb.h"

namespace nibble {

// Stages that several jobs have (device/in_stage.h).
inline constexpr absl::string_view kStatisticsStage = "statistics", kWriteStage = "write";

// So far. REQUIRES: called by the thread that asks for operations.
DeviceUse UseOf(const MeasuredDevice& device);
DeviceLoad LoadOf(const MeasuredDevice& device);

// The use of one device after the other, of the same kind: stages of one name are added up.
void AddUse(const DeviceUse& more, DeviceUse& sum);

// What a stage reached.
struct DeviceRates {
  double share = 0;  // of its time, with the device at work; 0..1
  double flops = 0;  // a second of the time at work, as the next one
  double bytes = 0;
};
DeviceRates RatesOf(const DeviceStage& stage);

// Of all stages but those beside, whose time the others have already.
DeviceStage TotalOf(const DeviceUse& use);

}  // namespace nibble

#endif  // NIBBLE_PIPELINE_DEVICE_USE_H_
