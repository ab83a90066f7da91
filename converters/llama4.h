// Llama 4 (Scout, Maverick), the text model: alone, or within the multimodal one.
#ifndef NIBBLE_CONVERTERS_LLAMA4_H_
#define NIBBLE_CONVERTERS_LLAMA4_H_

#include "converters/family.h"

namespace nibble {

extern const Family kLlama4;

}  // namespace nibble

#endif  // NIBBLE_CONVERTERS_LLAMA4_H_
