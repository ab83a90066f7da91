#include "pipeline/device_use.h"

#include <algorithm>
#include <string>

namespace nibble {
namespace {

void AddStage(const DeviceStage& more, DeviceStage& sum) {
  sum.set_seconds(sum.seconds() + more.seconds());
  sum.set_busy_seconds(sum.busy_seconds() + more.busy_seconds());
  sum.set_flops(sum.flops() + more.flops());
  sum.set_bytes(sum.bytes() + more.bytes());
}

}  // namespace

DeviceUse UseOf(const MeasuredDevice& device) {
  DeviceUse use;
  use.set_device(std::string(device.name()));
  use.set_peak_flops(device.peak().linear_flops);
  use.set_peak_bytes(device.peak().bytes);
  for (const StageUse& its : device.Stages()) {
    DeviceStage& stage = *use.add_stages();
    stage.set_stage(its.stage.empty() ? "other" : std::string(its.stage));
    stage.set_beside(its.beside);
    stage.set_seconds(its.seconds);
    stage.set_busy_seconds(its.busy_seconds);
    stage.set_flops(its.flops);
    stage.set_bytes(its.bytes);
  }
  return use;
}

DeviceLoad LoadOf(const MeasuredDevice& device) {
  const DeviceRates rates = RatesOf(TotalOf(UseOf(device)));
  return {.name = std::string(device.name().substr(0, device.name().find(' '))),
          .busy_share = rates.share,
          .flops = rates.flops};
}

DeviceRates RatesOf(const DeviceStage& stage) {
  DeviceRates rates;
  if (stage.seconds() > 0) rates.share = std::min(1.0, stage.busy_seconds() / stage.seconds());
  if (stage.busy_seconds() <= 0) return rates;
  rates.flops = stage.flops() / stage.busy_seconds();
  rates.bytes = stage.bytes() / stage.busy_seconds();
  return rates;
}

void AddUse(const DeviceUse& more, DeviceUse& sum) {
  sum.set_device(more.device());
  sum.set_peak_flops(more.peak_flops());
  sum.set_peak_bytes(more.peak_bytes());
  for (const DeviceStage& stage : more.stages()) {
    const auto found = std::find_if(sum.mutable_stages()->begin(), sum.mutable_stages()->end(), [&](const auto& its) {
      return its.stage() == stage.stage() && its.beside() == stage.beside();
    });
    if (found == sum.mutable_stages()->end()) {
      *sum.add_stages() = stage;
    } else {
      AddStage(stage, *found);
    }
  }
}

DeviceStage TotalOf(const DeviceUse& use) {
  DeviceStage total;
  for (const DeviceStage& stage : use.stages()) {
    if (!stage.beside()) AddStage(stage, total);
  }
  return total;
}

}  // namespace nibble
