#include "base/utf8.h"

#include <gtest/gtest.h>

#include <string>

#include "absl/strings/string_view.h"

namespace nibble {
namespace {

TEST(Utf8Test, BytesThatAreNoneAreFoundAndReplaced) {
  const struct {
    absl::string_view text, valid;
    size_t found;
  } cases[] = {
      {"", "", absl::string_view::npos},
      {"a\u00e9\u20ac\U0001F600", "a\u00e9\u20ac\U0001F600", absl::string_view::npos},
      {absl::string_view("a\0b", 3), absl::string_view("a\0b", 3), absl::string_view::npos},
      {"a\xff z", "a\uFFFD z", 1},
      {"\xc3", "\uFFFD", 0},                                // cut
      {"a\xc0\x80", "a\uFFFD\uFFFD", 1},                    // overlong
      {"\xed\xa0\x80", "\uFFFD\uFFFD\uFFFD", 0},            // a surrogate
      {"\xf4\x90\x80\x80", "\uFFFD\uFFFD\uFFFD\uFFFD", 0},  // past the last code point
      {"\x80\xbfok\xfe", "\uFFFD\uFFFDok\uFFFD", 0},
  };
  for (const auto& c : cases) {
    EXPECT_EQ(FindInvalidUtf8(c.text), c.found) << c.text;
    EXPECT_EQ(ValidUtf8(c.text), std::string(c.valid)) << c.text;
  }
}

}  // namespace
}  // namespace nibble
