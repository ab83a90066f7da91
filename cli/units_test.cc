#include "cli/units.h"

#include <gtest/gtest.h>

namespace nibble::cli {
namespace {

TEST(ParseSize, TakesEveryUnit) {
  const struct {
    const char* text;
    uint64_t bytes;
  } cases[] = {
      {"0", 0},
      {"4096", 4096},
      {"17B", 17},
      {"2KiB", 2048},
      {"2KB", 2000},
      {"3MiB", 3145728},
      {"3MB", 3000000},
      {"16GiB", 17179869184},
      {"1.5GB", 1500000000},
      {"1.5 gib", 1610612736},
      {"1TiB", 1099511627776},
      {"2TB", 2000000000000},
  };
  for (const auto& c : cases) {
    const absl::StatusOr<uint64_t> bytes = ParseSize(c.text);
    ASSERT_TRUE(bytes.ok()) << c.text << ": " << bytes.status();
    EXPECT_EQ(*bytes, c.bytes) << c.text;
  }
}

TEST(ParseSize, RefusesTheRest) {
  for (const char* text :
       {"", "GiB", "-1", "-1GiB", "1.2.3GB", "1XB", "1 G B", "inf", "nan", "1e30GiB", "99999999TiB"}) {
    const absl::StatusOr<uint64_t> bytes = ParseSize(text);
    EXPECT_EQ(bytes.status().code(), absl::StatusCode::kInvalidArgument) << text;
  }
}

TEST(Format, IsShort) {
  EXPECT_EQ(FormatSize(934), "934 B");
  EXPECT_EQ(FormatSize(1536), "1.5 KiB");
  EXPECT_EQ(FormatSize(269068800), "256.6 MiB");
  EXPECT_EQ(FormatSize(1024.0 * 1024 * 1024 * 13.875), "13.88 GiB");
  EXPECT_EQ(FormatCount(999), "999");
  EXPECT_EQ(FormatCount(134515008), "134.5 M");
  EXPECT_EQ(FormatCount(8.03e9), "8.03 G");
  EXPECT_EQ(FormatSeconds(0.4), "0:00");
  EXPECT_EQ(FormatSeconds(723), "12:03");
  EXPECT_EQ(FormatSeconds(3723), "1:02:03");
}

}  // namespace
}  // namespace nibble::cli
