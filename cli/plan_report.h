// A planned output for people, and a planned or written one as JSON.
#ifndef NIBBLE_CLI_PLAN_REPORT_H_
#define NIBBLE_CLI_PLAN_REPORT_H_

#include <cstdint>
#include <string>

#include "absl/strings/string_view.h"
#include "pipeline/report.pb.h"

namespace nibble::cli {

// `memory_bytes`: what the job would need, or needed. Warnings are not part of the text: they go to stderr.
std::string PlanText(const Plan& plan, absl::string_view model, uint64_t memory_bytes);
// What it takes of the disk until the job is done.
uint64_t DiskBytes(const Plan& plan);

std::string PlanJson(const Plan& plan, absl::string_view model, uint64_t memory_bytes);

}  // namespace nibble::cli

#endif  // NIBBLE_CLI_PLAN_REPORT_H_
