#include "model/stored.h"

#include <cassert>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/types/span.h"
#include "base/status.h"
#include "formats/dtype.h"

namespace nibble {

absl::Status StoredElements::Error(int64_t element, absl::string_view expected, absl::string_view found) const {
  std::vector<int64_t> index(shape.size());
  for (size_t axis = index.size(); axis-- > 0; element /= shape[axis]) index[axis] = element % shape[axis];
  return BadData(absl::StrCat(source.Place(tensor), " ", ShapeText(index)), expected, found);
}

absl::Status StoredElements::Read(int64_t begin, int64_t end, std::vector<std::byte>& bytes) const {
  bytes.resize(format.BytesFor(end - begin));
  return source.Read(tensor, format.BytesFor(begin), absl::MakeSpan(bytes));
}

StoredElements ElementsOf(const TensorSource& source, absl::string_view name, std::optional<Format> packed) {
  const StoredTensor* tensor = source.Find(name);
  assert(tensor != nullptr);
  const DTypeInfo& dtype = GetDType(tensor->dtype);
  assert(packed.has_value() || dtype.format.has_value());
  const BlockFormat& format = GetFormat(packed ? *packed : *dtype.format);
  std::vector<int64_t> shape = tensor->shape;
  if (packed && !shape.empty()) shape.back() = shape.back() * dtype.block_bits / 8 * format.block_elements;
  return {source, *tensor, format, std::move(shape)};
}

}  // namespace nibble
