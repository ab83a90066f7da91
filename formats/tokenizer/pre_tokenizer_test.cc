#include "formats/tokenizer/pre_tokenizer.h"

#include <set>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "formats/tokenizer/pre_tokenizer_table.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace nibble::tokenizer {
namespace {

using ::testing::HasSubstr;

std::string Split(absl::string_view name, absl::string_view text) {
  const auto pre_tokenizer = PreTokenizer::Create(FindPreTokenizer(name)->passes);
  EXPECT_TRUE(pre_tokenizer.ok()) << pre_tokenizer.status();
  return absl::StrJoin(*pre_tokenizer->Split(text), "|");
}

TEST(OnigurumaToPcre2, SaysTheSameInTheOtherSyntax) {
  const struct {
    const char *oniguruma, *pcre2;
  } cases[] = {
      {"a+", "a+"},
      {"\\s+(?!\\S)", "[\\x{9}-\\x{d}\\x{85}\\p{Z}]+(?![^\\x{9}-\\x{d}\\x{85}\\p{Z}])"},
      {"[^\\s\\p{Z}]", "[^\\x{9}-\\x{d}\\x{85}\\p{Z}\\p{Z}]"},
      {"\\\\s", "\\\\s"},
      {"[\\]\\\\]x", "[\\]\\\\]x"},
      {"\\p{Han}", "[\\p{sc:Han}\\x{2B739}\\x{2EBF0}-\\x{2EE5D}\\x{31350}-\\x{323AF}]"},
      {"[\\p{Lt}&&[^a]]*", "(?:(?![a])[\\p{Lt}])*"},
  };
  for (const auto& c : cases) EXPECT_EQ(OnigurumaToPcre2(c.oniguruma), c.pcre2);
}

TEST(Regex, RefusesWhatIsNone) {
  const struct {
    std::string pattern;
    const char* message;
  } cases[] = {{"(a", "offset 2"}, {std::string(1000, '(') + std::string(1000, ')'), "offset 251"}};
  for (const auto& c : cases) {
    const auto regex = Regex::Compile(c.pattern);
    ASSERT_EQ(regex.status().code(), absl::StatusCode::kDataLoss);
    EXPECT_THAT(std::string(regex.status().message()), HasSubstr(c.message));
  }
}

// In machine code, and in the interpreter that stands in for it on machines without.
TEST(Regex, BoundsTheWorkOfAMatch) {
  const std::string text = std::string(100'000, 'a') + "!";
  for (const char* pattern : {"(a+)+$", "(a|a)*$", "((a*)*)*$"}) {
    for (const char* engine : {"", "(*NO_JIT)"}) {
      const auto regex = Regex::Compile(absl::StrCat(engine, pattern));
      ASSERT_TRUE(regex.ok()) << regex.status();
      std::vector<absl::string_view> pieces;
      const absl::Status status = regex->Split({text}, pieces);
      EXPECT_EQ(status.code(), absl::StatusCode::kResourceExhausted) << engine << pattern;
      EXPECT_THAT(std::string(status.message()), HasSubstr("expected a match within limits"));
    }
  }
}

TEST(Regex, KeepsWhatLiesBetweenMatches) {
  const auto regex = Regex::Compile("\\p{N}");
  std::vector<absl::string_view> pieces;
  ASSERT_TRUE(regex->Split({"a12b", "", "c", "3"}, pieces).ok());
  EXPECT_EQ(absl::StrJoin(pieces, "|"), "a|1|2|b|c|3");
}

TEST(PreTokenizerTable, NamesAreUniqueAndFound) {
  std::set<absl::string_view> names;
  for (const PreTokenizerRow& row : PreTokenizers()) {
    EXPECT_TRUE(names.insert(row.name).second) << row.name;
    EXPECT_EQ(FindPreTokenizer(row.name), &row);
    const PreTokenizerRow* identified = IdentifyPreTokenizer(row.passes);
    ASSERT_NE(identified, nullptr);
    EXPECT_EQ(identified->passes, row.passes);
  }
  EXPECT_EQ(FindPreTokenizer("no such"), nullptr);
  EXPECT_EQ(IdentifyPreTokenizer({std::string(kGpt2Regex)})->name, "gpt-2");
  EXPECT_EQ(IdentifyPreTokenizer({std::string(kGpt2Regex), "x"}), nullptr);
}

// Every row: whatever the text, the pieces together are the text.
TEST(PreTokenizerTable, PiecesMakeUpTheText) {
  const std::string texts[] = {"", " ", "a", "I'm   HERE'S 12345\n\n x漢字かな\u180E\u0085\u2003!?…😀\r\n\t\u0301 ",
                               std::string(3000, ' ') + std::string(3000, 'a') + std::string(3000, '\n')};
  for (const PreTokenizerRow& row : PreTokenizers()) {
    const auto pre_tokenizer = PreTokenizer::Create(row.passes);
    ASSERT_TRUE(pre_tokenizer.ok()) << row.name << pre_tokenizer.status();
    for (const std::string& text : texts) EXPECT_EQ(absl::StrJoin(*pre_tokenizer->Split(text), ""), text) << row.name;
  }
}

// Every row: no text is so made that its time grows with the square of its length.
TEST(PreTokenizerTable, BearsLongRuns) {
  const char* units[] = {" ", "\n", " \n", "\r", "a", "A",      "aA",      "Aa",  "1",   "!",      "/", "'s",
                         "'", "漢", "가",  "ǅ",  "ʰ", "\u0301", "a\u0301", "漢a", "漢A", "\u2003", "😀", " '"};
  for (const PreTokenizerRow& row : PreTokenizers()) {
    const auto pre_tokenizer = PreTokenizer::Create(row.passes);
    for (const char* unit : units) {
      std::string text;
      while (text.size() < 50'000) text += unit;
      const auto pieces = pre_tokenizer->Split(text);
      ASSERT_TRUE(pieces.ok()) << row.name << " of '" << unit << "': " << pieces.status();
      EXPECT_EQ(absl::StrJoin(*pieces, ""), text) << row.name;
    }
  }
}

TEST(PreTokenizer, SplitsAsEachVocabularyExpects) {
  const struct {
    const char *name, *text, *pieces;
  } cases[] = {
      {"gpt-2", "Hello  world's 123456", "Hello| | world|'s| 123456"},
      {"gpt-2", "IT'S", "IT|'|S"},
      {"llama-bpe", "IT'S  123456\n\n", "IT|'S| | |123|456|\n\n"},
      {"qwen2", "a 123", "a| |1|2|3"},
      {"smollm", "a 123b", "a| |1|2|3|b"},
      {"gpt-4o", "camelCaseWORD's 1234/", "camel|Case|WORD's| |123|4|/"},
      {"tekken", "camelCase's 12", "camel|Case|'s| |1|2"},
      {"deepseek-v3", "漢字ab1234,x", "漢字|ab|123|4|,x"},
      {"kimi-k2", "混合mixed文字text", "混合|mixed|文字|text"},
      {"kimi-k2", "  漢", " | |漢"},
      {"deepseek-v3", "a \U0001FAE8b", "a| \U0001FAE8|b"},  // an emoji of Unicode 15
      {"llama-bpe", "a\U000323AFb", "a\U000323AFb"},        // a character of Han extension H, of Unicode 15
      {"llama-bpe", "a\u180E\u180Eb", "a|\u180E\u180E|b"},  // U+180E is no space
      {"llama-bpe", "a\u0085 b", "a|\u0085| b"},            // U+0085 is one
  };
  for (const auto& c : cases) EXPECT_EQ(Split(c.name, c.text), c.pieces) << c.name;
}

}  // namespace
}  // namespace nibble::tokenizer
