// An output as one GGUF: every row at its offset in a file that appears when it is complete. Its manifest is a key of
// it and a file beside it.
#ifndef NIBBLE_PIPELINE_GGUF_OUTPUT_H_
#define NIBBLE_PIPELINE_GGUF_OUTPUT_H_

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "formats/io/atomic_file.h"
#include "formats/io/file.h"
#include "model/model.h"
#include "pipeline/output.h"
#include "pipeline/output_options.h"
#include "pipeline/plan.h"
#include "pipeline/tensor_hashes.h"

namespace nibble {

class GgufOutput : public Output {
 public:
  // Errors as AtomicFile::Create has them. All but `options` outlive this.
  static absl::StatusOr<std::unique_ptr<Output>> Create(io::FileSystem& files, const Model& model,
                                                        const OutputPlan& plan, const OutputOptions& options);

  absl::Status WriteRows(const OutputTensor& tensor, size_t slice, int64_t first_row,
                         absl::Span<const std::byte> rows) override;
  absl::Status Commit() override;

 private:
  GgufOutput(io::FileSystem& files, const Model& model, const OutputPlan& plan, std::string path,
             std::unique_ptr<io::AtomicFile> file, std::vector<TensorHashes::Place> places)
      : files_(files),
        model_(model),
        plan_(plan),
        path_(std::move(path)),
        file_(std::move(file)),
        hashes_(std::move(places)) {}

  // The file beside the one at `path`.
  static absl::StatusOr<std::unique_ptr<io::AtomicFile>> CreateSidecar(io::FileSystem& files, const Model& model,
                                                                       const std::string& path, uint64_t size);
  absl::StatusOr<std::string> WriteManifest();  // whose text is returned

  io::FileSystem& files_;
  const Model& model_;
  const OutputPlan& plan_;
  const std::string path_;
  std::unique_ptr<io::AtomicFile> file_;
  TensorHashes hashes_;  // of plan_.tensors
};

}  // namespace nibble

#endif  // NIBBLE_PIPELINE_GGUF_OUTPUT_H_
