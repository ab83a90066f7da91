#include "formats/tokenizer/publish.h"

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "formats/io/file.h"
#include "formats/tokenizer/load.h"
#include "formats/tokenizer/test_folder.h"
#include "formats/tokenizer/vocabulary.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace nibble::tokenizer {
namespace {

using enum TokenType;

// What LoadFolder makes of what Publish makes.
Vocabulary Again(const Vocabulary& vocabulary) {
  const auto files = Publish(vocabulary, 128);
  EXPECT_TRUE(files.ok()) << files.status();
  TestFolder folder(std::map<std::string, std::string>(files->begin(), files->end()));
  const auto again =
      LoadFolder(io::Posix(), folder.path(), {.vocab_size = static_cast<uint32_t>(vocabulary.tokens.size())});
  EXPECT_TRUE(again.ok()) << again.status();
  return again.ok() ? *again : Vocabulary();
}

Vocabulary ByteLevel() {
  Vocabulary vocabulary{
      .pre = "llama-bpe",
      .tokens = {"a", "b", "ab", "Ġ", "Ġab", "<|begin|>", "<|eot_id|>", "odd \"text\"\n", "[PAD8]"},
      .types = {kNormal, kNormal, kNormal, kNormal, kNormal, kControl, kControl, kUserDefined, kUnused},
      .merges = {"a b", "Ġ ab"},
      .ignore_merges = true,
      .add_bos = true,
      .bos = 5,
      .eos = 6,
      .padding = 5,
      .chat_template = "{% for m in messages %}\n\t\"{{ m }}\"{% endfor %}"};
  return vocabulary;
}

Vocabulary SentencePiece() {
  Vocabulary vocabulary{
      .algorithm = Algorithm::kSentencePiece,
      .pre = "default",
      .tokens = {"<unk>", "<s>", "</s>", "<0x0A>", "a", "b", "▁", "ab", "▁ab", "▁a"},
      .types = {kUnknown, kControl, kControl, kByte, kNormal, kNormal, kNormal, kNormal, kNormal, kNormal},
      .scores = {0, 0, 0, 0, -7, -8, -9, -2, -1, -3},
      .add_space_prefix = true,
      .add_bos = true,
      .add_eos = false,
      .bos = 1,
      .eos = 2,
      .unknown = 0};
  return vocabulary;
}

TEST(PublishTest, ByteLevelVocabulariesComeBack) {
  for (const char* pre : {"llama-bpe", "gpt-2", "smollm", "qwen2", "deepseek-v3"}) {
    Vocabulary expected = ByteLevel();
    expected.pre = pre;
    expected.nfc = expected.pre == "qwen2";
    const Vocabulary found = Again(expected);
    EXPECT_EQ(found.pre, pre);
    EXPECT_EQ(found.nfc, expected.nfc);
    EXPECT_EQ(found.ignore_merges, expected.ignore_merges);
    EXPECT_EQ(found.tokens, expected.tokens);
    EXPECT_EQ(found.types, expected.types);
    EXPECT_EQ(found.merges, expected.merges);
    EXPECT_EQ(found.bos, expected.bos);
    EXPECT_EQ(found.eos, expected.eos);
    EXPECT_EQ(found.padding, expected.padding);
    EXPECT_TRUE(AddsBos(found));
    EXPECT_FALSE(AddsEos(found));
    EXPECT_EQ(found.chat_template, expected.chat_template);
  }
}

TEST(PublishTest, TemplatesOfAPurposeComeBack) {
  Vocabulary expected = ByteLevel();
  expected.named_chat_templates = {{"tool_use", "t"}};
  const Vocabulary found = Again(expected);
  EXPECT_EQ(found.chat_template, expected.chat_template);
  EXPECT_EQ(found.named_chat_templates, expected.named_chat_templates);
}

// Merges stand for the scores: what is merged before what is the same.
TEST(PublishTest, SentencePieceVocabulariesComeBack) {
  for (const bool prefix : {true, false}) {
    Vocabulary expected = SentencePiece();
    expected.add_space_prefix = prefix;
    const Vocabulary found = Again(expected);
    EXPECT_EQ(found.algorithm, expected.algorithm);
    EXPECT_EQ(found.add_space_prefix, prefix);
    EXPECT_EQ(found.tokens, expected.tokens);
    EXPECT_EQ(found.types[3], kByte);
    EXPECT_EQ(found.bos, expected.bos);
    EXPECT_EQ(found.unknown, expected.unknown);
    EXPECT_TRUE(AddsBos(found));
    EXPECT_GT(found.scores[8], found.scores[7]);
    EXPECT_GT(found.scores[7], found.scores[9]);
  }
}

TEST(PublishTest, GenerationEndsAfterAllThatEndATurn) {
  Vocabulary vocabulary = ByteLevel();
  vocabulary.tokens[5] = "<|end_of_text|>";
  const auto files = Publish(vocabulary, 128);
  ASSERT_TRUE(files.ok());
  EXPECT_EQ(files->back().first, "generation_config.json");
  EXPECT_THAT(files->back().second, testing::HasSubstr("\"eos_token_id\": [\n    5,\n    6\n  ]"));
}

TEST(PublishTest, WhatIsNoTextIsRefused) {
  const char kBytes[] = "a\xff";
  Vocabulary token = ByteLevel(), merge = ByteLevel(), chat = ByteLevel(), named = ByteLevel();
  token.tokens[0] = kBytes;
  merge.merges[0] = kBytes;
  chat.chat_template = kBytes;
  named.named_chat_templates = {{"t", kBytes}};
  for (const Vocabulary& vocabulary : {token, merge, chat, named}) {
    EXPECT_EQ(Publish(vocabulary, 128).status().code(), absl::StatusCode::kDataLoss);
  }
}

TEST(PublishTest, AnUnknownPreTokenizerIsRefused) {
  Vocabulary vocabulary = ByteLevel();
  vocabulary.pre = "none-such";
  EXPECT_EQ(Publish(vocabulary, 128).status().code(), absl::StatusCode::kUnimplemented);
}

}  // namespace
}  // namespace nibble::tokenizer
