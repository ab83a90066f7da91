// Tokens as text that a terminal can show while they come.
#ifndef NIBBLE_PIPELINE_INFER_TEXT_STREAM_H_
#define NIBBLE_PIPELINE_INFER_TEXT_STREAM_H_

#include <cstddef>
#include <cstdint>
#include <functional>
#include <string>

#include "absl/strings/string_view.h"
#include "formats/tokenizer/tokenizer.h"

namespace nibble {

// Bytes of `text` before an UTF-8 character that has only begun at its end; bytes that belong to no character count as
// whole ones.
size_t WholeCharacters(absl::string_view text);

// Emits whole UTF-8 characters; control tokens give nothing. `tokenizer` and `emit` outlive it.
class TextStream {
 public:
  // `last`: the token before the first one taken.
  TextStream(const tokenizer::Tokenizer& tokenizer, uint32_t last, const std::function<bool(absl::string_view)>& emit)
      : tokenizer_(tokenizer), last_(last), emit_(emit) {}

  // False if `emit` wants no more.
  bool Take(uint32_t id);

  // Emits what is left, whole or not, when no more tokens come.
  void Finish();

 private:
  bool Emit(size_t bytes);

  const tokenizer::Tokenizer& tokenizer_;
  uint32_t last_;
  const std::function<bool(absl::string_view)>& emit_;
  std::string pending_;
};

}  // namespace nibble

#endif  // NIBBLE_PIPELINE_INFER_TEXT_STREAM_H_
