#include <cassert>
#include <cstring>
#include <type_traits>

#include "absl/container/flat_hash_set.h"
#include "formats/gguf/gguf.h"
#include "formats/gguf/wire.h"

namespace nibble::gguf {
namespace {

template <typename T>
void Append(std::string& out, const T& number) {
  static_assert(std::is_arithmetic_v<T> || std::is_enum_v<T>);
  const size_t at = out.size();
  out.resize(at + sizeof(T));
  std::memcpy(&out[at], &number, sizeof(T));
}

void Append(std::string& out, const std::string& text) {
  Append<uint64_t>(out, text.size());
  out += text;
}

void Append(std::string& out, const Array& array) {
  Append(out, ElementTypeOf(array));
  std::visit(
      [&out](const auto& items) {
        Append<uint64_t>(out, items.size());
        for (const typename std::decay_t<decltype(items)>::value_type& item : items) Append(out, item);
      },
      array);
}

void Append(std::string& out, const Value& value) {
  Append(out, TypeOf(value));
  std::visit([&out](const auto& v) { Append(out, v); }, value);
}

void AppendInfo(std::string& out, const TensorInfo& tensor, uint64_t offset) {
  Append(out, tensor.name);
  Append<uint32_t>(out, tensor.shape.size());
  for (auto dim = tensor.shape.rbegin(); dim != tensor.shape.rend(); ++dim) Append<int64_t>(out, *dim);
  Append<int32_t>(out, GetDType(tensor.dtype).gguf_type);
  Append<uint64_t>(out, offset);
}

uint64_t BytesOf(const TensorInfo& tensor) {
  const DTypeInfo& type = GetDType(tensor.dtype);
  assert(type.gguf_type >= 0 && tensor.shape.back() % type.block_elements == 0);
  uint64_t elements = 1;
  for (int64_t dim : tensor.shape) elements *= dim;
  return elements / type.block_elements * (type.block_bits / 8);
}

[[maybe_unused]] bool NamesAreValid(const std::vector<TensorInfo>& tensors) {
  absl::flat_hash_set<absl::string_view> names;
  for (const TensorInfo& tensor : tensors) {
    if (tensor.name.empty() || tensor.name.size() > kMaxTensorName || !names.insert(tensor.name).second) return false;
  }
  return true;
}

uint64_t AlignmentOf(const Metadata& metadata) {
  const Value* value = metadata.Find(kAlignmentKey);
  return value == nullptr ? kDefaultAlignment : std::get<uint32_t>(*value);
}

}  // namespace

Layout MakeLayout(const Metadata& metadata, const std::vector<TensorInfo>& tensors) {
  assert(NamesAreValid(tensors));
  const uint64_t alignment = AlignmentOf(metadata);
  Layout layout;
  std::string& header = layout.header;
  header.append(kMagic.data(), kMagic.size());
  Append(header, kVersion);
  Append<uint64_t>(header, tensors.size());
  Append<uint64_t>(header, metadata.entries().size());
  for (const auto& [key, value] : metadata.entries()) {
    Append(header, key);
    Append(header, value);
  }
  uint64_t data_bytes = 0;
  for (const TensorInfo& tensor : tensors) {
    assert(!tensor.shape.empty() && tensor.shape.size() <= kMaxDimensions);
    AppendInfo(header, tensor, data_bytes);
    layout.offsets.push_back(data_bytes);
    data_bytes = AlignUp(data_bytes + BytesOf(tensor), alignment);
  }
  header.resize(AlignUp(header.size(), alignment));
  for (uint64_t& offset : layout.offsets) offset += header.size();
  layout.file_bytes = header.size() + data_bytes;
  return layout;
}

}  // namespace nibble::gguf
