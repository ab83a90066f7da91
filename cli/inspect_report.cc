#include "cli/inspect_report.h"

#include <algorithm>
#include <cstdint>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_join.h"
#include "cli/json_writer.h"
#include "cli/printable.h"
#include "cli/table.h"
#include "cli/units.h"

namespace nibble::cli {
namespace {

std::string Line(absl::string_view label, absl::string_view value) {
  return absl::StrFormat("  %-12s %s\n", label, value);
}

std::string StoredText(const Inspection& inspection) {
  std::vector<std::string> uses;
  for (const DTypeUse& use : inspection.dtypes()) {
    uses.push_back(absl::StrFormat("%s %s in %d", use.dtype(), FormatSize(use.bytes()), use.tensors()));
  }
  return absl::StrFormat("%s in %d file%s: %s tensors", FormatSize(inspection.file_bytes()), inspection.files(),
                         inspection.files() == 1 ? "" : "s", absl::StrJoin(uses, ", "));
}

std::string FeedForwardText(const ModelSpec& spec) {
  std::string text;
  int dense = 0;
  const FeedForward* mixture = nullptr;
  for (const Layer& layer : spec.layers()) {
    if (layer.feed_forward().has_experts()) {
      mixture = &layer.feed_forward();
    } else if (dense++ == 0) {
      text = absl::StrCat("feed-forward ", layer.feed_forward().length());
    }
  }
  if (mixture == nullptr) return text;
  if (dense > 0) absl::StrAppend(&text, " in ", dense, " of them, in the others ");
  const Experts& experts = mixture->experts();
  absl::StrAppend(&text, experts.count(), " experts of ", experts.length(), ", ", experts.used(), " at a time");
  if (experts.shared_length() > 0) absl::StrAppend(&text, ", and one of ", experts.shared_length(), " for all");
  return text;
}

// Attention by the first layer.
std::string LayersText(const ModelSpec& spec) {
  std::string text = absl::StrCat(spec.layers_size(), " of width ", spec.hidden_size());
  if (spec.layers_size() == 0) return text;
  const Attention& attention = spec.layers(0).attention();
  absl::StrAppend(&text, "; ", attention.heads(), " heads of ", attention.key_length(), ", ", attention.kv_heads(),
                  " for keys and values; ", FeedForwardText(spec));
  return text;
}

std::string TokenizerText(const Inspection& inspection) {
  if (!inspection.has_tokenizer()) return "none";
  const TokenizerFacts& facts = inspection.tokenizer();
  std::string text = absl::StrCat(facts.algorithm(), " '", Printable(facts.pre()), "', ", facts.tokens(), " tokens");
  if (facts.merges() > 0) absl::StrAppend(&text, ", ", facts.merges(), " merges");
  if (facts.has_bos()) absl::StrAppend(&text, ", bos ", facts.bos());
  if (facts.has_eos()) absl::StrAppend(&text, ", eos ", facts.eos());
  if (facts.has_chat_template()) absl::StrAppend(&text, ", chat template");
  return text;
}

std::string Percent(uint64_t bytes, const Inspection& inspection) {
  if (inspection.file_bytes() == 0) return "";
  return absl::StrFormat("%.0f %%", 100.0 * bytes / inspection.file_bytes());
}

// "8192 tokens, whose cache takes 1.00 GiB in F16"
std::string ContextText(const Inspection& inspection) {
  std::string text = absl::StrCat(inspection.spec().context_length(), " tokens");
  if (inspection.cache_bytes() > 0) {
    absl::StrAppend(&text, ", whose cache takes ", FormatSize(inspection.cache_bytes()), " in F16");
  }
  return text;
}

// "134.5 M, 16.00 bits each"
std::string ParametersText(const Inspection& inspection) {
  std::string text = FormatCount(inspection.parameters());
  if (inspection.parameters() > 0) {
    absl::StrAppendFormat(&text, ", %.2f bits each", 8.0 * inspection.tensor_bytes() / inspection.parameters());
  }
  return text;
}

// Largest first.
std::string TypesText(const Inspection& inspection) {
  std::vector<const TypeWeight*> types;
  for (const TypeWeight& type : inspection.types()) types.push_back(&type);
  std::stable_sort(types.begin(), types.end(),
                   [](const TypeWeight* a, const TypeWeight* b) { return a->bytes() > b->bytes(); });
  std::vector<std::vector<std::string>> rows = {{"  as", "file", "of the source", "bits per weight", "fallbacks"}};
  for (const TypeWeight* type : types) {
    rows.push_back({absl::StrCat("  ", type->type()), FormatSize(type->bytes()), Percent(type->bytes(), inspection),
                    absl::StrFormat("%.2f", type->bits_per_weight()),
                    type->fallbacks() == 0 ? "" : absl::StrCat(type->fallbacks())});
  }
  return FormatTable(rows);
}

std::string TensorsText(const Inspection& inspection) {
  std::vector<std::vector<std::string>> rows;
  for (const InspectedTensor& tensor : inspection.tensors()) {
    rows.push_back({absl::StrCat("  ", Printable(tensor.name())), tensor.dtype(),
                    absl::StrCat("[", absl::StrJoin(tensor.shape(), ", "), "]"), FormatSize(tensor.bytes())});
  }
  return FormatTable(rows);
}

void WriteSpec(const ModelSpec& spec, JsonWriter& json) {
  json.Key("family").String(spec.family());
  json.Key("architecture").String(spec.architecture());
  json.Key("name").String(spec.name());
  json.Key("layers").Number(uint64_t(spec.layers_size()));
  json.Key("hidden_size").Number(uint64_t{spec.hidden_size()});
  json.Key("vocab_size").Number(uint64_t{spec.vocab_size()});
  json.Key("context_length").Number(uint64_t{spec.context_length()});
  json.Key("tied_embeddings").Bool(spec.tied_embeddings());
}

void WriteDTypes(const Inspection& inspection, JsonWriter& json) {
  json.Key("dtypes").BeginArray();
  for (const DTypeUse& use : inspection.dtypes()) {
    json.BeginObject();
    json.Key("dtype").String(use.dtype());
    json.Key("tensors").Number(uint64_t{use.tensors()});
    json.Key("elements").Number(use.elements());
    json.Key("bytes").Number(use.bytes());
    json.EndObject();
  }
  json.EndArray();
}

void WriteTokenizer(const TokenizerFacts& facts, JsonWriter& json) {
  json.Key("tokenizer").BeginObject();
  json.Key("algorithm").String(facts.algorithm());
  json.Key("pre").String(facts.pre());
  json.Key("tokens").Number(uint64_t{facts.tokens()});
  json.Key("merges").Number(uint64_t{facts.merges()});
  if (facts.has_bos()) json.Key("bos").Number(uint64_t{facts.bos()});
  if (facts.has_eos()) json.Key("eos").Number(uint64_t{facts.eos()});
  json.Key("chat_template").Bool(facts.has_chat_template());
  json.EndObject();
}

void WriteTypes(const Inspection& inspection, JsonWriter& json) {
  json.Key("types").BeginArray();
  for (const TypeWeight& type : inspection.types()) {
    json.BeginObject();
    json.Key("type").String(type.type());
    json.Key("bytes").Number(type.bytes());
    json.Key("bits_per_weight").Number(type.bits_per_weight());
    json.Key("fallbacks").Number(uint64_t{type.fallbacks()});
    json.EndObject();
  }
  json.EndArray();
}

void WriteTensors(const Inspection& inspection, JsonWriter& json) {
  json.Key("tensors").BeginArray();
  for (const InspectedTensor& tensor : inspection.tensors()) {
    json.BeginObject();
    json.Key("name").String(tensor.name());
    json.Key("dtype").String(tensor.dtype());
    json.Key("shape").BeginArray();
    for (const int64_t dimension : tensor.shape()) json.Number(static_cast<uint64_t>(dimension));
    json.EndArray();
    json.Key("bytes").Number(tensor.bytes());
    json.EndObject();
  }
  json.EndArray();
}

}  // namespace

std::string InspectText(const Inspection& inspection, bool with_tensors) {
  const ModelSpec& spec = inspection.spec();
  std::string text = absl::StrCat(Printable(inspection.path()), "\n");
  absl::StrAppend(&text, Line("family", spec.family()));
  if (!spec.name().empty()) absl::StrAppend(&text, Line("name", Printable(spec.name())));
  absl::StrAppend(&text, Line("parameters", ParametersText(inspection)));
  absl::StrAppend(&text, Line("stored", StoredText(inspection)));
  absl::StrAppend(&text, Line("layers", LayersText(spec)));
  absl::StrAppend(&text, Line("embeddings", absl::StrCat(spec.vocab_size(), " tokens",
                                                         spec.tied_embeddings() ? ", tied with the output" : "")));
  absl::StrAppend(&text, Line("context", ContextText(inspection)));
  absl::StrAppend(&text, Line("tokenizer", TokenizerText(inspection)));
  absl::StrAppend(&text, "\n", TypesText(inspection));
  if (with_tensors) absl::StrAppend(&text, "\n", TensorsText(inspection));
  return text;
}

std::string InspectJson(const Inspection& inspection, bool with_tensors) {
  JsonWriter json;
  json.BeginObject();
  json.Key("path").String(inspection.path());
  WriteSpec(inspection.spec(), json);
  json.Key("parameters").Number(inspection.parameters());
  json.Key("tensor_bytes").Number(inspection.tensor_bytes());
  json.Key("file_bytes").Number(inspection.file_bytes());
  json.Key("cache_bytes").Number(inspection.cache_bytes());
  json.Key("files").Number(uint64_t{inspection.files()});
  WriteDTypes(inspection, json);
  if (inspection.has_tokenizer()) WriteTokenizer(inspection.tokenizer(), json);
  WriteTypes(inspection, json);
  if (with_tensors) WriteTensors(inspection, json);
  json.EndObject();
  return json.Take();
}

}  // namespace nibble::cli
