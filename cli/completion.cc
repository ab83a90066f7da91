#include <memory>
#include <string>

#include "cli/bash_completion.h"
#include "cli/command.h"
#include "cli/options.h"

namespace nibble::cli {

Job DefineCompletion(CLI::App& app) {
  auto shell = std::make_shared<std::string>();
  AddChoice(app, "SHELL", *shell, {"bash"}, "which one: bash")->required();
  return [shell](Context& context) {
    context.Show(BashCompletion(Commands()));
    return absl::OkStatus();
  };
}

}  // namespace nibble::cli
