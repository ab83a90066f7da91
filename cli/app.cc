#include "cli/app.h"

#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <exception>
#include <functional>
#include <iterator>
#include <new>
#include <string>
#include <vector>

#include "CLI/CLI.hpp"
#include "absl/status/status.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "base/status.h"
#include "base/version.h"
#include "cli/command.h"
#include "cli/common_options.h"
#include "cli/help.h"
#include "cli/interrupt.h"
#include "cli/peak_memory.h"
#include "cli/printable.h"
#include "cli/suggest.h"
#include "cli/terminal.h"
#include "cli/threads.h"
#include "cli/usage_error.h"
#include "pipeline/comm/thread_ranks.h"
#include "pipeline/job_device.h"

namespace nibble::cli {
namespace {

double Now() { return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count(); }

void WriteToStderr(absl::string_view text) { std::fwrite(text.data(), 1, text.size(), stderr); }

ProgressPrinter MakeProgress(const CommonOptions& options, const Comm& comm) {
  ProgressStyle style = comm.is_first() ? StyleOf(options) : ProgressStyle::kNone;
  if (style == ProgressStyle::kBar && !IsTerminal(STDERR_FILENO)) style = ProgressStyle::kPlain;
  return ProgressPrinter({.style = style,
                          .show_warnings = comm.is_first() && !options.quiet,
                          .colored = TakesColor(STDERR_FILENO),
                          .write = WriteToStderr,
                          .now = Now,
                          .memory = ResidentMemory,
                          .columns = [] { return TerminalColumns(STDERR_FILENO); }});
}

HelpStyle StyleOfStdout() { return {.columns = TerminalColumns(STDOUT_FILENO), .colored = TakesColor(STDOUT_FILENO)}; }

const Command* FindCommand(absl::string_view name) {
  for (const Command& command : Commands()) {
    if (name == command.name) return &command;
  }
  return nullptr;
}

// A shell makes an empty word of a variable that is not set: it names no file, and is not the same as no option.
absl::Status RefuseEmptyNames(const CLI::App& app) {
  constexpr absl::string_view kNames[] = {"FILE", "OUT", "DIR", "MODEL", "NAME", "TYPE", "auto|none|"};
  for (const CLI::Option* option : app.get_options()) {
    const std::string type = option->get_type_name();
    const bool is_name = option->get_positional() || std::any_of(std::begin(kNames), std::end(kNames), [&](auto name) {
                           return absl::StartsWith(type, name);
                         });
    const std::vector<std::string> values = option->results();
    if (!is_name || std::find(values.begin(), values.end(), "") == values.end()) continue;
    return absl::InvalidArgumentError(absl::StrCat(option->get_name(), ": expected a name, found an empty one"));
  }
  return absl::OkStatus();
}

absl::Status CheckRanks(const Command& command, const Comm& comm) {
  if (comm.size() == 1 || command.shares_work) return absl::OkStatus();
  return absl::InvalidArgumentError(
      absl::StrCat(command.name, ": expected one process, found ", comm.size(),
                   ", which cannot share this work; start it without mpirun (docs/several-machines.md)"));
}

// What a command line is run with.
struct Call {
  int argc;
  const char* const* argv;
  const DeviceFinder& find_devices;
};

// Of a process that is on its own, or one of `sharers` ranks of one.
struct Rank {
  Comm& comm;
  Output& out;
  int sharers = 1;
  int exit_code = 0;
};

absl::Status RunCommand(const Command& command, const Call& call, Rank& rank);

// What a thread of its own must not throw.
absl::Status WithoutExceptions(const std::function<absl::Status()>& run) {
  try {
    return run();
  } catch (const std::bad_alloc&) {
    return absl::ResourceExhaustedError("memory: expected more, found none left; use fewer --threads, or free some");
  } catch (const std::exception& error) {
    return absl::InternalError(absl::StrCat("a bug of nibble: ", error.what()));
  }
}

// By a rank for each of the devices; `alone` shows what the first says.
absl::Status RunOnDevices(const Command& command, const Call& call, const std::vector<DeviceChoice>& devices,
                          Rank& alone) {
  std::vector<std::string> hosts;
  for (const DeviceChoice& device : devices) hosts.push_back(LabelOf(device));
  const std::vector<absl::Status> outcomes = RunRanks(hosts, [&](Comm& comm) {
    Output silence(nullptr);
    Rank rank = {.comm = comm, .out = comm.is_first() ? alone.out : silence, .sharers = comm.size()};
    const absl::Status status = WithoutExceptions([&] { return RunCommand(command, call, rank); });
    if (comm.is_first()) alone.exit_code = rank.exit_code;
    return status;
  });
  return outcomes[0];
}

// Of what there is, or --threads allows.
int ThreadsOf(const CommonOptions& common, const Rank& rank) {
  if (common.threads == 0) return ThreadsBeside(rank.comm.local_ranks());
  return std::max(1, common.threads / rank.sharers);
}

absl::Status RunCommand(const Command& command, const Call& call, Rank& rank) {
  Comm& comm = rank.comm;
  CLI::App app(command.summary, absl::StrCat("nibble ", command.name));
  CommonOptions common;
  const Job job = command.define(app);
  AddCommonOptions(app, common);
  try {
    app.parse(call.argc, call.argv);
  } catch (const CLI::CallForHelp&) {
    rank.out.Print(CommandHelp(command, app, StyleOfStdout()));
    return absl::OkStatus();
  } catch (const CLI::ParseError& error) {
    return UsageError(command, app, error);
  }
  NIBBLE_RETURN_IF_ERROR(RefuseEmptyNames(app));
  NIBBLE_RETURN_IF_ERROR(CheckRanks(command, comm));
  NIBBLE_ASSIGN_OR_RETURN(const std::vector<DeviceChoice> devices, call.find_devices(common.device));
  if (comm.size() == 1 && devices.size() > 1 && command.shares_work) return RunOnDevices(command, call, devices, rank);
  ProgressPrinter progress = MakeProgress(common, comm);
  const int threads = ThreadsOf(common, rank);
  NIBBLE_RETURN_IF_ERROR(StartThreads(threads));
  const DeviceChoice& device = devices[comm.local_rank() % devices.size()];
  NIBBLE_ASSIGN_OR_RETURN(const std::string device_name, TryDevice(device));
  if (common.device != "cpu") {
    const int several = std::min<int>(comm.local_ranks(), devices.size());
    progress.Note(absl::StrCat("device: ", device_name, several > 1 ? absl::StrCat(", ", several, " of them") : ""));
  }
  Context context = {.files = io::Posix(),
                     .out = rank.out,
                     .progress = progress,
                     .comm = comm,
                     .threads = threads,
                     .device = device,
                     .sharers = rank.sharers,
                     .pre = common.pre};
  const absl::Status status = job(context);
  progress.Clear();
  rank.exit_code = context.exit_code;
  return status;
}

absl::Status UnknownCommand(absl::string_view name) {
  std::vector<std::string> names = {"help"};
  for (const Command& command : Commands()) names.push_back(command.name);
  return absl::InvalidArgumentError(
      absl::StrCat("unknown command '", name, "'", Suggestion(name, names), "; see 'nibble --help'"));
}

absl::Status RunProgram(const Call& call, Rank& rank) {
  const auto [argc, argv, find_devices] = call;
  Output& out = rank.out;
  if (argc < 2) return absl::InvalidArgumentError("expected a command, found nothing; see 'nibble --help'");
  const absl::string_view name = argv[1];
  const bool is_help = name == "--help" || name == "-h" || name == "help";
  if (is_help && argc == 2) {
    out.Print(ProgramHelp(Commands(), StyleOfStdout()));
    return absl::OkStatus();
  }
  if (name == "--version") {
    out.Print(absl::StrCat("nibble ", kVersion, "\n"));
    return absl::OkStatus();
  }
  const absl::string_view called = is_help ? argv[2] : name;
  const Command* command = FindCommand(called);
  if (command == nullptr) return UnknownCommand(called);
  if (is_help) {  // "help quantize" is "quantize --help"
    const char* const arguments[] = {command->name, "--help"};
    return RunCommand(*command, {2, arguments, find_devices}, rank);
  }
  return RunCommand(*command, {argc - 1, argv + 1, find_devices}, rank);
}

// At most one line.
int EndWith(const absl::Status& status, bool is_shown) {
  if (is_shown) {
    WriteToStderr(absl::StrCat("nibble: ", Paint(Ink::kError, "error:", TakesColor(STDERR_FILENO)), " ",
                               PrintableMessage(status.message()), "\n"));
  }
  return ExitCode(status);
}

}  // namespace

int Run(int argc, const char* const* argv, absl::StatusOr<std::unique_ptr<Comm>> started,
        const DeviceFinder& find_devices) {
  if (!started.ok()) return EndWith(started.status(), true);
  Comm& comm = *started == nullptr ? Comm::Alone() : **started;
  if (comm.size() > 1) BeOneOfRanks(comm.rank());
  Output out(comm.is_first() ? stdout : nullptr);
  Rank rank = {.comm = comm, .out = out};
  absl::Status status = WithoutExceptions([&] { return RunProgram({argc, argv, find_devices}, rank); });
  const absl::Status shown = out.Finish();
  if (status.ok()) status = shown;
  status = comm.Agree(status);
  if (!status.ok()) rank.exit_code = EndWith(status, comm.is_first());
  // Whoever of the others ends first may have the rest of them ended: what there is to say has been said.
  if (comm.size() > 1) IgnoreSignals();
  return rank.exit_code;
}

}  // namespace nibble::cli
