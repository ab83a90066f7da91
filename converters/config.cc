#include "converters/config.h"

#include <string>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"

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

}  // namespace nibble
