// An output as a folder: codes and scales in tensors of their own, under the published names and in
// the published order of rows, beside copies of what is not quantized, of the tokenizer's files and of the config, and
// the manifest.
#ifndef NIBBLE_PIPELINE_OUTPUT_FOLDER_OUTPUT_H_
#define NIBBLE_PIPELINE_OUTPUT_FOLDER_OUTPUT_H_

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "formats/io/atomic_folder.h"
#include "formats/io/file.h"
#include "model/model.h"
#include "pipeline/output/file_output.h"
#include "pipeline/output/output_options.h"
#include "pipeline/output/plan.h"

namespace nibble {

class FolderOutput : public FileOutput {
 public:
  // Errors as AtomicFolder::Create has them, and kNotFound if the model has no config.json.
  // REQUIRES: the plan is a folder's; it and the model outlive this.
  static absl::StatusOr<std::unique_ptr<FileOutput>> Create(io::FileSystem& files, const Model& model,
                                                            const OutputPlan& plan, const OutputOptions& options);

  // Writes all but rows and the index: of several ranks the first, but for what is copied, which is divided.
  absl::Status Begin() override;

 protected:
  absl::Status Spread(const TensorRows& range, absl::Span<const std::byte> rows, Sink sink) const override;
  uint64_t RowBytes(size_t tensor) const override;
  int64_t RowsOf(size_t tensor, size_t slice) const override;
  absl::Status SyncData() override { return folder_->Sync(); }
  bool KeepData(bool keep) override { return folder_->Keep(keep); }
  absl::Status Publish(const Manifest& manifest) override;
  absl::Status Close() override { return folder_->Commit(); }  // which was joined

 private:
  FolderOutput(io::FileSystem& files, const Model& model, const OutputPlan& plan, const OutputOptions& options,
               std::string config, std::unique_ptr<io::AtomicFolder> folder)
      : FileOutput(files, model, plan, options), config_(std::move(config)), folder_(std::move(folder)) {}

  absl::Status ReserveShards();
  absl::Status WriteWhatIsKnown();  // headers, config, companions, facts
  absl::Status WriteFacts();        // shapes and divisors of packed tensors
  absl::Status CopyTensors();
  absl::Status WriteCompanions();  // the tokenizer's files: published ones, or the source's
  absl::Status CopyFiles();
  absl::Status WriteText(const std::string& name, const std::string& text);
  size_t NumberOf(const std::string& tensor) const { return plan_.folder->places.at(tensor).number; }

  absl::Status SpreadPacked(const OutputTensor& tensor, const LogicalTensor& slice, int64_t first_row,
                            absl::Span<const std::byte> rows, Sink sink) const;
  absl::Status SpreadElements(const OutputTensor& tensor, const LogicalTensor& slice, int64_t first_row,
                              absl::Span<const std::byte> rows, Sink sink) const;

  // What is copied is, to the journal, a tensor behind the plan's. Null: it is the plan's.
  const StoredTensor* CopyAt(size_t tensor) const {
    return tensor < plan_.tensors.size() ? nullptr : plan_.folder->copies[tensor - plan_.tensors.size()];
  }

  const std::string config_;
  std::unique_ptr<io::AtomicFolder> folder_;
  std::vector<io::WritableFile*> shards_;  // of plan_.folder->files
};

}  // namespace nibble

#endif  // NIBBLE_PIPELINE_OUTPUT_FOLDER_OUTPUT_H_
