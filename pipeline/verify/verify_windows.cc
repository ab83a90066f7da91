#include "pipeline/verify/verify_windows.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "base/status.h"
#include "formats/tokenizer/tokenizer.h"
#include "formats/tokenizer/vocabulary.h"
#include "pipeline/source/model_tokenizer.h"

namespace nibble {
namespace {

constexpr uint32_t kShortest = 3;  // positions 0, 1, 2: position 1 predicts the token at 2

// Of a long text no more is read than windows are wanted: a piece that ends between a word and a space, where no token
// goes on, and the last tokens of which are left out all the same.
constexpr size_t kBytesPerToken = 6;
constexpr size_t kTokensLeftOut = 256;

absl::string_view PieceOf(absl::string_view text, size_t bytes) {
  const auto is_space = [](char c) { return c == ' ' || c == '\n'; };
  for (size_t end = std::max<size_t>(bytes, 1); end < text.size(); ++end) {
    if (is_space(text[end]) && !is_space(text[end - 1])) return text.substr(0, end);
  }
  return text;
}

// At least `wanted` tokens (0: all), or all that there are.
absl::StatusOr<std::vector<uint32_t>> TokensOf(const Model& model, const tokenizer::Tokenizer& tokenizer,
                                               absl::string_view text, size_t wanted) {
  for (size_t bytes = (wanted + kTokensLeftOut) * kBytesPerToken;; bytes *= 2) {
    const absl::string_view piece = wanted == 0 ? text : PieceOf(text, bytes);
    NIBBLE_ASSIGN_OR_RETURN(std::vector<uint32_t> ids,
                            EncodeForModel(model, tokenizer, piece, {.parse_special = false, .add_special = true}));
    if (piece.size() == text.size() || ids.size() >= wanted + kTokensLeftOut) return ids;
  }
}

}  // namespace

absl::StatusOr<Windows> CutWindows(const Model& model, absl::string_view text, uint32_t length, uint32_t limit) {
  if (length < kShortest) {
    return absl::InvalidArgumentError(
        absl::StrCat("a window: expected at least ", kShortest, " tokens, found ", length));
  }
  NIBBLE_ASSIGN_OR_RETURN(const auto tokenizer, MakeTokenizer(model));
  NIBBLE_ASSIGN_OR_RETURN(std::vector<uint32_t> ids,
                          TokensOf(model, *tokenizer, absl::StripSuffix(text, "\n"), size_t{length} * limit));
  int64_t count = ids.size() / length;
  if (count == 0) {
    return absl::InvalidArgumentError(absl::StrCat("the text: expected at least one window of ", length,
                                                   " tokens, found ", ids.size(),
                                                   " tokens; give a longer text, or shorter windows (--ctx)"));
  }
  if (limit > 0) count = std::min<int64_t>(count, limit);
  ids.resize(count * length);
  if (tokenizer::AddsBos(*model.vocabulary)) {
    for (int64_t window = 0; window < count; ++window) ids[window * length] = *model.vocabulary->bos;
  }
  return Windows{.length = length, .ids = std::move(ids)};
}

}  // namespace nibble
