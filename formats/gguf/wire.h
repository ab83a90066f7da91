// What reader and writer agree on: the constants of the format, and which value type a C++ value has on disk.
#ifndef NIBBLE_FORMATS_GGUF_WIRE_H_
#define NIBBLE_FORMATS_GGUF_WIRE_H_

#include <bit>
#include <cstdint>

#include "absl/strings/string_view.h"
#include "formats/gguf/gguf.h"

namespace nibble::gguf {

static_assert(std::endian::native == std::endian::little, "numbers are copied to and from the file as they are");

inline constexpr absl::string_view kMagic = "GGUF";
inline constexpr uint32_t kVersion = 3;
inline constexpr uint32_t kOldestVersion = 2;  // laid out as version 3, which only added big-endian files

inline constexpr absl::string_view kAlignmentKey = "general.alignment";
inline constexpr uint32_t kDefaultAlignment = 32;
inline constexpr uint32_t kMinAlignment = 8;

inline constexpr size_t kMaxTensorName = 63;
inline constexpr uint32_t kMaxDimensions = 4;

inline constexpr uint64_t AlignUp(uint64_t offset, uint64_t alignment) {
  return (offset + alignment - 1) / alignment * alignment;
}

// The alternatives of Value stand in ValueType's order; those of Array too, without the array itself.
inline ValueType TypeOf(const Value& value) { return static_cast<ValueType>(value.index()); }
inline constexpr size_t kArrayIndex = static_cast<size_t>(ValueType::kArray);
inline constexpr size_t kValueTypes = std::variant_size_v<Value>;
inline ValueType ElementTypeOf(const Array& array) {
  return static_cast<ValueType>(array.index() < kArrayIndex ? array.index() : array.index() + 1);
}

}  // namespace nibble::gguf

#endif  // NIBBLE_FORMATS_GGUF_WIRE_H_
