// An output as a folder: codes and scales in tensors of their own, under the published names and in
// the published order of rows, beside copies of what is not quantized, of the tokenizer's files and of the config, and
// the manifest.
#ifndef NIBBLE_PIPELINE_FOLDER_OUTPUT_H_
#define NIBBLE_PIPELINE_FOLDER_OUTPUT_H_

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "formats/io/atomic_folder.h"
#include "formats/io/file.h"
#include "model/model.h"
#include "pipeline/output.h"
#include "pipeline/output_options.h"
#include "pipeline/plan.h"
#include "pipeline/tensor_hashes.h"

namespace nibble {

class FolderOutput : public Output {
 public:
  // Errors as AtomicFolder::Create has them, and kNotFound if the model has no config.json. Writes all but rows.
  // REQUIRES: the plan is a folder's; it outlives this.
  static absl::StatusOr<std::unique_ptr<Output>> Create(io::FileSystem& files, const Model& model,
                                                        const OutputPlan& plan, const OutputOptions& options);

  absl::Status WriteRows(const OutputTensor& tensor, size_t slice, int64_t first_row,
                         absl::Span<const std::byte> rows) override;
  absl::Status Commit() override;

 private:
  FolderOutput(const OutputPlan& plan, std::unique_ptr<io::AtomicFolder> folder)
      : plan_(plan), folder_(std::move(folder)) {}

  absl::Status WriteHeaders();
  absl::Status BeginHashes(io::FileSystem& files);
  absl::Status WriteFacts();  // shapes and divisors of packed tensors
  absl::Status CopyTensors(const Model& model);
  absl::Status CopyFiles(io::FileSystem& files, const std::string& source);
  absl::Status WriteText(const std::string& name, const std::string& text);
  absl::Status WriteAt(const std::string& tensor, uint64_t offset, absl::Span<const std::byte> bytes);

  absl::Status WritePacked(const OutputTensor& tensor, const LogicalTensor& slice, int64_t first_row,
                           absl::Span<const std::byte> rows);
  absl::Status WriteElements(const OutputTensor& tensor, const LogicalTensor& slice, int64_t first_row,
                             absl::Span<const std::byte> rows);

  const OutputPlan& plan_;
  std::unique_ptr<io::AtomicFolder> folder_;
  std::vector<io::WritableFile*> shards_;  // of plan_.folder->files
  std::optional<TensorHashes> hashes_;     // of plan_.folder->names; there once headers are
};

}  // namespace nibble

#endif  // NIBBLE_PIPELINE_FOLDER_OUTPUT_H_
