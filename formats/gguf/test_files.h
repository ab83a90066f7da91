// Files for tests: written whole, from bytes put together by hand.
#ifndef NIBBLE_FORMATS_GGUF_TEST_FILES_H_
#define NIBBLE_FORMATS_GGUF_TEST_FILES_H_

#include <cstdint>
#include <fstream>
#include <string>
#include <type_traits>

#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "formats/gguf/gguf.h"
#include "gtest/gtest.h"

namespace nibble::gguf {

// The path of a file of that name that holds just `bytes`.
inline std::string WriteTestFile(const std::string& name, const std::string& bytes) {
  const std::string path = absl::StrCat(::testing::TempDir(), "/", name);
  std::ofstream(path, std::ios::binary | std::ios::trunc) << bytes;
  return path;
}

// A complete file: the layout's header and, for every tensor, bytes that count up from its number.
inline std::string MakeTestFile(const Metadata& metadata, const std::vector<TensorInfo>& tensors) {
  const Layout layout = MakeLayout(metadata, tensors);
  std::string bytes = layout.header;
  bytes.resize(layout.file_bytes);
  for (size_t t = 0; t < tensors.size(); ++t) {
    const DTypeInfo& type = GetDType(tensors[t].dtype);
    uint64_t size = type.block_bits / 8;
    for (int64_t dim : tensors[t].shape) size *= dim;
    size /= type.block_elements;
    for (uint64_t i = 0; i < size; ++i) bytes[layout.offsets[t] + i] = static_cast<char>(t + i);
  }
  return bytes;
}

// Bytes of a header, field by field.
class Bytes {
 public:
  template <typename T>
  Bytes& Number(T number) {
    static_assert(std::is_arithmetic_v<T>);
    bytes_.append(reinterpret_cast<const char*>(&number), sizeof(T));
    return *this;
  }
  Bytes& Raw(absl::string_view raw) {
    bytes_.append(raw.data(), raw.size());
    return *this;
  }
  Bytes& Text(absl::string_view text) { return Number<uint64_t>(text.size()).Raw(text); }
  Bytes& Header(int64_t tensors, int64_t keys, uint32_t version = 3) {
    return Raw("GGUF").Number(version).Number(tensors).Number(keys);
  }
  Bytes& Key(absl::string_view name, ValueType type) { return Text(name).Number(static_cast<uint32_t>(type)); }
  // A tensor's info, dimensions innermost first.
  Bytes& Tensor(absl::string_view name, const std::vector<int64_t>& dims, uint32_t type, uint64_t offset) {
    Text(name).Number<uint32_t>(dims.size());
    for (int64_t dim : dims) Number(dim);
    return Number(type).Number(offset);
  }
  Bytes& PadTo(size_t alignment) {
    bytes_.resize((bytes_.size() + alignment - 1) / alignment * alignment);
    return *this;
  }
  Bytes& Zeros(size_t count) {
    bytes_.resize(bytes_.size() + count);
    return *this;
  }
  const std::string& str() const { return bytes_; }

 private:
  std::string bytes_;
};

}  // namespace nibble::gguf

#endif  // NIBBLE_FORMATS_GGUF_TEST_FILES_H_
