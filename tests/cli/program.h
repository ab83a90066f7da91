// Runs //:nibble as a user does, and keeps what it said.
#ifndef NIBBLE_TESTS_CLI_PROGRAM_H_
#define NIBBLE_TESTS_CLI_PROGRAM_H_

#include <initializer_list>
#include <string>

#include "absl/strings/string_view.h"

namespace nibble::tests {

struct Outcome {
  int exit_code = 0;  // 128 + signal if one ended it
  std::string out;
  std::string err;
};

// `nibble ARGUMENTS` in the test's temporary folder, through a shell: quotes and redirections work as there.
// `$runfiles` is the folder of the test's data.
Outcome Nibble(absl::string_view arguments);

// Any shell command in the same folder; "$nibble" is the program.
Outcome Shell(absl::string_view command);

// The same, of which the test expects success.
Outcome ShellOk(absl::string_view command);

void ExpectParts(const std::string& text, std::initializer_list<const char*> parts);

std::string TempPath(absl::string_view name);
std::string ReadFile(const std::string& path);  // empty if there is none
void WriteFile(const std::string& path, absl::string_view content);
bool Exists(const std::string& path);

}  // namespace nibble::tests

#endif  // NIBBLE_TESTS_CLI_PROGRAM_H_
