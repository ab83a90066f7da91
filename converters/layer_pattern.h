// Which layers see a window (or chunk) of the text alone, and which all of it: every n-th one all, or as a list says.
#ifndef NIBBLE_CONVERTERS_LAYER_PATTERN_H_
#define NIBBLE_CONVERTERS_LAYER_PATTERN_H_

#include <cstdint>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "formats/gguf/gguf.h"

namespace nibble {

// One entry per layer: whether it is local.
using LayerPattern = std::vector<bool>;

// Layers period - 1, 2 * period - 1, ... are global; 0: none is.
LayerPattern EveryNthGlobal(int layers, uint32_t period);

// GGUF's key attention.sliding_window_pattern, a period or a list; `period` where it is absent.
absl::StatusOr<LayerPattern> PatternFromGguf(const gguf::Metadata& metadata, absl::string_view architecture, int layers,
                                             uint32_t period);
// The key, as a list, where the pattern is not that of `period`, which llama.cpp takes for granted.
void PatternToGguf(const LayerPattern& pattern, absl::string_view architecture, uint32_t period,
                   gguf::Metadata& metadata);

}  // namespace nibble

#endif  // NIBBLE_CONVERTERS_LAYER_PATTERN_H_
