#include <cstdio>
#include <cstdlib>

#include "absl/strings/match.h"
#include "base/status.h"
#include "tests/fuzz/target.h"

namespace nibble::fuzz {

void Judge(const absl::Status& status) {
  if (status.ok()) return;
  const int code = ExitCode(status);
  const bool is_code = code >= 64 && code <= 66;
  // One line is what the command line makes of it (cli/printable.h); a place and a reason it must have.
  if (is_code && absl::StrContains(status.message(), ": ")) return;
  std::fprintf(stderr, "a reader said: %s (exit %d)\n", status.ToString().c_str(), code);
  std::abort();
}

}  // namespace nibble::fuzz
