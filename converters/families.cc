#include "converters/families.h"

#include <algorithm>
#include <cassert>
#include <iterator>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "base/status.h"
#include "converters/deepseek.h"
#include "converters/gemma3.h"
#include "converters/gpt2.h"
#include "converters/gpt_oss.h"
#include "converters/llama.h"
#include "converters/llama4.h"
#include "converters/mistral.h"
#include "converters/qwen.h"

namespace nibble {
namespace {

constexpr const Family* kFamilies[] = {&kLlama, &kLlama4, &kMistral, &kQwen, &kGptOss, &kDeepseek, &kGpt2, &kGemma3};

using Names = absl::Span<const absl::string_view> Family::*;

const Family* FindBy(Names names, absl::string_view name) {
  for (const Family* family : kFamilies) {
    const auto& known = family->*names;
    if (std::find(known.begin(), known.end(), name) != known.end()) return family;
  }
  return nullptr;
}

absl::Status NotKnown(absl::string_view place, Names names, absl::string_view found) {
  std::vector<absl::string_view> known;
  for (const Family* family : kFamilies) known.insert(known.end(), (family->*names).begin(), (family->*names).end());
  return absl::UnimplementedError(absl::StrCat(place, ": expected one of ", absl::StrJoin(known, ", "), ", found \"",
                                               found, "\", which is not supported"));
}

absl::StatusOr<const Family*> FindNamed(const json::Value& value, Names names) {
  NIBBLE_ASSIGN_OR_RETURN(const absl::string_view name, value.String());
  const Family* family = FindBy(names, name);
  if (family == nullptr) return NotKnown(value.Place(), names, name);
  return family;
}

}  // namespace

absl::Span<const Family* const> Families() { return kFamilies; }

absl::StatusOr<const Family*> FindFamily(const json::Value& config) {
  const json::Value architectures = config.Get("architectures");
  if (architectures.size() > 0) return FindNamed(architectures.At(0), &Family::hf_architectures);
  for (const Family* family : kFamilies) {
    if (!family->telltale.empty() && config.Get(family->telltale).exists()) return family;
  }
  const json::Value model_type = config.Get("model_type");
  if (model_type.exists()) return FindNamed(model_type, &Family::hf_model_types);
  return architectures.Error("an array with the name of an architecture");
}

absl::StatusOr<const Family*> FindFamily(const gguf::Metadata& metadata) {
  constexpr absl::string_view kKey = "general.architecture";
  NIBBLE_ASSIGN_OR_RETURN(const std::string name, metadata.String(kKey));
  const Family* family = FindBy(&Family::gguf_architectures, name);
  if (family == nullptr) return NotKnown(metadata.Place(kKey), &Family::gguf_architectures, name);
  return family;
}

const Family& FamilyOf(const ModelSpec& spec) {
  const auto made = [&](const Family* family) { return family->name == spec.family(); };
  const auto family = std::find_if(std::begin(kFamilies), std::end(kFamilies), made);
  assert(family != std::end(kFamilies));
  return **family;
}

}  // namespace nibble
