// DeepSeek-V3, R1 and V3.1 (also without a rank for queries, as Moonlight), and Kimi K2, which is made like them.
#ifndef NIBBLE_CONVERTERS_DEEPSEEK_H_
#define NIBBLE_CONVERTERS_DEEPSEEK_H_

#include "converters/family.h"

namespace nibble {

extern const Family kDeepseek;

}  // namespace nibble

#endif  // NIBBLE_CONVERTERS_DEEPSEEK_H_
