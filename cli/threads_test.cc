#include "cli/threads.h"

#include <sys/resource.h>

#include <cstdlib>

#include "gtest/gtest.h"

namespace nibble::cli {
namespace {

TEST(Threads, AreStarted) {
  EXPECT_EQ(StartThreads(0), absl::OkStatus());
  EXPECT_EQ(StartThreads(5), absl::OkStatus());
}

TEST(Threads, OfSeveralProcessesEachHasItsShare) {
  EXPECT_EQ(ThreadsBeside(1), 0);
  EXPECT_EQ(ThreadsBeside(1 << 20), 1);
  EXPECT_GE(ThreadsBeside(2), 1);
}

// Of 4096 stacks no more than some have room.
void StartWithoutRoom() {
  const rlimit limit = {rlim_t{1} << 30, rlim_t{1} << 30};
  setrlimit(RLIMIT_AS, &limit);
  std::_Exit(absl::IsResourceExhausted(StartThreads(4096)) ? 0 : 1);
}

TEST(ThreadsDeathTest, TooManyAreAnError) {
#ifdef __SANITIZE_ADDRESS__
  GTEST_SKIP() << "its shadow memory has no room in a limit";
#endif
  EXPECT_EXIT(StartWithoutRoom(), testing::ExitedWithCode(0), "");
}

}  // namespace
}  // namespace nibble::cli
