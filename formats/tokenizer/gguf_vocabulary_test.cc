#include <functional>
#include <string>
#include <vector>

#include "formats/tokenizer/load.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace nibble::tokenizer {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

Vocabulary ByteLevel() {
  Vocabulary v;
  v.pre = "llama-bpe";
  v.tokens = {"a", "b", "ab", "<s>"};
  v.types = {TokenType::kNormal, TokenType::kNormal, TokenType::kNormal, TokenType::kControl};
  v.merges = {"a b"};
  v.ignore_merges = true;
  v.bos = 3;
  v.eos = 3;
  v.add_bos = true;
  v.add_eos = false;
  v.add_sep = false;
  v.chat_template = "{{ x }}";
  v.named_chat_templates = {{"tool_use", "{{ y }}"}};
  return v;
}

Vocabulary SentencePiece() {
  Vocabulary v;
  v.algorithm = Algorithm::kSentencePiece;
  v.pre = "default";
  v.tokens = {"<unk>", "<s>", "a"};
  v.types = {TokenType::kUnknown, TokenType::kControl, TokenType::kNormal};
  v.scores = {0, 0, -1.5};
  v.unknown = 0;
  v.bos = 1;
  v.add_bos = true;
  v.add_eos = false;
  v.add_sep = false;
  v.add_space_prefix = true;
  return v;
}

gguf::Metadata ToMetadata(const Vocabulary& v) {
  gguf::Metadata metadata("x.gguf");
  ToGguf(v, metadata);
  return metadata;
}

std::vector<std::string> Keys(const Vocabulary& v) {
  std::vector<std::string> keys;
  const gguf::Metadata metadata = ToMetadata(v);
  for (const auto& [key, value] : metadata.entries()) keys.push_back(key);
  return keys;
}

TEST(ToGguf, WritesTheKeysInTheConvertersOrder) {
  EXPECT_THAT(
      Keys(ByteLevel()),
      ElementsAre("tokenizer.ggml.model", "tokenizer.ggml.pre", "tokenizer.ggml.tokens", "tokenizer.ggml.token_type",
                  "tokenizer.ggml.merges", "tokenizer.ggml.bos_token_id", "tokenizer.ggml.eos_token_id",
                  "tokenizer.ggml.add_bos_token", "tokenizer.ggml.add_eos_token", "tokenizer.ggml.add_sep_token",
                  "tokenizer.chat_template.tool_use", "tokenizer.chat_templates", "tokenizer.chat_template"));
  EXPECT_THAT(
      Keys(SentencePiece()),
      ElementsAre("tokenizer.ggml.model", "tokenizer.ggml.pre", "tokenizer.ggml.tokens", "tokenizer.ggml.scores",
                  "tokenizer.ggml.token_type", "tokenizer.ggml.bos_token_id", "tokenizer.ggml.unknown_token_id",
                  "tokenizer.ggml.add_bos_token", "tokenizer.ggml.add_sep_token", "tokenizer.ggml.add_eos_token"));
}

TEST(FromGguf, GivesBackWhatWasWritten) {
  Vocabulary spaces = SentencePiece();
  spaces.add_space_prefix = false;
  spaces.remove_extra_spaces = true;
  for (const Vocabulary& v : {ByteLevel(), SentencePiece(), spaces}) {
    const auto back = FromGguf(ToMetadata(v));
    ASSERT_TRUE(back.ok()) << back.status();
    EXPECT_EQ(back->algorithm, v.algorithm);
    EXPECT_EQ(back->pre, v.pre);
    EXPECT_EQ(back->tokens, v.tokens);
    EXPECT_EQ(back->types, v.types);
    EXPECT_EQ(back->scores, v.scores);
    EXPECT_EQ(back->merges, v.merges);
    EXPECT_EQ(back->ignore_merges, v.ignore_merges);
    EXPECT_EQ(back->add_space_prefix, v.add_space_prefix);
    EXPECT_EQ(back->remove_extra_spaces, v.remove_extra_spaces);
    EXPECT_EQ(back->add_bos, v.add_bos);
    EXPECT_EQ(back->add_eos, v.add_eos);
    EXPECT_EQ(back->add_sep, v.add_sep);
    for (const SpecialId& special : SpecialIds()) EXPECT_EQ((*back).*special.id, v.*special.id) << special.name;
    EXPECT_EQ(back->chat_template, v.chat_template);
    EXPECT_EQ(back->named_chat_templates, v.named_chat_templates);
    EXPECT_EQ(Keys(*back), Keys(v));
  }
}

TEST(FromGguf, KnowsWhatGoesWithAName) {
  Vocabulary v = ByteLevel();
  v.pre = "qwen2";
  v.add_bos = std::nullopt;
  const auto qwen = FromGguf(ToMetadata(v));
  ASSERT_TRUE(qwen.ok()) << qwen.status();
  EXPECT_TRUE(qwen->nfc);
  EXPECT_FALSE(qwen->ignore_merges);
  EXPECT_FALSE(AddsBos(*qwen));
  v.pre = "novel";  // no error until somebody wants to tokenize
  EXPECT_TRUE(FromGguf(ToMetadata(v)).ok());
}

TEST(FromGguf, RefusesBadKeys) {
  using Strings = std::vector<std::string>;
  const struct {
    const char* key;
    gguf::Value value;
    const char* message;
    absl::StatusCode code = absl::StatusCode::kDataLoss;
  } cases[] = {
      {"tokenizer.ggml.model", std::string("bert"), "expected gpt2 or llama, found 'bert'",
       absl::StatusCode::kUnimplemented},
      {"tokenizer.ggml.tokens", uint32_t{1}, "key 'tokenizer.ggml.tokens': expected an array of strings"},
      {"tokenizer.ggml.tokens", gguf::Array(Strings{"a"}), "token types: expected 1"},
      {"tokenizer.ggml.tokens", gguf::Array(Strings{"<unk>", "a", "a"}), "no other token has"},
      {"tokenizer.ggml.scores", gguf::Array(std::vector<float>{0}), "token scores: expected 3"},
      {"tokenizer.ggml.scores", gguf::Array(std::vector<double>{0, 0, 0}),
       "expected an array of float32, found another type"},
      {"tokenizer.ggml.token_type", gguf::Array(std::vector<int32_t>{2, 3, 7}),
       "token 2: expected a type from 1 to 6, found 7"},
      {"tokenizer.ggml.token_type", gguf::Array(std::vector<int32_t>{2, 3, 6}),
       "expected a byte token as <0x41>, found 'a'"},
      {"tokenizer.ggml.bos_token_id", uint32_t{3}, "bos token: expected an id below 3, found 3"},
      {"tokenizer.ggml.bos_token_id", std::string("1"), "tokenizer.ggml.bos_token_id"},
      {"tokenizer.ggml.add_bos_token", uint32_t{1}, "tokenizer.ggml.add_bos_token"},
  };
  for (const auto& c : cases) {
    gguf::Metadata metadata = ToMetadata(SentencePiece());
    metadata.Set(c.key, c.value);
    const auto v = FromGguf(metadata);
    EXPECT_EQ(v.status().code(), c.code) << c.key;
    EXPECT_THAT(std::string(v.status().message()), HasSubstr(c.message));
    EXPECT_THAT(std::string(v.status().message()), HasSubstr("x.gguf"));
  }
  EXPECT_EQ(FromGguf(gguf::Metadata("x.gguf")).status().code(), absl::StatusCode::kDataLoss);
}

}  // namespace
}  // namespace nibble::tokenizer
