// One regular expression of a pre-tokenizer: PCRE2 compiled to machine code, with a bound on the work of a match.
#ifndef NIBBLE_FORMATS_TOKENIZER_REGEX_H_
#define NIBBLE_FORMATS_TOKENIZER_REGEX_H_

#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"

namespace nibble::tokenizer {

// The expression in PCRE2's syntax and meaning. tokenizer.json's are Oniguruma's, which differs in what pre-tokenizers
// use: \s and \p{Han} are other sets of characters, other properties hold for newer characters too (unicode16.h), and
// [a&&[^b]] is what is in a but not in b. REQUIRES: \S does not stand in a class.
std::string OnigurumaToPcre2(absl::string_view regex);

// Immutable; thread-safe.
class Regex {
 public:
  // kDataLoss if it is not a regular expression.
  static absl::StatusOr<Regex> Compile(absl::string_view pattern);
  Regex(Regex&&) noexcept;
  Regex& operator=(Regex&&) noexcept;
  ~Regex();

  // Appends to `pieces` the matches in each text and the stretches between them, in order, none empty.
  // REQUIRES: well-formed UTF-8. kResourceExhausted if a match exceeds its limit.
  absl::Status Split(absl::Span<const absl::string_view> texts, std::vector<absl::string_view>& pieces) const;

 private:
  struct Code;
  explicit Regex(std::unique_ptr<Code> code);
  std::unique_ptr<Code> code_;
};

}  // namespace nibble::tokenizer

#endif  // NIBBLE_FORMATS_TOKENIZER_REGEX_H_
