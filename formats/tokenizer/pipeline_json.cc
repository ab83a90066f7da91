#include "formats/tokenizer/pipeline_json.h"

#include <algorithm>
#include <vector>

#include "absl/strings/str_cat.h"
#include "base/status.h"
#include "formats/tokenizer/pre_tokenizer_table.h"

namespace nibble::tokenizer {
namespace {

constexpr absl::string_view kSpace = "▁";

absl::Status Unsupported(json::Value value, absl::string_view expected) {
  return absl::UnimplementedError(absl::StrCat(value.Place(), ": expected ", expected, ", found ", value.Found()));
}

absl::string_view TypeOf(json::Value step) { return step.Get("type").StringOr("").value_or(""); }

// The steps of a Sequence, with those in it, or the one step; none if absent. `list` is what a Sequence calls them.
void Flatten(json::Value step, absl::string_view list, std::vector<json::Value>& steps) {
  if (!step.is_object()) return;
  if (TypeOf(step) != "Sequence") {
    steps.push_back(step);
    return;
  }
  for (const json::Value& inner : step.Get(list).Elements()) Flatten(inner, list, steps);
}

std::vector<json::Value> Steps(json::Value step, absl::string_view list) {
  std::vector<json::Value> steps;
  Flatten(step, list, steps);
  return steps;
}

bool Has(const std::vector<json::Value>& steps, absl::string_view type) {
  return std::any_of(steps.begin(), steps.end(), [&](json::Value step) { return TypeOf(step) == type; });
}

absl::StatusOr<bool> IsString(json::Value value, absl::string_view expected) {
  NIBBLE_ASSIGN_OR_RETURN(const absl::string_view found, value.StringOr(""));
  return found == expected;
}

// {"type": "Split", "pattern": {"Regex": ...}}, keeping both matches and what lies between them.
absl::Status ReadSplit(json::Value step, std::vector<std::string>& passes) {
  const json::Value regex = step.Get("pattern").Get("Regex");
  if (!regex.is_string()) return Unsupported(step.Get("pattern"), "a regex");
  NIBBLE_ASSIGN_OR_RETURN(const absl::string_view behavior, step.Get("behavior").String());
  NIBBLE_ASSIGN_OR_RETURN(const bool invert, step.Get("invert").BoolOr(false));
  // Inverted removal keeps the matches alone: the same, for an expression that matches any text whole.
  if (!(behavior == "Isolated" && !invert) && !(behavior == "Removed" && invert)) {
    return Unsupported(step.Get("behavior"), "\"Isolated\"");
  }
  NIBBLE_ASSIGN_OR_RETURN(const absl::string_view pattern, regex.String());
  passes.emplace_back(pattern);
  return absl::OkStatus();
}

absl::Status ReadByteLevel(json::Value step, std::vector<std::string>& passes) {
  NIBBLE_ASSIGN_OR_RETURN(const bool prefix, step.Get("add_prefix_space").BoolOr(true));
  if (prefix) return Unsupported(step.Get("add_prefix_space"), "false");
  NIBBLE_ASSIGN_OR_RETURN(const bool use_regex, step.Get("use_regex").BoolOr(true));
  if (use_regex) passes.emplace_back(kGpt2Regex);
  return absl::OkStatus();
}

absl::Status ReadDigits(json::Value step, std::vector<std::string>& passes) {
  NIBBLE_ASSIGN_OR_RETURN(const bool individual, step.Get("individual_digits").BoolOr(false));
  passes.emplace_back(individual ? "\\p{N}" : "\\p{N}+");
  return absl::OkStatus();
}

absl::Status ReadPasses(const std::vector<json::Value>& steps, std::vector<std::string>& passes) {
  for (const json::Value& step : steps) {
    const absl::string_view type = TypeOf(step);
    if (type == "Split") {
      NIBBLE_RETURN_IF_ERROR(ReadSplit(step, passes));
    } else if (type == "Digits") {
      NIBBLE_RETURN_IF_ERROR(ReadDigits(step, passes));
    } else if (type == "ByteLevel") {
      NIBBLE_RETURN_IF_ERROR(ReadByteLevel(step, passes));
    } else {
      return Unsupported(step.Get("type"), "Split, Digits or ByteLevel");
    }
  }
  return absl::OkStatus();
}

absl::Status ReadByteLevelPipeline(json::Value root, const std::vector<json::Value>& pre_steps, const std::string& pre,
                                   Vocabulary& vocabulary) {
  vocabulary.algorithm = Algorithm::kByteLevelBpe;
  for (const json::Value& step : Steps(root.Get("normalizer"), "normalizers")) {
    if (TypeOf(step) != "NFC") return Unsupported(step.Get("type"), "NFC or no normalizer");
    vocabulary.nfc = true;
  }
  if (!pre.empty()) {
    vocabulary.pre = pre;
    return absl::OkStatus();
  }
  std::vector<std::string> passes;
  NIBBLE_RETURN_IF_ERROR(ReadPasses(pre_steps, passes));
  const PreTokenizerRow* row = IdentifyPreTokenizer(passes);
  if (row == nullptr) {
    return absl::UnimplementedError(absl::StrCat(root.Get("pre_tokenizer").Place(),
                                                 ": expected a pre-tokenizer that is known, found ",
                                                 root.Get("pre_tokenizer").Found(), "; name one with --pre"));
  }
  vocabulary.pre = std::string(row->name);
  return absl::OkStatus();
}

absl::Status ReadMetaspaceNormalizer(json::Value step, Vocabulary& vocabulary, bool& replaces) {
  const absl::string_view type = TypeOf(step);
  if (type == "Prepend") {
    NIBBLE_ASSIGN_OR_RETURN(const bool space, IsString(step.Get("prepend"), kSpace));
    if (!space) return Unsupported(step.Get("prepend"), "\"▁\"");
    vocabulary.add_space_prefix = true;
    return absl::OkStatus();
  }
  if (type == "Replace") {
    NIBBLE_ASSIGN_OR_RETURN(const bool from_space, IsString(step.Get("pattern").Get("String"), " "));
    NIBBLE_ASSIGN_OR_RETURN(const bool to_metaspace, IsString(step.Get("content"), kSpace));
    if (!from_space || !to_metaspace) return Unsupported(step, "spaces replaced by \"▁\"");
    replaces = true;
    return absl::OkStatus();
  }
  return Unsupported(step.Get("type"), "Prepend or Replace");
}

absl::Status ReadMetaspacePreTokenizer(json::Value step, Vocabulary& vocabulary, bool& replaces) {
  const absl::string_view type = TypeOf(step);
  if (type == "Metaspace") {
    NIBBLE_ASSIGN_OR_RETURN(const bool metaspace, IsString(step.Get("replacement"), kSpace));
    if (!metaspace) return Unsupported(step.Get("replacement"), "\"▁\"");
    NIBBLE_ASSIGN_OR_RETURN(const bool split, step.Get("split").BoolOr(true));
    if (split) return Unsupported(step.Get("split"), "false");
    NIBBLE_ASSIGN_OR_RETURN(const bool prefix, step.Get("add_prefix_space").BoolOr(true));
    NIBBLE_ASSIGN_OR_RETURN(const absl::string_view scheme,
                            step.Get("prepend_scheme").StringOr(prefix ? "always" : "never"));
    // "first" differs from "always" only behind literal special tokens, and a GGUF knows one prefix for both.
    vocabulary.add_space_prefix = scheme != "never";
    replaces = true;
    return absl::OkStatus();
  }
  if (type == "Split") {  // Gemma's: at spaces, of which the normalizer has left none
    NIBBLE_ASSIGN_OR_RETURN(const bool at_spaces, IsString(step.Get("pattern").Get("String"), " "));
    if (at_spaces && replaces) return absl::OkStatus();
  }
  return Unsupported(step, "Metaspace");
}

absl::Status ReadSentencePiecePipeline(json::Value root, const std::vector<json::Value>& pre_steps,
                                       Vocabulary& vocabulary) {
  vocabulary.algorithm = Algorithm::kSentencePiece;
  vocabulary.pre = "default";
  bool replaces = false;
  for (const json::Value& step : Steps(root.Get("normalizer"), "normalizers")) {
    NIBBLE_RETURN_IF_ERROR(ReadMetaspaceNormalizer(step, vocabulary, replaces));
  }
  for (const json::Value& step : pre_steps) {
    NIBBLE_RETURN_IF_ERROR(ReadMetaspacePreTokenizer(step, vocabulary, replaces));
  }
  if (!replaces) return Unsupported(root.Get("normalizer"), "spaces replaced by \"▁\"");
  return absl::OkStatus();
}

}  // namespace

absl::Status CheckBpe(json::Value model) {
  NIBBLE_ASSIGN_OR_RETURN(const absl::string_view type, model.Get("type").StringOr("BPE"));
  if (type != "BPE") return Unsupported(model.Get("type"), "BPE");
  NIBBLE_ASSIGN_OR_RETURN(const double dropout, model.Get("dropout").NumberOr(0));
  if (dropout != 0) return Unsupported(model.Get("dropout"), "none");
  for (const char* affix : {"continuing_subword_prefix", "end_of_word_suffix"}) {
    NIBBLE_ASSIGN_OR_RETURN(const absl::string_view text, model.Get(affix).StringOr(""));
    if (!text.empty()) return Unsupported(model.Get(affix), "none");
  }
  return absl::OkStatus();
}

absl::Status ReadPipeline(json::Value root, const std::string& pre, Vocabulary& vocabulary) {
  const std::vector<json::Value> pre_steps = Steps(root.Get("pre_tokenizer"), "pretokenizers");
  if (Has(pre_steps, "ByteLevel")) return ReadByteLevelPipeline(root, pre_steps, pre, vocabulary);
  NIBBLE_ASSIGN_OR_RETURN(const bool byte_fallback, root.Get("model").Get("byte_fallback").BoolOr(false));
  if (byte_fallback) return ReadSentencePiecePipeline(root, pre_steps, vocabulary);
  return Unsupported(root.Get("pre_tokenizer"), "ByteLevel, or a model with byte_fallback");
}

}  // namespace nibble::tokenizer
