#include "pipeline/check/comparable_keys.h"

#include <algorithm>
#include <type_traits>
#include <utility>
#include <variant>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "base/status.h"
#include "formats/io/sha256.h"
#include "formats/json/json.h"
#include "formats/json/quote.h"
#include "formats/json/write.h"
#include "pipeline/output/manifest.h"

namespace nibble {
namespace {

constexpr uint64_t kMaxConfigBytes = 16 << 20, kMaxManifestBytes = 1 << 30;
constexpr size_t kMaxShown = 60;  // characters of a value

// In the order of gguf::Value's alternatives.
constexpr absl::string_view kTypes[] = {"u8",   "i8",   "u16",   "i16", "u32", "i32", "f32",
                                        "bool", "text", "array", "u64", "i64", "f64"};

template <typename T>
std::string ItemText(const T& item) {
  if constexpr (std::is_same_v<T, std::string>) {
    return json::Quote(item);
  } else if constexpr (std::is_floating_point_v<T>) {
    return absl::StrFormat("%.17g", item);
  } else {
    return absl::StrCat(item);
  }
}

std::string ItemText(const gguf::Array& array) {
  std::string text = "[";
  std::visit(
      [&text](const auto& items) {
        for (const typename std::decay_t<decltype(items)>::value_type& item : items) {
          absl::StrAppend(&text, text.size() > 1 ? ", " : "", ItemText(item));
        }
      },
      array);
  return text + "]";
}

std::string ValueText(const gguf::Value& value) {
  return absl::StrCat(std::visit([](const auto& item) { return ItemText(item); }, value), " ", kTypes[value.index()]);
}

absl::Status AddMembers(std::string text, const std::string& path, absl::string_view prefix, absl::string_view without,
                        Keys& keys) {
  NIBBLE_ASSIGN_OR_RETURN(const json::Document document, json::Document::Parse(std::move(text), path));
  for (const auto& [member, value] : document.root().Members()) {
    if (member != without) keys[absl::StrCat(prefix, ": ", member)] = json::Text(value);
  }
  return absl::OkStatus();
}

// Its members, but for tensors, which are compared as they are; as it is, where it is none.
void AddManifest(const std::string& text, absl::string_view key, Keys& keys) {
  if (!AddMembers(text, std::string(key), key, "tensors", keys).ok()) keys[std::string(key)] = text;
}

std::string Shown(const std::string& value) {
  return value.size() > kMaxShown ? value.substr(0, kMaxShown) + "..." : value;
}

}  // namespace

Keys KeysOf(const gguf::Metadata& metadata) {
  Keys keys;
  for (const auto& [key, value] : metadata.entries()) {
    const std::string* text = std::get_if<std::string>(&value);
    if (key == kManifestKey && text != nullptr) {
      AddManifest(*text, key, keys);
    } else {
      keys[key] = ValueText(value);
    }
  }
  return keys;
}

absl::StatusOr<Keys> KeysOfFolder(io::FileSystem& files, const std::string& folder) {
  Keys keys;
  NIBBLE_ASSIGN_OR_RETURN(const std::vector<std::string> names, files.List(folder));
  for (const std::string& name : names) {
    const std::string path = io::JoinPath(folder, name);
    const absl::StatusOr<io::FileInfo> info = files.Stat(path);
    const bool is_about_tensors =
        absl::EndsWith(name, ".safetensors") || absl::EndsWith(name, ".safetensors.index.json");
    if (!info.ok() || info->kind != io::FileKind::kRegular || is_about_tensors) continue;
    if (name == "config.json") {
      NIBBLE_ASSIGN_OR_RETURN(std::string text, io::ReadWholeFile(files, path, kMaxConfigBytes));
      NIBBLE_RETURN_IF_ERROR(AddMembers(std::move(text), path, name, "", keys));
    } else if (name == kManifestFile) {
      NIBBLE_ASSIGN_OR_RETURN(const std::string text, io::ReadWholeFile(files, path, kMaxManifestBytes));
      AddManifest(text, name, keys);
    } else {
      NIBBLE_ASSIGN_OR_RETURN(const auto file, files.Open(path));
      NIBBLE_ASSIGN_OR_RETURN(const std::string hash, io::Sha256Of(*file, 0, info->size));
      keys[name] = absl::StrCat(info->size, " bytes, SHA-256 ", hash);
    }
  }
  return keys;
}

void CompareKeys(const Keys& a, const Keys& b, DiffReport& report) {
  const auto differ = [&](const std::string& key, const std::string* of_a, const std::string* of_b) {
    KeyDifference& difference = *report.add_keys();
    difference.set_key(key);
    if (of_a != nullptr) difference.set_a(Shown(*of_a));
    if (of_b != nullptr) difference.set_b(Shown(*of_b));
  };
  for (const auto& [key, value] : a) {
    const auto other = b.find(key);
    if (other == b.end()) {
      differ(key, &value, nullptr);
    } else if (other->second != value) {
      differ(key, &value, &other->second);
    } else {
      report.set_same_keys(report.same_keys() + 1);
    }
  }
  for (const auto& [key, value] : b) {
    if (!a.contains(key)) differ(key, nullptr, &value);
  }
}

}  // namespace nibble
