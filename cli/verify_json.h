// A VerifyReport for programs.
#ifndef NIBBLE_CLI_VERIFY_JSON_H_
#define NIBBLE_CLI_VERIFY_JSON_H_

#include <string>

#include "pipeline/report.pb.h"

namespace nibble::cli {

// One JSON object; other programs read it, so names and meanings stay:
//
//   {"device", "reference", "tokens", "windows", "window_tokens", "ppl_reference", "ppl_reference_se",
//   "reference_bytes",
//    "context", "cache_bytes", "buffer_bytes", "seconds",
//    "candidates": [{"path", "bytes", "memory_bytes", "bits_per_weight", "ppl", ..., "top1", "delta_p_rms",
//                    "kld": {"mean", "se", "median", "min", "max", "p999", ... "p001"}, "delta_p": {the same},
//                    "kld_windows": [mean], "kld_histogram": [{"from", "positions"}],
//                    "layers": [{"layer", "relative_error", "cosine"}],
//                    "types": [{"type", "tensors", "bytes"}], "has_other_basis",
//                    "tensors": [{"name", "role", "layer", "type", "elements", "bytes", "bits_per_weight",
//                                 "relative_error"}],
//                    "worst_tokens": [{"window", "position", "kld", "before", "actual", "after", "reference_p",
//                                      "candidate_p", "reference_choices": [{"text", "p"}], "candidate_choices"}]}],
//    "known_types": [{"type", "model", "bits_per_weight", "kld", "ppl_ratio", "top1"}]}
//
// With one candidate its fields stand at the top level too. top1 is a share, delta_p in percent points. A tensor of the
// whole model has no "layer"; one that cannot be compared with the reference's no "relative_error".
std::string VerifyJson(const VerifyReport& report);

}  // namespace nibble::cli

#endif  // NIBBLE_CLI_VERIFY_JSON_H_
