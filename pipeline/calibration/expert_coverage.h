// How many of a calibration text's tokens the experts of each layer saw.
#ifndef NIBBLE_PIPELINE_CALIBRATION_EXPERT_COVERAGE_H_
#define NIBBLE_PIPELINE_CALIBRATION_EXPERT_COVERAGE_H_

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "model/model.h"
#include "model/tensor_list.h"
#include "pipeline/report.pb.h"

namespace nibble {

// Tokens that each slice of a stack of linears saw; empty if that is not known.
using TokensOfSlices = std::function<std::vector<int64_t>(TensorStack)>;

// Fills `report.experts` in: the layers in which it is known for a linear of the experts, in their order.
void AddCoverage(const Model& model, const TokensOfSlices& tokens, CalibrationReport& report);

// What to warn of: experts that saw no token.
std::optional<std::string> UnseenExperts(const CalibrationReport& report);

}  // namespace nibble

#endif  // NIBBLE_PIPELINE_CALIBRATION_EXPERT_COVERAGE_H_
