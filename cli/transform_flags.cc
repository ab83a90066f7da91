#include "cli/transform_flags.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "absl/strings/string_view.h"
#include "cli/suggest.h"

namespace nibble::cli {
namespace {

// For the first name in "values+hadamar" that is none.
std::string SuggestedName(absl::string_view text) {
  std::vector<std::string> known = {"auto", "none"};
  for (const absl::string_view name : TransformNames()) known.emplace_back(name);
  for (const absl::string_view part : absl::StrSplit(text, '+')) {
    const std::string name(part.substr(0, part.find('=')));
    if (std::find(known.begin(), known.end(), name) == known.end()) return Suggestion(name, known);
  }
  return "";
}

}  // namespace

void TransformFlags::AddTo(CLI::App& app) {
  app.add_option(
         "--transform", text_,
         "what is folded into the weights first, outputs unchanged: 'values' rotates each head's values, 'awq' (or "
         "'awq=ALPHA', default 0.25) scales channels by how large their inputs are in --calibration-text, 'hadamard' "
         "rotates the residual stream; several with '+' between; or 'auto', which tries each and takes what brings "
         "held-out windows of that text nearest to the original. By default nothing, but with a text channels between "
         "a feed-forward's linears may be scaled; 'none' leaves these too as they are, for adapters (LoRA) of the "
         "original")
      ->type_name(absl::StrCat("auto|none|", absl::StrJoin(TransformNames(), "|")));
}

absl::StatusOr<std::vector<Transform>> TransformFlags::Parse() const {
  absl::StatusOr<std::vector<Transform>> transforms =
      ParseTransforms(text_.empty() || text_ == "auto" ? "none" : text_);
  if (transforms.ok()) return transforms;
  return absl::InvalidArgumentError(absl::StrCat(transforms.status().message(), SuggestedName(text_)));
}

}  // namespace nibble::cli
