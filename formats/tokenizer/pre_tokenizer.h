// Text into pieces that byte-level BPE never merges across.
#ifndef NIBBLE_FORMATS_TOKENIZER_PRE_TOKENIZER_H_
#define NIBBLE_FORMATS_TOKENIZER_PRE_TOKENIZER_H_

#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "formats/tokenizer/regex.h"

namespace nibble::tokenizer {

// Immutable; thread-safe.
class PreTokenizer {
 public:
  // Passes as in pre_tokenizer_table.h.
  static absl::StatusOr<PreTokenizer> Create(absl::Span<const std::string> passes);

  // The pieces, which together are `text`. REQUIRES: well-formed UTF-8.
  absl::StatusOr<std::vector<absl::string_view>> Split(absl::string_view text) const;

 private:
  explicit PreTokenizer(std::vector<Regex> passes) : passes_(std::move(passes)) {}
  std::vector<Regex> passes_;
};

}  // namespace nibble::tokenizer

#endif  // NIBBLE_FORMATS_TOKENIZER_PRE_TOKENIZER_H_
