// What a model's tensors are stored in, and what holds their values.
#ifndef NIBBLE_PIPELINE_TYPES_STORED_FORMATS_H_
#define NIBBLE_PIPELINE_TYPES_STORED_FORMATS_H_

#include <optional>
#include <vector>

#include "model/logical_tensor.h"
#include "model/model.h"
#include "model/tensor_list.h"
#include "quant/block/format.h"

namespace nibble {

bool IsFloat(Format format);

// Up to Q4_1's five bits with scale and minimum: a format whose values another encoding would lose.
bool IsFourBit(Format format);

// The format whose blocks all slices are, to be copied as they are; nothing if there is none.
std::optional<Format> StoredFormat(const Model& model, TensorStack slices);

// StoredFormat of every stack: a look at each of up to a hundred thousand tensors.
using StoredFormats = std::vector<std::optional<Format>>;
StoredFormats FindStoredFormats(const Model& model);

// What holds a source's values: its own format if that is a float, F16 for a GGUF's blocks, and BF16 for what is
// published with scales beside it, but for halves' multiples.
Format FloatFor(const Model& model, const LogicalTensor& tensor);

// What a stack is kept in to lose nothing: its stored format, or a float that holds its values.
Format LosslessFormat(const Model& model, TensorStack slices, std::optional<Format> stored);

// Whether its tensors were published in up to five bits, so that another encoding would lose what they are.
bool IsPublishedInFourBits(const Model& model, TensorStack slices);

}  // namespace nibble

#endif  // NIBBLE_PIPELINE_TYPES_STORED_FORMATS_H_
