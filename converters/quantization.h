// How a checkpoint's config says that its weights are quantized, and whether its tensors agree.
//
// Families do not ask: tensor tables read what is stored (published_weight.h). These checks come before, so that what
// cannot be read is refused by its name, and a config that contradicts its tensors is not believed.
#ifndef NIBBLE_CONVERTERS_QUANTIZATION_H_
#define NIBBLE_CONVERTERS_QUANTIZATION_H_

#include "absl/status/status.h"
#include "absl/types/span.h"
#include "formats/json/json.h"
#include "formats/tensor_source.h"
#include "model/logical_tensor.h"

namespace nibble {

// kUnimplemented names the method, or the part of it, that is not read. What is: FP8 in blocks of 128 x 128, per row or
// per tensor ("fp8"), MXFP4 ("mxfp4"), and of "compressed-tensors" symmetric INT4 in groups ("pack-quantized"), MXFP4
// and NVFP4 ("mxfp4-pack-quantized", "nvfp4-pack-quantized"), FP8 per row or per tensor ("float-quantized",
// "naive-quantized"), also mixed ("mixed-precision"); integers of 4 or 8 bits of "gptq" (both versions), of 4 bits of
// "awq" (version gemm).
absl::Status CheckQuantization(const json::Value& config);

// kUnimplemented names the program (bitsandbytes, MLX, ...) whose packing a tensor has, whatever the config says.
// kDataLoss, if the config's method is not that of the tensors, if tensors are quantized and the config knows of none,
// or if their scales are of other blocks, or words of other bits, than it says. REQUIRES: CheckQuantization(config).
absl::Status CheckQuantizedTensors(const json::Value& config, const TensorSource& source);

// What no tensor says of those that were read from words: that GPTQ's first version stores zero points less one.
// REQUIRES: CheckQuantization(config).
void SetZeroPoints(const json::Value& config, absl::Span<LogicalTensor> tensors);

}  // namespace nibble

#endif  // NIBBLE_CONVERTERS_QUANTIZATION_H_
