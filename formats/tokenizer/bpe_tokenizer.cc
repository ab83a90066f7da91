#include "formats/tokenizer/bpe_tokenizer.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "base/status.h"

namespace nibble::tokenizer {
namespace {

// Symbols are counted in 31 bits.
constexpr size_t kMaxText = size_t{1} << 30;

// The literal text of a user-defined token in its vocabulary: SentencePiece's have spaces where the published token
// has U+2581, and it is that which is found in raw text.
std::string UserDefinedText(const Vocabulary& vocabulary, uint32_t id) {
  if (vocabulary.algorithm == Algorithm::kByteLevelBpe) return vocabulary.tokens[id];
  return absl::StrReplaceAll(vocabulary.tokens[id], {{" ", "▁"}});
}

}  // namespace

BpeTokenizer::BpeTokenizer(Vocabulary vocabulary) : Tokenizer(std::move(vocabulary)) {
  for (uint32_t id = 0; id < vocabulary_.tokens.size(); ++id) {
    const TokenType type = vocabulary_.types[id];
    if (type == TokenType::kUserDefined) {
      const std::string text = UserDefinedText(vocabulary_, id);
      user_defined_.Add(text, id);
      all_literals_.Add(text, id);
    } else if (type == TokenType::kControl || type == TokenType::kUnknown) {
      all_literals_.Add(vocabulary_.tokens[id], id);
    }
  }
}

absl::StatusOr<std::vector<uint32_t>> BpeTokenizer::Encode(absl::string_view text, const EncodeOptions& options) const {
  if (text.size() > kMaxText) {
    return absl::InvalidArgumentError(absl::StrCat("text: expected at most ", kMaxText, " bytes, found ", text.size()));
  }
  std::vector<uint32_t> ids;
  if (options.add_special && AddsBos(vocabulary_)) ids.push_back(*vocabulary_.bos);
  const TokenMatcher& literals = options.parse_special ? all_literals_ : user_defined_;
  NIBBLE_RETURN_IF_ERROR(literals.Split(
      text, [&](absl::string_view plain) { return EncodePlain(plain, ids); }, [&](uint32_t id) { ids.push_back(id); }));
  if (options.add_special && AddsEos(vocabulary_)) ids.push_back(*vocabulary_.eos);
  return ids;
}

bool BpeTokenizer::Shown(uint32_t id, bool skip_special) const {
  if (id >= vocabulary_.tokens.size()) return false;
  const TokenType type = vocabulary_.types[id];
  return !skip_special || (type != TokenType::kControl && type != TokenType::kUnknown);
}

}  // namespace nibble::tokenizer
