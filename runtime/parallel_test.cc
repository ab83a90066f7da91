#include "runtime/parallel.h"

#include <atomic>

#include "absl/strings/str_cat.h"
#include "gtest/gtest.h"

namespace nibble {
namespace {

TEST(ParallelForTest, EveryStepOnceAndTheLowestFailure) {
  for (int threads : {1, 2, 3}) {
    std::atomic<int64_t> sum = 0;
    const absl::Status status = ParallelFor(threads, 100, [&](int64_t i) {
      sum += i;
      return i % 10 == 7 ? absl::DataLossError(absl::StrCat(i)) : absl::OkStatus();
    });
    EXPECT_EQ(sum, 4950);
    EXPECT_EQ(status.message(), "7");
    EXPECT_TRUE(ParallelFor(threads, 0, [](int64_t) { return absl::DataLossError(""); }).ok());
  }
}

}  // namespace
}  // namespace nibble
