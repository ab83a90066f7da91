// What is told of calibrated linears.
#ifndef NIBBLE_PIPELINE_CALIBRATION_LINEAR_REPORT_H_
#define NIBBLE_PIPELINE_CALIBRATION_LINEAR_REPORT_H_

#include <cstdint>

#include "pipeline/calibration/made_linear.h"
#include "pipeline/progress.h"
#include "pipeline/report.pb.h"
#include "quant/gptq/fit.h"

namespace nibble {

// Of a linear that was shown so many tokens.
CalibratedLinear ReportOf(const MadeLinear& made, int64_t tokens, const FitFigures& figures);

// One warning for all linears whose inputs were of no use.
void WarnOfFallbacks(const CalibrationReport& report, Progress& progress);

}  // namespace nibble

#endif  // NIBBLE_PIPELINE_CALIBRATION_LINEAR_REPORT_H_
