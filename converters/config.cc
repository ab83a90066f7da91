#include "converters/config.h"

#include <algorithm>
#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "base/status.h"
#include "formats/dtype.h"

namespace nibble {
namespace {

std::string Text(bool value) { return value ? "true" : "false"; }
std::string Text(double value) { return absl::StrCat(value); }
std::string Text(absl::string_view value) { return absl::StrCat("\"", value, "\""); }

bool Holds(const json::Value& value, bool wanted) { return value.is_bool() && *value.Bool() == wanted; }
bool Holds(const json::Value& value, double wanted) { return value.is_number() && *value.Number() == wanted; }
bool Holds(const json::Value& value, absl::string_view wanted) {
  return value.is_string() && *value.String() == wanted;
}

}  // namespace

json::Value Lookup(const json::Value& config, absl::string_view path) {
  json::Value value = config;
  for (const absl::string_view key : absl::StrSplit(path, '.')) value = value.Get(key);
  return value;
}

absl::Status NotSupported(const json::Value& value, absl::string_view supported) {
  return absl::UnimplementedError(
      absl::StrCat(value.Place(), ": expected ", supported, ", found ", value.Found(), ", which is not supported"));
}

absl::Status RequireSupported(const json::Value& config, absl::Span<const Supported> supported) {
  for (const Supported& row : supported) {
    const json::Value value = Lookup(config, row.path);
    if (!value.exists() || value.is_null()) continue;
    if (std::visit([&](auto wanted) { return Holds(value, wanted); }, row.value)) continue;
    return NotSupported(value, std::visit([](auto wanted) { return Text(wanted); }, row.value));
  }
  return absl::OkStatus();
}

json::Value TextConfig(const json::Value& config) {
  const json::Value text = config.Get("text_config");
  return text.is_object() ? text : config;
}

absl::Status RequireReadableQuantization(const json::Value& config) {
  const json::Value quantization = config.Get("quantization_config");
  if (!quantization.exists() || quantization.is_null()) return absl::OkStatus();
  const json::Value method = quantization.Get("quant_method");
  NIBBLE_ASSIGN_OR_RETURN(const absl::string_view name, method.String());
  if (name == "mxfp4") return absl::OkStatus();
  if (name == "fp8") {
    const json::Value block = quantization.Get("weight_block_size");
    for (const json::Value& length : block.Elements()) {
      if (!Holds(length, 128.0)) return NotSupported(block, "[128, 128]");
    }
    return absl::OkStatus();
  }
  if (name != "compressed-tensors") return NotSupported(method, "fp8, mxfp4 or compressed-tensors");
  constexpr Supported kPacked[] = {{"format", absl::string_view("pack-quantized")},
                                   {"config_groups.group_0.weights.num_bits", 4.0},
                                   {"config_groups.group_0.weights.symmetric", true},
                                   {"config_groups.group_0.weights.type", absl::string_view("int")}};
  if (quantization.Get("config_groups").size() > 1) return NotSupported(quantization.Get("config_groups"), "one group");
  return RequireSupported(quantization, kPacked);
}

absl::Status RequireQuantizedTensors(const json::Value& config, const TensorSource& source) {
  constexpr std::pair<absl::string_view, DType> kStored[] = {
      {"fp8", DType::kF8_E4M3}, {"mxfp4", DType::kU8}, {"compressed-tensors", DType::kI32}};
  const json::Value method = config.Get("quantization_config").Get("quant_method");
  if (!method.is_string()) return absl::OkStatus();
  for (const auto& [name, dtype] : kStored) {
    if (*method.String() != name) continue;
    const auto has_dtype = [wanted = dtype](const StoredTensor& tensor) { return tensor.dtype == wanted; };
    if (std::any_of(source.tensors().begin(), source.tensors().end(), has_dtype)) return absl::OkStatus();
    return method.Error(absl::StrCat("a method that a tensor is stored in (none is ", GetDType(dtype).name, ")"));
  }
  return absl::OkStatus();
}

absl::Status RefuseQuantized(const json::Value& config) {
  const json::Value quantization = config.Get("quantization_config");
  if (!quantization.exists() || quantization.is_null()) return absl::OkStatus();
  const json::Value method = quantization.Get("quant_method");
  return NotSupported(method.exists() ? method : quantization, "weights that are not quantized");
}

}  // namespace nibble
