// The program: command line in, exit code out.
#ifndef NIBBLE_CLI_APP_H_
#define NIBBLE_CLI_APP_H_

namespace nibble::cli {

// Runs the command that the arguments name and returns the exit code (base/status.h). Results go to stdout; progress,
// warnings and at most one line "nibble: error: ..." to stderr.
int Run(int argc, const char* const* argv);

}  // namespace nibble::cli

#endif  // NIBBLE_CLI_APP_H_
