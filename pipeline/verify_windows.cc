#include "pipeline/verify_windows.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "base/status.h"
#include "formats/tokenizer/tokenizer.h"
#include "formats/tokenizer/vocabulary.h"
#include "pipeline/model_tokenizer.h"

namespace nibble {
namespace {

constexpr uint32_t kShortest = 3;  // positions 0, 1, 2: position 1 predicts the token at 2

}  // namespace

absl::StatusOr<Windows> CutWindows(const Model& model, absl::string_view text, uint32_t length, uint32_t limit) {
  if (length < kShortest) {
    return absl::InvalidArgumentError(
        absl::StrCat("a window: expected at least ", kShortest, " tokens, found ", length));
  }
  NIBBLE_ASSIGN_OR_RETURN(const auto tokenizer, MakeTokenizer(model));
  NIBBLE_ASSIGN_OR_RETURN(std::vector<uint32_t> ids, EncodeForModel(model, *tokenizer, absl::StripSuffix(text, "\n"),
                                                                    {.parse_special = false, .add_special = true}));
  int64_t count = ids.size() / length;
  if (count == 0) {
    return absl::InvalidArgumentError(absl::StrCat("the text: expected at least one window of ", length,
                                                   " tokens, found ", ids.size(),
                                                   " tokens; give a longer text or shorter windows"));
  }
  if (limit > 0) count = std::min<int64_t>(count, limit);
  ids.resize(count * length);
  if (tokenizer::AddsBos(*model.vocabulary)) {
    for (int64_t window = 0; window < count; ++window) ids[window * length] = *model.vocabulary->bos;
  }
  return Windows{.length = length, .ids = std::move(ids)};
}

}  // namespace nibble
