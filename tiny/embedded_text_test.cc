#include "tiny/embedded_text.h"

#include <fstream>
#include <iterator>
#include <string>

#include "absl/strings/match.h"
#include "absl/strings/string_view.h"
#include "gtest/gtest.h"

namespace nibble {
namespace {

TEST(EmbeddedText, IsTheHeldOutTextsBeginningInWholeLines) {
  std::ifstream file("tiny/heldout.txt", std::ios::binary);
  const std::string heldout{std::istreambuf_iterator<char>(file), {}};
  ASSERT_FALSE(heldout.empty());
  EXPECT_TRUE(absl::StartsWith(heldout, EmbeddedText()));
  EXPECT_TRUE(absl::EndsWith(EmbeddedText(), "\n"));
}

TEST(EmbeddedText, IsLongEnoughToMeasureWithAndShortEnoughToCarry) {
  EXPECT_GT(EmbeddedText().size(), 39 * 1024);
  EXPECT_LE(EmbeddedText().size(), 40 * 1024);
}

}  // namespace
}  // namespace nibble
