#include "cli/type_flags.h"

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "base/status.h"
#include "cli/option_groups.h"
#include "cli/options.h"

namespace nibble::cli {
namespace {

constexpr char kMxfp4Type[] = "MXFP4";               // all that gpt-oss's own layout holds
constexpr uint64_t kMaxContext = uint64_t{1} << 32;  // tokens: more than anything has

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
  StartGroup(app, kTypesGroup);
  type_ = AddType(
      app, "--type", types_.type,
      absl::StrCat("one of ", absl::StrJoin(TypeNames(), " "), " (default Q4_K_M; with --format mxfp4, MXFP4)"));
  fit_ = AddSize(app, "--fit", types_.fit.bytes,
                 "instead of a type: what the file may weigh; for each tensor a type is chosen so that as "
                 "little as possible is lost")
             ->excludes(type_);
  AddCount(app, "--context", types_.fit.context,
           "with --fit: it has to hold the cache and buffers of so many tokens as well", 1, kMaxContext)
      ->needs(fit_);
  app.add_option("--tensor-type", tensor_types_,
                 "type of the tensors whose GGUF name the regex finds; repeatable, the first match wins")
      ->type_name("REGEX=TYPE")
      ->allow_extra_args(false);
  AddType(app, "--token-embedding-type", types_.token_embedding_type, "type of the token embedding");
  AddType(app, "--output-tensor-type", types_.output_tensor_type, "type of the output projection");
  app.add_flag("--pure", types_.pure, "the type for token embedding and output as well")->excludes(fit_);
  app.add_flag("--allow-requantize", types_.allow_requantize,
               "encode anew what was published in 4 bits; else it keeps its bits where the output can hold them");
  app.add_flag("--strict", types_.strict, "a tensor that the type does not fit is an error, not a fallback");
}

void TypeFlags::AddMethodTo(CLI::App& app) {
  AddChoice(app, "--method", types_.method, {"auto", "rtn", "weighted", "gptq"},
            "how codes are found: 'rtn' rounds to nearest, 'weighted' searches scales, 'gptq' makes each error up "
            "by the others (needs --calibration-text), 'auto' (default) is gptq where there is a text and weighted "
            "where there is none");
}

absl::StatusOr<TypeOptions> TypeFlags::Parse(Container container) const {
  TypeOptions types = types_;
  types.container = container;
  if (container == Container::kMxfp4 && type_->count() == 0) types.type = kMxfp4Type;
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
