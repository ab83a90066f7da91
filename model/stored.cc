#include "model/stored.h"

#include <cassert>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/types/span.h"
#include "base/status.h"
#include "formats/dtype.h"

namespace nibble {
namespace {

// Blocks that begin with one-byte scales, and the code that means NaN. Decoders take it for a number, as llama.cpp
// does.
constexpr struct {
  Format format;
  int64_t scales;
  std::byte nan;
} kNaNScales[] = {{Format::kMXFP4, 1, std::byte{0xff}}, {Format::kNVFP4, 4, std::byte{0x7f}}};

// `bytes`: the blocks from element `begin` on.
absl::Status CheckScales(const StoredElements& stored, int64_t begin, absl::Span<const std::byte> bytes) {
  const BlockFormat& format = stored.format;
  for (const auto& row : kNaNScales) {
    if (row.format != format.id) continue;
    const int64_t blocks = bytes.size() / format.block_bytes;
    for (int64_t i = 0; i < blocks * row.scales; ++i) {
      if (bytes[i / row.scales * format.block_bytes + i % row.scales] != row.nan) continue;
      return stored.Error(begin + i * (format.block_elements / row.scales), "a finite scale", "nan");
    }
  }
  return absl::OkStatus();
}

}  // namespace

absl::Status StoredElements::Error(int64_t element, absl::string_view expected, absl::string_view found) const {
  std::vector<int64_t> index(shape.size());
  for (size_t axis = index.size(); axis-- > 0; element /= shape[axis]) index[axis] = element % shape[axis];
  return BadData(absl::StrCat(source.Place(tensor), " ", ShapeText(index)), expected, found);
}

absl::Status StoredElements::Read(int64_t begin, int64_t end, std::vector<std::byte>& bytes) const {
  bytes.resize(format.BytesFor(end - begin));
  NIBBLE_RETURN_IF_ERROR(source.Read(tensor, format.BytesFor(begin), absl::MakeSpan(bytes)));
  return CheckScales(*this, begin, bytes);
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
