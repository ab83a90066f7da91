// tekken.json and tiktoken.model: tokenizers that are published as ranks.
#include <map>
#include <string>
#include <vector>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_replace.h"
#include "formats/tokenizer/load.h"
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

constexpr char kTekkenPattern[] =
    R"([^\\r\\n\\p{L}\\p{N}]?[\\p{Lu}\\p{Lt}\\p{Lm}\\p{Lo}\\p{M}]*[\\p{Ll}\\p{Lm}\\p{Lo}\\p{M}]+|[^\\r\\n\\p{L}\\p{N}]?[\\p{Lu}\\p{Lt}\\p{Lm}\\p{Lo}\\p{M}]+[\\p{Ll}\\p{Lm}\\p{Lo}\\p{M}]*|\\p{N}| ?[^\\s\\p{L}\\p{N}]+[\\r\\n/]*|\\s*[\\r\\n]+|\\s+(?!\\S)|\\s+)";
constexpr char kListedTokens[] =
    R"([{"rank": 1, "token_str": "<s>", "is_control": true}, {"rank": 0, "token_str": "<unk>", "is_control": true}, {"rank": 2, "token_str": "</s>", "is_control": true}])";

// Every byte, then "ab", "xyz" (which no merges give), " a", and a token too many.
std::vector<std::string> Ranks() {
  std::vector<std::string> ranks;
  for (int byte = 0; byte < 256; ++byte) ranks.emplace_back(1, static_cast<char>(byte));
  for (const char* token : {"ab", "xyz", " a", "aa"}) ranks.emplace_back(token);
  return ranks;
}

std::string Tekken(absl::string_view special_tokens = "null") {
  std::vector<std::string> tokens;
  for (const std::string& token : Ranks()) {
    tokens.push_back(absl::StrCat(R"({"rank": )", tokens.size(), R"(, "token_bytes": ")", absl::Base64Escape(token),
                                  R"(", "token_str": null})"));
  }
  return absl::StrCat(R"({"config": {"pattern": ")", kTekkenPattern,
                      R"(", "num_vocab_tokens": 260, "default_vocab_size": 281, "default_num_special_tokens": 22, )",
                      R"("version": "v3"}, "vocab": [)", absl::StrJoin(tokens, ","), R"(], "special_tokens": )",
                      special_tokens, "}");
}

std::string Tiktoken() {
  std::string lines;
  size_t rank = 0;
  for (const std::string& token : Ranks()) absl::StrAppend(&lines, absl::Base64Escape(token), " ", rank++, "\n");
  return lines;
}

constexpr char kKimiConfig[] =
    R"({"tokenizer_class": "TikTokenTokenizer", "bos_token": "[BOS]", "eos_token": "[EOS]", "pad_token": "[PAD]",
        "added_tokens_decoder": {"260": {"content": "[BOS]", "special": true}, "261": {"content": "[EOS]", "special": true},
                                 "262": {"content": "<|tool|>", "special": false}, "265": {"content": "[PAD]"}}})";

absl::StatusOr<Vocabulary> Load(const std::map<std::string, std::string>& files, const LoadOptions& options = {}) {
  const TestFolder folder(files);
  return LoadFolder(io::Posix(), folder.path(), options);
}

std::vector<uint32_t> Encode(const Vocabulary& vocabulary, absl::string_view text, const EncodeOptions& options = {}) {
  return *(*Tokenizer::Create(vocabulary))->Encode(text, options);
}

TEST(Tekken, PutsSpecialTokensFirst) {
  const auto v = Load({{"tekken.json", Tekken()}, {"chat_template.jinja", "{{ x }}"}}, {.vocab_size = 282});
  ASSERT_TRUE(v.ok()) << v.status();
  EXPECT_EQ(v->algorithm, Algorithm::kByteLevelBpe);
  EXPECT_EQ(v->pre, "tekken");
  EXPECT_EQ(v->tokens[3], "[INST]");
  EXPECT_EQ(v->tokens[21], "<SPECIAL_21>");
  EXPECT_EQ(v->types[21], TokenType::kControl);
  EXPECT_EQ(v->tokens[22 + 256], "ab");
  EXPECT_EQ(v->tokens[22 + 258], "Ġa");
  EXPECT_EQ(v->types[22 + 258], TokenType::kNormal);
  EXPECT_EQ(v->tokens[281], "[PAD281]");  // "aa" is past the vocabulary's size
  EXPECT_THAT(v->merges, ElementsAre("a b", "Ġ a"));
  EXPECT_EQ(v->unknown, 0);
  EXPECT_EQ(v->bos, 1);
  EXPECT_EQ(v->eos, 2);
  EXPECT_EQ(v->padding, 11);
  EXPECT_EQ(v->add_bos, true);
  EXPECT_EQ(v->add_eos, false);
  EXPECT_EQ(v->chat_template, "{{ x }}");
  EXPECT_THAT(v->warnings, ElementsAre(HasSubstr("281 tokens for 282 rows")));
  EXPECT_THAT(EndOfGeneration(*v), ElementsAre(2));
  EXPECT_THAT(Encode(*v, "xyz aab", {.add_special = true}), ElementsAre(1, 22 + 257, 22 + 258, 22 + 256));
  EXPECT_THAT(Encode(*v, "[INST]xyza"), ElementsAre(3, 22 + 'x', 22 + 'y', 22 + 'z', 22 + 'a'));
}

TEST(Tekken, TakesTheSpecialTokensThatItLists) {
  const auto v = Load({{"tekken.json", Tekken(kListedTokens)}});
  ASSERT_TRUE(v.ok()) << v.status();
  EXPECT_EQ(v->tokens.size(), 281);
  EXPECT_EQ(v->tokens[1], "<s>");
  EXPECT_EQ(v->tokens[3], "<SPECIAL_3>");
  EXPECT_EQ(v->bos, 1);
  EXPECT_EQ(v->padding, std::nullopt);
  EXPECT_THAT(v->warnings, IsEmpty());
}

TEST(Tekken, GivesWayToTokenizerJsonOnly) {
  constexpr char kTokenizerJson[] =
      R"({"pre_tokenizer": {"type": "ByteLevel", "add_prefix_space": false}, "model": {"type": "BPE", "vocab": {"a": 0}, "merges": []}})";
  EXPECT_EQ(Load({{"tekken.json", Tekken()}, {"tokenizer.json", kTokenizerJson}})->tokens.size(), 1);
  EXPECT_EQ(Load({{"tekken.json", Tekken()}, {"tokenizer.model", "not read"}})->tokens.size(), 281);
}

TEST(Tekken, RefusesBadFiles) {
  const struct {
    absl::StatusCode code;
    const char *from, *to, *message;
    LoadOptions options = {};
  } cases[] = {
      {kUnsupported, "[^\\\\r\\\\n", "[^\\\\r", "$.config.pattern: expected a pre-tokenizer that is known"},
      {kBadData, R"("pattern")", R"("x")", "$.config.pattern"},
      {kBadData, R"("vocab": [)", R"("x": [)", "$.vocab: expected an array of tokens"},
      {kBadData, R"("default_vocab_size": 281)", R"("default_vocab_size": 283)",
       "$.config.default_vocab_size: expected at most 22 special and 260 listed tokens, found 283"},
      {kBadData, R"("default_vocab_size": 281)", R"("default_vocab_size": 21)", "$.config.default_vocab_size"},
      {kBadData, R"("default_vocab_size": 281)", R"("default_vocab_size": 2147483648)", "found 2147483648"},
      {kBadData, R"("default_num_special_tokens": 22)", R"("default_num_special_tokens": 2147483648)",
       "$.config.default_num_special_tokens: expected an integer in [0, 1000000]"},
      {kBadData, R"("default_num_special_tokens": 22)", R"("default_num_special_tokens": -1)",
       "$.config.default_num_special_tokens"},
      {kBadData, R"("rank": 7,)", R"("rank": 8,)", "$.vocab[7].rank: expected an integer in [7, 7], found 8"},
      {kBadData, R"("token_bytes": "YWI=")", R"("token_bytes": "*")",
       "$.vocab[256].token_bytes: expected a token's bytes"},
      {kBadData, R"("token_bytes": "YWI=")", R"("token_bytes": "")",
       "$.vocab[256].token_bytes: expected a token's bytes"},
      {kBadData, R"("token_bytes": "YWI=")", R"("token_bytes": "eHl6")", "a text that no other token has"},
      {kBadData, R"("token_bytes": "AA==")", R"("token_bytes": "YWFh")",
       "expected a token for every byte, found none for 0x00"},
      {kBadData, R"("token_str": "</s>")", R"("token_str": 2)", "$.special_tokens[2].token_str"},
      {kBadData, R"("token_str": "</s>")", R"("token_str": "<s>")", "a text that no other token has"},
      {kBadData, R"("token_str": "</s>")", R"("token_str": "ab")", "a text that no other token has"},
      {kBadData, R"("rank": 2, "token_str")", R"("rank": 1, "token_str")",
       "$.special_tokens[2].rank: expected an id that no other"},
      {kBadData, R"("rank": 2, "token_str")", R"("rank": 22, "token_str")", "$.special_tokens[2].rank"},
      {kBadData, "null}],", "null}],", "expected token ids below 280, the embedding's rows", {.vocab_size = 280}},
  };
  for (const auto& c : cases) {
    const std::string good = Tekken(kListedTokens);
    EXPECT_THAT(good, HasSubstr(c.from));
    const auto v = Load({{"tekken.json", absl::StrReplaceAll(good, {{c.from, c.to}})}}, c.options);
    EXPECT_EQ(v.status().code(), c.code) << c.to << v.status();
    EXPECT_THAT(std::string(v.status().message()), HasSubstr(c.message));
    EXPECT_THAT(std::string(v.status().message()), HasSubstr("Tekken.RefusesBadFiles"));
  }
}

TEST(TiktokenModel, TakesSpecialTokensFromTheConfiguration) {
  const auto v = Load({{"tiktoken.model", Tiktoken()}, {"tokenizer_config.json", kKimiConfig}}, {.vocab_size = 270});
  ASSERT_TRUE(v.ok()) << v.status();
  EXPECT_EQ(v->pre, "kimi-k2");
  EXPECT_EQ(v->tokens.size(), 270);
  EXPECT_EQ(v->tokens[258], "Ġa");
  EXPECT_EQ(v->tokens[262], "<|tool|>");
  EXPECT_EQ(v->types[262], TokenType::kControl);
  EXPECT_EQ(v->tokens[263], "<|reserved_token_263|>");
  EXPECT_EQ(v->tokens[269], "<|reserved_token_269|>");
  EXPECT_EQ(v->types[269], TokenType::kControl);
  EXPECT_THAT(v->merges, ElementsAre("a b", "Ġ a", "a a"));
  EXPECT_EQ(v->bos, 260);
  EXPECT_EQ(v->eos, 261);
  EXPECT_EQ(v->padding, 265);
  EXPECT_FALSE(AddsBos(*v));
  EXPECT_THAT(v->warnings, IsEmpty());
  EXPECT_THAT(Encode(*v, "xyz<|tool|>ab"), ElementsAre(257, 262, 256));
  EXPECT_EQ(Load({{"tiktoken.model", Tiktoken()}, {"tokenizer_config.json", kKimiConfig}})->tokens.size(), 260 + 258);
}

// Llama 3 publishes ranks so; which regex goes with them, no file says.
TEST(TiktokenModel, MayHaveSentencePiecesName) {
  const auto unknown = Load({{"tokenizer.model", Tiktoken()}});
  EXPECT_EQ(unknown.status().code(), kUnsupported);
  EXPECT_THAT(
      std::string(unknown.status().message()),
      HasSubstr(
          "$.tokenizer_class: expected \"TikTokenTokenizer\", of which the pre-tokenizer is known, found nothing; "
          "name one with --pre, or put tokenizer.json beside the ranks"));
  const auto named = Load({{"tokenizer.model", Tiktoken()}}, {.pre = "llama-bpe"});
  ASSERT_TRUE(named.ok()) << named.status();
  EXPECT_EQ(named->tokens.size(), 260);
  EXPECT_THAT(Encode(*named, "xyz ab"), ElementsAre(257, ' ', 256));
}

TEST(TiktokenModel, TakesOtherLineEndsAndEmptyLines) {
  const std::string lines = absl::StrCat(absl::StrReplaceAll(Tiktoken(), {{"\n", "\r\n"}}), "\n\n");
  EXPECT_TRUE(Load({{"tiktoken.model", lines}}, {.pre = "kimi-k2"}).ok());
}

TEST(TiktokenModel, RefusesBadFiles) {
  const struct {
    const char *from, *to, *message;
    LoadOptions options = {};
  } cases[] = {
      {"YWI= 256", "YWI=", "line 257: expected a token in base64, a space and its rank, found 'YWI='"},
      {"YWI= 256", "YWI= x", "line 257: expected a token in base64"},
      {"YWI= 256", "YWI= -1", "line 257: expected a token in base64"},
      {"YWI= 256", "\x01 256", "line 257: expected a token in base64, a space and its rank, found '\\x01 256'"},
      {"YWI= 256", " 256", "line 257: expected a token in base64"},
      {"YWI= 256", "YWI= 257", "line 258: expected a rank that no other line has, found 257"},
      {"YWI= 256", "YWI= 2147483648", "line 257: expected a rank below the number of lines, found 2147483648"},
      {"YWI= 256", "", "expected ranks without a gap, found no rank 256"},
      {"YWI= 256", "eHl6 256", "a text that no other token has"},
      {"YQ== 97", "YWFh 97", "tiktoken.model: expected a token for every byte, found none for 0x61"},
      {"YWI= 256",
       "YWI= 256",
       "expected token ids below 265, the embedding's rows, found id 265 ('[PAD]')",
       {.vocab_size = 265}},
  };
  for (const auto& c : cases) {
    EXPECT_THAT(Tiktoken(), HasSubstr(c.from));
    const auto v = Load(
        {{"tiktoken.model", absl::StrReplaceAll(Tiktoken(), {{c.from, c.to}})}, {"tokenizer_config.json", kKimiConfig}},
        c.options);
    EXPECT_EQ(v.status().code(), kBadData) << c.to << v.status();
    EXPECT_THAT(std::string(v.status().message()), HasSubstr(c.message));
  }
  const std::string among = absl::StrReplaceAll(kKimiConfig, {{"\"262\"", "\"97\""}});
  EXPECT_THAT(std::string(Load({{"tiktoken.model", Tiktoken()}, {"tokenizer_config.json", among}}).status().message()),
              HasSubstr("expected one token for each id, found id 97 ('<|tool|>'), which is 'a' too"));
}

}  // namespace
}  // namespace nibble::tokenizer
