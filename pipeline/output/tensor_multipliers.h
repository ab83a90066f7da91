// The factor that brings a model's weights into the range of formats whose scales are small numbers themselves: NVFP4
// in a folder, whose scales are E4M3 (from 2^-9 to 448).
#ifndef NIBBLE_PIPELINE_OUTPUT_TENSOR_MULTIPLIERS_H_
#define NIBBLE_PIPELINE_OUTPUT_TENSOR_MULTIPLIERS_H_

#include "absl/status/status.h"
#include "model/model.h"
#include "pipeline/comm/comm.h"
#include "pipeline/output/plan.h"

namespace nibble {

// Sets OutputTensor::multiplier of the tensors that have one: the largest power of two under which no scale overflows,
// one for all of them, as runtimes want of linears that they fuse. A power of two loses nothing and leaves values exact
// in BF16. Reads these tensors, on so many threads (0: all), divided among ranks. Collective. kDataLoss as ReadRows.
absl::Status SetMultipliers(const Model& model, int threads, Comm& comm, OutputPlan& plan);

}  // namespace nibble

#endif  // NIBBLE_PIPELINE_OUTPUT_TENSOR_MULTIPLIERS_H_
