#include "cli/rank_lines.h"

#include <algorithm>

#include "absl/strings/match.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace nibble::cli {
namespace {

using ::testing::HasSubstr;

RankShare Share(double seconds) {
  RankShare share;
  share.set_host("node");
  share.set_threads(8);
  share.set_share(0.251);
  share.set_bytes_read(1 << 30);
  share.set_bytes_written(1 << 28);
  share.set_seconds(seconds);
  share.set_seconds_waiting(0.5);
  return share;
}

TEST(RankLinesTest, AloneThereAreNone) { EXPECT_EQ(RankLines({}), ""); }

TEST(RankLinesTest, OneForEach) {
  std::vector<RankShare> ranks = {Share(2), Share(3)};
  ranks[1].set_device("cuda:1");
  EXPECT_EQ(RankLines(ranks),
            "  processes        2\n"
            "    rank 0         node, 8 threads: 25.1 % of the work, 1.00 GiB read, 256.0 MiB written, 1.5 s at work, "
            "0.5 s waiting\n"
            "    rank 1         node, cuda:1, 8 threads: 25.1 % of the work, 1.00 GiB read, 256.0 MiB written, "
            "2.5 s at work, 0.5 s waiting\n");
}

TEST(RankLinesTest, OfManyTheLeastTheMiddleAndTheMost) {
  std::vector<RankShare> ranks;
  for (int i = 0; i < 65; ++i) ranks.push_back(Share(1 + (i * 7) % 65));
  const std::string text = RankLines(ranks);
  EXPECT_EQ(std::count(text.begin(), text.end(), '\n'), 4);
  EXPECT_THAT(text, HasSubstr("rank 0 "));
  EXPECT_THAT(text, HasSubstr(" 0.5 s at work"));
  EXPECT_THAT(text, HasSubstr(" 32.5 s at work"));
  EXPECT_THAT(text, HasSubstr(" 64.5 s at work"));
}

}  // namespace
}  // namespace nibble::cli
