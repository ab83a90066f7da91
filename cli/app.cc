#include "cli/app.h"

#include <sys/ioctl.h>
#include <unistd.h>

#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <exception>
#include <new>
#include <string>
#include <vector>

#include "CLI/CLI.hpp"
#include "absl/status/status.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "base/status.h"
#include "base/version.h"
#include "cli/command.h"
#include "cli/options.h"
#include "cli/printable.h"
#include "cli/suggest.h"
#include "pipeline/job_device.h"

namespace nibble::cli {
namespace {

// What every command takes.
struct CommonOptions {
  int threads = 0;
  std::string device = "cpu";
  ProgressStyle progress = ProgressStyle::kBar;
  bool quiet = false;
  std::string pre;
};

ProgressStyle ParseStyle(const std::string& name) {
  constexpr struct {
    const char* name;
    ProgressStyle style;
  } kStyles[] = {{"bar", ProgressStyle::kBar},
                 {"plain", ProgressStyle::kPlain},
                 {"json", ProgressStyle::kJson},
                 {"none", ProgressStyle::kNone}};
  for (const auto& known : kStyles) {
    if (name == known.name) return known.style;
  }
  throw CLI::ValidationError("--progress", absl::StrCat("expected bar, plain, json or none, found '", name, "'"));
}

void AddCommonOptions(CLI::App& app, CommonOptions& options) {
  constexpr char kGroup[] = "Everywhere";
  app.set_help_flag("-h,--help", "this text")->group(kGroup);
  app.add_option("--threads", options.threads, "threads to compute with; 0: one per core")
      ->type_name("N")
      ->check(Between(0, 4096))
      ->group(kGroup);
  app.add_option("--device", options.device, "what models are run on; auto: a GPU where there is one (default cpu)")
      ->type_name("cpu|cuda|auto")
      ->check(OneOf({"cpu", "cuda", "auto"}))
      ->group(kGroup);
  app.add_option_function<std::string>(
         "--progress", [&options](const std::string& name) { options.progress = ParseStyle(name); },
         "on stderr; a bar only on a terminal, else plain lines")
      ->type_name("bar|plain|json|none")
      ->group(kGroup);
  app.add_flag("--quiet", options.quiet, "neither progress nor warnings")->group(kGroup);
  app.add_option("--pre", options.pre, "the pre-tokenizer's name, where it cannot be identified")
      ->type_name("NAME")
      ->group(kGroup);
}

bool IsTerminal() {
  const char* term = std::getenv("TERM");
  return isatty(STDERR_FILENO) && term != nullptr && !absl::EqualsIgnoreCase(term, "dumb");
}

int TerminalColumns() {
  winsize size = {};
  return ioctl(STDERR_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 0 ? size.ws_col : 80;
}

double Now() { return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count(); }

void WriteToStderr(absl::string_view text) { std::fwrite(text.data(), 1, text.size(), stderr); }

ProgressPrinter MakeProgress(const CommonOptions& options) {
  ProgressStyle style = options.quiet ? ProgressStyle::kNone : options.progress;
  if (style == ProgressStyle::kBar && !IsTerminal()) style = ProgressStyle::kPlain;
  return ProgressPrinter({.style = style,
                          .show_warnings = !options.quiet,
                          .write = WriteToStderr,
                          .now = Now,
                          .columns = TerminalColumns});
}

std::string ProgramHelp() {
  std::string text =
      "nibble: turns a published checkpoint into a 4-bit model, and measures how close it stays\n\n"
      "Usage: nibble COMMAND [OPTIONS] ...\n\nCommands:\n";
  for (const Command& command : Commands()) absl::StrAppendFormat(&text, "  %-10s %s\n", command.name, command.summary);
  absl::StrAppend(&text,
                  "\nnibble COMMAND --help tells a command's options; nibble --version the version.\n"
                  "\nExample:\n  ",
                  Commands()[2].example, "\n");
  return text;
}

absl::Status UsageError(absl::string_view command, absl::string_view message) {
  return absl::InvalidArgumentError(absl::StrCat(command, ": ", message, "; see 'nibble ", command, " --help'"));
}

// The options' long names.
std::vector<std::string> OptionNames(const CLI::App& app) {
  std::vector<std::string> names;
  for (const CLI::Option* option : app.get_options()) {
    for (const std::string& name : option->get_lnames()) names.push_back(absl::StrCat("--", name));
  }
  return names;
}

absl::Status UnexpectedArguments(const Command& command, const CLI::App& app) {
  const std::string argument = app.remaining().front();
  const bool is_option = absl::StartsWith(argument, "-");
  const absl::string_view name = absl::string_view(argument).substr(0, argument.find('='));
  return UsageError(command.name, absl::StrCat(is_option ? "unknown option '" : "unexpected argument '", name, "'",
                                               is_option ? Suggestion(name, OptionNames(app)) : ""));
}

absl::Status RunCommand(const Command& command, int argc, const char* const* argv, Output& out, int& exit_code) {
  CLI::App app(command.summary, absl::StrCat("nibble ", command.name));
  app.footer(absl::StrCat("Example:\n  ", command.example));
  CommonOptions common;
  const Job job = command.define(app);
  AddCommonOptions(app, common);
  try {
    app.parse(argc, argv);
  } catch (const CLI::CallForHelp&) {
    out.Print(app.help());
    return absl::OkStatus();
  } catch (const CLI::ExtrasError&) {
    return UnexpectedArguments(command, app);
  } catch (const CLI::ParseError& error) {
    return UsageError(command.name, error.what());
  }
  ProgressPrinter progress = MakeProgress(common);
  NIBBLE_ASSIGN_OR_RETURN(const JobDevice device, FindDevice(common.device));
  if (common.device != "cpu") progress.Note("device: " + device.name);
  Context context = {.files = io::Posix(),
                     .out = out,
                     .progress = progress,
                     .threads = common.threads,
                     .device = device.kind,
                     .pre = common.pre};
  const absl::Status status = job(context);
  progress.Clear();
  exit_code = context.exit_code;
  return status;
}

absl::Status UnknownCommand(absl::string_view name) {
  std::vector<std::string> names;
  for (const Command& command : Commands()) names.push_back(command.name);
  return absl::InvalidArgumentError(
      absl::StrCat("unknown command '", name, "'", Suggestion(name, names), "; see 'nibble --help'"));
}

absl::Status RunProgram(int argc, const char* const* argv, Output& out, int& exit_code) {
  if (argc < 2) return absl::InvalidArgumentError("expected a command, found nothing; see 'nibble --help'");
  const absl::string_view name = argv[1];
  if (name == "--help" || name == "-h") {
    out.Print(ProgramHelp());
    return absl::OkStatus();
  }
  if (name == "--version") {
    out.Print(absl::StrCat("nibble ", kVersion, "\n"));
    return absl::OkStatus();
  }
  for (const Command& command : Commands()) {
    if (name == command.name) return RunCommand(command, argc - 1, argv + 1, out, exit_code);
  }
  return UnknownCommand(name);
}

}  // namespace

int Run(int argc, const char* const* argv) {
  Output out(stdout);
  int exit_code = 0;
  absl::Status status;
  try {
    status = RunProgram(argc, argv, out, exit_code);
  } catch (const std::bad_alloc&) {
    status = absl::ResourceExhaustedError("memory: expected more, found none left; use fewer --threads, or free some");
  } catch (const std::exception& error) {
    status = absl::InternalError(absl::StrCat("a bug of nibble: ", error.what()));
  }
  const absl::Status shown = out.Finish();
  if (status.ok()) status = shown;
  if (status.ok()) return exit_code;
  WriteToStderr(absl::StrCat("nibble: error: ", Printable(status.message()), "\n"));
  return ExitCode(status);
}

}  // namespace nibble::cli
