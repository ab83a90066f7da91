#include "pipeline/gguf_output.h"

#include <cassert>
#include <string>

#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "base/status.h"
#include "pipeline/manifest.h"
#include "quant/block/format.h"

namespace nibble {
namespace {

absl::Span<const std::byte> AsBytes(absl::string_view text) {
  return absl::MakeConstSpan(reinterpret_cast<const std::byte*>(text.data()), text.size());
}

uint64_t BytesOf(const OutputTensor& tensor) {
  const LogicalTensor& slice = tensor.slices[0];
  return GetFormat(tensor.format).BytesFor(tensor.slices.size() * slice.rows * slice.cols);
}

}  // namespace

absl::StatusOr<std::unique_ptr<Output>> GgufOutput::Create(io::FileSystem& files, const Model& model,
                                                           const OutputPlan& plan, const OutputOptions& options) {
  NIBBLE_ASSIGN_OR_RETURN(auto file, io::AtomicFile::Create(files, options.path, plan.layout.file_bytes,
                                                            {.force = options.force, .inputs = model.inputs}));
  // Removed again: that it can be made is known before the work is done.
  NIBBLE_RETURN_IF_ERROR(CreateSidecar(files, model, options.path, 0).status());
  NIBBLE_RETURN_IF_ERROR(file->file().WriteAt(0, AsBytes(plan.layout.header)));
  NIBBLE_ASSIGN_OR_RETURN(const std::shared_ptr<const io::ReadableFile> written, files.Open(file->file().path()));
  std::vector<TensorHashes::Place> places;
  for (const OutputTensor& tensor : plan.tensors) {
    places.push_back({written, plan.layout.offsets[tensor.place], BytesOf(tensor)});
  }
  return std::unique_ptr<Output>(new GgufOutput(files, model, plan, options.path, std::move(file), std::move(places)));
}

// What is there already belongs to a file that is replaced, or that is gone.
absl::StatusOr<std::unique_ptr<io::AtomicFile>> GgufOutput::CreateSidecar(io::FileSystem& files, const Model& model,
                                                                          const std::string& path, uint64_t size) {
  return io::AtomicFile::Create(files, absl::StrCat(path, kManifestSuffix), size,
                                {.force = true, .inputs = model.inputs});
}

absl::Status GgufOutput::WriteRows(const OutputTensor& tensor, size_t slice, int64_t first_row,
                                   absl::Span<const std::byte> rows) {
  const int64_t rows_before = slice * tensor.slices[0].rows + first_row;
  const uint64_t row_bytes = GetFormat(tensor.format).BytesFor(tensor.slices[0].cols);
  NIBBLE_RETURN_IF_ERROR(file_->file().WriteAt(plan_.layout.offsets[tensor.place] + rows_before * row_bytes, rows));
  return hashes_.Wrote(tensor.place, rows.size());
}

absl::StatusOr<std::string> GgufOutput::WriteManifest() {
  Manifest manifest = plan_.manifest;
  NIBBLE_ASSIGN_OR_RETURN(const std::vector<std::string> hashes, hashes_.Finish());
  for (size_t i = 0; i < hashes.size(); ++i) manifest.mutable_tensors(i)->set_sha256(hashes[i]);
  std::string text = ManifestText(manifest);
  assert(text.size() <= plan_.manifest_room);
  NIBBLE_RETURN_IF_ERROR(file_->file().WriteAt(plan_.manifest_at, AsBytes(text)));
  return text;
}

absl::Status GgufOutput::Commit() {
  NIBBLE_ASSIGN_OR_RETURN(const std::string text, WriteManifest());
  NIBBLE_ASSIGN_OR_RETURN(const auto sidecar, CreateSidecar(files_, model_, path_, text.size() + 1));
  NIBBLE_RETURN_IF_ERROR(sidecar->file().WriteAt(0, AsBytes(absl::StrCat(text, "\n"))));
  NIBBLE_RETURN_IF_ERROR(sidecar->Commit());
  absl::Status status = file_->Commit();
  if (!status.ok()) files_.Remove(absl::StrCat(path_, kManifestSuffix)).IgnoreError();
  return status;
}

}  // namespace nibble
