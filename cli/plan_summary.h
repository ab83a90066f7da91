// What a job that wrote a model tells at its end.
#ifndef NIBBLE_CLI_PLAN_SUMMARY_H_
#define NIBBLE_CLI_PLAN_SUMMARY_H_

#include <string>

#include "absl/strings/string_view.h"
#include "pipeline/report.pb.h"

namespace nibble::cli {

// Path, sizes before and after, bits per weight, tensors by type, fallbacks by type, seconds, and the peak memory of
// this process.
std::string PlanSummary(const Plan& plan, absl::string_view path, double seconds);

}  // namespace nibble::cli

#endif  // NIBBLE_CLI_PLAN_SUMMARY_H_
