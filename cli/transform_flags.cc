#include "cli/transform_flags.h"

namespace nibble::cli {

void TransformFlags::AddTo(CLI::App& app) {
  app.add_option(
         "--transform", text_,
         "what is folded into the weights first, outputs unchanged: one or more with '+' between; 'values' rotates "
         "each head's values, 'awq' (or 'awq=ALPHA', default 0.25) scales channels by "
         "how large their inputs are in --calibration-text, 'hadamard' rotates the residual stream; or 'auto', "
         "which tries each and takes what brings held-out windows of that text nearest to the original; nothing "
         "by default, but that with a text channels between a feed-forward's linears may be scaled; 'none' leaves "
         "these too as they are, for adapters (LoRA) of the original")
      ->type_name("auto|none|NAME[+NAME]");
}

absl::StatusOr<std::vector<Transform>> TransformFlags::Parse() const {
  return ParseTransforms(text_.empty() || text_ == "auto" ? "none" : text_);
}

}  // namespace nibble::cli
