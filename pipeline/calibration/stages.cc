#include "pipeline/calibration/stages.h"

#include <algorithm>

namespace nibble {
namespace {

const Stage kAttentionStages[] = {
    {{Role::kQuery, Role::kKey, Role::kValue, Role::kQueryKeyValue, Role::kQueryA, Role::kKeyValueA}},
    {{Role::kQueryB}},
    {{Role::kAttentionOutput}, true},
};
const Stage kFeedForwardStages[] = {
    {{Role::kGate, Role::kUp, Role::kSharedGate, Role::kSharedUp}},
    {{Role::kDown, Role::kSharedDown}, true},
};
const Stage kExpertStages[] = {
    {{Role::kExpertGate, Role::kExpertUp}},
    {{Role::kExpertDown}, true},
};

}  // namespace

bool Stage::Has(Role role) const { return std::find(roles.begin(), roles.end(), role) != roles.end(); }

absl::Span<const Stage> AttentionStages() { return kAttentionStages; }
absl::Span<const Stage> FeedForwardStages() { return kFeedForwardStages; }
absl::Span<const Stage> ExpertStages() { return kExpertStages; }

const Stage* FindStage(Role role) {
  for (const absl::Span<const Stage> stages : {AttentionStages(), FeedForwardStages(), ExpertStages()}) {
    for (const Stage& stage : stages) {
      if (stage.Has(role)) return &stage;
    }
  }
  return nullptr;
}

}  // namespace nibble
