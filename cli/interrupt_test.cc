#include "cli/interrupt.h"

#include <gtest/gtest.h>
#include <signal.h>
#include <unistd.h>

#include <fstream>
#include <optional>
#include <string>
#include <thread>

namespace nibble::cli {
namespace {

std::string MakeFile(const std::string& name) {
  const std::string path = testing::TempDir() + name;
  std::ofstream(path) << "half a model";
  return path;
}

bool Exists(const std::string& path) { return access(path.c_str(), F_OK) == 0; }

// What a job does: it announces its file, makes it, and is interrupted.
void BeInterrupted(int signal, const std::string& path) {
  HandleSignals();
  const RemoveOnInterrupt guard(path);
  std::ofstream(path) << "half a model";
  raise(signal);
}

TEST(Interrupt, EndsWithOneLineAndRemovesTheFile) {
  for (const int signal : {SIGINT, SIGTERM, SIGHUP}) {
    const std::string path = testing::TempDir() + "new.part";
    EXPECT_EXIT(BeInterrupted(signal, path), testing::ExitedWithCode(75), "nibble: error: interrupted by a signal\n");
    EXPECT_FALSE(Exists(path)) << signal;
  }
}

TEST(Interrupt, KeepsAFileThatWasThereBefore) {
  const std::string path = MakeFile("old.part");
  EXPECT_EXIT(BeInterrupted(SIGINT, path), testing::ExitedWithCode(75), "");
  EXPECT_TRUE(Exists(path));
}

void BeInterruptedAsRank(int rank) {
  HandleSignals();
  BeOneOfRanks(rank);
  raise(SIGTERM);
}

TEST(Interrupt, OfSeveralRanksTheFirstSaysSo) {
  EXPECT_EXIT(BeInterruptedAsRank(0), testing::ExitedWithCode(75), "nibble: error: interrupted by a signal\n");
  EXPECT_EXIT(BeInterruptedAsRank(1), testing::ExitedWithCode(75), "^$");
}

void IgnoreInterrupts() {
  HandleSignals();
  IgnoreSignals();
  for (const int signal : {SIGINT, SIGTERM, SIGHUP}) raise(signal);
  _exit(3);
}

TEST(Interrupt, AtTheEndSignalsChangeNothing) { EXPECT_EXIT(IgnoreInterrupts(), testing::ExitedWithCode(3), "^$"); }

void BeInterruptedAfterTheJob(const std::string& path) {
  HandleSignals();
  std::optional<RemoveOnInterrupt> guard(path);
  std::ofstream(path) << "somebody else's";
  guard.reset();
  raise(SIGINT);
}

TEST(Interrupt, ForgetsTheFileAfterTheJob) {
  const std::string path = testing::TempDir() + "later.part";
  EXPECT_EXIT(BeInterruptedAfterTheJob(path), testing::ExitedWithCode(75), "");
  EXPECT_TRUE(Exists(path));
}

void BeInterruptedWhileResumable() {
  HandleSignals();
  const ResumeAfterInterrupt guard;
  raise(SIGTERM);
}

TEST(Interrupt, SaysHowToGoOn) {
  EXPECT_EXIT(BeInterruptedWhileResumable(), testing::ExitedWithCode(75),
              "nibble: error: interrupted by a signal; run again with --resume\n");
}

void RunOutOfMemoryInAThread() {
  HandleEndOfMemory();
  void* volatile asked_for = nullptr;  // else the compiler leaves it out
  std::thread([&] { asked_for = ::operator new (size_t{1} << 60); }).join();
}

TEST(Interrupt, SaysThatMemoryIsShort) {
#ifdef __SANITIZE_ADDRESS__
  GTEST_SKIP() << "its operator new calls no new-handler";
#endif
  EXPECT_EXIT(RunOutOfMemoryInAThread(), testing::ExitedWithCode(71),
              "nibble: error: memory: expected more.*--threads");
}

TEST(Interrupt, NohupStaysNohup) {
  const auto survive = [] {
    signal(SIGHUP, SIG_IGN);
    HandleSignals();
    raise(SIGHUP);
    _exit(0);
  };
  EXPECT_EXIT(survive(), testing::ExitedWithCode(0), "");
}

TEST(Interrupt, BrokenPipesAndLimitsOfFilesAreErrorsOfTheWriter) {
  const auto survive = [] {
    HandleSignals();
    raise(SIGPIPE);
    raise(SIGXFSZ);
    _exit(0);
  };
  EXPECT_EXIT(survive(), testing::ExitedWithCode(0), "");
}

}  // namespace
}  // namespace nibble::cli
