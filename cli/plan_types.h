// What a plan's tensors take: by type, and by weight.
#ifndef NIBBLE_CLI_PLAN_TYPES_H_
#define NIBBLE_CLI_PLAN_TYPES_H_

#include <vector>

#include "pipeline/report.pb.h"

namespace nibble::cli {

// Most bytes first.
std::vector<TypeUse> TypesOf(const Plan& plan);

double BitsPerWeight(const PlannedTensor& tensor);

}  // namespace nibble::cli

#endif  // NIBBLE_CLI_PLAN_TYPES_H_
