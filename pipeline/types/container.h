// What an output is written as.
#ifndef NIBBLE_PIPELINE_TYPES_CONTAINER_H_
#define NIBBLE_PIPELINE_TYPES_CONTAINER_H_

#include <cstdint>

namespace nibble {

enum class Container : uint8_t {
  kGguf,
  kCompressedTensors,  // a folder of safetensors with published names, for vLLM and transformers
  kMxfp4,              // the same as gpt-oss is published: experts in MXFP4, everything else as it is
};

}  // namespace nibble

#endif  // NIBBLE_PIPELINE_TYPES_CONTAINER_H_
