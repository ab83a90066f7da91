// gpt-oss (20b, 120b): as Hugging Face has it (MXFP4, or BF16 re-exports), and in OpenAI's own form (`original/`).
#ifndef NIBBLE_CONVERTERS_GPT_OSS_H_
#define NIBBLE_CONVERTERS_GPT_OSS_H_

#include "converters/family.h"

namespace nibble {

extern const Family kGptOss;

}  // namespace nibble

#endif  // NIBBLE_CONVERTERS_GPT_OSS_H_
