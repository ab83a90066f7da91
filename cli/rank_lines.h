// What each of several processes had of a job, for people.
#ifndef NIBBLE_CLI_RANK_LINES_H_
#define NIBBLE_CLI_RANK_LINES_H_

#include <string>
#include <vector>

#include "absl/types/span.h"
#include "pipeline/report.pb.h"

namespace nibble::cli {

// A line for each, of many for the least, the middle and the most at work; nothing where a process was alone.
std::string RankLines(absl::Span<const RankShare> ranks);

}  // namespace nibble::cli

#endif  // NIBBLE_CLI_RANK_LINES_H_
