// The types that stored tensors have: safetensors' 22 dtypes and GGUF's block types, in one table.
#ifndef NIBBLE_FORMATS_DTYPE_H_
#define NIBBLE_FORMATS_DTYPE_H_

#include <cstdint>
#include <optional>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "quant/block/format.h"

namespace nibble {

enum class DType : uint8_t {
  // safetensors
  kBool,
  kF4,
  kF6_E2M3,
  kF6_E3M2,
  kU8,
  kI8,
  kF8_E5M2,
  kF8_E4M3,
  kF8_E8M0,
  kF8_E4M3FNUZ,
  kF8_E5M2FNUZ,
  kI16,
  kU16,
  kF16,
  kBF16,
  kI32,
  kU32,
  kF32,
  kC64,
  kF64,
  kI64,
  kU64,
  // GGUF alone
  kQ4_0,
  kQ4_1,
  kQ5_0,
  kQ5_1,
  kQ8_0,
  kQ2_K,
  kQ3_K,
  kQ4_K,
  kQ5_K,
  kQ6_K,
  kIQ4_NL,
  kIQ4_XS,
  kMXFP4,
  kNVFP4,
};

struct DTypeInfo {
  DType id;
  absl::string_view name;        // "BF16", "Q4_K"
  bool in_safetensors;           // `name` is then its name there
  int gguf_type;                 // -1 if GGUF has none
  uint32_t block_elements;       // 1 for plain types
  uint32_t block_bits;           // of one block
  std::optional<Format> format;  // how to decode it to float; none for integers, bool and the like
};

const DTypeInfo& GetDType(DType dtype);
const DTypeInfo* FindSafetensorsDType(absl::string_view name);  // null if unknown
const DTypeInfo* FindGgufDType(int gguf_type);                  // null if unknown, removed or not supported
// REQUIRES: there is one (all formats have one but INT4 and its groups, which are packed in integers).
DType DTypeOf(Format format);

}  // namespace nibble

#endif  // NIBBLE_FORMATS_DTYPE_H_
