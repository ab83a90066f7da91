#include "formats/tensor_source.h"

#include <cassert>
#include <utility>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "base/status.h"

namespace nibble {

int64_t StoredTensor::elements() const {
  int64_t product = 1;
  for (const int64_t size : shape) product *= size;
  return product;
}

std::string ShapeText(absl::Span<const int64_t> shape) { return absl::StrCat("[", absl::StrJoin(shape, ", "), "]"); }

absl::StatusOr<TensorSource> TensorSource::Create(std::vector<std::unique_ptr<io::ReadableFile>> files,
                                                  std::vector<StoredTensor> tensors) {
  const auto contents = std::make_shared<Contents>();
  contents->files = std::move(files);
  contents->tensors = std::move(tensors);
  TensorSource source;
  source.contents_ = contents;
  contents->by_name.reserve(contents->tensors.size());
  for (uint32_t i = 0; i < contents->tensors.size(); ++i) {
    const StoredTensor& tensor = contents->tensors[i];
    assert(tensor.file < contents->files.size());
    const auto [earlier, inserted] = contents->by_name.emplace(tensor.name, i);
    if (inserted) continue;
    const uint32_t other = contents->tensors[earlier->second].file;
    return BadData(source.Place(tensor), "one tensor of this name",
                   other == tensor.file ? "two" : absl::StrCat("one more in ", contents->files[other]->path()));
  }
  return source;
}

const StoredTensor* TensorSource::Find(absl::string_view name) const {
  const auto found = contents_->by_name.find(name);
  return found == contents_->by_name.end() ? nullptr : &contents_->tensors[found->second];
}

absl::Status TensorSource::Read(const StoredTensor& tensor, uint64_t offset, absl::Span<std::byte> out) const {
  assert(offset <= tensor.bytes && out.size() <= tensor.bytes - offset);
  const absl::Status status = contents_->files[tensor.file]->ReadAt(tensor.offset + offset, out);
  if (status.ok()) return status;
  return absl::Status(status.code(),
                      absl::StrCat(status.message(), " (tensor '", absl::Utf8SafeCEscape(tensor.name), "')"));
}

std::string TensorSource::Place(const StoredTensor& tensor) const {
  return absl::StrCat(contents_->files[tensor.file]->path(), ": tensor '", absl::Utf8SafeCEscape(tensor.name), "'");
}

}  // namespace nibble
