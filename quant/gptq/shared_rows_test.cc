#include "quant/gptq/shared_rows.h"

#include <cstddef>
#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "base/peers.h"
#include "gtest/gtest.h"

namespace nibble {
namespace {

// The one at `place` of `count`; the others have what they were given.
class GivenPeers : public Peers {
 public:
  GivenPeers(int count, int place, std::vector<std::string> others = {})
      : count_(count), place_(place), all_(std::move(others)) {}

  int count() const override { return count_; }
  int place() const override { return place_; }
  absl::StatusOr<std::vector<std::string>> AllGather(const std::string& mine) override {
    std::vector<std::string> all = all_;
    all[place_] = mine;
    return all;
  }
  absl::StatusOr<std::vector<std::string>> AllToAll(absl::Span<const absl::Span<const char>> /*parts*/) override {
    return absl::UnimplementedError("not asked for");
  }

 private:
  const int count_, place_;
  const std::vector<std::string> all_;
};

TEST(SharedRowsTest, StretchesCoverAllRowsOnceInOrderAndEvenly) {
  const std::vector<std::vector<int64_t>> cases = {{576}, {576, 192, 192}, {1536, 1536}, {40}, {0, 65}, {7168, 1, 64}};
  for (const std::vector<int64_t>& rows : cases) {
    for (const int64_t together : {64, 0}) {
      for (const int count : {1, 2, 3, 4, 16, 100}) {
        std::vector<int64_t> done(rows.size()), most(count);
        for (int place = 0; place < count; ++place) {
          GivenPeers peers(count, place);
          const SharedRows shared(&peers, rows, together);
          for (size_t i = 0; i < rows.size(); ++i) {
            const SharedRows::Range mine = shared.mine(i);
            if (mine.count() == 0) continue;
            EXPECT_EQ(mine.first, done[i]);
            EXPECT_TRUE(mine.last == rows[i] || (together > 0 && mine.last % together == 0)) << mine.last;
            done[i] = mine.last;
            most[place] += mine.count();
          }
          int64_t total = 0;
          for (const int64_t count_of : rows) total += count_of;
          EXPECT_LE(most[place], total / count + 2 * (together > 0 ? together : total));
        }
        EXPECT_EQ(done, rows) << count;
      }
    }
  }
}

TEST(SharedRowsTest, AloneItHasAll) {
  const SharedRows shared(nullptr, {5, 7}, 64);
  EXPECT_EQ(shared.mine(1).first, 0);
  EXPECT_EQ(shared.mine(1).last, 7);
  EXPECT_TRUE(shared.Complete({}).ok());
}

// Rows of three bytes, and of one.
TEST(SharedRowsTest, WhatOthersMadeComes) {
  const std::vector<int64_t> rows = {4, 6};
  GivenPeers second(2, 1, {"aaabbbcccddde", ""});
  const SharedRows shared(&second, rows, 1);  // the first has five of ten
  std::string wide(12, '-'), narrow = "-vwxyz";
  const auto bytes = [](std::string& text) {
    return absl::Span<std::byte>(reinterpret_cast<std::byte*>(text.data()), text.size());
  };
  EXPECT_TRUE(shared.Complete({bytes(wide), bytes(narrow)}).ok());
  EXPECT_EQ(wide, "aaabbbcccddd");
  EXPECT_EQ(narrow, "evwxyz");

  GivenPeers cut_off(2, 1, {"aaabbb", ""});
  EXPECT_FALSE(SharedRows(&cut_off, rows, 1).Complete({bytes(wide), bytes(narrow)}).ok());
}

}  // namespace
}  // namespace nibble
