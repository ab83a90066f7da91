// What calibration tells: how much of the text reached the experts, and what error feedback gained.
#ifndef NIBBLE_CLI_CALIBRATION_REPORT_H_
#define NIBBLE_CLI_CALIBRATION_REPORT_H_

#include <string>

#include "cli/json_writer.h"
#include "pipeline/report.pb.h"

namespace nibble::cli {

// What is off by `error`, one of the linear's two, relative to the length of its outputs. REQUIRES: it has outputs.
double RelativeError(const CalibratedLinear& linear, double error);

// "error 0.27 of the scale search's, over 28 linears and 8192 tokens"; empty where there was no error feedback.
std::string GainText(const CalibrationReport& report);

// "0.123 +- 0.004 on 4096 held-out tokens"; empty where the original was not run beside.
std::string KldText(const CalibrationReport& report);

// What --transform auto tried, best first: "hadamard 0.11, none 0.123; by the first layers: values 0.0301, ...";
// empty where nothing was.
std::string TrialsText(const CalibrationReport& report);

// "least 0 (layer 3, expert 17), median 510, most 4096; of 64 experts 2 saw none, 12 fewer than they have columns",
// which leaves their Hessians singular; empty if there is no expert.
std::string CoverageText(const CalibrationReport& report);

// The value of a key: an array of layers with every expert's tokens.
void WriteCoverage(const CalibrationReport& report, JsonWriter& json);

// The value of a key: an object with the text's tokens, every linear's figures, and the coverage.
void WriteCalibration(const CalibrationReport& report, JsonWriter& json);

}  // namespace nibble::cli

#endif  // NIBBLE_CLI_CALIBRATION_REPORT_H_
