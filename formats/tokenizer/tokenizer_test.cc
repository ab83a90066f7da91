#include "formats/tokenizer/tokenizer.h"

#include <string>
#include <vector>

#include "absl/strings/str_format.h"
#include "formats/tokenizer/byte_alphabet.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace nibble::tokenizer {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

// Adds a token and returns its id.
uint32_t Add(Vocabulary& v, const std::string& token, TokenType type = TokenType::kNormal, float score = 0) {
  v.tokens.push_back(token);
  v.types.push_back(type);
  if (v.algorithm == Algorithm::kSentencePiece) v.scores.push_back(score);
  return v.tokens.size() - 1;
}

void AddMerge(Vocabulary& v, const std::string& left, const std::string& right) {
  Add(v, left + right);
  v.merges.push_back(left + " " + right);
}

// Ids 0 to 255 are the bytes.
Vocabulary ByteLevel() {
  Vocabulary v;
  v.pre = "gpt-2";
  for (int byte = 0; byte < 256; ++byte) Add(v, std::string(PrintableForm(byte)));
  return v;
}

// Ids 0 to 255 are the bytes, 256 is unknown.
Vocabulary SentencePiece() {
  Vocabulary v;
  v.algorithm = Algorithm::kSentencePiece;
  v.pre = "default";
  for (int byte = 0; byte < 256; ++byte) Add(v, absl::StrFormat("<0x%02X>", byte), TokenType::kByte);
  v.unknown = Add(v, "<unk>", TokenType::kUnknown);
  return v;
}

std::vector<uint32_t> Encode(const Vocabulary& v, absl::string_view text, const EncodeOptions& options = {}) {
  const auto tokenizer = Tokenizer::Create(v);
  EXPECT_TRUE(tokenizer.ok()) << tokenizer.status();
  const auto ids = (*tokenizer)->Encode(text, options);
  EXPECT_TRUE(ids.ok()) << ids.status();
  return *ids;
}

std::string Decode(const Vocabulary& v, const std::vector<uint32_t>& ids, bool skip_special = false) {
  return (*Tokenizer::Create(v))->Decode(ids, skip_special);
}

TEST(ByteLevelBpe, MergesTheBestRankedPairFirst) {
  Vocabulary v = ByteLevel();
  AddMerge(v, "b", "c");    // 256
  AddMerge(v, "a", "b");    // 257
  AddMerge(v, "ab", "cd");  // needs cd, which comes later: absent then
  v.tokens.back() = "abcd";
  v.merges.pop_back();
  AddMerge(v, "c", "d");  // 259
  v.merges.push_back("ab cd");
  EXPECT_THAT(Encode(v, "abc"), ElementsAre('a', 256));
  EXPECT_THAT(Encode(v, "ab"), ElementsAre(257));
  EXPECT_THAT(Encode(v, "abd"), ElementsAre(257, 'd'));
  EXPECT_THAT(Encode(v, "abcd"), ElementsAre('a', 256, 'd'));  // b c went first, so ab and cd never are
}

TEST(ByteLevelBpe, MergesEqualPairsFromTheLeft) {
  Vocabulary v = ByteLevel();
  AddMerge(v, "a", "a");
  EXPECT_THAT(Encode(v, "aaa"), ElementsAre(256, 'a'));
  EXPECT_THAT(Encode(v, "aaaaa"), ElementsAre(256, 256, 'a'));
}

TEST(ByteLevelBpe, TakesAWholePieceWhereMergesAreIgnored) {
  Vocabulary v = ByteLevel();
  const uint32_t whole = Add(v, "Ġab");  // no merge gives it
  EXPECT_THAT(Encode(v, " ab"), ElementsAre(' ', 'a', 'b'));
  v.ignore_merges = true;
  EXPECT_THAT(Encode(v, " ab"), ElementsAre(whole));
}

TEST(ByteLevelBpe, EncodesAnyBytes) {
  const Vocabulary v = ByteLevel();
  const std::string bytes("a\xFF\xC3 é\0b", 8);
  EXPECT_EQ(Decode(v, Encode(v, bytes)), bytes);
  EXPECT_THAT(Encode(v, "\xFF\x80"), ElementsAre(0xFF, 0x80));
  EXPECT_THAT(Encode(v, ""), IsEmpty());
}

TEST(ByteLevelBpe, NormalizesWhereTheVocabularySaysSo) {
  Vocabulary v = ByteLevel();
  EXPECT_EQ(Decode(v, Encode(v, "e\u0301")), "e\u0301");
  v.nfc = true;
  EXPECT_EQ(Decode(v, Encode(v, "e\u0301")), "é");
}

TEST(ByteLevelBpe, RefusesMergesThatNameNoTokens) {
  const struct {
    const char *merge, *message;
  } cases[] = {
      {"a b", "merge 0: expected two tokens of the vocabulary that give a third, found 'a b'"},
      {"ab c", "merge 0: expected two tokens"},
      {"ab", "merge 0: expected two tokens, found 'ab'"},
  };
  for (const auto& c : cases) {
    Vocabulary v = ByteLevel();
    v.merges = {c.merge};
    const auto tokenizer = Tokenizer::Create(v);
    EXPECT_EQ(tokenizer.status().code(), absl::StatusCode::kDataLoss);
    EXPECT_THAT(std::string(tokenizer.status().message()), HasSubstr(c.message));
  }
}

TEST(ByteLevelBpe, RefusesAnUnknownPreTokenizer) {
  Vocabulary v = ByteLevel();
  v.pre = "novel";
  const auto tokenizer = Tokenizer::Create(v);
  EXPECT_EQ(tokenizer.status().code(), absl::StatusCode::kUnimplemented);
  EXPECT_THAT(std::string(tokenizer.status().message()), HasSubstr("found 'novel'; name one with --pre"));
}

TEST(SentencePieceBpe, MergesTheBestScoreFirst) {
  Vocabulary v = SentencePiece();
  for (const char* c : {"a", "b", "c", "▁"}) Add(v, c);  // 257 to 260
  Add(v, "ab", TokenType::kNormal, -2);                  // 261
  Add(v, "bc", TokenType::kNormal, -1);                  // 262
  Add(v, "▁a", TokenType::kNormal, -3);                  // 263
  EXPECT_THAT(Encode(v, "abc"), ElementsAre(257, 262));
  EXPECT_THAT(Encode(v, "ab"), ElementsAre(261));
  EXPECT_THAT(Encode(v, " a"), ElementsAre(263));
  v.add_space_prefix = true;
  EXPECT_THAT(Encode(v, "a"), ElementsAre(263));
  EXPECT_THAT(Encode(v, ""), IsEmpty());
  EXPECT_EQ(Decode(v, {263, 261}), "aab");
}

TEST(SentencePieceBpe, MergesAcrossWordsWherePiecesDo) {
  Vocabulary v = SentencePiece();
  for (const char* c : {"a", "▁"}) Add(v, c);
  Add(v, "▁▁", TokenType::kNormal, -1);  // 259
  Add(v, "a▁", TokenType::kNormal, -2);  // 260
  EXPECT_THAT(Encode(v, "a  a a"), ElementsAre(257, 259, 260, 257));
}

TEST(SentencePieceBpe, FallsBackToBytesAndElseToUnknown) {
  Vocabulary v = SentencePiece();
  const uint32_t a = Add(v, "a");
  EXPECT_THAT(Encode(v, "aé\xFF"), ElementsAre(a, 0xC3, 0xA9, 0xFF));
  EXPECT_EQ(Decode(v, {a, 0xC3, 0xA9}), "aé");
  for (int byte = 0; byte < 256; ++byte) v.types[byte] = TokenType::kUnused;
  EXPECT_THAT(Encode(v, "aéeaé"), ElementsAre(a, 256, a, 256));  // unknown ones together
}

TEST(SentencePieceBpe, KeepsUserDefinedTokensWhole) {
  Vocabulary v = SentencePiece();
  for (const char* c : {"a", "▁"}) Add(v, c);
  const uint32_t two = Add(v, "  ", TokenType::kUserDefined, -1000);
  Add(v, "▁a", TokenType::kNormal, -1);
  EXPECT_THAT(Encode(v, "   a"), ElementsAre(two, two + 1));
  EXPECT_THAT(Encode(v, " ▁▁ "), ElementsAre(258, two, 258));  // as it was published, literally
  EXPECT_EQ(Decode(v, {two}), "  ");
}

TEST(SentencePieceBpe, RemovesExtraSpacesWhereTheVocabularySaysSo) {
  Vocabulary v = SentencePiece();
  for (const char* c : {"a", "▁"}) Add(v, c);
  v.remove_extra_spaces = true;
  EXPECT_THAT(Encode(v, "  a   a "), ElementsAre(257, 258, 257));
  v.add_space_prefix = true;
  EXPECT_THAT(Encode(v, "  "), IsEmpty());
}

TEST(Encode, FindsLiteralSpecialTokensWhenAsked) {
  Vocabulary v = ByteLevel();
  const uint32_t control = Add(v, "<s>", TokenType::kControl);
  const uint32_t user = Add(v, "[tool]", TokenType::kUserDefined);
  EXPECT_THAT(Encode(v, "a<s>[tool]"), ElementsAre('a', control, user));
  EXPECT_THAT(Encode(v, "<s>[tool]", {.parse_special = false}), ElementsAre('<', 's', '>', user));
  EXPECT_EQ(Decode(v, {'a', control, user}), "a<s>[tool]");
  EXPECT_EQ(Decode(v, {'a', control, user}, /*skip_special=*/true), "a[tool]");
}

TEST(Encode, AddsBosAndEosWhenAskedAndTheVocabularyDoes) {
  Vocabulary v = ByteLevel();
  v.bos = Add(v, "<s>", TokenType::kControl);
  v.eos = Add(v, "</s>", TokenType::kControl);
  EXPECT_THAT(Encode(v, "a", {.add_special = true}), ElementsAre('a'));
  v.add_bos = v.add_eos = true;
  EXPECT_THAT(Encode(v, "a", {.add_special = true}), ElementsAre(256, 'a', 257));
  EXPECT_THAT(Encode(v, "a"), ElementsAre('a'));
}

TEST(Encode, PutsASpaceAfterEverySpecialToken) {
  Vocabulary v = SentencePiece();
  for (const char* c : {"a", "▁"}) Add(v, c);
  Add(v, "<s>", TokenType::kControl);
  v.add_space_prefix = true;
  EXPECT_THAT(Encode(v, "a<s>a"), ElementsAre(258, 257, 259, 258, 257));
}

TEST(Decode, GivesNothingForIdsThatAreNone) {
  const Vocabulary v = ByteLevel();
  EXPECT_EQ(Decode(v, {'a', 256, 0xFFFFFFFF, 'b'}), "ab");
}

TEST(Create, RefusesAVocabularyThatContradictsItself) {
  Vocabulary v = ByteLevel();
  v.types.pop_back();
  EXPECT_EQ(Tokenizer::Create(v).status().code(), absl::StatusCode::kDataLoss);
}

// A long text without a space must not take time that grows with its square.
TEST(Encode, TakesTimeThatGrowsWithTheText) {
  Vocabulary v = SentencePiece();
  Add(v, "a", TokenType::kNormal, 0);
  for (std::string piece = "aa"; piece.size() <= 64; piece += piece) Add(v, piece, TokenType::kNormal, piece.size());
  EXPECT_EQ(Encode(v, std::string(1 << 18, 'a')).size(), (1 << 18) / 64);
  Vocabulary b = ByteLevel();
  AddMerge(b, "a", "a");
  EXPECT_EQ(Encode(b, std::string(1 << 18, 'a')).size(), 1 << 17);
}

}  // namespace
}  // namespace nibble::tokenizer
