#include "formats/tokenizer/vocabulary.h"

#include <functional>

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace nibble::tokenizer {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

Vocabulary SmallVocabulary() {
  Vocabulary v;
  v.algorithm = Algorithm::kSentencePiece;
  v.pre = "default";
  v.tokens = {"<unk>", "<s>", "</s>", "<0x41>", "a"};
  v.types = {TokenType::kUnknown, TokenType::kControl, TokenType::kControl, TokenType::kByte, TokenType::kNormal};
  v.scores = {0, 0, 0, 0, -1};
  v.bos = 1;
  v.eos = 2;
  return v;
}

TEST(Validate, RefusesContradictions) {
  ASSERT_TRUE(Validate(SmallVocabulary(), "here").ok());
  const struct {
    const char* what;
    std::function<void(Vocabulary&)> spoil;
    const char* message;
  } cases[] = {
      {"no tokens", [](Vocabulary& v) { v = {}; }, "no tokens"},
      {"types", [](Vocabulary& v) { v.types.pop_back(); }, "token types: expected 5"},
      {"scores", [](Vocabulary& v) { v.scores.push_back(0); }, "token scores: expected 5, one for each token, found 6"},
      {"twice", [](Vocabulary& v) { v.tokens[4] = "<s>"; }, "token 4: expected a text that no other token has"},
      {"byte", [](Vocabulary& v) { v.tokens[3] = "<0xZZ>"; }, "token 3: expected a byte token as <0x41>"},
      {"byte", [](Vocabulary& v) { v.tokens[3] = "<0x-1>"; }, "found '<0x-1>'"},
      {"special", [](Vocabulary& v) { v.eos = 5; }, "eos token: expected an id below 5, found 5"},
      {"special", [](Vocabulary& v) { v.padding = 0xFFFFFFFF; }, "pad token: expected an id below 5"},
  };
  for (const auto& c : cases) {
    Vocabulary v = SmallVocabulary();
    c.spoil(v);
    const absl::Status status = Validate(v, "here");
    EXPECT_EQ(status.code(), absl::StatusCode::kDataLoss) << c.what;
    EXPECT_THAT(std::string(status.message()), HasSubstr(c.message));
  }
}

TEST(ParseByteToken, TakesTwoHexadecimalDigits) {
  EXPECT_EQ(ParseByteToken("<0x00>"), 0);
  EXPECT_EQ(ParseByteToken("<0xFf>"), 255);
  for (const char* bad : {"", "a", "<0x0>", "<0x000>", "<0x-1>", "<0xZZ>", "<0x0G>", "(0x00>", "<0x00)"}) {
    EXPECT_EQ(ParseByteToken(bad), std::nullopt) << bad;
  }
}

TEST(AddsBos, FollowsTheFilesAndElseTheDefaults) {
  Vocabulary v = SmallVocabulary();
  EXPECT_TRUE(AddsBos(v));  // SentencePiece's default
  EXPECT_FALSE(AddsEos(v));
  v.add_bos = false;
  v.add_eos = true;
  EXPECT_FALSE(AddsBos(v));
  EXPECT_TRUE(AddsEos(v));
  v.add_bos = true;
  v.bos = std::nullopt;
  EXPECT_FALSE(AddsBos(v));
  v = SmallVocabulary();
  v.algorithm = Algorithm::kByteLevelBpe;
  v.pre = "gpt-2";
  EXPECT_FALSE(AddsBos(v));
  v.pre = "llama-bpe";
  EXPECT_TRUE(AddsBos(v));
}

TEST(EndOfGeneration, TakesWhatFilesNameAndWhatTextsSay) {
  Vocabulary v;
  v.tokens = {"a", "<|eot_id|>", "<|eom_id|>", "<|end_of_text|>", "</s>"};
  v.types = {TokenType::kNormal, TokenType::kControl, TokenType::kControl, TokenType::kControl, TokenType::kNormal};
  v.eos = 3;
  EXPECT_THAT(EndOfGeneration(v), ElementsAre(1, 2, 3));  // "</s>" is plain text here
  v.eot = 0;
  EXPECT_THAT(EndOfGeneration(v), ElementsAre(0, 1, 2, 3));
}

TEST(EndOfGeneration, InHarmonyAnEndedMessageIsNotTheEnd) {
  Vocabulary v;
  v.tokens = {"<|end|>", "<|return|>", "<|call|>"};
  v.types.assign(3, TokenType::kControl);
  EXPECT_THAT(EndOfGeneration(v), ElementsAre(1, 2));
  v.tokens[2] = "<|other|>";
  EXPECT_THAT(EndOfGeneration(v), ElementsAre(0, 1));
}

}  // namespace
}  // namespace nibble::tokenizer
