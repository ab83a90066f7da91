// Where the rows of a planned output go, whatever container it is written as.
//
//   NIBBLE_ASSIGN_OR_RETURN(auto output, GgufOutput::Create(files, model, plan, options));
//   NIBBLE_RETURN_IF_ERROR(output->WriteRows(plan.tensors[i], slice, row, bytes));  // all rows, in any order
//   NIBBLE_RETURN_IF_ERROR(output->Commit());
#ifndef NIBBLE_PIPELINE_OUTPUT_H_
#define NIBBLE_PIPELINE_OUTPUT_H_

#include <cstddef>
#include <cstdint>

#include "absl/status/status.h"
#include "absl/types/span.h"
#include "pipeline/plan.h"

namespace nibble {

// Concurrent WriteRows calls on different rows are safe; nothing else is. Without Commit() nothing stays behind.
class Output {
 public:
  virtual ~Output() = default;

  // Rows from `first_row` on of tensor.slices[slice], as whole blocks of tensor.format.
  virtual absl::Status WriteRows(const OutputTensor& tensor, size_t slice, int64_t first_row,
                                 absl::Span<const std::byte> rows) = 0;

  // REQUIRES: called once, after all rows were written. What was written is at its path when it returns OK.
  virtual absl::Status Commit() = 0;
};

}  // namespace nibble

#endif  // NIBBLE_PIPELINE_OUTPUT_H_
