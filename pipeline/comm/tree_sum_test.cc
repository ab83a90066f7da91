#include "pipeline/comm/tree_sum.h"

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "gtest/gtest.h"

namespace nibble {
namespace {

using Sums = TreeSum<std::string>;

// Tells what was added to what.
absl::Status Write(std::string& left, std::string right) {
  left = absl::StrCat("(", left, "+", right, ")");
  return absl::OkStatus();
}

std::string SumOf(const std::vector<int64_t>& ends) {
  Sums all(Write);
  int64_t first = 0;
  for (const int64_t end : ends) {
    Sums part(Write);
    for (; first < end; ++first) EXPECT_TRUE(part.Add({0, first, absl::StrCat(first)}).ok());
    for (Sums::Node& node : part.nodes()) EXPECT_TRUE(all.Add(std::move(node)).ok());
  }
  return *all.Finish();
}

TEST(TreeSumTest, IsABinaryTree) {
  EXPECT_EQ(SumOf({1}), "0");
  EXPECT_EQ(SumOf({2}), "(0+1)");
  EXPECT_EQ(SumOf({3}), "((0+1)+2)");
  EXPECT_EQ(SumOf({7}), "(((0+1)+(2+3))+((4+5)+6))");
}

TEST(TreeSumTest, DoesNotDependOnWhoHasWhat) {
  for (int64_t blocks = 1; blocks <= 20; ++blocks) {
    const std::string expected = SumOf({blocks});
    for (int64_t ranks = 1; ranks <= blocks + 2; ++ranks) {
      std::vector<int64_t> ends;
      for (int64_t rank = 1; rank <= ranks; ++rank) ends.push_back(blocks * rank / ranks);
      EXPECT_EQ(SumOf(ends), expected) << blocks << " blocks, " << ranks << " ranks";
    }
  }
}

TEST(TreeSumTest, HasFewNodesAtATime) {
  Sums sums(Write);
  for (int64_t block = 0; block < 64; ++block) {
    ASSERT_TRUE(sums.Add({0, block, "x"}).ok());
    EXPECT_LE(sums.nodes().size(), 6);
  }
}

TEST(TreeSumTest, AFailureEndsIt) {
  Sums sums([](std::string&, std::string) { return absl::DataLossError("bits"); });
  EXPECT_TRUE(sums.Add({0, 0, "x"}).ok());
  EXPECT_EQ(sums.Add({0, 1, "x"}), absl::DataLossError("bits"));
}

}  // namespace
}  // namespace nibble
