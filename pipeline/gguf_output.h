// An output as one GGUF: every row at its offset in a file that appears when it is complete.
#ifndef NIBBLE_PIPELINE_GGUF_OUTPUT_H_
#define NIBBLE_PIPELINE_GGUF_OUTPUT_H_

#include <cstddef>
#include <cstdint>
#include <memory>
#include <utility>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "formats/io/atomic_file.h"
#include "formats/io/file.h"
#include "model/model.h"
#include "pipeline/output.h"
#include "pipeline/output_options.h"
#include "pipeline/plan.h"

namespace nibble {

class GgufOutput : public Output {
 public:
  // Errors as AtomicFile::Create has them. `plan` outlives this.
  static absl::StatusOr<std::unique_ptr<Output>> Create(io::FileSystem& files, const Model& model,
                                                        const OutputPlan& plan, const OutputOptions& options);

  absl::Status WriteRows(const OutputTensor& tensor, size_t slice, int64_t first_row,
                         absl::Span<const std::byte> rows) override;
  absl::Status Commit() override;

 private:
  GgufOutput(const OutputPlan& plan, std::unique_ptr<io::AtomicFile> file) : plan_(plan), file_(std::move(file)) {}

  const OutputPlan& plan_;
  std::unique_ptr<io::AtomicFile> file_;
};

}  // namespace nibble

#endif  // NIBBLE_PIPELINE_GGUF_OUTPUT_H_
