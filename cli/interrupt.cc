#include "cli/interrupt.h"

#include <signal.h>
#include <unistd.h>

#include <atomic>
#include <initializer_list>
#include <new>
#include <utility>

#include "absl/strings/string_view.h"

namespace nibble::cli {
namespace {

constexpr int kExitInterrupted = 75, kExitOutOfMemory = 71;

// A handler may touch lock-free atomics and call unlink, write and _exit.
std::atomic<const char*> file_to_remove = nullptr;  // null: none
std::atomic<int> resumable_jobs = 0;                // of as many ranks
std::atomic<bool> is_one_of_ranks = false, is_first_rank = true;
static_assert(std::atomic<const char*>::is_always_lock_free && std::atomic<bool>::is_always_lock_free &&
              std::atomic<int>::is_always_lock_free);

void Write(absl::string_view text) {
  [[maybe_unused]] const ssize_t ignored = write(STDERR_FILENO, text.data(), text.size());
}

[[noreturn]] void EndProgram(absl::string_view why, int exit_code, bool is_shown) {
  static std::atomic_flag ending = ATOMIC_FLAG_INIT;
  while (ending.test_and_set()) pause();  // another thread was first
  if (const char* path = file_to_remove.load()) unlink(path);
  if (!is_shown) _exit(exit_code);
  Write("\nnibble: error: ");
  Write(why);
  Write(resumable_jobs.load() > 0 ? "; run again with --resume\n" : "\n");
  _exit(exit_code);
}

void EndBySignal(int) { EndProgram("interrupted by a signal", kExitInterrupted, is_first_rank.load()); }

void EndOfMemory() {
  EndProgram("memory: expected more, found none left; use fewer --threads, or free some",
             is_one_of_ranks.load() ? kExitInterrupted : kExitOutOfMemory, true);
}

}  // namespace

void HandleSignals() {
  struct sigaction end = {};
  end.sa_handler = EndBySignal;
  sigfillset(&end.sa_mask);
  for (const int signal : {SIGINT, SIGTERM, SIGHUP}) {
    struct sigaction old = {};
    sigaction(signal, nullptr, &old);
    if (old.sa_handler != SIG_IGN) sigaction(signal, &end, nullptr);  // nohup stays nohup
  }
  struct sigaction ignore = {};
  ignore.sa_handler = SIG_IGN;
  for (const int signal : {SIGPIPE, SIGXFSZ}) sigaction(signal, &ignore, nullptr);
}

void HandleEndOfMemory() { std::set_new_handler(EndOfMemory); }

void BeOneOfRanks(int rank) {
  is_one_of_ranks = true;
  is_first_rank = rank == 0;
}

void IgnoreSignals() {
  for (const int signal : {SIGINT, SIGTERM, SIGHUP}) ::signal(signal, SIG_IGN);
}

RemoveOnInterrupt::RemoveOnInterrupt(std::string path) : path_(std::move(path)) {
  if (access(path_.c_str(), F_OK) != 0) file_to_remove = path_.c_str();
}

RemoveOnInterrupt::~RemoveOnInterrupt() { file_to_remove = nullptr; }

ResumeAfterInterrupt::ResumeAfterInterrupt() { ++resumable_jobs; }
ResumeAfterInterrupt::~ResumeAfterInterrupt() { --resumable_jobs; }

}  // namespace nibble::cli
