#include "pipeline/quantize.h"

#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "base/status.h"
#include "cli/command.h"
#include "cli/interrupt.h"
#include "cli/options.h"
#include "cli/plan_summary.h"
#include "cli/stopwatch.h"
#include "pipeline/type_options.h"

namespace nibble::cli {
namespace {

struct QuantizeOptions {
  std::string model;
  TypeOptions types;
  std::vector<std::string> tensor_types;  // "REGEX=TYPE"
  OutputOptions output;
  bool keep_mtp = false;
};

// "REGEX=TYPE" at its last '='.
absl::Status ParseTensorTypes(QuantizeOptions& options) {
  for (const std::string& text : options.tensor_types) {
    const size_t equals = text.rfind('=');
    if (equals == std::string::npos || equals == 0) {
      return absl::InvalidArgumentError(absl::StrCat("--tensor-type: expected REGEX=TYPE, found '", text, "'"));
    }
    options.types.tensor_types.emplace_back(text.substr(0, equals), text.substr(equals + 1));
  }
  return absl::OkStatus();
}

absl::Status CheckTypes(const TypeOptions& types) {
  NIBBLE_RETURN_IF_ERROR(CheckType("--type", types.type));
  for (const auto& [regex, type] : types.tensor_types) NIBBLE_RETURN_IF_ERROR(CheckType("--tensor-type", type));
  if (!types.token_embedding_type.empty()) {
    NIBBLE_RETURN_IF_ERROR(CheckType("--token-embedding-type", types.token_embedding_type));
  }
  if (!types.output_tensor_type.empty()) {
    NIBBLE_RETURN_IF_ERROR(CheckType("--output-tensor-type", types.output_tensor_type));
  }
  return absl::OkStatus();
}

absl::Status RunQuantize(QuantizeOptions& options, Context& context) {
  NIBBLE_RETURN_IF_ERROR(ParseTensorTypes(options));
  NIBBLE_RETURN_IF_ERROR(CheckTypes(options.types));
  const Stopwatch stopwatch;
  NIBBLE_ASSIGN_OR_RETURN(const Model model, context.Open(options.model, options.keep_mtp));
  options.output.threads = context.threads;
  const RemoveOnInterrupt guard(options.output.path + ".part");
  NIBBLE_ASSIGN_OR_RETURN(const Plan plan,
                          Quantize(context.files, model, options.types, options.output, context.progress));
  for (const std::string& warning : plan.warnings()) context.progress.Warn(warning);
  context.Show(PlanSummary(plan, options.output.path, stopwatch.seconds()));
  return absl::OkStatus();
}

}  // namespace

Job DefineQuantize(CLI::App& app) {
  auto options = std::make_shared<QuantizeOptions>();
  AddModel(app, options->model);
  AddGgufOutput(app, options->output.path, options->output.force);
  app.add_option("--type", options->types.type,
                 absl::StrCat("one of ", absl::StrJoin(TypeNames(), " "), " (default Q4_K_M)"))
      ->type_name("T");
  app.add_option("--method", options->types.method,
                 "how codes are found: 'rtn' rounds to nearest, 'weighted' (default) searches scales")
      ->type_name("rtn|weighted")
      ->check(OneOf({"rtn", "weighted"}));
  app.add_option("--tensor-type", options->tensor_types,
                 "type of the tensors whose GGUF name the regex finds; repeatable, the first match wins")
      ->type_name("REGEX=T")
      ->allow_extra_args(false);
  app.add_option("--token-embedding-type", options->types.token_embedding_type, "type of the token embedding")
      ->type_name("T");
  app.add_option("--output-tensor-type", options->types.output_tensor_type, "type of the output projection")
      ->type_name("T");
  app.add_flag("--pure", options->types.pure, "the type for token embedding and output as well");
  app.add_flag("--allow-requantize", options->types.allow_requantize,
               "encode anew what was published in 4 bits; else it keeps its bits where the output can hold them");
  app.add_flag("--strict", options->types.strict, "a tensor that the type does not fit is an error, not a fallback");
  AddKeepMtp(app, options->keep_mtp);
  return [options](Context& context) { return RunQuantize(*options, context); };
}

}  // namespace nibble::cli
