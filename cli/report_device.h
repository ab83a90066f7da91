// The section of a page that tells what the device did, stage by stage.
#ifndef NIBBLE_CLI_REPORT_DEVICE_H_
#define NIBBLE_CLI_REPORT_DEVICE_H_

#include "cli/html_writer.h"
#include "pipeline/report.pb.h"

namespace nibble::cli {

// REQUIRES: the JSON has it as /device_use.
void WriteDeviceStages(HtmlWriter& html, const DeviceUse& use);

}  // namespace nibble::cli

#endif  // NIBBLE_CLI_REPORT_DEVICE_H_
