#include "tests/cli/program.h"

#include <sys/wait.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "gtest/gtest.h"

namespace nibble::tests {
namespace {

std::string Environment(const char* name) {
  const char* value = std::getenv(name);
  return value == nullptr ? "" : value;
}

}  // namespace

Outcome Shell(absl::string_view command) {
  const std::string out = TempPath("stdout"), err = TempPath("stderr"), script = TempPath("script");
  const std::string runfiles = std::filesystem::current_path().string();
  WriteFile(script, absl::StrCat("cd '", Environment("TEST_TMPDIR"), "'\nrunfiles='", runfiles, "'\nnibble='", runfiles,
                                 "/nibble'\n", command, "\n"));
  const int status = std::system(absl::StrCat("sh '", script, "' > '", out, "' 2> '", err, "' < /dev/null").c_str());
  Outcome outcome;
  outcome.exit_code = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
  outcome.out = ReadFile(out);
  outcome.err = ReadFile(err);
  return outcome;
}

Outcome Nibble(absl::string_view arguments) { return Shell(absl::StrCat("\"$nibble\" ", arguments)); }

Outcome ShellOk(absl::string_view command) {
  Outcome outcome = Shell(command);
  EXPECT_EQ(outcome.exit_code, 0) << command << "\n" << outcome.err;
  return outcome;
}

void ExpectParts(const std::string& text, std::initializer_list<const char*> parts) {
  for (const char* part : parts) EXPECT_TRUE(absl::StrContains(text, part)) << part << " in\n" << text;
}

std::string TempPath(absl::string_view name) { return absl::StrCat(Environment("TEST_TMPDIR"), "/", name); }

std::string ReadFile(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
}

void WriteFile(const std::string& path, absl::string_view content) {
  std::ofstream(path, std::ios::binary) << std::string(content);
}

bool Exists(const std::string& path) { return std::filesystem::exists(path); }

}  // namespace nibble::tests
