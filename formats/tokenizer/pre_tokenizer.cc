#include "formats/tokenizer/pre_tokenizer.h"

#include <utility>

#include "base/status.h"

namespace nibble::tokenizer {

absl::StatusOr<PreTokenizer> PreTokenizer::Create(absl::Span<const std::string> passes) {
  std::vector<Regex> compiled;
  for (const std::string& pass : passes) {
    NIBBLE_ASSIGN_OR_RETURN(Regex regex, Regex::Compile(OnigurumaToPcre2(pass)));
    compiled.push_back(std::move(regex));
  }
  return PreTokenizer(std::move(compiled));
}

absl::StatusOr<std::vector<absl::string_view>> PreTokenizer::Split(absl::string_view text) const {
  std::vector<absl::string_view> pieces = {text};
  for (const Regex& pass : passes_) {
    std::vector<absl::string_view> finer;
    NIBBLE_RETURN_IF_ERROR(pass.Split(pieces, finer));
    pieces = std::move(finer);
  }
  return pieces;
}

}  // namespace nibble::tokenizer
