#include "formats/tokenizer/token_matcher.h"

#include <string>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "gtest/gtest.h"

namespace nibble::tokenizer {
namespace {

// "text[id]text" for what Split finds.
std::string Split(const TokenMatcher& matcher, absl::string_view text) {
  std::string result;
  EXPECT_TRUE(matcher
                  .Split(
                      text,
                      [&](absl::string_view plain) {
                        EXPECT_FALSE(plain.empty());
                        absl::StrAppend(&result, plain);
                        return absl::OkStatus();
                      },
                      [&](uint32_t id) { absl::StrAppend(&result, "[", id, "]"); })
                  .ok());
  return result;
}

TEST(TokenMatcher, TakesTheLeftmostAndThenTheLongest) {
  TokenMatcher matcher;
  matcher.Add("<a>", 1);
  matcher.Add("<a><b>", 2);
  matcher.Add("b><c", 3);
  matcher.Add("", 4);
  matcher.Add("<a>", 5);
  const struct {
    const char *text, *split;
  } cases[] = {
      {"", ""},
      {"plain", "plain"},
      {"<a>", "[1]"},
      {"<a><a>", "[1][1]"},
      {"x<a>y", "x[1]y"},
      {"<a><b><c", "[2]<c"},
      {"<a><b", "[1]<b"},
      {"<<a><", "<[1]<"},
      {"<x b><c>", "<x [3]>"},
  };
  for (const auto& c : cases) EXPECT_EQ(Split(matcher, c.text), c.split) << c.text;
}

TEST(TokenMatcher, StopsAtAnError) {
  TokenMatcher matcher;
  matcher.Add("|", 1);
  int calls = 0;
  const absl::Status status = matcher.Split(
      "a|b|c",
      [&](absl::string_view) {
        ++calls;
        return absl::UnavailableError("enough");
      },
      [](uint32_t) {});
  EXPECT_EQ(status.code(), absl::StatusCode::kUnavailable);
  EXPECT_EQ(calls, 1);
}

}  // namespace
}  // namespace nibble::tokenizer
