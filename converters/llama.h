// Llama 2, 3 and 3.x, and what is published in their form (SmolLM2, TinyLlama, llama2.c's stories).
#ifndef NIBBLE_CONVERTERS_LLAMA_H_
#define NIBBLE_CONVERTERS_LLAMA_H_

#include "converters/family.h"

namespace nibble {

extern const Family kLlama;

}  // namespace nibble

#endif  // NIBBLE_CONVERTERS_LLAMA_H_
