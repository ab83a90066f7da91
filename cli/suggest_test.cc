#include "cli/suggest.h"

#include <gtest/gtest.h>

namespace nibble::cli {
namespace {

TEST(Suggestion, NamesTheNearest) {
  const std::vector<std::string> types = {"Q4_0", "Q4_K", "Q4_K_M", "Q4_K_S", "MXFP4", "BF16"};
  EXPECT_EQ(Suggestion("Q4KM", types), "; did you mean 'Q4_K_M'?");
  EXPECT_EQ(Suggestion("q4_k_mm", types), "; did you mean 'Q4_K_M'?");
  EXPECT_EQ(Suggestion("mxpf4", types), "; did you mean 'MXFP4'?");
  EXPECT_EQ(Suggestion("--maxkld", {"--json", "--max-kld"}), "; did you mean '--max-kld'?");
  EXPECT_EQ(Suggestion("bfloat", types), "");
  EXPECT_EQ(Suggestion(std::string(1 << 20, 'x'), types), "");
  EXPECT_EQ(Suggestion("x", {}), "");
}

}  // namespace
}  // namespace nibble::cli
