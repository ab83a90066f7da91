#include "converters/layer_pattern.h"

#include <string>
#include <type_traits>
#include <variant>

#include "absl/strings/str_cat.h"
#include "base/status.h"

namespace nibble {
namespace {

constexpr uint32_t kMaxPeriod = 10'000;

std::string Key(absl::string_view architecture) {
  return absl::StrCat(architecture, ".attention.sliding_window_pattern");
}

// Empty if the array holds anything but numbers.
LayerPattern AsPattern(const gguf::Array& array) {
  return std::visit(
      [](const auto& values) -> LayerPattern {
        if constexpr (std::is_same_v<std::decay_t<decltype(values)>, std::vector<std::string>>) {
          return {};
        } else {
          return LayerPattern(values.begin(), values.end());
        }
      },
      array);
}

}  // namespace

LayerPattern EveryNthGlobal(int layers, uint32_t period) {
  LayerPattern pattern(layers, true);
  for (size_t layer = 0; period > 0 && layer < pattern.size(); ++layer) pattern[layer] = (layer + 1) % period != 0;
  return pattern;
}

absl::StatusOr<LayerPattern> PatternFromGguf(const gguf::Metadata& metadata, absl::string_view architecture, int layers,
                                             uint32_t period) {
  const std::string key = Key(architecture);
  const gguf::Value* value = metadata.Find(key);
  if (value == nullptr) return EveryNthGlobal(layers, period);
  if (const gguf::Array* array = std::get_if<gguf::Array>(value); array != nullptr) {
    LayerPattern pattern = AsPattern(*array);
    if (pattern.size() == static_cast<size_t>(layers)) return pattern;
    return BadData(metadata.Place(key), absl::StrCat("an entry for each of the ", layers, " layers"),
                   absl::StrCat(pattern.size()));
  }
  NIBBLE_ASSIGN_OR_RETURN(const uint64_t found, metadata.Uint(key, 0, kMaxPeriod));
  return EveryNthGlobal(layers, static_cast<uint32_t>(found));
}

void PatternToGguf(const LayerPattern& pattern, absl::string_view architecture, uint32_t period,
                   gguf::Metadata& metadata) {
  if (pattern == EveryNthGlobal(static_cast<int>(pattern.size()), period)) return;
  metadata.Set(Key(architecture), gguf::Array(pattern));
}

}  // namespace nibble
