#include <cmath>
#include <type_traits>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "base/status.h"
#include "formats/gguf/gguf.h"

namespace nibble::gguf {
namespace {

constexpr size_t kMaxShownText = 60;

// A value for an error line: short, and without line breaks.
std::string Describe(const Value& value) {
  return std::visit(
      [](const auto& v) -> std::string {
        using T = std::decay_t<decltype(v)>;
        if constexpr (std::is_same_v<T, Array>) {
          return absl::StrCat("an array of ", std::visit([](const auto& items) { return items.size(); }, v));
        } else if constexpr (std::is_same_v<T, std::string>) {
          return absl::StrCat("\"", absl::CHexEscape(absl::string_view(v).substr(0, kMaxShownText)), "\"");
        } else if constexpr (std::is_same_v<T, bool>) {
          return v ? "true" : "false";
        } else if constexpr (std::is_floating_point_v<T>) {
          return absl::StrCat("the float ", v);
        } else {
          return absl::StrCat(v);
        }
      },
      value);
}

std::string Describe(const Value* value) { return value == nullptr ? "no such key" : Describe(*value); }

}  // namespace

void Metadata::Set(absl::string_view key, Value value) {
  auto [found, added] = index_.try_emplace(std::string(key), entries_.size());
  if (added) {
    entries_.emplace_back(std::string(key), std::move(value));
  } else {
    entries_[found->second].second = std::move(value);
  }
}

const Value* Metadata::Find(absl::string_view key) const {
  auto found = index_.find(key);
  return found == index_.end() ? nullptr : &entries_[found->second].second;
}

std::string Metadata::Place(absl::string_view key) const {
  return absl::StrCat(file_, ": key '", absl::CHexEscape(key), "'");
}

absl::StatusOr<uint64_t> Metadata::Uint(absl::string_view key, uint64_t min, uint64_t max) const {
  const Value* value = Find(key);
  std::optional<uint64_t> number;
  if (value != nullptr) {
    std::visit(
        [&](const auto& v) {
          using T = std::decay_t<decltype(v)>;
          if constexpr (std::is_integral_v<T> && !std::is_same_v<T, bool>) {
            if (v >= 0) number = static_cast<uint64_t>(v);
          }
        },
        *value);
  }
  if (number.has_value() && *number >= min && *number <= max) return *number;
  return BadData(Place(key), absl::StrFormat("an integer in [%u, %u]", min, max), Describe(value));
}

absl::StatusOr<double> Metadata::Float(absl::string_view key) const {
  const Value* value = Find(key);
  const double number = value == nullptr                         ? NAN
                        : std::holds_alternative<float>(*value)  ? std::get<float>(*value)
                        : std::holds_alternative<double>(*value) ? std::get<double>(*value)
                                                                 : NAN;
  if (std::isfinite(number)) return number;
  return BadData(Place(key), "a finite float", Describe(value));
}

absl::StatusOr<bool> Metadata::Bool(absl::string_view key) const {
  const Value* value = Find(key);
  if (value != nullptr && std::holds_alternative<bool>(*value)) return std::get<bool>(*value);
  return BadData(Place(key), "a bool", Describe(value));
}

absl::StatusOr<std::string> Metadata::String(absl::string_view key) const {
  const Value* value = Find(key);
  if (value != nullptr && std::holds_alternative<std::string>(*value)) return std::get<std::string>(*value);
  return BadData(Place(key), "a string", Describe(value));
}

}  // namespace nibble::gguf
