#include "runtime/weight_loader.h"

#include <functional>

#include "absl/status/status.h"
#include "base/status.h"
#include "device/in_stage.h"

namespace nibble {
namespace {

absl::StatusOr<Weights> WeightsAt(Device& device, const Model& model, WeightLoader::Place place) {
  return place.expert < 0 ? Weights::OfLayer(device, model, place.layer)
                          : Weights::OfExpert(device, model, place.layer, place.expert);
}

absl::StatusOr<Weights> WeightsBySide(Device& side, const Model& model, WeightLoader::Place place) {
  const InStage stage(side, kLoadStage);
  NIBBLE_ASSIGN_OR_RETURN(Weights weights, WeightsAt(side, model, place));
  NIBBLE_RETURN_IF_ERROR(side.Download(nullptr, {}));
  return weights;
}

}  // namespace

absl::StatusOr<Weights> WeightLoader::Load(Place place, std::optional<Place> next) {
  const InStage stage(*device_, kLoadStage);  // also while it waits for the side
  absl::StatusOr<Weights> weights = absl::NotFoundError("nothing was loaded ahead");
  if (loading_.valid()) weights = loading_.get();
  if (next_ != place) weights = absl::NotFoundError("others were loaded ahead");  // their room is free again
  // Whatever kept them from being loaded ahead, such as room that was gone meanwhile, shows here if it is still so.
  if (!weights.ok()) weights = WeightsAt(*device_, *model_, place);
  next_ = ahead_ ? next : std::nullopt;
  if (!next_ || !weights.ok()) return weights;
  NIBBLE_ASSIGN_OR_RETURN(Device* const side, device_->Side());
  loading_ = std::async(std::launch::async, WeightsBySide, std::ref(*side), std::cref(*model_), *next_);
  return weights;
}

}  // namespace nibble
