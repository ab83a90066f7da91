// GPT-2, all sizes.
#ifndef NIBBLE_CONVERTERS_GPT2_H_
#define NIBBLE_CONVERTERS_GPT2_H_

#include "converters/family.h"

namespace nibble {

extern const Family kGpt2;

}  // namespace nibble

#endif  // NIBBLE_CONVERTERS_GPT2_H_
