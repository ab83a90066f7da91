#include "cli/usage_error.h"

#include <string>
#include <utility>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/strings/string_view.h"
#include "cli/options.h"
#include "cli/suggest.h"

namespace nibble::cli {
namespace {

// What other programs call an option: llama.cpp's, and habits.
constexpr struct {
  absl::string_view theirs, ours;
} kOtherNames[] = {
    {"--outfile", "--output"},  {"--out", "--output"}, {"--outtype", "--dtype"}, {"--outtype", "--type"},
    {"-t", "--threads"},        {"-j", "--threads"},   {"-m", "MODEL"},          {"--model", "MODEL"},
    {"-f", "--text"},           {"-f", "--file"},      {"-c", "--ctx"},          {"--ctx-size", "--ctx"},
    {"--ftype", "--type"},      {"--n-predict", "-n"}, {"-y", "--force"},        {"--yes", "--force"},
    {"--overwrite", "--force"},
};

std::vector<std::string> OptionNames(const CLI::App& app) {
  std::vector<std::string> names;
  for (const CLI::Option* option : app.get_options()) {
    for (const std::string& name : option->get_lnames()) names.push_back(absl::StrCat("--", name));
  }
  return names;
}

bool Has(const CLI::App& app, absl::string_view name) { return app.get_option_no_throw(std::string(name)) != nullptr; }

std::string OptionHint(const CLI::App& app, absl::string_view name) {
  for (const auto& [theirs, ours] : kOtherNames) {
    if (name == theirs && Has(app, ours)) return absl::StrCat("; here it is ", ours);
  }
  return Suggestion(name, OptionNames(app));
}

// "llama-quantize in.gguf out.gguf Q4_K_M" is what many are used to.
std::string ArgumentHint(const CLI::App& app, const std::string& argument) {
  if (CheckType("", argument).ok() && Has(app, "--type")) return absl::StrCat("; types are given by --type ", argument);
  return Has(app, "--output") ? "; the output is named by -o" : "";
}

std::string UnexpectedArgument(const CLI::App& app, const std::string& argument) {
  if (!absl::StartsWith(argument, "-")) {
    return absl::StrCat("unexpected argument '", argument, "'", ArgumentHint(app, argument));
  }
  const absl::string_view name = absl::string_view(argument).substr(0, argument.find('='));
  return absl::StrCat("unknown option '", name, "'", OptionHint(app, name));
}

// The option that a message of the library is about: it opens with its name, and a colon.
const CLI::Option* Subject(const CLI::App& app, absl::string_view message) {
  const std::pair<absl::string_view, absl::string_view> parts = absl::StrSplit(message, absl::MaxSplits(':', 1));
  return app.get_option_no_throw(std::string(parts.first));
}

std::string WrongCount(const CLI::App& app, const CLI::ParseError& error) {
  const CLI::Option* option = Subject(app, error.what());
  if (option == nullptr) return error.what();
  const std::string name = option->get_name();
  return option->count() > 1 ? absl::StrCat(name, ": expected once, found ", option->count(), " times")
                             : absl::StrCat(name, ": expected ", option->get_type_name(), " behind it, found nothing");
}

std::string FirstExample(const Command& command) {
  const std::vector<absl::string_view> lines = absl::StrSplit(command.examples, '\n');
  return std::string(lines.front().substr(0, lines.front().find("    #")));
}

std::string Message(const Command& command, const CLI::App& app, const CLI::ParseError& error) {
  const std::string message = error.what();
  switch (static_cast<CLI::ExitCodes>(error.get_exit_code())) {
    case CLI::ExitCodes::ExtrasError:
      return UnexpectedArgument(app, app.remaining().front());
    case CLI::ExitCodes::ArgumentMismatch:
      return WrongCount(app, error);
    case CLI::ExitCodes::RequiredError:
      return absl::StrCat(message, ", as in: ", FirstExample(command));
    case CLI::ExitCodes::ExcludesError:
      return absl::StrCat(message, ": give one of them");
    default:
      return message;
  }
}

}  // namespace

absl::Status UsageError(const Command& command, const CLI::App& app, const CLI::ParseError& error) {
  return absl::InvalidArgumentError(
      absl::StrCat(command.name, ": ", Message(command, app, error), "; see 'nibble ", command.name, " --help'"));
}

}  // namespace nibble::cli
