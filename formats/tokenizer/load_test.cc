#include "formats/tokenizer/load.h"

#include <cstring>
#include <filesystem>
#include <map>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "formats/tokenizer/sentencepiece_model.pb.h"
#include "formats/tokenizer/test_folder.h"
#include "formats/tokenizer/tokenizer.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace nibble::tokenizer {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

constexpr auto kBadData = absl::StatusCode::kDataLoss;
constexpr auto kUnsupported = absl::StatusCode::kUnimplemented;

constexpr char kByteLevelJson[] = R"({
  "added_tokens": [{"id": 3, "content": "<s>", "special": true}, {"id": 4, "content": "[tool]", "special": false}],
  "normalizer": null,
  "pre_tokenizer": {"type": "ByteLevel", "add_prefix_space": false, "use_regex": true},
  "post_processor": null,
  "model": {"type": "BPE", "vocab": {"a": 0, "b": 1, "ab": 2}, "merges": ["a b"]}
})";

constexpr char kSentencePieceJson[] = R"({
  "added_tokens": [{"id": 0, "content": "<unk>", "special": true}, {"id": 1, "content": "<s>", "special": true}],
  "normalizer": {"type": "Sequence", "normalizers": [
    {"type": "Prepend", "prepend": "▁"}, {"type": "Replace", "pattern": {"String": " "}, "content": "▁"}]},
  "pre_tokenizer": null,
  "post_processor": {"type": "TemplateProcessing",
    "single": [{"SpecialToken": {"id": "<s>"}}, {"Sequence": {"id": "A"}}],
    "pair": [{"SpecialToken": {"id": "<s>"}}, {"Sequence": {"id": "A"}},
             {"SpecialToken": {"id": "<s>"}}, {"Sequence": {"id": "B"}}]},
  "model": {"type": "BPE", "byte_fallback": true, "unk_token": "<unk>",
    "vocab": {"<unk>": 0, "<s>": 1, "<0x0A>": 2, "▁": 3, "a": 4, "b": 5, "ab": 6, "▁a": 7},
    "merges": [["a", "b"], ["▁", "a"]]}
})";

std::string Replaced(const char* json, absl::string_view from, absl::string_view to) {
  EXPECT_THAT(std::string(json), HasSubstr(std::string(from)));
  return absl::StrReplaceAll(json, {{from, to}});
}

absl::StatusOr<Vocabulary> Load(const std::map<std::string, std::string>& files, const LoadOptions& options = {}) {
  const TestFolder folder(files);
  return LoadFolder(io::Posix(), folder.path(), options);
}

std::vector<uint32_t> Encode(const Vocabulary& vocabulary, absl::string_view text) {
  return *(*Tokenizer::Create(vocabulary))->Encode(text, {});
}

TEST(LoadFolder, ReadsByteLevelTokenizerJson) {
  const auto v = Load({{"tokenizer.json", kByteLevelJson}});
  ASSERT_TRUE(v.ok()) << v.status();
  EXPECT_EQ(v->algorithm, Algorithm::kByteLevelBpe);
  EXPECT_EQ(v->pre, "gpt-2");
  EXPECT_THAT(v->tokens, ElementsAre("a", "b", "ab", "<s>", "[tool]"));
  EXPECT_THAT(v->types, ElementsAre(TokenType::kNormal, TokenType::kNormal, TokenType::kNormal, TokenType::kControl,
                                    TokenType::kUserDefined));
  EXPECT_THAT(v->merges, ElementsAre("a b"));
  EXPECT_THAT(v->scores, IsEmpty());
  EXPECT_THAT(v->warnings, IsEmpty());
  EXPECT_FALSE(v->nfc);
  EXPECT_EQ(v->add_bos, std::nullopt);
}

TEST(LoadFolder, ReadsSentencePieceTokenizerJson) {
  const auto v = Load({{"tokenizer.json", kSentencePieceJson}, {"tokenizer_config.json", R"({"bos_token": "<s>"})"}});
  ASSERT_TRUE(v.ok()) << v.status();
  EXPECT_EQ(v->algorithm, Algorithm::kSentencePiece);
  EXPECT_EQ(v->pre, "default");
  EXPECT_TRUE(v->add_space_prefix);
  EXPECT_EQ(v->types[2], TokenType::kByte);
  EXPECT_GT(v->scores[6], v->scores[7]);  // as the merges are ranked
  EXPECT_EQ(v->bos, 1);
  EXPECT_EQ(v->add_bos, true);
  EXPECT_EQ(v->add_sep, false);
  EXPECT_THAT(Encode(*v, "ab"), ElementsAre(3, 6));
  EXPECT_THAT(Encode(*v, "a a\n"), ElementsAre(7, 7, 2));
}

TEST(LoadFolder, KnowsPipelinesByTheirSteps) {
  const struct {
    const char *normalizer, *pre_tokenizer, *pre;
    bool nfc;
  } cases[] = {
      {"null", R"({"type": "ByteLevel", "add_prefix_space": false})", "gpt-2", false},
      {R"({"type": "NFC"})",
       R"({"type": "Sequence", "pretokenizers": [{"type": "Split", "behavior": "Isolated", "pattern": {"Regex": "(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\\r\\n\\p{L}\\p{N}]?\\p{L}+|\\p{N}| ?[^\\s\\p{L}\\p{N}]+[\\r\\n]*|\\s*[\\r\\n]+|\\s+(?!\\S)|\\s+"}}, {"type": "ByteLevel", "add_prefix_space": false, "use_regex": false}]})",
       "qwen2", true},
      {R"({"type": "Sequence", "normalizers": []})",
       R"({"type": "Sequence", "pretokenizers": [{"type": "Digits", "individual_digits": true}, {"type": "ByteLevel", "add_prefix_space": false}]})",
       "smollm", false},
  };
  for (const auto& c : cases) {
    const std::string json = absl::StrReplaceAll(
        kByteLevelJson, {{R"("normalizer": null)", absl::StrCat("\"normalizer\": ", c.normalizer)},
                         {R"({"type": "ByteLevel", "add_prefix_space": false, "use_regex": true})", c.pre_tokenizer}});
    const auto v = Load({{"tokenizer.json", json}});
    ASSERT_TRUE(v.ok()) << v.status();
    EXPECT_EQ(v->pre, c.pre);
    EXPECT_EQ(v->nfc, c.nfc);
  }
}

TEST(LoadFolder, RefusesBadTokenizerJson) {
  const struct {
    absl::StatusCode code;
    const char *json, *from, *to, *message;
  } cases[] = {
      {kUnsupported, kByteLevelJson, R"("use_regex": true)", R"("use_regex": false)",
       "$.pre_tokenizer: expected a pre-tokenizer that is known"},
      {kUnsupported, kByteLevelJson, R"("type": "ByteLevel")", R"("type": "Whitespace")", "$.pre_tokenizer"},
      {kUnsupported, kByteLevelJson, R"("add_prefix_space": false)", R"("add_prefix_space": true)",
       "$.pre_tokenizer.add_prefix_space: expected false, found true"},
      {kUnsupported, kByteLevelJson, R"("normalizer": null)", R"("normalizer": {"type": "Lowercase"})",
       "$.normalizer.type: expected NFC or no normalizer, found \"Lowercase\""},
      {kUnsupported, kByteLevelJson, R"("post_processor": null)", R"("post_processor": {"type": "BertProcessing"})",
       "$.post_processor.type"},
      {kUnsupported, kByteLevelJson, R"("type": "BPE")", R"("type": "Unigram")", "$.model.type: expected BPE"},
      {kUnsupported, kByteLevelJson, R"("type": "BPE")", R"("type": "BPE", "dropout": 0.1)", "$.model.dropout"},
      {kUnsupported, kByteLevelJson, R"("type": "BPE")", R"("type": "BPE", "end_of_word_suffix": "</w>")",
       "$.model.end_of_word_suffix"},
      {kUnsupported, kSentencePieceJson, R"("prepend": "▁")", R"("prepend": "x")",
       "$.normalizer.normalizers[0].prepend"},
      {kUnsupported, kSentencePieceJson, R"("pre_tokenizer": null)", R"("pre_tokenizer": {"type": "Metaspace"})",
       "$.pre_tokenizer"},
      // Duplicate and sparse ids, ids that would need a giant list.
      {kBadData, kByteLevelJson, R"("b": 1)", R"("b": 0)", "expected one token for each id, found id 0 ('b')"},
      {kBadData, kByteLevelJson, R"("b": 1)", R"("b": 9)",
       "expected token ids below 5, the number of tokens, found id 9"},
      {kBadData, kByteLevelJson, R"("b": 1)", R"("b": 2147483648)", "found id 2147483648 ('b')"},
      {kBadData, kByteLevelJson, R"("b": 1)", R"("b": -1)", "$.model.vocab.b: expected an integer"},
      {kBadData, kByteLevelJson, R"("id": 4)", R"("id": 4294967295)", "found id 4294967295 ('[tool]')"},
      {kBadData, kByteLevelJson, R"("id": 4)", R"("id": 2)", "$.added_tokens[1]: expected id 2 to be 'ab'"},
      {kBadData, kByteLevelJson, R"("content": "[tool]")", R"("content": "ab")", "$.added_tokens[1].id: expected 2"},
      {kBadData, kByteLevelJson, R"("content": "[tool]")", R"("content": "<s>")", "no other token has"},
      {kBadData, kByteLevelJson, R"("a b")", R"("a x")", "$.model.merges[0]: expected two tokens of the vocabulary"},
      {kBadData, kByteLevelJson, R"("a b")", R"("b a")", "$.model.merges[0]: expected two tokens of the vocabulary"},
      {kBadData, kByteLevelJson, R"("a b")", R"("ab")", "$.model.merges[0]: expected two tokens with a space"},
      {kBadData, kByteLevelJson, R"("a b")", R"(["a", "b", "c"])", "$.model.merges[0]: expected a merge"},
      {kBadData, kByteLevelJson, R"(["a b"])", R"({})", "$.model.merges: expected an array"},
      {kBadData, kByteLevelJson, R"("vocab": {)", R"("vocab": [], "x": {)", "$.model.vocab: expected an object"},
      {kBadData, kSentencePieceJson, "<0x0A>", "<0xZZ>", "byte tokens as <0x41>, not '<0xZZ>'"},
      {kBadData, kSentencePieceJson, "<0x0A>", "<0x-1>", "byte tokens as <0x41>, not '<0x-1>'"},
      {kBadData, kSentencePieceJson, R"("unk_token": "<unk>")", R"("unk_token": "<none>")", "$.model.unk_token"},
  };
  for (const auto& c : cases) {
    const auto v = Load({{"tokenizer.json", Replaced(c.json, c.from, c.to)}});
    EXPECT_EQ(v.status().code(), c.code) << c.to << v.status();
    EXPECT_THAT(std::string(v.status().message()), HasSubstr(c.message));
    EXPECT_THAT(std::string(v.status().message()), HasSubstr("LoadFolder.RefusesBadTokenizerJson"));
  }
}

TEST(LoadFolder, TakesThePreTokenizerThatIsNamed) {
  const std::string novel = Replaced(kByteLevelJson, R"("use_regex": true)", R"("use_regex": false)");
  const auto v = Load({{"tokenizer.json", novel}}, {.pre = "smollm"});
  ASSERT_TRUE(v.ok()) << v.status();
  EXPECT_EQ(v->pre, "smollm");
  const auto unknown = Load({{"tokenizer.json", novel}}, {.pre = "novel"});
  EXPECT_EQ(unknown.status().code(), absl::StatusCode::kInvalidArgument);
  EXPECT_THAT(std::string(unknown.status().message()), HasSubstr("gpt-2"));
}

TEST(LoadFolder, FillsTheRowsOfTheEmbedding) {
  const auto v = Load({{"tokenizer.json", kByteLevelJson}}, {.vocab_size = 7});
  ASSERT_TRUE(v.ok()) << v.status();
  EXPECT_EQ(v->tokens.size(), 7);
  EXPECT_EQ(v->tokens[6], "[PAD6]");
  EXPECT_EQ(v->types[6], TokenType::kUnused);
  EXPECT_THAT(v->warnings, ElementsAre(HasSubstr("5 tokens for 7 rows of the embedding: 2 padding tokens")));
  EXPECT_TRUE(Load({{"tokenizer.json", kByteLevelJson}}, {.vocab_size = 5})->warnings.empty());
  const auto more = Load({{"tokenizer.json", kByteLevelJson}}, {.vocab_size = 4});
  EXPECT_EQ(more.status().code(), kBadData);
  EXPECT_THAT(std::string(more.status().message()), HasSubstr("expected token ids below 4, the embedding's rows"));
}

TEST(LoadFolder, FindsSpecialTokens) {
  const struct {
    const char *config, *model_config;
    std::optional<uint32_t> bos, eos;
  } cases[] = {
      {R"({"bos_token": "<s>", "eos_token": {"content": "[tool]"}})", "{}", 3, 4},
      {R"({"bos_token": null})", R"({"bos_token_id": 3, "eos_token_id": 4})", 3, 4},
      {R"({"bos_token": "<s>"})", R"({"bos_token_id": 0})", 3, std::nullopt},  // the tokenizer's files win
      {"{}", R"({"text_config": {"bos_token_id": 3}})", 3, std::nullopt},
      {"{}", R"({"bos_token_id": -1, "eos_token_id": [3, 4]})", std::nullopt, std::nullopt},
      {R"({"bos_token": "absent"})", "{}", std::nullopt, std::nullopt},
  };
  for (const auto& c : cases) {
    const auto v = Load(
        {{"tokenizer.json", kByteLevelJson}, {"tokenizer_config.json", c.config}, {"config.json", c.model_config}});
    ASSERT_TRUE(v.ok()) << v.status();
    EXPECT_EQ(v->bos, c.bos) << c.config;
    EXPECT_EQ(v->eos, c.eos) << c.config;
  }
}

TEST(LoadFolder, RefusesSpecialIdsThatNoTokenHas) {
  for (const char* id : {"5", "4294967295", "-2", "1.5"}) {
    const auto v =
        Load({{"tokenizer.json", kByteLevelJson}, {"config.json", absl::StrCat(R"({"pad_token_id": )", id, "}")}});
    EXPECT_EQ(v.status().code(), kBadData) << id;
    EXPECT_THAT(std::string(v.status().message()), HasSubstr("config.json: $.pad_token_id"));
  }
}

TEST(LoadFolder, TakesWhatIsAddedFromTheTemplateAndElseFromTheConfiguration) {
  const char* byte_level = R"({"type": "ByteLevel"})";
  const char* both =
      R"({"type": "TemplateProcessing", "single": [{"SpecialToken": {"id": "<s>"}}, {"Sequence": {"id": "A"}}, {"SpecialToken": {"id": "[tool]"}}], "pair": []})";
  const struct {
    const char *post_processor, *config;
    std::optional<bool> bos, eos;
  } cases[] = {
      {"null", "{}", std::nullopt, std::nullopt},
      {"null", R"({"add_bos_token": true, "add_eos_token": false})", true, false},
      {byte_level, R"({"add_bos_token": true})", false, false},
      {both, R"({"bos_token": "<s>", "eos_token": "[tool]", "add_bos_token": false})", true, true},
      {both, "{}", true, true},
      {both, R"({"bos_token": "[tool]"})", false, true},
  };
  for (const auto& c : cases) {
    const std::string json =
        Replaced(kByteLevelJson, R"("post_processor": null)", absl::StrCat(R"("post_processor": )", c.post_processor));
    const auto v = Load({{"tokenizer.json", json}, {"tokenizer_config.json", c.config}});
    ASSERT_TRUE(v.ok()) << v.status();
    EXPECT_EQ(v->add_bos, c.bos) << c.post_processor << c.config;
    EXPECT_EQ(v->add_eos, c.eos) << c.post_processor << c.config;
  }
}

TEST(LoadFolder, RefusesATemplatesTokenThatIsNone) {
  const std::string json = Replaced(
      kByteLevelJson, R"("post_processor": null)",
      R"("post_processor": {"type": "TemplateProcessing", "single": [{"SpecialToken": {"id": "<nobody>"}}, {"Sequence": {"id": "A"}}]})");
  const auto v = Load({{"tokenizer.json", json}});
  EXPECT_EQ(v.status().code(), kBadData);
  EXPECT_THAT(std::string(v.status().message()),
              HasSubstr("$.post_processor.single[0].SpecialToken.id: expected a token of the vocabulary"));
}

TEST(LoadFolder, ATemplatesOtherEndMakesTheConfiguredEosEndATurn) {
  const std::string json = Replaced(
      kByteLevelJson, R"("post_processor": null)",
      R"("post_processor": {"type": "TemplateProcessing", "single": [{"Sequence": {"id": "A"}}, {"SpecialToken": {"id": "<s>"}}]})");
  const auto v = Load({{"tokenizer.json", json}, {"tokenizer_config.json", R"({"eos_token": "[tool]"})"}});
  ASSERT_TRUE(v.ok()) << v.status();
  EXPECT_EQ(v->eos, 3);
  EXPECT_EQ(v->eot, 4);
}

TEST(LoadFolder, CopiesTheChatTemplateAsItIs) {
  const std::string own = R"({"chat_template": "{{ own }}\n"})";
  const std::string json = R"({"chat_template": "{{ json }}"})";
  const struct {
    std::map<std::string, std::string> files;
    const char* chat_template;
  } cases[] = {
      {{}, ""},
      {{{"tokenizer_config.json", own}, {"chat_template.jinja", "{{ jinja }}"}}, "{{ own }}\n"},
      {{{"chat_template.json", json}, {"chat_template.jinja", "{{ jinja }}\n"}}, "{{ jinja }}\n"},
      {{{"chat_template.json", json}}, "{{ json }}"},
      {{{"tokenizer_config.json", R"({"chat_template": null})"}, {"chat_template.json", json}}, "{{ json }}"},
  };
  for (auto c : cases) {
    c.files["tokenizer.json"] = kByteLevelJson;
    const auto v = Load(c.files);
    ASSERT_TRUE(v.ok()) << v.status();
    EXPECT_EQ(v->chat_template, c.chat_template);
    EXPECT_THAT(v->warnings, IsEmpty());
  }
}

TEST(LoadFolder, KeepsTemplatesForAPurposeByName) {
  const auto v =
      Load({{"tokenizer.json", kByteLevelJson},
            {"tokenizer_config.json",
             R"({"chat_template": [{"name": "default", "template": "d"}, {"name": "tool-use", "template": "t"}]})"}});
  ASSERT_TRUE(v.ok()) << v.status();
  EXPECT_EQ(v->chat_template, "d");
  EXPECT_THAT(v->named_chat_templates, ElementsAre(std::pair<std::string, std::string>("tool_use", "t")));
}

TEST(LoadFolder, WarnsOfATemplateThatReachesForMoreThanMessages) {
  const std::string text = "{{ ''.__class__.__mro__[1].__subclasses__() }}";
  const auto v = Load({{"tokenizer.json", kByteLevelJson}, {"chat_template.jinja", text}});
  ASSERT_TRUE(v.ok()) << v.status();
  EXPECT_EQ(v->chat_template, text);
  ASSERT_EQ(v->warnings.size(), 3);
  EXPECT_THAT(v->warnings[0], HasSubstr("'__class__'"));
}

TEST(LoadFolder, RefusesAGiantTemplate) {
  const auto v = Load({{"tokenizer.json", kByteLevelJson}, {"chat_template.jinja", std::string((32 << 20) + 1, 'x')}});
  EXPECT_EQ(v.status().code(), kBadData);
  EXPECT_THAT(std::string(v.status().message()), HasSubstr("chat_template.jinja"));
}

TEST(LoadFolder, WarnsOfFlagsThatAreNotFollowed) {
  const std::string json = Replaced(kByteLevelJson, R"("content": "[tool]")", R"("content": "[tool]", "lstrip": true)");
  const auto v = Load({{"tokenizer.json", json}});
  ASSERT_TRUE(v.ok()) << v.status();
  EXPECT_THAT(v->warnings, ElementsAre(HasSubstr("$.added_tokens[1]: '[tool]' is lstrip")));
}

TEST(LoadFolder, ReadsVocabAndMerges) {
  const std::map<std::string, std::string> files = {{"vocab.json", R"({"a": 0, "b": 1, "ab": 2, "<|endoftext|>": 3})"},
                                                    {"merges.txt", "#version: 0.2\na b\n"}};
  const auto v = Load(files);
  ASSERT_TRUE(v.ok()) << v.status();
  EXPECT_EQ(v->pre, "gpt-2");
  EXPECT_THAT(v->merges, ElementsAre("a b"));
  EXPECT_EQ(v->types[3], TokenType::kControl);
  EXPECT_THAT(Encode(*v, "ab<|endoftext|>"), ElementsAre(2, 3));
  auto bad = files;
  bad["merges.txt"] = "a b\nb b\n";
  EXPECT_THAT(std::string(Load(bad).status().message()),
              HasSubstr("merges.txt: line 2: expected two tokens of the vocabulary"));
}

sentencepiece::Model SmallModel() {
  sentencepiece::Model model;
  const auto add = [&](const char* text, sentencepiece::Model::Piece::Type type, float score) {
    auto* piece = model.add_pieces();
    piece->set_piece(text);
    piece->set_type(type);
    piece->set_score(score);
  };
  add("<unk>", sentencepiece::Model::Piece::UNKNOWN, 0);
  add("<s>", sentencepiece::Model::Piece::CONTROL, 0);
  add("</s>", sentencepiece::Model::Piece::CONTROL, 0);
  add("<0x0A>", sentencepiece::Model::Piece::BYTE, 0);
  add("▁", sentencepiece::Model::Piece::NORMAL, -2);
  add("a", sentencepiece::Model::Piece::NORMAL, -3);
  add("▁a", sentencepiece::Model::Piece::NORMAL, -1);
  model.mutable_trainer()->set_model_type(sentencepiece::Trainer::BPE);
  model.mutable_normalizer()->set_remove_extra_whitespaces(false);
  return model;
}

TEST(LoadFolder, PrefersSentencePiecesModel) {
  const auto v = Load({{"tokenizer.model", SmallModel().SerializeAsString()}, {"tokenizer.json", kByteLevelJson}});
  ASSERT_TRUE(v.ok()) << v.status();
  EXPECT_EQ(v->algorithm, Algorithm::kSentencePiece);
  EXPECT_EQ(v->unknown, 0);
  EXPECT_EQ(v->bos, 1);
  EXPECT_EQ(v->eos, 2);
  EXPECT_TRUE(v->add_space_prefix);
  EXPECT_THAT(v->scores, ElementsAre(0, 0, 0, 0, -2, -3, -1));
  EXPECT_THAT(Encode(*v, "a a\n"), ElementsAre(6, 6, 3));
}

TEST(LoadFolder, AddsTokensToSentencePiecesModel) {
  const auto v = Load(
      {{"tokenizer.model", SmallModel().SerializeAsString()},
       {"added_tokens.json", R"({"<tool>": 7})"},
       {"tokenizer_config.json",
        R"({"added_tokens_decoder": {"2": {"content": "<end>", "special": true}, "8": {"content": "▁▁", "special": false}, "9": {"content": "<|x|>"}}, "add_prefix_space": false})"}},
      {.vocab_size = 11});
  ASSERT_TRUE(v.ok()) << v.status();
  EXPECT_EQ(v->tokens[2], "<end>");
  EXPECT_EQ(v->tokens[7], "<tool>");
  EXPECT_EQ(v->types[7], TokenType::kUserDefined);
  EXPECT_EQ(v->tokens[8], "  ");
  EXPECT_EQ(v->types[9], TokenType::kControl);
  EXPECT_EQ(v->tokens[10], "[PAD10]");
  EXPECT_EQ(v->scores[8], -1000);
  EXPECT_EQ(v->scores[10], -10000);
  EXPECT_FALSE(v->add_space_prefix);
}

TEST(LoadFolder, RefusesBadSentencePieceModels) {
  using sentencepiece::Model;
  const struct {
    absl::StatusCode code;
    void (*spoil)(Model&);
    const char* message;
  } cases[] = {
      {kBadData, [](Model& m) { m.clear_pieces(); }, "expected a SentencePiece model"},
      {kBadData, [](Model& m) { m.mutable_pieces(3)->set_piece("<0xZZ>"); },
       "expected a byte token as <0x41>, found '<0xZZ>'"},
      {kBadData, [](Model& m) { m.mutable_pieces(4)->set_score(NAN); }, "piece 4: expected a finite score"},
      {kBadData, [](Model& m) { m.mutable_pieces(5)->set_piece("▁"); }, "no other token has"},
      {kUnsupported, [](Model& m) { m.mutable_trainer()->set_model_type(sentencepiece::Trainer::UNIGRAM); },
       "expected BPE, found UNIGRAM"},
      {kUnsupported, [](Model& m) { m.mutable_normalizer()->set_precompiled_charsmap("abc"); },
       "normalizer_spec.precompiled_charsmap"},
      {kUnsupported, [](Model& m) { m.mutable_normalizer()->set_escape_whitespaces(false); },
       "normalizer_spec.escape_whitespaces"},
      {kUnsupported, [](Model& m) { m.mutable_trainer()->set_treat_whitespace_as_suffix(true); },
       "treat_whitespace_as_suffix"},
  };
  for (const auto& c : cases) {
    Model model = SmallModel();
    c.spoil(model);
    const auto v = Load({{"tokenizer.model", model.SerializeAsString()}});
    EXPECT_EQ(v.status().code(), c.code) << v.status();
    EXPECT_THAT(std::string(v.status().message()), HasSubstr(c.message));
  }
  EXPECT_EQ(Load({{"tokenizer.model", "\xFF\xFFno protobuf"}}).status().code(), kBadData);
}

TEST(LoadFolder, PrefersTokenizerJsonToTiktokenRanks) {
  EXPECT_EQ(Load({{"tokenizer.model", "IQ== 0\nIg== 1\n"}, {"tokenizer.json", kByteLevelJson}})->tokens.size(), 5);
}

TEST(LoadFolder, KnowsTheVersionedNamesOfSentencePiecesModel) {
  const auto v = Load({{"tokenizer.model.v3", SmallModel().SerializeAsString()}, {"tokenizer.model.v1", "not read"}});
  ASSERT_TRUE(v.ok()) << v.status();
  EXPECT_EQ(v->tokens.size(), 7);
}

std::string Llama2c(const std::vector<std::string>& tokens, uint32_t longest = 8) {
  std::string bytes(reinterpret_cast<const char*>(&longest), 4);
  float score = 0;
  for (const std::string& token : tokens) {
    const uint32_t length = token.size();
    bytes.append(reinterpret_cast<const char*>(&score), 4)
        .append(reinterpret_cast<const char*>(&length), 4)
        .append(token);
    score -= 1;
  }
  return bytes;
}

TEST(LoadFolder, ReadsLlama2cTokenizers) {
  const auto v = Load({{"tokenizer.bin", Llama2c({"<unk>", "\n<s>\n", "\n</s>\n", "<0x0A>", " ", "a", " a"})}});
  ASSERT_TRUE(v.ok()) << v.status();
  EXPECT_THAT(v->tokens, ElementsAre("<unk>", "<s>", "</s>", "<0x0A>", "▁", "a", "▁a"));
  EXPECT_EQ(v->bos, 1);
  EXPECT_EQ(v->eos, 2);
  EXPECT_THAT(Encode(*v, "a\n"), ElementsAre(6, 3));
}

TEST(LoadFolder, RefusesBadLlama2cTokenizers) {
  const std::string good = Llama2c({"<unk>", "<s>", "</s>", "a"});
  const struct {
    std::string bytes;
    const char* message;
  } cases[] = {
      {"", "expected a llama2.c tokenizer, found 0 bytes"},
      {good.substr(0, 4), "expected unknown, bos and eos tokens, found 0 tokens"},
      {good.substr(0, good.size() - 1), "offset 40: expected a token of at most 8 bytes within the file, found 1"},
      {good + "x", "offset 49: expected a score and a length"},
      {Llama2c({"<unk>", "<s>", "</s>", "a"}, 2), "expected a token of at most 2 bytes"},
      {std::string(good).replace(8, 4, "\xFF\xFF\xFF\xFF"), "offset 4: expected a token of at most 8 bytes"},
      {std::string(good).replace(4, 4, "\xFF\xFF\xFF\xFF"), "offset 4: expected a finite score"},
  };
  for (const auto& c : cases) {
    const auto v = Load({{"tokenizer.bin", c.bytes}});
    EXPECT_EQ(v.status().code(), kBadData);
    EXPECT_THAT(std::string(v.status().message()), HasSubstr(c.message));
  }
}

TEST(LoadFolder, NamesLinksThatLeadNowhere) {
  const TestFolder folder;
  std::filesystem::create_symlink("../blobs/gone", folder.path() + "/tokenizer.json");
  const absl::Status status = LoadFolder(io::Posix(), folder.path(), {}).status();
  EXPECT_EQ(status.code(), kBadData);
  EXPECT_THAT(std::string(status.message()),
              HasSubstr("tokenizer.json: expected a file, found a link that leads nowhere"));
}

TEST(LoadFolder, SaysWhenThereIsNoTokenizer) {
  EXPECT_EQ(Load({{"config.json", "{}"}}).status().code(), absl::StatusCode::kNotFound);
}

}  // namespace
}  // namespace nibble::tokenizer
