#include "cli/terminal.h"

#include <sys/ioctl.h>
#include <unistd.h>

#include <cstdlib>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"

namespace nibble::cli {
namespace {

// Attributes of "select graphic rendition": bold; bold red; bold yellow, which is legible on white too.
const char* Attributes(Ink ink) {
  switch (ink) {
    case Ink::kHeading:
      return "1";
    case Ink::kError:
      return "1;31";
    case Ink::kWarning:
      return "1;33";
  }
  return "";
}

}  // namespace

bool IsTerminal(int fd) {
  const char* term = std::getenv("TERM");
  return isatty(fd) && term != nullptr && !absl::EqualsIgnoreCase(term, "dumb");
}

int TerminalColumns(int fd) {
  winsize size = {};
  return ioctl(fd, TIOCGWINSZ, &size) == 0 && size.ws_col > 0 ? size.ws_col : 80;
}

bool TakesColor(int fd) {
  const char* refused = std::getenv("NO_COLOR");
  return (refused == nullptr || *refused == '\0') && IsTerminal(fd);
}

std::string Paint(Ink ink, absl::string_view text, bool colored) {
  return colored ? absl::StrCat("\x1b[", Attributes(ink), "m", text, "\x1b[0m") : std::string(text);
}

}  // namespace nibble::cli
