#include "formats/io/transfer.h"

#include <cerrno>
#include <vector>

#include "gtest/gtest.h"

namespace nibble::io {
namespace {

// What a transfer of 10 bytes makes of a row of system call results (negative: -errno).
Transferred Play(const std::vector<ssize_t>& results) {
  size_t next = 0, done_before = 0;
  return TransferAll(10, [&](size_t done, size_t remaining) -> ssize_t {
    EXPECT_EQ(done + remaining, 10);
    EXPECT_EQ(done, done_before);
    const ssize_t result = results.at(next++);
    if (result < 0) {
      errno = static_cast<int>(-result);
      return -1;
    }
    done_before += static_cast<size_t>(result);
    return result;
  });
}

TEST(TransferAll, GoesOnAfterInterruptionsAndShortTransfers) {
  const struct {
    std::vector<ssize_t> results;
    size_t bytes;
    int error;
  } kCases[] = {
      {{10}, 10, 0},                            //
      {{3, 3, 3, 1}, 10, 0},                    // short
      {{-EINTR, 4, -EINTR, -EINTR, 6}, 10, 0},  // interrupted
      {{4, 0}, 4, 0},                           // the end of the file
      {{0}, 0, 0},                              //
      {{4, -EIO}, 4, EIO},                      //
      {{-ENOSPC}, 0, ENOSPC},
  };
  for (const auto& test : kCases) {
    const Transferred result = Play(test.results);
    EXPECT_EQ(result.bytes, test.bytes);
    EXPECT_EQ(result.error, test.error);
  }
}

}  // namespace
}  // namespace nibble::io
