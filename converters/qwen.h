// Qwen2 (and 2.5), Qwen3, Qwen3-MoE.
#ifndef NIBBLE_CONVERTERS_QWEN_H_
#define NIBBLE_CONVERTERS_QWEN_H_

#include "converters/family.h"

namespace nibble {

extern const Family kQwen;

}  // namespace nibble

#endif  // NIBBLE_CONVERTERS_QWEN_H_
