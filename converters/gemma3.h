// Gemma 3, the text model: alone, or within the multimodal one.
#ifndef NIBBLE_CONVERTERS_GEMMA3_H_
#define NIBBLE_CONVERTERS_GEMMA3_H_

#include "converters/family.h"

namespace nibble {

extern const Family kGemma3;

}  // namespace nibble

#endif  // NIBBLE_CONVERTERS_GEMMA3_H_
