#include "pipeline/calibration/expert_coverage.h"

#include <algorithm>
#include <map>

#include "absl/strings/str_cat.h"
#include "model/logical_tensor.h"
#include "model/role.h"

namespace nibble {

void AddCoverage(const Model& model, const TokensOfSlices& tokens, CalibrationReport& report) {
  std::map<int, ExpertCoverage> layers;
  for (const TensorStack stack : model.tensors.stacks()) {
    const RoleInfo& role = GetRole(stack[0].role);
    if (!role.is_expert || !role.is_linear) continue;
    ExpertCoverage& coverage = layers[stack[0].layer];
    coverage.set_layer(stack[0].layer);
    coverage.set_columns(std::max<int64_t>(coverage.columns(), stack[0].cols));
    // Whichever linear it is, an expert's tokens are the same.
    if (coverage.tokens().empty()) {
      const std::vector<int64_t> seen = tokens(stack);
      coverage.mutable_tokens()->Add(seen.begin(), seen.end());
    }
  }
  for (const auto& [layer, coverage] : layers) {
    if (!coverage.tokens().empty()) *report.add_experts() = coverage;
  }
}

std::optional<std::string> UnseenExperts(const CalibrationReport& report) {
  int64_t experts = 0, unseen = 0, most = 0, worst = 0;
  for (const ExpertCoverage& layer : report.experts()) {
    const int64_t here = std::count(layer.tokens().begin(), layer.tokens().end(), 0);
    experts += layer.tokens_size();
    unseen += here;
    if (here > most) worst = layer.layer();
    most = std::max(most, here);
  }
  if (unseen == 0) return std::nullopt;
  return absl::StrCat(unseen, " of ", experts, " experts saw no token, layer ", worst, " has most of them (", most,
                      "): a longer text would reach more");
}

}  // namespace nibble
