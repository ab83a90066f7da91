#include "quant/block/format.h"

#include "absl/strings/match.h"
#include "quant/block/bf16.h"
#include "quant/block/f16.h"
#include "quant/block/f32.h"
#include "quant/block/f4.h"
#include "quant/block/f8_e4m3.h"
#include "quant/block/f8_e5m2.h"
#include "quant/block/f8_e8m0.h"
#include "quant/block/int4.h"
#include "quant/block/int4_group.h"
#include "quant/block/iq4_nl.h"
#include "quant/block/iq4_xs.h"
#include "quant/block/mxfp4.h"
#include "quant/block/nvfp4.h"
#include "quant/block/q2_k.h"
#include "quant/block/q3_k.h"
#include "quant/block/q4_0.h"
#include "quant/block/q4_1.h"
#include "quant/block/q4_k.h"
#include "quant/block/q5_0.h"
#include "quant/block/q5_1.h"
#include "quant/block/q5_k.h"
#include "quant/block/q6_k.h"
#include "quant/block/q8_0.h"

namespace nibble {
namespace {

// A row that can be written, and one that can only be read. `ns` is the format's namespace.
#define NIBBLE_FORMAT(format, name, gguf_type, ns)                                                       \
  {                                                                                                      \
    Format::format, name, gguf_type, ns::Block::kElements, sizeof(ns::Block), ns::Decode, ns::EncodeRtn, \
        ns::EncodeWeighted                                                                               \
  }
#define NIBBLE_READ_ONLY_FORMAT(format, name, gguf_type, ns) \
  { Format::format, name, gguf_type, ns::Block::kElements, sizeof(ns::Block), ns::Decode, nullptr, nullptr }

constexpr BlockFormat kFormats[] = {
    NIBBLE_FORMAT(kF32, "F32", 0, f32),
    NIBBLE_FORMAT(kF16, "F16", 1, f16),
    NIBBLE_FORMAT(kBF16, "BF16", 30, bf16),
    NIBBLE_FORMAT(kQ8_0, "Q8_0", 8, q8_0),
    NIBBLE_FORMAT(kQ4_0, "Q4_0", 2, q4_0),
    NIBBLE_FORMAT(kQ4_1, "Q4_1", 3, q4_1),
    NIBBLE_FORMAT(kQ5_0, "Q5_0", 6, q5_0),
    NIBBLE_FORMAT(kQ5_1, "Q5_1", 7, q5_1),
    NIBBLE_READ_ONLY_FORMAT(kQ2_K, "Q2_K", 10, q2_k),
    NIBBLE_READ_ONLY_FORMAT(kQ3_K, "Q3_K", 11, q3_k),
    NIBBLE_FORMAT(kQ4_K, "Q4_K", 12, q4_k),
    NIBBLE_FORMAT(kQ5_K, "Q5_K", 13, q5_k),
    NIBBLE_FORMAT(kQ6_K, "Q6_K", 14, q6_k),
    NIBBLE_FORMAT(kIQ4_NL, "IQ4_NL", 20, iq4_nl),
    NIBBLE_FORMAT(kIQ4_XS, "IQ4_XS", 23, iq4_xs),
    NIBBLE_FORMAT(kMXFP4, "MXFP4", 39, mxfp4),
    NIBBLE_FORMAT(kNVFP4, "NVFP4", 40, nvfp4),
    NIBBLE_FORMAT(kINT4_G32, "INT4_G32", -1, int4_g32),
    NIBBLE_FORMAT(kINT4_G128, "INT4_G128", -1, int4_g128),
    NIBBLE_READ_ONLY_FORMAT(kF8_E4M3, "F8_E4M3", -1, f8_e4m3),
    NIBBLE_READ_ONLY_FORMAT(kF8_E5M2, "F8_E5M2", -1, f8_e5m2),
    NIBBLE_READ_ONLY_FORMAT(kF8_E8M0, "F8_E8M0", -1, f8_e8m0),
    NIBBLE_READ_ONLY_FORMAT(kF4, "F4", -1, f4),
    NIBBLE_READ_ONLY_FORMAT(kInt4, "INT4", -1, int4),
};

#undef NIBBLE_FORMAT
#undef NIBBLE_READ_ONLY_FORMAT

constexpr bool InEnumOrder() {
  int next = 0;
  for (const BlockFormat& format : kFormats) {
    if (static_cast<int>(format.id) != next++) return false;
  }
  return true;
}
static_assert(InEnumOrder(), "GetFormat finds a row by its place");

}  // namespace

absl::Span<const BlockFormat> Formats() { return kFormats; }

const BlockFormat& GetFormat(Format format) { return kFormats[static_cast<int>(format)]; }

const BlockFormat* FindFormat(absl::string_view name) {
  for (const BlockFormat& format : kFormats) {
    if (absl::EqualsIgnoreCase(format.name, name)) return &format;
  }
  return nullptr;
}

const BlockFormat* FindFormatByGgufType(int gguf_type) {
  if (gguf_type < 0) return nullptr;  // stands for "GGUF has none"
  for (const BlockFormat& format : kFormats) {
    if (format.gguf_type == gguf_type) return &format;
  }
  return nullptr;
}

}  // namespace nibble
