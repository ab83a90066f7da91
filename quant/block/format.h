// Number formats: how a run of float values becomes bytes, and back.
//
// A format cuts a row into blocks of `block_elements` values, each stored in `block_bytes` bytes. The table below has
// one row per format; its code lies in quant/block/<name>.{h,cc}, the layout in the header's comment. To add a format:
// write those files and a test, and add one row to format.cc.
//
// All functions are pure and thread-safe. Decoders are exact. Encoders give the same bytes on every machine: no fused
// multiply-add, no fast-math, sums in a fixed order (design section 5).
#ifndef NIBBLE_QUANT_BLOCK_FORMAT_H_
#define NIBBLE_QUANT_BLOCK_FORMAT_H_

#include <cstddef>
#include <cstdint>

#include "absl/strings/string_view.h"
#include "absl/types/span.h"

namespace nibble {

enum class Format : uint8_t {
  kF32,
  kF16,
  kBF16,
  kQ8_0,
  kQ4_0,
  kQ4_1,
  kQ5_0,
  kQ5_1,
  kQ2_K,
  kQ3_K,
  kQ4_K,
  kQ5_K,
  kQ6_K,
  kIQ4_NL,
  kIQ4_XS,
  kMXFP4,
  kNVFP4,
  // Of folders alone (compressed-tensors).
  kINT4_G32,
  kINT4_G128,
  // What checkpoints are published in besides: elements of a tensor whose scales are another tensor, or those scales.
  // GGUF has none of them, and nothing is encoded in them.
  kF8_E4M3,
  kF8_E5M2,
  kF8_E8M0,
  kF4,
  kInt4,
};

struct BlockFormat {
  Format id;
  absl::string_view name;   // as on the command line and in GGUF tools: "Q4_K"
  int gguf_type;            // ggml_type; -1 if GGUF has none
  uint32_t block_elements;  // a row's length must be a multiple of it
  uint32_t block_bytes;

  // Decodes `blocks` consecutive blocks into blocks * block_elements floats.
  void (*decode)(const std::byte* in, size_t blocks, float* out);

  // Encodes `blocks * block_elements` finite values by the format's plain rule: the scale from the block's extreme
  // value, every code the nearest. Null where the format is read only.
  void (*encode_rtn)(const float* values, size_t blocks, std::byte* out);

  // Encodes finite values so that sum weights[i] * (values[i] - decoded[i])^2 is small: a search over scales. `weights`
  // (>= 0, one per value, e.g. E[x^2] of the column) may be null, which means 1 everywhere. Never worse by that sum
  // than encode_rtn, block by block. Null where the format is read only.
  void (*encode_weighted)(const float* values, const float* weights, size_t blocks, std::byte* out);

  uint64_t BytesFor(uint64_t elements) const { return elements / block_elements * block_bytes; }
};

// Every format, in the enum's order.
absl::Span<const BlockFormat> Formats();

const BlockFormat& GetFormat(Format format);

// Null if there is none. Names are matched without regard to case.
const BlockFormat* FindFormat(absl::string_view name);
const BlockFormat* FindFormatByGgufType(int gguf_type);

}  // namespace nibble

#endif  // NIBBLE_QUANT_BLOCK_FORMAT_H_
