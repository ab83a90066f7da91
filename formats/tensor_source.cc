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
  TensorSource source;
  source.files_ = std::move(files);
  source.tensors_ = std::move(tensors);
  source.by_name_.reserve(source.tensors_.size());
  for (uint32_t i = 0; i < source.tensors_.size(); ++i) {
    const StoredTensor& tensor = source.tensors_[i];
    assert(tensor.file < source.files_.size());
    const auto [earlier, inserted] = source.by_name_.emplace(tensor.name, i);
    if (inserted) continue;
    const uint32_t other = source.tensors_[earlier->second].file;
    return BadData(source.Place(tensor), "one tensor of this name",
                   other == tensor.file ? "two" : absl::StrCat("one more in ", source.files_[other]->path()));
  }
  return source;
}

const StoredTensor* TensorSource::Find(absl::string_view name) const {
  const auto found = by_name_.find(name);
  return found == by_name_.end() ? nullptr : &tensors_[found->second];
}

absl::Status TensorSource::Read(const StoredTensor& tensor, uint64_t offset, absl::Span<std::byte> out) const {
  assert(offset <= tensor.bytes && out.size() <= tensor.bytes - offset);
  const absl::Status status = files_[tensor.file]->ReadAt(tensor.offset + offset, out);
  if (status.ok()) return status;
  return absl::Status(status.code(),
                      absl::StrCat(status.message(), " (tensor '", absl::Utf8SafeCEscape(tensor.name), "')"));
}

std::string TensorSource::Place(const StoredTensor& tensor) const {
  return absl::StrCat(files_[tensor.file]->path(), ": tensor '", absl::Utf8SafeCEscape(tensor.name), "'");
}

}  // namespace nibble
