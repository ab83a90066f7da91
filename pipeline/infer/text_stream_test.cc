#include "pipeline/infer/text_stream.h"

#include <string>
#include <vector>

#include "gtest/gtest.h"
#include "pipeline/source/byte_vocabulary.h"

namespace nibble {
namespace {

TEST(TextStreamTest, WholeCharacters) {
  struct Case {
    std::string text;
    size_t whole;
  };
  for (const Case& c : {Case{"", 0},
                        {"abc", 3},
                        {"a\xC3", 1},
                        {"a\xC3\xA9", 3},
                        {"a\xE2\x82", 1},
                        {"a\xE2\x82\xAC", 4},
                        {"\xF0\x9F\x98", 0},
                        {"\xF0\x9F\x98\x80", 4},
                        {"a\x80", 2},
                        {"\x80\x80\x80\x80", 4}}) {
    EXPECT_EQ(WholeCharacters(c.text), c.whole) << c.text;
  }
}

TEST(TextStreamTest, EmitsWholeCharactersAndInTheEndTheRest) {
  const auto tokenizer = *tokenizer::Tokenizer::Create(MakeByteVocabulary());
  std::vector<std::string> pieces;
  const std::function<bool(absl::string_view)> emit = [&](absl::string_view piece) {
    pieces.emplace_back(piece);
    return pieces.size() < 3;
  };
  TextStream stream(*tokenizer, kBos, emit);
  EXPECT_TRUE(stream.Take(ByteId('a')));
  EXPECT_TRUE(stream.Take(ByteId(0xC3)));
  EXPECT_TRUE(stream.Take(ByteId(0xA9)));
  EXPECT_TRUE(stream.Take(kEos));  // a control token is no text
  EXPECT_FALSE(stream.Take(ByteId(' ')));
  EXPECT_TRUE(stream.Take(ByteId(0xE2)));
  stream.Finish();
  EXPECT_EQ(pieces, (std::vector<std::string>{"a", "\xC3\xA9", " ", "\xE2"}));
}

}  // namespace
}  // namespace nibble
