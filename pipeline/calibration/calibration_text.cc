#include "pipeline/calibration/calibration_text.h"

#include <algorithm>
#include <optional>

#include "absl/container/flat_hash_set.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/types/span.h"
#include "base/status.h"
#include "converters/family.h"
#include "model/logical_tensor.h"
#include "model/model_spec.pb.h"
#include "model/role.h"
#include "model/tensor_list.h"

namespace nibble {
namespace {

constexpr int64_t kRunsAtMost = 1 << 20;

// SplitMix64's output function.
uint64_t Mix(uint64_t value) {
  value = (value ^ (value >> 30)) * 0xBF58476D1CE4E5B9u;
  value = (value ^ (value >> 27)) * 0x94D049BB133111EBu;
  return value ^ (value >> 31);
}

uint64_t HashOf(absl::Span<const uint32_t> ids) {
  uint64_t hash = 0;
  for (const uint32_t id : ids) hash = Mix(hash * 31 + id + 1);
  return hash;
}

absl::StatusOr<std::string> JoinedText(const CalibrationTexts& texts) {
  std::string all;
  for (const TextFile& file : texts.files) {
    NIBBLE_ASSIGN_OR_RETURN(const std::string text, ReadText(file));
    if (!text.empty()) absl::StrAppend(&all, all.empty() ? "" : "\n\n", text);
  }
  return all;
}

// How many of the tokens reach the linear.
double InputsOf(const Model& model, const LogicalTensor& linear, int64_t tokens) {
  if (!GetRole(linear.role).is_expert) return tokens;
  const Experts& experts = model.spec.layers(linear.layer).feed_forward().experts();
  return static_cast<double>(tokens) * experts.used() / experts.count();
}

std::optional<std::string> TooFewTokens(const Model& model, int64_t tokens,
                                        absl::FunctionRef<bool(const LogicalTensor&)> learns) {
  const LogicalTensor* worst = nullptr;
  double least = kInputsPerColumn;
  for (const TensorStack stack : model.tensors.stacks()) {
    if (!GetRole(stack[0].role).is_linear || stack[0].layer >= model.spec.layers_size() || !learns(stack[0])) continue;
    const double per_column = InputsOf(model, stack[0], tokens) / stack[0].cols;
    if (per_column >= least) continue;
    least = per_column;
    worst = &stack[0];
  }
  if (worst == nullptr) return std::nullopt;
  return absl::StrFormat(
      "calibration text: expected at least %d tokens per column of a linear, found %.2g for the %d columns of %s%s; "
      "more text or more windows would tell more",
      kInputsPerColumn, least, worst->cols, GgufName(*worst), GetRole(worst->role).is_expert ? " of each expert" : "");
}

std::optional<std::string> Repetition(const Windows& windows) {
  const double share = RepeatedShare(windows);
  if (share <= kMuchRepetition) return std::nullopt;
  return absl::StrFormat(
      "calibration text: %.0f %% of its runs of %d tokens were there before; other text would tell "
      "more",
      100 * share, kRunTokens);
}

}  // namespace

Windows SampleWindows(const Windows& windows, int64_t count, uint64_t seed) {
  Windows sample{.length = windows.length, .ids = {}};
  int64_t wanted = std::min(count, windows.count());
  for (int64_t window = 0; window < windows.count(); ++window) {
    const uint64_t draw = Mix(Mix(seed) + 0x9E3779B97F4A7C15u * (window + 1));
    if (static_cast<int64_t>(draw >> 1) % (windows.count() - window) >= wanted) continue;
    --wanted;
    const auto begin = windows.ids.begin() + window * windows.length;
    sample.ids.insert(sample.ids.end(), begin, begin + windows.length);
  }
  return sample;
}

double RepeatedShare(const Windows& windows) {
  const int64_t runs = windows.count() * std::max<int64_t>(windows.length - kRunTokens, 0);
  const uint64_t stride = 1 + runs / kRunsAtMost;
  absl::flat_hash_set<uint64_t> seen;
  int64_t looked_at = 0;
  for (int64_t window = 0; window < windows.count(); ++window) {
    const auto ids = absl::MakeConstSpan(windows.ids).subspan(window * windows.length, windows.length);
    for (int64_t begin = 1; begin + kRunTokens <= windows.length; ++begin) {
      const uint64_t hash = HashOf(ids.subspan(begin, kRunTokens));
      if (hash % stride != 0) continue;  // all returns of a run are looked at, or none
      ++looked_at;
      seen.insert(hash);
    }
  }
  return looked_at == 0 ? 0 : 1 - static_cast<double>(seen.size()) / looked_at;
}

absl::StatusOr<Windows> CalibrationWindows(const Model& model, const CalibrationTexts& texts,
                                           absl::FunctionRef<bool(const LogicalTensor&)> learns,
                                           std::vector<std::string>& warnings) {
  NIBBLE_ASSIGN_OR_RETURN(const std::string text, JoinedText(texts));
  NIBBLE_ASSIGN_OR_RETURN(Windows windows, CutWindows(model, text, texts.ctx, texts.seed == 0 ? texts.chunks : 0));
  if (texts.seed != 0 && texts.chunks != 0) windows = SampleWindows(windows, texts.chunks, texts.seed);
  for (const auto& warning : {TooFewTokens(model, windows.ids.size(), learns), Repetition(windows)}) {
    if (warning) warnings.push_back(*warning);
  }
  return windows;
}

}  // namespace nibble
