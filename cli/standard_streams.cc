#include "cli/standard_streams.h"

#include <fcntl.h>
#include <unistd.h>

#include <cstdlib>
#include <initializer_list>

namespace nibble::cli {

void OpenClosedStandardStreams() {
  for (const int fd : {STDIN_FILENO, STDOUT_FILENO, STDERR_FILENO}) {
    if (fcntl(fd, F_GETFD) != -1) continue;
    // The lowest free number is `fd`: those below are open.
    if (open("/dev/null", O_RDONLY) != fd) std::_Exit(71);
  }
}

}  // namespace nibble::cli
