// Mistral 7B, Nemo and Small, Ministral 3, Mixtral: as Hugging Face folders, and in Mistral's own form (params.json,
// consolidated*.safetensors). In a GGUF they are "llama", or "mistral3".
#ifndef NIBBLE_CONVERTERS_MISTRAL_H_
#define NIBBLE_CONVERTERS_MISTRAL_H_

#include "converters/family.h"

namespace nibble {

extern const Family kMistral;

}  // namespace nibble

#endif  // NIBBLE_CONVERTERS_MISTRAL_H_
