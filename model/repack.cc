#include "model/repack.h"

#include <algorithm>
#include <cassert>
#include <vector>

#include "absl/strings/str_cat.h"
#include "base/status.h"
#include "model/block_scales.h"
#include "model/stored.h"

namespace nibble {
namespace {

constexpr int64_t kBlock = 32;
constexpr int64_t kCodeBytes = kBlock / 2;
constexpr float kLargestHalf = 65504;  // Q4_0's scales are F16

// Code i of a block comes to the low half of byte i, code i + 16 to the high half of the same; stored they are in turn.
void Repack(const std::byte* codes, std::byte* out) {
  const auto code = [&](int64_t i) { return i % 2 == 0 ? codes[i / 2] & std::byte{15} : codes[i / 2] >> 4; };
  for (int64_t i = 0; i < kCodeBytes; ++i) out[i] = code(i) | code(i + kCodeBytes) << 4;
}

// Writes the nearest half; whether it is the value itself.
bool PutHalf(float value, std::byte* out) {
  const BlockFormat& half = GetFormat(Format::kF16);
  half.encode_rtn(&value, 1, out);
  float put = 0;
  half.decode(out, 1, &put);
  return put == value;
}

}  // namespace

std::optional<DType> RepackedDType(const TensorSource& source, const StridedView& view) {
  if (!view.packed || !view.scales || view.add != 0) return std::nullopt;
  const StoredElements stored = ElementsOf(source, view.tensor, view.packed);
  const bool per_block =
      view.scales->block_rows == 1 && view.scales->block_cols == kBlock && stored.cols() % kBlock == 0;
  if (!per_block) return std::nullopt;
  const bool is_e8m0 = ScaleFormat(*source.Find(view.scales->tensor)) == Format::kF8_E8M0;
  if (*view.packed == Format::kF4 && is_e8m0) return DType::kMXFP4;
  if (*view.packed == Format::kInt4 && !is_e8m0) return DType::kQ4_0;
  return std::nullopt;
}

absl::Status RepackRun(const TensorSource& source, const StridedView& view, const Run& run, std::byte* out,
                       int64_t* rounded_scales) {
  const StoredElements stored = ElementsOf(source, view.tensor, view.packed);
  std::vector<std::byte> codes;
  NIBBLE_RETURN_IF_ERROR(stored.Read(run.stored, run.stored + run.count, codes));
  NIBBLE_ASSIGN_OR_RETURN(const Scales scales, Scales::Read(stored, *view.scales, run.stored, run.stored + run.count));
  for (int64_t block = 0; block < run.count / kBlock; ++block) {
    const int64_t element = run.stored + block * kBlock;
    if (*view.packed == Format::kF4) {
      *out++ = scales.CodeOf(element);
    } else {
      const float scale = scales.Of(element);
      if (scale > kLargestHalf) {
        const StoredElements place = ElementsOf(source, view.scales->tensor, std::nullopt);
        return place.Error(scales.Index(element), "a scale that Q4_0 can hold", absl::StrCat(scale));
      }
      if (!PutHalf(scale, out) && rounded_scales != nullptr) ++*rounded_scales;
      out += sizeof(uint16_t);
    }
    Repack(codes.data() + block * kCodeBytes, out);
    out += kCodeBytes;
  }
  return absl::OkStatus();
}

}  // namespace nibble
