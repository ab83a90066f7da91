// Where a candidate is furthest from the reference, and what both would have said there.
#ifndef NIBBLE_PIPELINE_VERIFY_WORST_POSITIONS_H_
#define NIBBLE_PIPELINE_VERIFY_WORST_POSITIONS_H_

#include <cstdint>
#include <vector>

#include "absl/status/status.h"
#include "device/device.h"
#include "formats/tokenizer/tokenizer.h"
#include "model/model.h"
#include "pipeline/comm/packed_values.h"
#include "pipeline/report.pb.h"
#include "pipeline/verify/verify_windows.h"
#include "runtime/predictions.h"
#include "runtime/sequences.h"

namespace nibble {

// Keeps the kLimit scored positions of the largest divergence, of equal ones the first, with both models' last hidden
// states: memory does not grow with the text, and which positions stay does not depend on how it was cut into groups.
class WorstPositions {
 public:
  static constexpr size_t kLimit = 12;
  static constexpr size_t kChoices = 3;  // next tokens of each model

  // Windows from `first_window` on of `windows`, as many as the runs hold; predictions are of these alone.
  absl::Status Take(const Windows& windows, int64_t first_window, const Predictions& reference,
                    const Predictions& candidate, const Sequences& reference_run, const Sequences& candidate_run);

  // Those of other windows (of another rank), as Pack() has them.
  void Pack(Packer& packer) const;
  void Take(Unpacker& packed);

  // Fills `out.worst_tokens`. Reads both output projections once, and needs kLimit rows of logits.
  absl::Status Describe(Device& device, const Model& reference, const Model& candidate, const Windows& windows,
                        const tokenizer::Tokenizer& tokenizer, Candidate& out) const;

 private:
  struct Position {
    int64_t index = 0;  // among all scored positions
    double divergence = 0;
    double reference_log_likelihood = 0, candidate_log_likelihood = 0;
    std::vector<float> reference_state, candidate_state;
  };

  void KeepWorst();

  std::vector<Position> positions_;  // worst first
};

}  // namespace nibble

#endif  // NIBBLE_PIPELINE_VERIFY_WORST_POSITIONS_H_
