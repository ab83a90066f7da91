// What is told of an output as a whole: of one that was written, at the job's end, and of one that is planned.
#ifndef NIBBLE_CLI_PLAN_SUMMARY_H_
#define NIBBLE_CLI_PLAN_SUMMARY_H_

#include <cstdint>
#include <string>

#include "absl/strings/string_view.h"
#include "pipeline/report.pb.h"

namespace nibble::cli {

// Lines: sizes before and after, what a budget was used for, bits per weight, tensors by type, fallbacks by type.
std::string PlanFigures(const Plan& plan);

// How a job went, and what its user may want to do next.
struct JobEnd {
  double seconds = 0;
  int warnings = 0;         // that were shown
  std::string next;         // a command line; may be empty
  uint64_t bytes_read = 0;  // of the source; 0 leaves the throughput out
};

// Lines: time and throughput, the peak memory of this process, warnings if there were any, what to run next.
std::string EndLines(const JobEnd& end);

// Path, PlanFigures, what calibration gained, EndLines.
std::string PlanSummary(const Plan& plan, absl::string_view path, const JobEnd& end);

}  // namespace nibble::cli

#endif  // NIBBLE_CLI_PLAN_SUMMARY_H_
