#include "formats/tokenizer/utf8.h"

#include <string>

#include "gtest/gtest.h"

namespace nibble::tokenizer {
namespace {

TEST(Utf8Length, IsZeroForWhatIsNotWellFormed) {
  const struct {
    absl::string_view text;
    size_t length;
  } cases[] = {
      {"a", 1},
      {"é", 2},
      {"漢", 3},
      {"😀", 4},
      {"\xF4\x8F\xBF\xBF", 4},
      {"\x80", 0},              // continuation alone
      {"\xC3", 0},              // cut short
      {"\xE6\xBC", 0},          // cut short
      {"\xC3(", 0},             // no continuation
      {"\xC0\xAF", 0},          // overlong
      {"\xE0\x80\xAF", 0},      // overlong
      {"\xF0\x80\x80\xAF", 0},  // overlong
      {"\xED\xA0\x80", 0},      // surrogate
      {"\xF4\x90\x80\x80", 0},  // beyond U+10FFFF
      {"\xFF", 0},
  };
  for (const auto& c : cases) EXPECT_EQ(Utf8Length(c.text, 0), c.length) << c.text;
}

TEST(NextUtf8Run, GoesAsFarAsTheTextIsOfOneKind) {
  const absl::string_view text = "aé\xFF\xC3z";
  EXPECT_EQ(NextUtf8Run(text, 0).length, 3);
  EXPECT_TRUE(NextUtf8Run(text, 0).valid);
  EXPECT_EQ(NextUtf8Run(text, 3).length, 2);
  EXPECT_FALSE(NextUtf8Run(text, 3).valid);
  EXPECT_EQ(NextUtf8Run(text, 5).length, 1);
}

TEST(Nfc, ComposesAndReorders) {
  EXPECT_EQ(Nfc("e\u0301"), "é");
  EXPECT_EQ(Nfc("q\u0307\u0323"), "q\u0323\u0307");
  EXPECT_EQ(Nfc(""), "");
  EXPECT_EQ(Nfc(absl::string_view("a\0b", 3)), std::string("a\0b", 3));
}

TEST(Nfc, ComposesSyllablesOfTheirPartsOnly) {
  EXPECT_EQ(Nfc("\u1100\u1161\u11A8"), "\uAC01");
  EXPECT_EQ(Nfc("\u1100\u1161\u11A7"), "\uAC00\u11A7");
  EXPECT_EQ(Nfc("\uAC00\u11A7\u11A8"), "\uAC00\u11A7\u11A8");
}

// As text from nowhere may have them, without end.
TEST(Nfc, OrdersLongRunsOfMarks) {
  const std::string above = "\u0307", below = "\u0323";
  std::string text = "q", ordered = "q";
  for (int i = 0; i < 100'000; ++i) text += above + below;
  for (int i = 0; i < 100'000; ++i) ordered += below;
  for (int i = 0; i < 100'000; ++i) ordered += above;
  EXPECT_EQ(Nfc(text), ordered);
}

TEST(Nfc, KnowsNoMarkLaterThanUnicode9) {
  EXPECT_EQ(Nfc("\u0300\u0EBA"), "\u0300\u0EBA");  // by later tables U+0EBA goes first
  EXPECT_EQ(Nfc("e\u0301\u0EBAe\u0301"), "é\u0EBAé");
}

}  // namespace
}  // namespace nibble::tokenizer
