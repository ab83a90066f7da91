#include "cli/type_flags.h"

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "base/status.h"
#include "cli/options.h"

namespace nibble::cli {
namespace {

// "REGEX=TYPE" at its last '='.
absl::Status ParseTensorType(const std::string& text, TypeOptions& types) {
  const size_t equals = text.rfind('=');
  if (equals == std::string::npos || equals == 0) {
    return absl::InvalidArgumentError(absl::StrCat("--tensor-type: expected REGEX=TYPE, found '", text, "'"));
  }
  types.tensor_types.emplace_back(text.substr(0, equals), text.substr(equals + 1));
  return CheckType("--tensor-type", types.tensor_types.back().second);
}

}  // namespace

void TypeFlags::AddTo(CLI::App& app) {
  app.add_option("--type", types_.type, absl::StrCat("one of ", absl::StrJoin(TypeNames(), " "), " (default Q4_K_M)"))
      ->type_name("T");
  app.add_option(
         "--method", types_.method,
         "how codes are found: 'rtn' rounds to nearest, 'weighted' searches scales, 'gptq' makes each error up "
         "by the others (needs --calibration-text), 'auto' (default) is gptq where there is a text and weighted "
         "where there is none")
      ->type_name("auto|rtn|weighted|gptq")
      ->check(OneOf({"auto", "rtn", "weighted", "gptq"}));
  app.add_option("--tensor-type", tensor_types_,
                 "type of the tensors whose GGUF name the regex finds; repeatable, the first match wins")
      ->type_name("REGEX=T")
      ->allow_extra_args(false);
  app.add_option("--token-embedding-type", types_.token_embedding_type, "type of the token embedding")->type_name("T");
  app.add_option("--output-tensor-type", types_.output_tensor_type, "type of the output projection")->type_name("T");
  app.add_flag("--pure", types_.pure, "the type for token embedding and output as well");
  app.add_flag("--allow-requantize", types_.allow_requantize,
               "encode anew what was published in 4 bits; else it keeps its bits where the output can hold them");
  app.add_flag("--strict", types_.strict, "a tensor that the type does not fit is an error, not a fallback");
}

absl::StatusOr<TypeOptions> TypeFlags::Parse() const {
  TypeOptions types = types_;
  for (const std::string& text : tensor_types_) NIBBLE_RETURN_IF_ERROR(ParseTensorType(text, types));
  NIBBLE_RETURN_IF_ERROR(CheckType("--type", types.type));
  if (!types.token_embedding_type.empty()) {
    NIBBLE_RETURN_IF_ERROR(CheckType("--token-embedding-type", types.token_embedding_type));
  }
  if (!types.output_tensor_type.empty()) {
    NIBBLE_RETURN_IF_ERROR(CheckType("--output-tensor-type", types.output_tensor_type));
  }
  return types;
}

}  // namespace nibble::cli
