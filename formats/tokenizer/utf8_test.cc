#include "formats/tokenizer/utf8.h"

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

TEST(Nfc, KnowsNoMarkLaterThanUnicode9) {
  EXPECT_EQ(Nfc("\u0300\u0EBA"), "\u0300\u0EBA");  // by later tables U+0EBA goes first
  EXPECT_EQ(Nfc("e\u0301\u0EBAe\u0301"), "é\u0EBAé");
}

}  // namespace
}  // namespace nibble::tokenizer
