#include "pipeline/calibration/up_down.h"

namespace nibble {
namespace {

constexpr UpDown kUpDowns[] = {{Role::kUp, Role::kUpBias, Role::kDown},
                               {Role::kSharedUp, std::nullopt, Role::kSharedDown},
                               {Role::kExpertUp, Role::kExpertUpBias, Role::kExpertDown}};

}  // namespace

absl::Span<const UpDown> UpDowns() { return kUpDowns; }

bool IsLinearInUp(const FeedForward& feed_forward) {
  return feed_forward.activation() == FeedForward::SWIGLU || feed_forward.activation() == FeedForward::GEGLU_TANH;
}

}  // namespace nibble
