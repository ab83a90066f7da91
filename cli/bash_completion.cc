#include "cli/bash_completion.h"

#include <map>
#include <vector>

#include "CLI/CLI.hpp"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_replace.h"
#include "absl/strings/str_split.h"
#include "cli/common_options.h"
#include "pipeline/types/type_options.h"

namespace nibble::cli {
namespace {

constexpr absl::string_view kNothing = "return", kFiles = "_nibble_files; return", kFolders = "_nibble_folders; return",
                            kTypes = "_nibble_types; return";

// What help calls a value or an argument, and what completes it.
constexpr struct {
  absl::string_view name, code;
} kValues[] = {
    {"TYPE", kTypes},      {"REGEX=TYPE", kNothing},
    {"N", kNothing},       {"X", kNothing},
    {"SIZE", kNothing},    {"TEXT", kNothing},
    {"NAME", kNothing},    {"DIR", kFolders},
    {"FILE", kFiles},      {"FILE.html", kFiles},
    {"OUT", kFiles},       {"OUT.gguf", kFiles},
    {"MODEL", kFiles},     {"REFERENCE", kFiles},
    {"CANDIDATE", kFiles}, {"A", kFiles},
    {"B", kFiles},         {"SHELL", "_nibble_words 'bash'; return"},
};

// Empty if the name is not known.
std::string ValueCode(absl::string_view name) {
  for (const auto& value : kValues) {
    if (name == value.name) return std::string(value.code);
  }
  if (!absl::StrContains(name, '|')) return "";
  return absl::StrCat("_nibble_words '", absl::StrReplaceAll(name, {{"|", " "}}), "'; return");
}

std::vector<std::string> Spellings(const CLI::Option& option) {
  std::vector<std::string> spellings;
  for (const std::string& name : option.get_snames()) spellings.push_back("-" + name);
  for (const std::string& name : option.get_lnames()) spellings.push_back("--" + name);
  return spellings;
}

// The arm of a case: what follows the command's name.
std::string CommandArm(const Command& command) {
  CLI::App app(command.summary, command.name);
  CommonOptions common;
  const Job job = command.define(app);  // holds what the options refer to
  AddCommonOptions(app, common);
  std::vector<std::string> all;
  std::map<std::string, std::vector<std::string>> by_code;
  std::string argument;
  for (const CLI::Option* option : app.get_options()) {
    if (option->get_positional()) {
      argument = ValueCode(option->get_name(/*positional=*/true));
      continue;
    }
    const std::vector<std::string> spellings = Spellings(*option);
    all.insert(all.end(), spellings.begin(), spellings.end());
    if (option->get_type_name().empty()) continue;
    std::vector<std::string>& same = by_code[ValueCode(option->get_type_name())];
    same.insert(same.end(), spellings.begin(), spellings.end());
  }
  std::string arm = absl::StrCat("    ", command.name, ")\n      case $previous in\n");
  for (const auto& [code, spellings] : by_code) {
    absl::StrAppend(&arm, "        ", absl::StrJoin(spellings, "|"), ") ", code, " ;;\n");
  }
  return absl::StrCat(arm, "      esac\n      if [[ $current == -* ]]; then _nibble_words '", absl::StrJoin(all, " "),
                      "'; return; fi\n      ", argument, "\n      ;;\n");
}

constexpr absl::string_view kHead = R"(# bash completion of nibble, made by `nibble completion bash`.

_nibble_words() { mapfile -t COMPREPLY < <(compgen -W "$1" -- "$current"); }

# Types are known in any case.
_nibble_types() { mapfile -t COMPREPLY < <(compgen -W '@TYPES@' -- "${current^^}"); }

_nibble_files() {
  mapfile -t COMPREPLY < <(compgen -f -- "$current")
  compopt -o filenames 2> /dev/null
}

_nibble_folders() {
  mapfile -t COMPREPLY < <(compgen -d -- "$current")
  compopt -o filenames 2> /dev/null
}

_nibble() {
  local current=${COMP_WORDS[COMP_CWORD]} previous=${COMP_WORDS[COMP_CWORD - 1]}
  COMPREPLY=()
  if ((COMP_CWORD == 1)); then
    _nibble_words '@COMMANDS@ help --help --version'
    return
  fi
  # bash makes three words of --type=Q4.
  if [[ $current == = ]]; then
    current=
  elif [[ $previous == = ]]; then
    previous=${COMP_WORDS[COMP_CWORD - 2]}
  fi
  case ${COMP_WORDS[1]} in
    help) _nibble_words '@COMMANDS@' ;;
)";

constexpr absl::string_view kTail = R"(  esac
}

complete -F _nibble nibble
)";

}  // namespace

bool CompletesValue(absl::string_view name) { return !ValueCode(name).empty(); }

std::string BashCompletion(absl::Span<const Command> commands) {
  std::vector<absl::string_view> names;
  std::string arms;
  for (const Command& command : commands) {
    names.push_back(command.name);
    absl::StrAppend(&arms, CommandArm(command));
  }
  const std::string head = absl::StrReplaceAll(
      kHead, {{"@COMMANDS@", absl::StrJoin(names, " ")}, {"@TYPES@", absl::StrJoin(TypeNames(), " ")}});
  return absl::StrCat(head, arms, kTail);
}

}  // namespace nibble::cli
