// llama2.c's tokenizer.bin: u32 longest token, then for every id f32 score, u32 length, the token's bytes.
#ifndef NIBBLE_FORMATS_TOKENIZER_LLAMA2C_H_
#define NIBBLE_FORMATS_TOKENIZER_LLAMA2C_H_

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "formats/tokenizer/vocabulary.h"

namespace nibble::tokenizer {

// `rows` as in FillTokens. kDataLoss with the byte offset where the bytes are no such file.
absl::StatusOr<Vocabulary> ReadLlama2c(absl::string_view bytes, uint32_t rows, absl::string_view place);

}  // namespace nibble::tokenizer

#endif  // NIBBLE_FORMATS_TOKENIZER_LLAMA2C_H_
