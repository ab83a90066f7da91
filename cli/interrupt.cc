#include "cli/interrupt.h"

#include <signal.h>
#include <unistd.h>

#include <atomic>
#include <initializer_list>
#include <utility>

namespace nibble::cli {
namespace {

constexpr int kExitInterrupted = 75;

// What the handler removes; null: nothing. A handler may touch lock-free atomics and call unlink, write and _exit.
std::atomic<const char*> file_to_remove = nullptr;
static_assert(std::atomic<const char*>::is_always_lock_free);

void EndProgram(int) {
  if (const char* path = file_to_remove.load()) unlink(path);
  constexpr char kMessage[] = "\nnibble: error: interrupted by a signal\n";
  [[maybe_unused]] const ssize_t ignored = write(STDERR_FILENO, kMessage, sizeof(kMessage) - 1);
  _exit(kExitInterrupted);
}

}  // namespace

void HandleSignals() {
  struct sigaction end = {};
  end.sa_handler = EndProgram;
  sigfillset(&end.sa_mask);
  for (const int signal : {SIGINT, SIGTERM, SIGHUP}) {
    struct sigaction old = {};
    sigaction(signal, nullptr, &old);
    if (old.sa_handler != SIG_IGN) sigaction(signal, &end, nullptr);  // nohup stays nohup
  }
  struct sigaction ignore = {};
  ignore.sa_handler = SIG_IGN;
  sigaction(SIGPIPE, &ignore, nullptr);
}

RemoveOnInterrupt::RemoveOnInterrupt(std::string path) : path_(std::move(path)) {
  if (access(path_.c_str(), F_OK) != 0) file_to_remove = path_.c_str();
}

RemoveOnInterrupt::~RemoveOnInterrupt() { file_to_remove = nullptr; }

}  // namespace nibble::cli
