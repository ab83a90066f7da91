// A VerifyReport on a terminal, and against thresholds.
#ifndef NIBBLE_CLI_VERIFY_REPORT_H_
#define NIBBLE_CLI_VERIFY_REPORT_H_

#include <optional>
#include <string>
#include <vector>

#include "absl/strings/string_view.h"
#include "pipeline/report.pb.h"

namespace nibble::cli {

struct Thresholds {
  std::optional<double> max_kld;   // of the mean
  std::optional<double> min_top1;  // 0..1
};

// One line per candidate and threshold that it does not hold; a figure that is NaN holds none.
std::vector<std::string> Misses(const VerifyReport& report, const Thresholds& thresholds);

// A table: one column per candidate.
std::string VerifyText(const VerifyReport& report, absl::string_view reference);

}  // namespace nibble::cli

#endif  // NIBBLE_CLI_VERIFY_REPORT_H_
