#include "pipeline/types/stored_formats.h"

#include <algorithm>
#include <variant>

#include "formats/dtype.h"
#include "formats/tensor_source.h"

namespace nibble {

bool IsFloat(Format format) { return GetFormat(format).block_elements == 1; }

bool IsFourBit(Format format) {
  const BlockFormat& blocks = GetFormat(format);
  return blocks.block_bytes * 8 <= blocks.block_elements * 5;
}

std::optional<Format> StoredFormat(const Model& model, TensorStack slices) {
  const std::optional<DType> dtype = RawDType(model.source, slices[0]);
  const auto has_same = [&](const LogicalTensor& slice) { return RawDType(model.source, slice) == dtype; };
  if (!dtype || !std::all_of(slices.begin(), slices.end(), has_same)) return std::nullopt;
  return GetDType(*dtype).format;
}

StoredFormats FindStoredFormats(const Model& model) {
  StoredFormats formats;
  for (const TensorStack slices : model.tensors.stacks()) formats.push_back(StoredFormat(model, slices));
  return formats;
}

Format FloatFor(const Model& model, const LogicalTensor& tensor) {
  const StridedView& view = std::get<StridedView>(tensor.recipe);
  if (view.words && model.source.Find(view.words->scales)->dtype == DType::kF16) return Format::kF16;
  if (IsCoded(view)) return Format::kBF16;
  const DTypeInfo& source = GetDType(model.source.Find(view.tensor)->dtype);
  if (source.gguf_type < 0) return Format::kBF16;
  return IsFloat(*source.format) ? *source.format : Format::kF16;
}

Format LosslessFormat(const Model& model, TensorStack slices, std::optional<Format> stored) {
  return stored ? *stored : FloatFor(model, slices[0]);
}

bool IsPublishedInFourBits(const Model& model, TensorStack slices) {
  const std::optional<Format> stored = StoredFormat(model, slices);
  return stored && IsFourBit(*stored);
}

}  // namespace nibble
