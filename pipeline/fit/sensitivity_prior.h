// How much a tensor matters, by what it is: for where no text shows it.
#ifndef NIBBLE_PIPELINE_FIT_SENSITIVITY_PRIOR_H_
#define NIBBLE_PIPELINE_FIT_SENSITIVITY_PRIOR_H_

#include "model/logical_tensor.h"
#include "model/model.h"
#include "model/role.h"

namespace nibble {

// The KL divergence, in nats, that losing a share of the tensor's squares would cost, over that share, for small ones
// (docs/methods.md says where it comes from).
double PriorSensitivity(const Model& model, const LogicalTensor& tensor);

// Of all tensors of a role together.
double PriorOfAll(Role role);

}  // namespace nibble

#endif  // NIBBLE_PIPELINE_FIT_SENSITIVITY_PRIOR_H_
