// Ctrl-C: one line, exit code 75, and no half-written file left behind.
#ifndef NIBBLE_CLI_INTERRUPT_H_
#define NIBBLE_CLI_INTERRUPT_H_

#include <string>

namespace nibble::cli {

// SIGINT, SIGTERM and SIGHUP end the program so from now on. SIGPIPE is ignored: a write reports it (output.h).
void HandleSignals();

// While it lives, a signal removes the file at `path`, unless that was there before.
class RemoveOnInterrupt {
 public:
  explicit RemoveOnInterrupt(std::string path);
  ~RemoveOnInterrupt();
  RemoveOnInterrupt(const RemoveOnInterrupt&) = delete;
  RemoveOnInterrupt& operator=(const RemoveOnInterrupt&) = delete;

 private:
  std::string path_;
};

}  // namespace nibble::cli

#endif  // NIBBLE_CLI_INTERRUPT_H_
