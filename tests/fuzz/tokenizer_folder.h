// The targets of tokenizer files: one file of a folder, read, and used if it is sound.
#ifndef NIBBLE_TESTS_FUZZ_TOKENIZER_FOLDER_H_
#define NIBBLE_TESTS_FUZZ_TOKENIZER_FOLDER_H_

#include <map>
#include <string>

#include "absl/strings/string_view.h"

namespace nibble::fuzz {

// Loads a folder with that file and `others`; what comes out is written as GGUF keys, and encodes and decodes a text.
void RunTokenizer(const std::string& name, absl::string_view content,
                  const std::map<std::string, std::string>& others = {});

}  // namespace nibble::fuzz

#endif  // NIBBLE_TESTS_FUZZ_TOKENIZER_FOLDER_H_
