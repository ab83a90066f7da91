// An output as one GGUF: every row at its offset in a file that appears when it is complete. Its manifest is a key of
// it and a file beside it.
#ifndef NIBBLE_PIPELINE_OUTPUT_GGUF_OUTPUT_H_
#define NIBBLE_PIPELINE_OUTPUT_GGUF_OUTPUT_H_

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
#include "pipeline/output/file_output.h"
#include "pipeline/output/output_options.h"
#include "pipeline/output/plan.h"

namespace nibble {

class GgufOutput : public FileOutput {
 public:
  // Errors as AtomicFile::Create has them. All but `options` outlive this.
  static absl::StatusOr<std::unique_ptr<FileOutput>> Create(io::FileSystem& files, const Model& model,
                                                            const OutputPlan& plan, const OutputOptions& options);

  absl::Status Begin() override;

 protected:
  absl::Status Spread(const TensorRows& range, absl::Span<const std::byte> rows, Sink sink) const override;
  absl::Status SyncData() override { return file_->Sync(); }
  bool KeepData(bool keep) override { return file_->Keep(keep); }
  absl::Status Publish(const Manifest& manifest) override;
  absl::Status Close() override { return file_->Commit(); }  // which was joined

 private:
  GgufOutput(io::FileSystem& files, const Model& model, const OutputPlan& plan, const OutputOptions& options,
             std::unique_ptr<io::AtomicFile> file)
      : FileOutput(files, model, plan, options), path_(options.path), file_(std::move(file)) {}

  // The file beside the one at `path`.
  static absl::StatusOr<std::unique_ptr<io::AtomicFile>> CreateSidecar(io::FileSystem& files, const Model& model,
                                                                       const std::string& path, uint64_t size);

  const std::string path_;
  std::unique_ptr<io::AtomicFile> file_;
};

}  // namespace nibble

#endif  // NIBBLE_PIPELINE_OUTPUT_GGUF_OUTPUT_H_
