// What is told of an output as a whole: of one that was written, at the job's end, and of one that is planned.
#ifndef NIBBLE_CLI_PLAN_SUMMARY_H_
#define NIBBLE_CLI_PLAN_SUMMARY_H_

#include <string>

#include "absl/strings/string_view.h"
#include "pipeline/report.pb.h"

namespace nibble::cli {

// "  size             3.0 MiB (source 9.0 MiB)"
std::string PlanLine(absl::string_view label, absl::string_view value);

// Lines: sizes before and after, what a budget was used for, bits per weight, tensors by type, fallbacks by type.
std::string PlanFigures(const Plan& plan);

// Path, PlanFigures, seconds, and the peak memory of this process.
std::string PlanSummary(const Plan& plan, absl::string_view path, double seconds);

}  // namespace nibble::cli

#endif  // NIBBLE_CLI_PLAN_SUMMARY_H_
