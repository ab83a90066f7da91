// What a tokenizer's files can have wrong, class by class: the exit code and the message, for every form that has the
// class. More of each is in the tests of the readers.
#include <map>
#include <string>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_replace.h"
#include "base/status.h"
#include "formats/tokenizer/load.h"
#include "formats/tokenizer/sentencepiece_model.pb.h"
#include "formats/tokenizer/test_folder.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace nibble::tokenizer {
namespace {

using ::testing::HasSubstr;

using Files = std::map<std::string, std::string>;

constexpr char kJson[] = R"({
  "added_tokens": [{"id": 3, "content": "<s>", "special": true}],
  "pre_tokenizer": {"type": "ByteLevel", "add_prefix_space": false},
  "model": {"type": "BPE", "vocab": {"a": 0, "b": 1, "ab": 2}, "merges": ["a b"]}
})";
constexpr char kMetaspaceJson[] = R"({
  "normalizer": {"type": "Replace", "pattern": {"String": " "}, "content": "▁"},
  "model": {"type": "BPE", "byte_fallback": true, "vocab": {"<0x0A>": 0, "a": 1}, "merges": []}
})";
constexpr char kVocab[] = R"({"a": 0, "b": 1, "ab": 2})";

// The first token unknown, the second a byte, the third a letter.
std::string SentencePiece(const char* byte = "<0x0A>") {
  sentencepiece::Model model;
  const auto add = [&](const char* text, sentencepiece::Model::Piece::Type type) {
    auto* piece = model.add_pieces();
    piece->set_piece(text);
    piece->set_type(type);
  };
  add("<unk>", sentencepiece::Model::Piece::UNKNOWN);
  add(byte, sentencepiece::Model::Piece::BYTE);
  add("a", sentencepiece::Model::Piece::NORMAL);
  model.mutable_trainer()->set_model_type(sentencepiece::Trainer::BPE);
  return model.SerializeAsString();
}

Files Json(const char* from = "", const char* to = "", const char* json = kJson) {
  EXPECT_THAT(std::string(json), HasSubstr(from));
  return {{"tokenizer.json", *from == 0 ? json : absl::StrReplaceAll(json, {{from, to}})}};
}

Files VocabMerges(const char* vocab, const char* merges = "a b\n") {
  return {{"vocab.json", vocab}, {"merges.txt", merges}};
}

Files With(Files files, const char* name, std::string text) {
  files[name] = std::move(text);
  return files;
}

TEST(BadInput, EndsWithItsExitCodeAndSaysWhere) {
  constexpr int kBad = 65;
  const std::string giant(33 << 20, 'x');
  const struct {
    int number;  // of the class
    Files files;
    const char* message;
    LoadOptions options = {};
  } cases[] = {
      // More tokens than the embedding has rows.
      {73, Json(), "tokenizer.json: expected token ids below 3, the embedding's rows, found id 3", {.vocab_size = 3}},
      {73, {{"tokenizer.model", SentencePiece()}}, "tokenizer.model: expected token ids below 2", {.vocab_size = 2}},
      {73, VocabMerges(kVocab), "vocab.json: expected token ids below 2", {.vocab_size = 2}},
      // A special id that no token has.
      {74, With(Json(), "config.json", R"({"bos_token_id": 4})"),
       "config.json: $.bos_token_id: expected an id below 4"},
      {74, With({{"tokenizer.model", SentencePiece()}}, "config.json", R"({"eos_token_id": 2147483648})"),
       "config.json: $.eos_token_id"},
      {74,
       With({{"tokenizer.model", SentencePiece()}}, "tokenizer_config.json",
            R"({"added_tokens_decoder": {"9": {"content": "x"}}})"),
       "expected token ids below 4, the number of tokens, found id 9 ('x')"},
      {74, With(Json(), "config.json", R"({"eos_token_id": "end"})"),
       "config.json: $.eos_token_id: expected an id below 4"},
      {74, With(Json(), "config.json", R"({"eos_token_id": [1, 9]})"),
       "config.json: $.eos_token_id[1]: expected an id"},
      {74, With(Json(), "config.json", R"({"eos_token_id": [[1]]})"), "config.json: $.eos_token_id[0]: expected an id"},
      {74,
       With(With(Json(), "config.json", R"({"bos_token_id": 4})"), "tokenizer_config.json", R"({"bos_token": "<s>"})"),
       "config.json: $.bos_token_id"},
      // Ids that two tokens have, or none.
      {75, Json("\"b\": 1", "\"b\": 0"), "expected one token for each id, found id 0 ('b'), which is 'a' too"},
      {75, Json("\"b\": 1", "\"b\": 9"), "expected token ids below 4, the number of tokens, found id 9 ('b')"},
      {75, VocabMerges(R"({"a": 0, "b": 0, "ab": 1})"), "expected one token for each id, found id 0 ('b')"},
      {75, VocabMerges(R"({"a": 0, "b": 7, "ab": 1})"), "expected token ids below 3, the number of tokens, found id 7"},
      {75, VocabMerges(R"({"a": 0, "a": 1})"), "vocab.json"},
      // Ids that would need a giant list.
      {76, Json("\"b\": 1", "\"b\": 2147483648"), "found id 2147483648 ('b')"},
      {76, Json("\"id\": 3", "\"id\": 4294967295"), "found id 4294967295 ('<s>')"},
      {76, Json("\"id\": 3", "\"id\": 4294967296"), "$.added_tokens[0].id: expected an integer"},
      {76, VocabMerges(R"({"a": 2147483648})", ""), "found id 2147483648 ('a')"},
      {76, With({{"tokenizer.model", SentencePiece()}}, "added_tokens.json", R"({"x": 2147483648})"),
       "found id 2147483648 ('x')"},
      {76,
       With({{"tokenizer.model", SentencePiece()}}, "tokenizer_config.json",
            R"({"added_tokens_decoder": {"4294967296": {"content": "x"}}})"),
       "expected the id of a token as its key"},
      // Byte tokens that name no byte.
      {77, Json("<0x0A>", "<0x-1>", kMetaspaceJson), "expected byte tokens as <0x41>, not '<0x-1>'"},
      {77, Json("<0x0A>", "<0xZZ>", kMetaspaceJson), "expected byte tokens as <0x41>, not '<0xZZ>'"},
      {77, {{"tokenizer.model", SentencePiece("<0x-1>")}}, "expected a byte token as <0x41>, found '<0x-1>'"},
      {77, {{"tokenizer.model", SentencePiece("<0xZZ>")}}, "expected a byte token as <0x41>, found '<0xZZ>'"},
      // Merges of tokens that are not there.
      {78, Json("a b", "a x"), "$.model.merges[0]: expected two tokens of the vocabulary that give a third"},
      {78, Json("a b", "b a"), "$.model.merges[0]: expected two tokens of the vocabulary that give a third"},
      {78, VocabMerges(kVocab, "a b\na x\n"), "merges.txt: line 2: expected two tokens of the vocabulary"},
      // A regex that takes forever: only those that are known run, whatever the file says.
      {79,
       Json(R"({"type": "ByteLevel", "add_prefix_space": false})",
            R"({"type": "Sequence", "pretokenizers": [
                     {"type": "Split", "behavior": "Isolated", "pattern": {"Regex": "(a+)+$"}},
                     {"type": "ByteLevel", "add_prefix_space": false, "use_regex": false}]})"),
       "$.pre_tokenizer: expected a pre-tokenizer that is known"},
      // A file that is there and says nothing of a tokenizer.
      {75, {{"tokenizer.json", "{}"}}, "tokenizer.json: $.pre_tokenizer: expected"},
      {75, {{"tokenizer.json", "[]"}}, "tokenizer.json: $: expected a JSON object, found []"},
      {75, With(Json(), "tokenizer_config.json", "[1]"), "tokenizer_config.json: $: expected a JSON object"},
      // Templates that are none, or cannot be copied.
      {81, With(Json(), "tokenizer_config.json", R"({"chat_template": 7})"), "$.chat_template: expected a template"},
      {81, With(Json(), "chat_template.jinja", "{{\xff}}"), "the chat template: byte 2: expected text in UTF-8"},
      // A template of 100 MB: what is past the limit is not read.
      {80, With(Json(), "chat_template.jinja", giant), "chat_template.jinja: expected at most 33554432 bytes"},
      {80, With(Json(), "chat_template.json", absl::StrCat(R"({"chat_template": ")", giant, R"("})")),
       "chat_template.json: expected at most 33554432 bytes"},
      {80, With(Json(), "tokenizer_config.json", absl::StrCat(R"({"chat_template": ")", giant, R"("})")),
       "tokenizer_config.json: expected at most 33554432 bytes"},
  };
  for (const auto& c : cases) {
    const TestFolder folder(c.files);
    const auto v = LoadFolder(io::Posix(), folder.path(), c.options);
    EXPECT_EQ(ExitCode(v.status()), kBad) << c.number << ": " << v.status();
    EXPECT_THAT(std::string(v.status().message()), HasSubstr(c.message)) << c.number;
    EXPECT_THAT(std::string(v.status().message()), HasSubstr(folder.path())) << c.number;
    EXPECT_EQ(v.status().message().find('\n'), absl::string_view::npos) << c.number;
  }
}

TEST(BadInput, OfSomeKindsIsAWarning) {
  const std::string injection = "{{ ''.__class__.__mro__ }}\n{{ messages }}\n";
  const struct {
    int number;
    Files files;
    const char* warning;
    LoadOptions options = {};
  } cases[] = {
      {73, Json(), "4 tokens for 6 rows of the embedding: 2 padding tokens were added", {.vocab_size = 6}},
      {73, {{"tokenizer.model", SentencePiece()}}, "3 tokens for 6 rows of the embedding", {.vocab_size = 6}},
      {73, VocabMerges(kVocab), "3 tokens for 6 rows of the embedding", {.vocab_size = 6}},
      {81, With(Json(), "chat_template.jinja", injection), "'__class__', which formats no message"},
      {74, With(Json(), "config.json", R"({"eos_token_id": [0, -1], "pad_token_id": -1})"), ""},
  };
  for (const auto& c : cases) {
    const TestFolder folder(c.files);
    const auto v = LoadFolder(io::Posix(), folder.path(), c.options);
    ASSERT_TRUE(v.ok()) << c.number << ": " << v.status();
    EXPECT_THAT(absl::StrJoin(v->warnings, "\n"), HasSubstr(c.warning)) << c.number;
    EXPECT_EQ(v->chat_template, c.number == 81 ? injection : "");
  }
}

}  // namespace
}  // namespace nibble::tokenizer
