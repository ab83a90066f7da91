// Where the rows of a planned output go, whatever container it is written as.
//
//   NIBBLE_ASSIGN_OR_RETURN(auto output, CreateOutput(files, model, plan, options, progress));
//   NIBBLE_RETURN_IF_ERROR(output->Ended(output->WriteRows(plan.tensors[i], slice, row, bytes)));  // all, in any order
//   NIBBLE_RETURN_IF_ERROR(output->Ended(output->Commit()));
#ifndef NIBBLE_PIPELINE_OUTPUT_OUTPUT_H_
#define NIBBLE_PIPELINE_OUTPUT_OUTPUT_H_

#include <cstddef>
#include <cstdint>

#include "absl/status/status.h"
#include "absl/types/span.h"
#include "pipeline/output/plan.h"

namespace nibble {

class Journal;

// Concurrent WriteRows and Has calls on different rows are safe; nothing else is. Without Commit() nothing stays
// behind, but for what Ended() keeps.
class Output {
 public:
  virtual ~Output() = default;

  // Rows from `first_row` on of tensor.slices[slice], as whole blocks of tensor.format.
  virtual absl::Status WriteRows(const OutputTensor& tensor, size_t slice, int64_t first_row,
                                 absl::Span<const std::byte> rows) = 0;

  // Whether an earlier run of the same job wrote these rows: they need not be written again.
  virtual bool Has(const OutputTensor& /*tensor*/, size_t /*slice*/, int64_t /*first_row*/, int64_t /*rows*/) const {
    return false;
  }

  // What was written so far is on the disk when it returns OK.
  virtual absl::Status Sync() { return absl::OkStatus(); }
  // What tells another run how far this one came; null where nothing does.
  virtual Journal* journal() const { return nullptr; }

  // What the job came to so far, which is returned. What another run can go on with is kept after an error that may
  // pass, and the message says so.
  virtual absl::Status Ended(absl::Status status) { return status; }

  // REQUIRES: called once, after all rows were written. What was written is at its path when it returns OK.
  virtual absl::Status Commit() = 0;
};

}  // namespace nibble

#endif  // NIBBLE_PIPELINE_OUTPUT_OUTPUT_H_
