// The two linears around a feed-forward's activation. Where that is linear in what `up` gives, channels may be divided
// there, and multiplied where `down` reads them.
#ifndef NIBBLE_PIPELINE_CALIBRATION_UP_DOWN_H_
#define NIBBLE_PIPELINE_CALIBRATION_UP_DOWN_H_

#include <optional>

#include "absl/types/span.h"
#include "model/model_spec.pb.h"
#include "model/role.h"

namespace nibble {

struct UpDown {
  Role up;
  std::optional<Role> up_bias;
  Role down;
};

absl::Span<const UpDown> UpDowns();

// Whether the activation's gate alone is bent.
bool IsLinearInUp(const FeedForward& feed_forward);

}  // namespace nibble

#endif  // NIBBLE_PIPELINE_CALIBRATION_UP_DOWN_H_
