#include "formats/tokenizer/publish.h"

#include <algorithm>
#include <optional>

#include "absl/container/flat_hash_map.h"
#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "base/status.h"
#include "formats/json/quote.h"
#include "formats/tokenizer/pre_tokenizer_table.h"
#include "formats/tokenizer/utf8.h"

namespace nibble::tokenizer {
namespace {

using json::Object;

constexpr absl::string_view kSpace = "▁";

Object Step(absl::string_view type) {
  Object step;
  step.SetString("type", type);
  return step;
}

// {"type": "Sequence", <list>: steps}
Object Sequence(absl::string_view list, const std::vector<Object>& steps) {
  std::vector<std::string> texts;
  for (const Object& step : steps) texts.push_back(step.Text());
  Object sequence = Step("Sequence");
  sequence.SetArray(list, texts);
  return sequence;
}

Object ByteLevel(bool use_regex) {
  Object step = Step("ByteLevel");
  step.SetBool("add_prefix_space", false);
  step.SetBool("trim_offsets", true);
  step.SetBool("use_regex", use_regex);
  return step;
}

Object Split(absl::string_view regex) {
  Object pattern;
  pattern.SetString("Regex", regex);
  Object step = Step("Split");
  step.SetObject("pattern", pattern);
  step.SetString("behavior", "Isolated");
  step.SetBool("invert", false);
  return step;
}

Object Replace(absl::string_view from, absl::string_view to) {
  Object pattern;
  pattern.SetString("String", from);
  Object step = Step("Replace");
  step.SetObject("pattern", pattern);
  step.SetString("content", to);
  return step;
}

// What GPT-2's expression cuts is left to the last step, which has it.
absl::StatusOr<Object> PreTokenizer(const Vocabulary& vocabulary) {
  const PreTokenizerRow* row = FindPreTokenizer(vocabulary.pre);
  if (row == nullptr) {
    return absl::UnimplementedError(absl::StrCat("tokenizer.ggml.pre: expected a pre-tokenizer that is known, found '",
                                                 vocabulary.pre, "'; name one with --pre"));
  }
  const bool ends_with_gpt2 = row->passes.back() == kGpt2Regex;
  std::vector<Object> steps;
  for (size_t i = 0; i + ends_with_gpt2 < row->passes.size(); ++i) steps.push_back(Split(row->passes[i]));
  steps.push_back(ByteLevel(ends_with_gpt2));
  return steps.size() == 1 ? steps[0] : Sequence("pretokenizers", steps);
}

// A template's elements: special tokens around a sequence.
class Template {
 public:
  Template(const Vocabulary& vocabulary, std::optional<uint32_t> first, std::optional<uint32_t> last)
      : vocabulary_(vocabulary), first_(first), last_(last) {}

  bool empty() const { return !first_ && !last_; }

  Object Processor() const {
    std::vector<std::string> single = Around("A", 0), pair = single;
    const std::vector<std::string> second = Around("B", 1);
    pair.insert(pair.end(), second.begin(), second.end());
    Object step = Step("TemplateProcessing");
    step.SetArray("single", single);
    step.SetArray("pair", pair);
    Object tokens;
    for (const auto& id : {first_, last_}) {
      if (id) tokens.SetObject(vocabulary_.tokens[*id], Special(*id));
    }
    step.SetObject("special_tokens", tokens);
    return step;
  }

 private:
  std::vector<std::string> Around(absl::string_view name, int type) const {
    std::vector<std::string> elements;
    if (first_) elements.push_back(Element("SpecialToken", vocabulary_.tokens[*first_], type));
    elements.push_back(Element("Sequence", name, type));
    if (last_) elements.push_back(Element("SpecialToken", vocabulary_.tokens[*last_], type));
    return elements;
  }

  static std::string Element(absl::string_view kind, absl::string_view id, int type) {
    Object inner;
    inner.SetString("id", id);
    inner.SetInt("type_id", type);
    Object element;
    element.SetObject(kind, inner);
    return element.Text();
  }

  Object Special(uint32_t id) const {
    Object token;
    token.SetString("id", vocabulary_.tokens[id]);
    token.SetArray("ids", {absl::StrCat(id)});
    token.SetArray("tokens", {json::Quote(vocabulary_.tokens[id])});
    return token;
  }

  const Vocabulary& vocabulary_;
  const std::optional<uint32_t> first_, last_;
};

bool IsByteLevel(const Vocabulary& vocabulary) { return vocabulary.algorithm == Algorithm::kByteLevelBpe; }

void SetPostProcessor(const Vocabulary& vocabulary, Object& file) {
  const Template around(vocabulary, AddsBos(vocabulary) ? vocabulary.bos : std::nullopt,
                        AddsEos(vocabulary) ? vocabulary.eos : std::nullopt);
  if (!IsByteLevel(vocabulary)) {
    around.empty() ? file.SetNull("post_processor") : file.SetObject("post_processor", around.Processor());
  } else if (around.empty()) {
    file.SetObject("post_processor", ByteLevel(false));
  } else {
    file.SetObject("post_processor", Sequence("processors", {ByteLevel(false), around.Processor()}));
  }
}

// Literal tokens, that text is searched for before all else.
bool IsLiteral(TokenType type) {
  return type == TokenType::kControl || type == TokenType::kUserDefined || type == TokenType::kUnknown;
}

// Rows that no token has: whoever reads the files makes them again.
bool IsPadding(const Vocabulary& vocabulary, uint32_t id) {
  return vocabulary.types[id] == TokenType::kUnused && vocabulary.tokens[id] == absl::StrCat("[PAD", id, "]");
}

std::vector<std::string> AddedTokens(const Vocabulary& vocabulary) {
  std::vector<std::string> tokens;
  for (uint32_t id = 0; id < vocabulary.tokens.size(); ++id) {
    if (!IsLiteral(vocabulary.types[id])) continue;
    Object token;
    token.SetInt("id", id);
    token.SetString("content", vocabulary.tokens[id]);
    for (const char* flag : {"single_word", "lstrip", "rstrip", "normalized"}) token.SetBool(flag, false);
    token.SetBool("special", vocabulary.types[id] != TokenType::kUserDefined);
    tokens.push_back(token.Text());
  }
  return tokens;
}

struct Merge {
  uint32_t left, right;
  float score;
};

// Every pair of tokens that give a third, those of the best first: pairs are merged by what they become.
std::vector<Merge> MergesByScore(const Vocabulary& vocabulary) {
  absl::flat_hash_map<absl::string_view, uint32_t> ids;
  for (uint32_t id = 0; id < vocabulary.tokens.size(); ++id) {
    if (vocabulary.types[id] == TokenType::kNormal) ids.emplace(vocabulary.tokens[id], id);
  }
  std::vector<Merge> merges;
  for (uint32_t id = 0; id < vocabulary.tokens.size(); ++id) {
    if (vocabulary.types[id] != TokenType::kNormal) continue;
    const absl::string_view token = vocabulary.tokens[id];
    const size_t first = merges.size();
    for (size_t cut = 1; cut < token.size(); ++cut) {
      const auto left = ids.find(token.substr(0, cut)), right = ids.find(token.substr(cut));
      if (left != ids.end() && right != ids.end())
        merges.push_back({left->second, right->second, vocabulary.scores[id]});
    }
    std::sort(merges.begin() + first, merges.end(),
              [](const Merge& a, const Merge& b) { return std::pair(a.left, a.right) < std::pair(b.left, b.right); });
  }
  std::stable_sort(merges.begin(), merges.end(), [](const Merge& a, const Merge& b) { return a.score > b.score; });
  return merges;
}

std::vector<std::string> Merges(const Vocabulary& vocabulary) {
  std::vector<std::string> texts;
  if (IsByteLevel(vocabulary)) {
    for (const std::string& merge : vocabulary.merges) texts.push_back(json::Quote(merge));
    return texts;
  }
  for (const Merge& merge : MergesByScore(vocabulary)) {
    texts.push_back(json::Quote(absl::StrCat(vocabulary.tokens[merge.left], " ", vocabulary.tokens[merge.right])));
  }
  return texts;
}

// {token: id}. Not an Object, which looks for each key among all.
std::string Vocab(const Vocabulary& vocabulary) {
  std::string text = "{";
  for (uint32_t id = 0; id < vocabulary.tokens.size(); ++id) {
    if (IsPadding(vocabulary, id)) continue;
    absl::StrAppend(&text, text.size() > 1 ? "," : "", "\n  ", json::Quote(vocabulary.tokens[id]), ": ", id);
  }
  return text + "\n}";
}

Object Bpe(const Vocabulary& vocabulary) {
  const bool byte_level = IsByteLevel(vocabulary);
  Object model = Step("BPE");
  model.SetNull("dropout");
  const bool has_unknown = !byte_level && vocabulary.unknown;
  has_unknown ? model.SetString("unk_token", vocabulary.tokens[*vocabulary.unknown]) : model.SetNull("unk_token");
  model.SetNull("continuing_subword_prefix");
  model.SetNull("end_of_word_suffix");
  model.SetBool("fuse_unk", !byte_level);
  model.SetBool("byte_fallback", !byte_level);
  model.SetBool("ignore_merges", vocabulary.ignore_merges);
  model.Set("vocab", Vocab(vocabulary));
  model.SetArray("merges", Merges(vocabulary));
  return model;
}

Object Metaspace(const Vocabulary& vocabulary) {
  std::vector<Object> steps;
  if (vocabulary.add_space_prefix) {
    steps.push_back(Step("Prepend"));
    steps.back().SetString("prepend", kSpace);
  }
  steps.push_back(Replace(" ", kSpace));
  return Sequence("normalizers", steps);
}

Object MetaspaceDecoder(const Vocabulary& vocabulary) {
  std::vector<Object> steps = {Replace(kSpace, " "), Step("ByteFallback"), Step("Fuse")};
  if (vocabulary.add_space_prefix) {
    Object& strip = steps.emplace_back(Step("Strip"));
    strip.SetString("content", " ");
    strip.SetInt("start", 1);
    strip.SetInt("stop", 0);
  }
  return Sequence("decoders", steps);
}

absl::StatusOr<std::string> TokenizerJson(const Vocabulary& vocabulary) {
  Object file;
  file.SetString("version", "1.0");
  file.SetNull("truncation");
  file.SetNull("padding");
  file.SetArray("added_tokens", AddedTokens(vocabulary));
  if (IsByteLevel(vocabulary)) {
    NIBBLE_ASSIGN_OR_RETURN(const Object pre_tokenizer, PreTokenizer(vocabulary));
    vocabulary.nfc ? file.SetObject("normalizer", Step("NFC")) : file.SetNull("normalizer");
    file.SetObject("pre_tokenizer", pre_tokenizer);
  } else {
    file.SetObject("normalizer", Metaspace(vocabulary));
    file.SetNull("pre_tokenizer");
  }
  SetPostProcessor(vocabulary, file);
  file.SetObject("decoder", IsByteLevel(vocabulary) ? ByteLevel(true) : MetaspaceDecoder(vocabulary));
  file.SetObject("model", Bpe(vocabulary));
  return file.Text() + "\n";
}

void SetChatTemplate(const Vocabulary& vocabulary, Object& config) {
  if (vocabulary.named_chat_templates.empty()) {
    if (!vocabulary.chat_template.empty()) config.SetString("chat_template", vocabulary.chat_template);
    return;
  }
  std::vector<std::pair<std::string, std::string>> all = vocabulary.named_chat_templates;
  if (!vocabulary.chat_template.empty()) all.insert(all.begin(), {"default", vocabulary.chat_template});
  std::vector<std::string> templates;
  for (const auto& [name, text] : all) {
    Object choice;
    choice.SetString("name", name);
    choice.SetString("template", text);
    templates.push_back(choice.Text());
  }
  config.SetArray("chat_template", templates);
}

std::string TokenizerConfig(const Vocabulary& vocabulary, uint32_t context_length) {
  Object config;
  if (vocabulary.add_bos) config.SetBool("add_bos_token", *vocabulary.add_bos);
  if (vocabulary.add_eos) config.SetBool("add_eos_token", *vocabulary.add_eos);
  for (const SpecialId& special : SpecialIds()) {
    const bool has_name = special.id != &Vocabulary::eot && special.id != &Vocabulary::eom;
    const std::optional<uint32_t>& id = vocabulary.*special.id;
    if (id && has_name) config.SetString(absl::StrCat(special.name, "_token"), vocabulary.tokens[*id]);
  }
  SetChatTemplate(vocabulary, config);
  config.SetBool("clean_up_tokenization_spaces", false);
  config.SetInt("model_max_length", context_length);
  config.SetString("tokenizer_class", "PreTrainedTokenizerFast");
  return config.Text() + "\n";
}

std::string GenerationConfig(const Vocabulary& vocabulary) {
  Object config;
  SetTokenIds(vocabulary, config);
  std::vector<std::string> ends;
  for (const uint32_t id : EndOfGeneration(vocabulary)) ends.push_back(absl::StrCat(id));
  if (ends.size() > 1) config.SetArray("eos_token_id", ends);
  return config.Text() + "\n";
}

// JSON is text, and so must be what it holds.
absl::Status CheckText(const Vocabulary& vocabulary) {
  const auto is_valid = [](absl::string_view text) {
    if (text.empty()) return true;
    const Utf8Run run = NextUtf8Run(text, 0);
    return run.valid && run.length == text.size();
  };
  for (size_t id = 0; id < vocabulary.tokens.size(); ++id) {
    if (!is_valid(vocabulary.tokens[id])) return BadData(absl::StrCat("token ", id), "UTF-8", "other bytes");
  }
  for (size_t i = 0; i < vocabulary.merges.size(); ++i) {
    if (!is_valid(vocabulary.merges[i])) return BadData(absl::StrCat("merge ", i), "UTF-8", "other bytes");
  }
  for (const auto& [name, text] : vocabulary.named_chat_templates) {
    if (!is_valid(name) || !is_valid(text)) return BadData("a chat template", "UTF-8", "other bytes");
  }
  if (!is_valid(vocabulary.chat_template)) return BadData("the chat template", "UTF-8", "other bytes");
  return absl::OkStatus();
}

}  // namespace

void SetTokenIds(const Vocabulary& vocabulary, Object& config) {
  if (vocabulary.bos) config.SetInt("bos_token_id", *vocabulary.bos);
  if (vocabulary.eos) config.SetInt("eos_token_id", *vocabulary.eos);
  if (vocabulary.padding) config.SetInt("pad_token_id", *vocabulary.padding);
}

absl::StatusOr<std::vector<std::pair<std::string, std::string>>> Publish(const Vocabulary& vocabulary,
                                                                         uint32_t context_length) {
  NIBBLE_RETURN_IF_ERROR(CheckText(vocabulary));
  NIBBLE_ASSIGN_OR_RETURN(std::string tokenizer, TokenizerJson(vocabulary));
  return std::vector<std::pair<std::string, std::string>>{
      {"tokenizer.json", std::move(tokenizer)},
      {"tokenizer_config.json", TokenizerConfig(vocabulary, context_length)},
      {"generation_config.json", GenerationConfig(vocabulary)}};
}

}  // namespace nibble::tokenizer
