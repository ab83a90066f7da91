#include "pipeline/output/quantization_config.h"

#include <algorithm>
#include <cassert>
#include <map>
#include <optional>
#include <set>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_replace.h"
#include "absl/strings/str_split.h"
#include "absl/strings/string_view.h"
#include "formats/json/quote.h"
#include "quant/block/packing.h"

namespace nibble {
namespace {

// "re:model\.layers\.\d+\.mlp\.down_proj$"; the name itself where it has no numbers.
std::string PatternOf(absl::string_view module) {
  std::vector<std::string> parts;
  bool has_number = false;
  for (const absl::string_view part : absl::StrSplit(module, '.')) {
    const bool is_number = !part.empty() && std::all_of(part.begin(), part.end(), absl::ascii_isdigit);
    has_number |= is_number;
    parts.push_back(is_number ? "\\d+" : std::string(part));
  }
  return has_number ? absl::StrCat("re:", absl::StrJoin(parts, "\\."), "$") : std::string(module);
}

// Modules by what becomes of them; nothing: ignored.
using Kind = std::optional<Format>;

class Namer {
 public:
  explicit Namer(const QuantizedModules& quantized) {
    for (const auto& [module, format] : quantized.modules) kinds_[PatternOf(module)].insert(format);
    for (const std::string& module : quantized.ignored) kinds_[PatternOf(module)].insert(std::nullopt);
  }

  // Patterns where they fit modules of this kind alone, else names; each once.
  std::vector<std::string> Names(const std::vector<std::string>& modules) const {
    std::vector<std::string> names;
    std::set<std::string> seen;
    for (const std::string& module : modules) {
      const std::string pattern = PatternOf(module);
      const std::string& name = kinds_.at(pattern).size() == 1 ? pattern : module;
      if (seen.insert(name).second) names.push_back(name);
    }
    return names;
  }

 private:
  std::map<std::string, std::set<Kind>> kinds_;
};

std::string Array(const std::vector<std::string>& texts) {
  if (texts.empty()) return "[]";
  return absl::StrCat(
      "[\n  ",
      absl::StrJoin(texts, ",\n  ", [](std::string* out, const std::string& text) { *out += json::Quote(text); }),
      "\n]");
}

std::string Object(const std::vector<std::pair<absl::string_view, std::string>>& members) {
  const std::string lines = absl::StrJoin(members, ",\n", [](std::string* out, const auto& member) {
    absl::StrAppend(out, json::Quote(member.first), ": ", member.second);
  });
  return absl::StrCat("{\n  ", absl::StrReplaceAll(lines, {{"\n", "\n  "}}), "\n}");
}

std::string Weights(const Packing& packing) {
  const bool is_int = packing.scale_bytes == 2;
  std::vector<std::pair<absl::string_view, std::string>> members = {
      {"num_bits", "4"},
      {"type", is_int ? "\"int\"" : "\"float\""},
      {"symmetric", "true"},
      {"group_size", absl::StrCat(packing.group)},
      {"strategy", packing.is_scaled ? "\"tensor_group\"" : "\"group\""},
      {"dynamic", "false"}};
  if (!is_int) {
    members.emplace_back("scale_dtype", packing.is_scaled ? "\"torch.float8_e4m3fn\"" : "\"torch.uint8\"");
  }
  return Object(members);
}

using FormatModules = std::pair<Format, std::vector<std::string>>;

// Each format's modules. The experts' come first: transformers takes the first group with "experts" in a target for
// theirs, and modules of shared experts are called so as well.
std::vector<FormatModules> ByFormat(const QuantizedModules& quantized) {
  std::map<Format, std::vector<std::string>> by_format;
  for (const auto& [module, format] : quantized.modules) by_format[format].push_back(module);
  std::vector<FormatModules> groups(by_format.begin(), by_format.end());
  std::stable_partition(groups.begin(), groups.end(), [](const FormatModules& group) {
    return std::any_of(group.second.begin(), group.second.end(),
                       [](const std::string& module) { return absl::StrContains(module, ".experts."); });
  });
  return groups;
}

std::string Group(const Packing& packing, const std::vector<std::string>& targets, bool is_mixed) {
  return Object({{"targets", Array(targets)},
                 {"weights", Weights(packing)},
                 {"input_activations", "null"},
                 {"output_activations", "null"},
                 {"format", is_mixed ? json::Quote(packing.name) : "null"}});
}

}  // namespace

std::string QuantizationConfig(const QuantizedModules& quantized) {
  assert(!quantized.modules.empty());
  const std::vector<FormatModules> by_format = ByFormat(quantized);
  std::set<std::string> names;
  for (const auto& [format, modules] : by_format) names.insert(std::string(FindPacking(format)->name));
  const bool is_mixed = names.size() > 1;
  const Namer namer(quantized);
  std::vector<std::string> labels;
  for (size_t i = 0; i < by_format.size(); ++i) labels.push_back(absl::StrCat("group_", i));
  std::vector<std::pair<absl::string_view, std::string>> groups;
  for (const auto& [format, modules] : by_format) {
    const std::vector<std::string> targets =
        by_format.size() == 1 ? std::vector<std::string>{"Linear"} : namer.Names(modules);
    groups.emplace_back(labels[groups.size()], Group(*FindPacking(format), targets, is_mixed));
  }
  return Object({{"quant_method", "\"compressed-tensors\""},
                 {"format", json::Quote(is_mixed ? "mixed-precision" : *names.begin())},
                 {"quantization_status", "\"compressed\""},
                 {"config_groups", Object(groups)},
                 {"ignore", Array(namer.Names(quantized.ignored))},
                 {"kv_cache_scheme", "null"},
                 {"global_compression_ratio", "null"}});
}

}  // namespace nibble
