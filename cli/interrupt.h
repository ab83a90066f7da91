// Ctrl-C and the end of memory: one line, exit code 75 or 71, and nothing left behind but what another run can go on
// with.
#ifndef NIBBLE_CLI_INTERRUPT_H_
#define NIBBLE_CLI_INTERRUPT_H_

#include <string>

namespace nibble::cli {

// SIGINT, SIGTERM and SIGHUP end the program so from now on. SIGPIPE and SIGXFSZ are ignored: a write reports what is
// wrong.
void HandleSignals();

// So does, from now on, an allocation that fails: a thread of a parallel region has nobody to throw to.
void HandleEndOfMemory();

// This process is one of several ranks. An end of memory has exit code 75 then, as every end of one of them has; that
// by a signal is told of by the first rank alone, since what ends one ends all.
void BeOneOfRanks(int rank);

// What becomes of the program is known: signals change nothing of it any more.
void IgnoreSignals();

// While it lives, such an end removes the file at `path`, unless that was there before.
class RemoveOnInterrupt {
 public:
  explicit RemoveOnInterrupt(std::string path);
  ~RemoveOnInterrupt();
  RemoveOnInterrupt(const RemoveOnInterrupt&) = delete;
  RemoveOnInterrupt& operator=(const RemoveOnInterrupt&) = delete;

 private:
  std::string path_;
};

// While it lives, the line says how to go on: what the job has done stays, and its journal tells what that is.
// It is always as good as on the disk (pipeline/output/journal.h), so that there is nothing to finish before the
// program ends.
class ResumeAfterInterrupt {
 public:
  ResumeAfterInterrupt();
  ~ResumeAfterInterrupt();
  ResumeAfterInterrupt(const ResumeAfterInterrupt&) = delete;
  ResumeAfterInterrupt& operator=(const ResumeAfterInterrupt&) = delete;
};

}  // namespace nibble::cli

#endif  // NIBBLE_CLI_INTERRUPT_H_
