// A VerifyReport for people, for programs, and against thresholds.
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

// One JSON object; other programs read it, so names and meanings stay:
//
//   {"tokens", "ppl_reference", "ppl_reference_se", "reference_bytes", "seconds",
//    "candidates": [{"path", "bytes", "ppl", ..., "top1", "delta_p_rms",
//                    "kld": {"mean", "se", "median", "min", "max", "p999", ... "p001"}, "delta_p": {the same},
//                    "layers": [{"layer", "relative_error", "cosine"}]}]}
//
// With one candidate its fields stand at the top level too. top1 is a share, delta_p in percent points.
std::string VerifyJson(const VerifyReport& report);

}  // namespace nibble::cli

#endif  // NIBBLE_CLI_VERIFY_REPORT_H_
