#include "cli/common_options.h"

#include <vector>

#include "cli/option_groups.h"
#include "cli/options.h"

namespace nibble::cli {
namespace {

constexpr struct {
  const char* name;
  ProgressStyle style;
} kProgressStyles[] = {{"bar", ProgressStyle::kBar},
                       {"plain", ProgressStyle::kPlain},
                       {"json", ProgressStyle::kJson},
                       {"none", ProgressStyle::kNone}};

}  // namespace

void AddCommonOptions(CLI::App& app, CommonOptions& options) {
  StartGroup(app, kResourcesGroup);
  AddCount(app, "--threads", options.threads, "threads to compute with; 0 (default): one per core", 0, 4096);
  AddChoice(app, "--device", options.device, {"cpu", "cuda", "auto"},
            "what models are run on; cuda: the machine's GPUs; auto: these where there are any (default cpu)");
  StartGroup(app, kEverywhereGroup);
  std::vector<std::string> styles;
  for (const auto& known : kProgressStyles) styles.push_back(known.name);
  AddChoice(app, "--progress", options.progress, styles, "on stderr; a bar only on a terminal, else plain lines");
  app.add_flag("--quiet", options.quiet, "neither progress nor warnings");
  app.add_option("--pre", options.pre, "the pre-tokenizer's name, where it cannot be identified")->type_name("NAME");
  app.set_help_flag("-h,--help", "this text")->group(kEverywhereGroup);
}

ProgressStyle StyleOf(const CommonOptions& options) {
  for (const auto& known : kProgressStyles) {
    if (options.progress == known.name && !options.quiet) return known.style;
  }
  return ProgressStyle::kNone;
}

}  // namespace nibble::cli
