#include "pipeline/output/gguf_output.h"

#include <cassert>
#include <string>

#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "base/status.h"
#include "pipeline/output/manifest.h"
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

absl::StatusOr<std::unique_ptr<FileOutput>> GgufOutput::Create(io::FileSystem& files, const Model& model,
                                                               const OutputPlan& plan, const OutputOptions& options) {
  NIBBLE_ASSIGN_OR_RETURN(auto file, io::AtomicFile::Create(files, options.path, plan.layout.file_bytes,
                                                            {.force = options.force,
                                                             .resume = options.resume,
                                                             .inputs = model.inputs,
                                                             .joins = !options.comm->is_first()}));
  // Removed again: that it can be made is known before the work is done.
  if (options.comm->is_first()) NIBBLE_RETURN_IF_ERROR(CreateSidecar(files, model, options.path, 0).status());
  std::unique_ptr<GgufOutput> output(new GgufOutput(files, model, plan, options, std::move(file)));
  std::vector<Place> places;
  for (const OutputTensor& tensor : plan.tensors) {
    places.push_back({&output->file_->file(), plan.layout.offsets[tensor.place], BytesOf(tensor)});
  }
  NIBBLE_RETURN_IF_ERROR(output->SetPlaces(std::move(places)));
  return output;
}

absl::Status GgufOutput::Begin() {
  return comm_.is_first() ? file_->file().WriteAt(0, AsBytes(plan_.layout.header)) : absl::OkStatus();
}

// What is there already belongs to a file that is replaced, or that is gone.
absl::StatusOr<std::unique_ptr<io::AtomicFile>> GgufOutput::CreateSidecar(io::FileSystem& files, const Model& model,
                                                                          const std::string& path, uint64_t size) {
  return io::AtomicFile::Create(files, absl::StrCat(path, kManifestSuffix), size,
                                {.force = true, .inputs = model.inputs});
}

absl::Status GgufOutput::Spread(const TensorRows& range, absl::Span<const std::byte> rows, Sink sink) const {
  const int64_t rows_before = range.slice * RowsOf(range.tensor, 0) + range.first;
  return sink(range.tensor, rows_before * RowBytes(range.tensor), rows);
}

absl::Status GgufOutput::Publish(const Manifest& manifest) {
  const std::string text = ManifestText(manifest);
  assert(text.size() <= plan_.manifest_room);
  NIBBLE_RETURN_IF_ERROR(file_->file().WriteAt(plan_.manifest_at, AsBytes(text)));
  NIBBLE_ASSIGN_OR_RETURN(const auto sidecar, CreateSidecar(files_, model_, path_, text.size() + 1));
  NIBBLE_RETURN_IF_ERROR(sidecar->file().WriteAt(0, AsBytes(absl::StrCat(text, "\n"))));
  NIBBLE_RETURN_IF_ERROR(sidecar->Commit());
  absl::Status status = file_->Commit();
  if (!status.ok()) files_.Remove(absl::StrCat(path_, kManifestSuffix)).IgnoreError();
  return status;
}

}  // namespace nibble
