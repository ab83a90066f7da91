#include "pipeline/gguf_output.h"

#include <string>

#include "base/status.h"
#include "quant/block/format.h"

namespace nibble {

absl::StatusOr<std::unique_ptr<Output>> GgufOutput::Create(io::FileSystem& files, const Model& model,
                                                           const OutputPlan& plan, const OutputOptions& options) {
  NIBBLE_ASSIGN_OR_RETURN(auto file, io::AtomicFile::Create(files, options.path, plan.layout.file_bytes,
                                                            {.force = options.force, .inputs = model.inputs}));
  const std::string& header = plan.layout.header;
  NIBBLE_RETURN_IF_ERROR(
      file->file().WriteAt(0, absl::MakeSpan(reinterpret_cast<const std::byte*>(header.data()), header.size())));
  return std::unique_ptr<Output>(new GgufOutput(plan, std::move(file)));
}

absl::Status GgufOutput::WriteRows(const OutputTensor& tensor, size_t slice, int64_t first_row,
                                   absl::Span<const std::byte> rows) {
  const int64_t rows_before = slice * tensor.slices[0].rows + first_row;
  const uint64_t row_bytes = GetFormat(tensor.format).BytesFor(tensor.slices[0].cols);
  return file_->file().WriteAt(plan_.layout.offsets[tensor.place] + rows_before * row_bytes, rows);
}

absl::Status GgufOutput::Commit() { return file_->Commit(); }

}  // namespace nibble
