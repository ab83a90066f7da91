// The page of a job, planned or done: what became of which tensor, and what a text gained. HTML as verify's page is
// (cli/page.h); every number of the job stands in an element that names its place in PlanJson.
#ifndef NIBBLE_CLI_JOB_PAGE_H_
#define NIBBLE_CLI_JOB_PAGE_H_

#include <cstdint>
#include <string>

#include "pipeline/report.pb.h"

namespace nibble::cli {

struct JobFacts {
  std::string command;        // "quantize", "plan"
  std::string model;          // as the user named it
  std::string next;           // a command line; may be empty
  uint64_t memory_bytes = 0;  // as PlanJson has it
};

std::string JobPage(const Plan& plan, const JobFacts& facts);

}  // namespace nibble::cli

#endif  // NIBBLE_CLI_JOB_PAGE_H_
