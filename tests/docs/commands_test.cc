// The commands of the documents, as printed: a newcomer copies them.
#include <gtest/gtest.h>

#include <algorithm>
#include <sstream>
#include <string>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "absl/strings/str_split.h"
#include "absl/strings/string_view.h"
#include "absl/strings/strip.h"
#include "tests/cli/program.h"

namespace nibble::tests {
namespace {

std::vector<std::string> Lines(const std::string& text) { return absl::StrSplit(text, '\n'); }

// Indented lines that are not of scripts/, which have been run before.
std::vector<std::string> CommandsOf(const std::string& path) {
  std::vector<std::string> commands;
  for (const std::string& line : Lines(ReadFile(path))) {
    absl::string_view text = line;
    if (!absl::ConsumePrefix(&text, "    ") || absl::StartsWith(text, "scripts/")) continue;
    commands.emplace_back(text);
  }
  return commands;
}

class Document : public testing::TestWithParam<const char*> {};

// In a folder as scripts/demo leaves a clone, in one shell, which stops at the first that fails.
TEST_P(Document, CommandsWorkAsPrinted) {
  const std::vector<std::string> commands = CommandsOf(GetParam());
  ASSERT_GE(commands.size(), 5u) << "where are the commands of " << GetParam() << "?";
  std::ostringstream script;
  script << "set -eu\nexport HOME=$PWD/home\n";
  for (const std::string& command : commands)
    script << "current="
           << "$(cat <<'LINE'\n"
           << command << "\nLINE\n)\n"
           << command << "\n";
  ShellOk("rm -rf clone && mkdir -p clone/out clone/bazel-bin clone/home");
  ShellOk("ln -s \"$runfiles/tiny\" clone/tiny && ln -s \"$nibble\" clone/bazel-bin/nibble");
  WriteFile(TempPath("clone/commands"), absl::StrCat("trap 'echo \"failed: $current\" >&2' ERR\n", script.str()));
  const Outcome outcome = Shell("cd clone && bash commands");
  EXPECT_EQ(outcome.exit_code, 0) << outcome.err.substr(outcome.err.size() -
                                                        std::min<size_t>(outcome.err.size(), 2000));
}

INSTANTIATE_TEST_SUITE_P(All, Document, testing::Values("README.md", "docs/commands.md"),
                         [](const auto& info) { return info.index == 0 ? "Readme" : "Commands"; });

// A command line on a model that is not there ends in 66; in 64 if an option is not what it was.
void ExpectWellFormed(absl::string_view command) {
  EXPECT_EQ(Nibble(absl::StrCat(absl::StripPrefix(command, "nibble "), " --quiet")).exit_code, 66) << command;
}

// The commands that start a cell of README's tables.
std::vector<std::string> CommandsInTables() {
  std::vector<std::string> commands;
  for (const std::string& line : Lines(ReadFile("README.md"))) {
    if (!absl::StartsWith(line, "| ")) continue;
    for (absl::string_view cell : absl::StrSplit(line, " | ")) {
      const std::vector<absl::string_view> pieces = absl::StrSplit(absl::StripPrefix(cell, "| "), '`');
      if (pieces.size() > 1 && pieces[0].empty() && absl::StartsWith(pieces[1], "nibble ")) {
        commands.emplace_back(absl::StripPrefix(pieces[1], "nibble "));
      }
    }
  }
  return commands;
}

// Those of a MODEL and a TEXT, one after the other; the others name models that are not there.
TEST(Documents, CommandsInTablesWork) {
  int worked = 0;
  for (const std::string& command : CommandsInTables()) {
    const std::string words = absl::StrReplaceAll(
        command, {{" MODEL", " \"$runfiles/tiny/model\""}, {" TEXT", " \"$runfiles/tiny/heldout.txt\""}});
    if (words == command) {
      ExpectWellFormed(command);
      continue;
    }
    const bool replaces = absl::StrContains(words, " -o ");  // what another row made
    const Outcome outcome = Nibble(absl::StrCat(words, replaces ? " --force" : ""));
    EXPECT_EQ(outcome.exit_code, 0) << command << "\n" << outcome.err;
    ++worked;
  }
  EXPECT_GE(worked, 9);
}

TEST(Help, ExamplesAreWellFormed) {
  int tried = 0;
  for (const std::string& listed : Lines(Nibble("--help").out)) {
    if (!absl::StartsWith(listed, "  ") || absl::StartsWith(listed, "   ") || absl::StartsWith(listed, "  nibble"))
      continue;
    const std::vector<std::string> words = absl::StrSplit(listed, ' ', absl::SkipEmpty());
    if (words[0] == "completion") continue;  // which works
    bool is_example = false;
    for (const std::string& line : Lines(Nibble(absl::StrCat(words[0], " --help")).out)) {
      if (is_example && absl::StartsWith(line, "  nibble ")) {
        const std::vector<std::string> parts = absl::StrSplit(line, absl::MaxSplits(absl::ByAnyChar("#&"), 1));
        ExpectWellFormed(absl::StripPrefix(parts[0], "  "));
        ++tried;
      }
      is_example |= line == "Examples:";
    }
  }
  EXPECT_GE(tried, 15);
}

}  // namespace
}  // namespace nibble::tests
