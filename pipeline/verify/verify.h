// How close candidates are to a reference: both run through the same layers side by side, and their next-token
// distributions are compared window by window. No logits are stored.
#ifndef NIBBLE_PIPELINE_VERIFY_VERIFY_H_
#define NIBBLE_PIPELINE_VERIFY_VERIFY_H_

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "device/make_device.h"
#include "model/model.h"
#include "pipeline/comm/comm.h"
#include "pipeline/progress.h"
#include "pipeline/report.pb.h"

namespace nibble {

// Windows and scored positions are llama-perplexity's: the text (its last newline dropped) is tokenized once, special
// tokens not parsed, BOS in front where the vocabulary adds one; cut into disjoint windows of `ctx` tokens, the first
// token of each replaced by BOS where one is added; positions ctx/2 ... ctx-2 are scored.
struct VerifyOptions {
  std::string text;     // the text itself
  uint32_t ctx = 512;   // tokens of a window
  uint32_t chunks = 0;  // windows; 0: all that the text has
  int threads = 0;      // 0: all
  DeviceChoice device;
  uint64_t memory = 0;  // bytes that weights, states and logits may take; 0: 1 GiB
  // Types and errors of tensors, and the worst tokens, as well: all tensors are read once more, a panel at a time.
  bool details = false;
  Comm* comm = &Comm::Alone();  // ranks that divide the windows
};

// kInvalidArgument if the text is shorter than one window; kDataLoss if a candidate's vocabulary is not the
// reference's. `candidate_bytes` and `reference_bytes` of the report are of the stored tensors.
//
// Figures are sums over windows in their order: the same to the last digit for any number of threads and ranks, and any
// `memory` (of a GPU: of one number of ranks and one `memory`). Collective over `options.comm`: every rank returns the
// report, but the worst tokens are in the first's alone.
absl::StatusOr<VerifyReport> Verify(const Model& reference, const std::vector<const Model*>& candidates,
                                    const VerifyOptions& options, Progress& progress);

}  // namespace nibble

#endif  // NIBBLE_PIPELINE_VERIFY_VERIFY_H_
