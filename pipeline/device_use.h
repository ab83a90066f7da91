// What a job had of its device, for reports and progress.
#ifndef NIBBLE_PIPELINE_DEVICE_USE_H_
#define NIBBLE_PIPELINE_DEVICE_USE_H_

#include "device/measured_device.h"
#include "pipeline/progress.h"
#include "pipeline/report.pb.h"

namespace nibble {

// So far. REQUIRES: called by the thread that asks for operations.
DeviceUse UseOf(const MeasuredDevice& device);
DeviceLoad LoadOf(const MeasuredDevice& device);

// The use of one device after the other, of the same kind: stages of one name are added up.
void AddUse(const DeviceUse& more, DeviceUse& sum);

// Of all stages but those beside, whose time the others have already.
DeviceStage TotalOf(const DeviceUse& use);

}  // namespace nibble

#endif  // NIBBLE_PIPELINE_DEVICE_USE_H_
