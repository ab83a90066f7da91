#include "cli/help.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <string>
#include <vector>

#include "CLI/CLI.hpp"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "cli/option_groups.h"
#include "cli/printable.h"

namespace nibble::cli {
namespace {

constexpr Command kCommand = {"Make", "press", "Make flat what is round.", "nibble press ball -o disc\nnibble press x",
                              nullptr};

struct Options {
  std::string model, output, type;
  bool force = false;
};

void Define(CLI::App& app, Options& options) {
  StartGroup(app, kOutputGroup);
  app.add_option("MODEL", options.model, "what is pressed")->required();
  app.add_option("-o,--output", options.output, "where it goes")->required()->type_name("OUT");
  app.add_flag("--force", options.force, "harder");
  StartGroup(app, kTypesGroup);
  app.add_option("--type", options.type, std::string(40, 'x') + " " + std::string(40, 'y') + " z")->type_name("TYPE");
  app.set_help_flag("-h,--help", "this text")->group(kEverywhereGroup);
}

std::string Help(const HelpStyle& style) {
  CLI::App app("", "nibble press");
  Options options;
  Define(app, options);
  return CommandHelp(kCommand, app, style);
}

TEST(CommandHelp, ListsOptionsByGroup) {
  EXPECT_EQ(Help({}), R"(Make flat what is round.

Usage:
  nibble press MODEL -o OUT [OPTIONS]

  MODEL                     what is pressed

Output:
  -o, --output OUT          where it goes
      --force               harder

Types:
      --type TYPE           xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx
                            yyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyy z

Everywhere:
  -h, --help                this text

Examples:
  nibble press ball -o disc
  nibble press x
)");
}

TEST(CommandHelp, FitsTheTerminal) {
  for (const int columns : {0, 60, 72, 80, 100, 300}) {
    for (const absl::string_view line : absl::StrSplit(Help({.columns = columns}), '\n')) {
      EXPECT_LE(Columns(line), std::min(std::max(columns, 68), 100)) << line;  // 28 for the label, and a long word
    }
  }
}

TEST(CommandHelp, IsPlainUnlessColoursAreWanted) {
  EXPECT_FALSE(absl::StrContains(Help({}), "\x1b"));
  EXPECT_TRUE(absl::StrContains(Help({.colored = true}), "\x1b[1mTypes:\x1b[0m\n"));
}

TEST(ProgramHelp, ListsCommandsByGroup) {
  constexpr Command kCommands[] = {
      kCommand, {"Make", "fold", "Make small.", "", nullptr}, {"Look", "watch", "See.", "", nullptr}};
  const std::string text = ProgramHelp(kCommands, {});
  EXPECT_TRUE(absl::StrContains(text,
                                "\nMake:\n  press                     Make flat what is round.\n"
                                "  fold                      Make small.\n\nLook:\n  watch "))
      << text;
  EXPECT_TRUE(absl::StrContains(text, "\nExamples:\n  nibble quantize "));
}

// What every real command has to have; its options are tried in tests/cli.
TEST(Commands, AreNamedAndGroupedAndHaveExamples) {
  std::vector<std::string> groups;
  for (const Command& command : Commands()) {
    SCOPED_TRACE(command.name);
    if (groups.empty() || groups.back() != command.group) groups.push_back(command.group);
    EXPECT_TRUE(absl::EndsWith(command.summary, ".")) << command.summary;
    for (const absl::string_view line : absl::StrSplit(command.examples, '\n')) {
      EXPECT_TRUE(absl::StartsWith(line, absl::StrCat("nibble ", command.name, " "))) << line;
    }
  }
  std::vector<std::string> sorted = groups;
  std::sort(sorted.begin(), sorted.end());
  EXPECT_EQ(std::unique(sorted.begin(), sorted.end()), sorted.end()) << "a group is in two places";
}

TEST(Commands, GroupTheirOptions) {
  for (const Command& command : Commands()) {
    CLI::App app(command.summary, command.name);
    command.define(app);
    for (const CLI::Option* option : app.get_options()) {
      if (option->get_positional() || option->get_lnames().front() == "help") continue;
      EXPECT_NE(option->get_group(), "Options") << command.name << " " << option->get_name();
      EXPECT_FALSE(option->get_description().empty()) << command.name << " " << option->get_name();
    }
  }
}

}  // namespace
}  // namespace nibble::cli
