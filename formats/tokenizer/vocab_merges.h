// vocab.json and merges.txt: byte-level BPE as GPT-2 was published.
#ifndef NIBBLE_FORMATS_TOKENIZER_VOCAB_MERGES_H_
#define NIBBLE_FORMATS_TOKENIZER_VOCAB_MERGES_H_

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "formats/json/json.h"
#include "formats/tokenizer/token_table.h"
#include "formats/tokenizer/vocabulary.h"

namespace nibble::tokenizer {

// A vocabulary without its lists, and the entries that fill them: files beside may add to these.
struct VocabMerges {
  Vocabulary vocabulary;
  std::vector<TokenEntry> entries;
};

// `merges` is the text of merges.txt, `merges_place` its path. The pre-tokenizer is for the caller to name.
absl::StatusOr<VocabMerges> ReadVocabMerges(const json::Document& vocab, absl::string_view merges,
                                            absl::string_view merges_place);

}  // namespace nibble::tokenizer

#endif  // NIBBLE_FORMATS_TOKENIZER_VOCAB_MERGES_H_
