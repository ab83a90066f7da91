#include "cli/printable.h"

#include <gtest/gtest.h>

#include <string>

#include "absl/strings/str_cat.h"

namespace nibble::cli {
namespace {

TEST(Printable, LeavesTextAndEscapesTheRest) {
  EXPECT_EQ(Printable("blk.0 Δ 模型"), "blk.0 Δ 模型");
  EXPECT_EQ(Printable("a\nb\tc\r"), "a\\nb\\tc\\r");
  EXPECT_EQ(Printable("\x1b[31mred"), "\\x1b[31mred");
  EXPECT_EQ(Printable(absl::string_view("a\0b", 3)), "a\\x00b");
  EXPECT_EQ(Printable("caf\xe9"), "caf\\xe9");
  EXPECT_EQ(Printable("\xc2\x9b"
                      "1A"),
            "\\xc2\\x9b1A")
      << "C1 controls steer terminals too";
  EXPECT_EQ(Printable("\xe6\xa8"), "\\xe6\\xa8") << "cut in the middle of a character";
  EXPECT_EQ(Printable("a\u202eb"), "a\\xe2\\x80\\xaeb") << "what follows would run backwards";
  EXPECT_EQ(Printable("a\u2028b"), "a\\xe2\\x80\\xa8b") << "a new line to some";
  EXPECT_EQ(Printable("\U0001F469\u200d\U0001F52C"), "\U0001F469\u200d\U0001F52C");
}

TEST(Printable, MessagesAreCutInTheMiddle) {
  const std::string longest(13'000, 'x');
  EXPECT_EQ(PrintableMessage(longest), longest);
  const std::string cut = PrintableMessage(absl::StrCat("first", std::string(1'000'000, '\x01'), "last"));
  EXPECT_EQ(cut.substr(0, 5), "first");
  EXPECT_EQ(cut.substr(cut.size() - 4), "last");
  EXPECT_NE(cut.find("(987009 bytes left out)"), std::string::npos);
  EXPECT_LT(cut.size(), 60'000u);
}

TEST(Columns, CountsCharacters) {
  EXPECT_EQ(Columns("0.1 ± 0.2"), 9u);
  EXPECT_EQ(Cut("0.1 ± 0.2", 5), "0.1 ±");
  EXPECT_EQ(Cut("short", 10), "short");
  EXPECT_EQ(Cut("short", 0), "");
}

TEST(ShellWord, QuotesWhatAShellWouldTakeApart) {
  const struct {
    const char* text;
    const char* word;
  } cases[] = {{"", "''"},
               {"models/Llama-3.1_8B.gguf", "models/Llama-3.1_8B.gguf"},
               {"my model", "'my model'"},
               {"$HOME", "'$HOME'"},
               {"it's", "'it'\\''s'"},
               {"*", "'*'"}};
  for (const auto& c : cases) EXPECT_EQ(ShellWord(c.text), c.word);
}

}  // namespace
}  // namespace nibble::cli
