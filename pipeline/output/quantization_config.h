// The quantization_config of a compressed-tensors folder.
#ifndef NIBBLE_PIPELINE_OUTPUT_QUANTIZATION_CONFIG_H_
#define NIBBLE_PIPELINE_OUTPUT_QUANTIZATION_CONFIG_H_

#include <string>
#include <utility>
#include <vector>

#include "quant/block/format.h"

namespace nibble {

struct QuantizedModules {
  std::vector<std::pair<std::string, Format>> modules;  // "model.layers.0.mlp.down_proj", and what it is packed as
  std::vector<std::string> ignored;                     // linears that are not
};

// As JSON. Of one format, all "Linear" modules are targeted but those ignored. Of several, a group per format lists its
// modules, and numbers in names become patterns where all modules of that pattern are alike.
// REQUIRES: there are modules; every format has a packing.
std::string QuantizationConfig(const QuantizedModules& quantized);

}  // namespace nibble

#endif  // NIBBLE_PIPELINE_OUTPUT_QUANTIZATION_CONFIG_H_
