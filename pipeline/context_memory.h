// What running a model takes beside its weights.
#ifndef NIBBLE_PIPELINE_CONTEXT_MEMORY_H_
#define NIBBLE_PIPELINE_CONTEXT_MEMORY_H_

#include <cstdint>

#include "model/model_spec.pb.h"

namespace nibble {

// In bytes, for one sequence, with what llama.cpp takes by default: 512 tokens at a time, an f16 cache, attention that
// keeps no matrix of scores. docs/methods.md has the formula.
struct ContextMemory {
  uint64_t cache = 0;    // keys and values, or their latents
  uint64_t buffers = 0;  // activations, or logits, and the attention mask
};

// Nothing for a context of 0. REQUIRES: context < 2^40.
ContextMemory MemoryAtContext(const ModelSpec& spec, uint64_t context);

}  // namespace nibble

#endif  // NIBBLE_PIPELINE_CONTEXT_MEMORY_H_
