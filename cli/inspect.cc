#include "pipeline/inspect.h"

#include <memory>
#include <string>

#include "base/status.h"
#include "cli/command.h"
#include "cli/inspect_report.h"
#include "cli/option_groups.h"
#include "cli/options.h"

namespace nibble::cli {
namespace {

struct InspectOptions {
  std::string model;
  bool tensors = false;
  bool json = false;
};

absl::Status RunInspect(const InspectOptions& options, Context& context) {
  NIBBLE_ASSIGN_OR_RETURN(const Model model, context.Open(options.model));
  NIBBLE_ASSIGN_OR_RETURN(const Inspection inspection, Inspect(model, options.tensors));
  context.Show(options.json ? InspectJson(inspection, options.tensors) + "\n"
                            : InspectText(inspection, options.tensors));
  return absl::OkStatus();
}

}  // namespace

Job DefineInspect(CLI::App& app) {
  auto options = std::make_shared<InspectOptions>();
  StartGroup(app, kOutputGroup);
  AddModel(app, options->model);
  app.add_flag("--tensors", options->tensors, "every stored tensor as well");
  app.add_flag("--json", options->json, "as JSON");
  return [options](Context& context) { return RunInspect(*options, context); };
}

}  // namespace nibble::cli
