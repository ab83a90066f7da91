// What a job had of its device, for people and for programs.
#ifndef NIBBLE_CLI_DEVICE_REPORT_H_
#define NIBBLE_CLI_DEVICE_REPORT_H_

#include <string>

#include "cli/json_writer.h"
#include "pipeline/report.pb.h"

namespace nibble::cli {

// "cpu: at work 91 % of 34.0 s, 0.0412 TFLOP/s, 12.3 GB/s", beside the peaks where these are known: "41.2 of 990
// TFLOP/s"; empty where no device was used.
std::string DeviceText(const DeviceUse& use);

// Lines: that, and how long the longest stages took. Nothing where no device was used.
std::string DeviceLines(const DeviceUse& use);

// The key "device_use" and its object:
//
//   {"device", "seconds", "busy_seconds", "share", "flops", "bytes", "tflop_per_second", "gb_per_second",
//    "peak_tflop_per_second", "peak_gb_per_second",
//    "stages": [{"stage", "beside", "seconds", "busy_seconds", "share", ... "gb_per_second"}]}
//
// Peaks that are not known are left out, and so is all of it where no device was used.
void WriteDeviceUse(const DeviceUse& use, JsonWriter& json);

}  // namespace nibble::cli

#endif  // NIBBLE_CLI_DEVICE_REPORT_H_
