#include "pipeline/calibration/calibrated_linears.h"

#include <algorithm>

#include "model/logical_tensor.h"
#include "quant/block/format.h"

namespace nibble {

std::vector<bool> CalibratedTensors(const OutputPlan& plan, LinearMethod method) {
  std::vector<bool> calibrated, in_eight_bits;
  for (const OutputTensor& tensor : plan.tensors) {
    const bool observed = !tensor.keep_bits && FindStage(tensor.slices[0].role) != nullptr;
    const bool plain = GetFormat(tensor.format).block_elements == 1;
    in_eight_bits.push_back(observed && tensor.format == Format::kQ8_0);
    calibrated.push_back(observed && !plain && tensor.format != Format::kQ8_0);
  }
  const bool any = std::find(calibrated.begin(), calibrated.end(), true) != calibrated.end();
  for (size_t i = 0; any && method == LinearMethod::kGptq && i < calibrated.size(); ++i) {
    if (in_eight_bits[i]) calibrated[i] = true;
  }
  return calibrated;
}

CalibratedLinears::CalibratedLinears(const OutputPlan& plan, LinearMethod method) : plan_(plan) {
  const std::vector<bool> calibrated = CalibratedTensors(plan, method);
  for (size_t i = 0; i < plan.tensors.size(); ++i) {
    const LogicalTensor& first = plan.tensors[i].slices[0];
    if (calibrated[i]) places_[{first.role, first.layer}] = i;
  }
}

bool CalibratedLinears::HasAny(const Stage& stage, int layer) const {
  return std::any_of(stage.roles.begin(), stage.roles.end(), [&](Role role) { return Has(role, layer); });
}

std::vector<MadeLinear> CalibratedLinears::Of(const Stage& stage, int layer, int slice) const {
  std::vector<MadeLinear> linears;
  for (const Role role : stage.roles) {
    const auto found = places_.find(std::pair(role, layer));
    if (found != places_.end()) linears.emplace_back(plan_.tensors[found->second], slice);
  }
  return linears;
}

bool CalibratedLinears::AreIn(Output& output, int layers) const {
  return std::all_of(places_.begin(), places_.end(), [&](const auto& entry) {
    const OutputTensor& tensor = plan_.tensors[entry.second];
    for (size_t i = 0; i < tensor.slices.size(); ++i) {
      const bool made = entry.first.second < layers;
      if (made && !output.Has(tensor, i, 0, tensor.slices[i].rows)) return false;
    }
    return true;
  });
}

}  // namespace nibble
