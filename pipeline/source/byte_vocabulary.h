// The smallest vocabulary that takes any text: one token per byte, and three special ones. For tests.
#ifndef NIBBLE_PIPELINE_SOURCE_BYTE_VOCABULARY_H_
#define NIBBLE_PIPELINE_SOURCE_BYTE_VOCABULARY_H_

#include <cstdint>

#include "formats/tokenizer/vocabulary.h"

namespace nibble {

inline constexpr uint32_t kByteVocabularySize = 259;
inline constexpr uint32_t kBos = 1;
inline constexpr uint32_t kEos = 2;

// The id of a byte; 0 to 2 are <unk>, <s> and </s>. BOS is added in front of texts.
inline uint32_t ByteId(unsigned char byte) { return 3 + byte; }

tokenizer::Vocabulary MakeByteVocabulary();

}  // namespace nibble

#endif  // NIBBLE_PIPELINE_SOURCE_BYTE_VOCABULARY_H_
