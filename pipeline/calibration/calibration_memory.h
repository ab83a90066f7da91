// What a calibrated job needs at once, known before it begins.
#ifndef NIBBLE_PIPELINE_CALIBRATION_CALIBRATION_MEMORY_H_
#define NIBBLE_PIPELINE_CALIBRATION_CALIBRATION_MEMORY_H_

#include <cstdint>

#include "model/model.h"
#include "pipeline/calibration/write_linears.h"
#include "pipeline/output/plan.h"
#include "pipeline/verify/verify_windows.h"

namespace nibble {

// In bytes; of memory never less than what WriteLinears takes.
struct CalibrationMemory {
  uint64_t working = 0;      // weights, activations, and the statistics of a stage with what is solved with them
  uint64_t states = 0;       // hidden states: what may lie in a work file
  uint64_t checkpoints = 0;  // of their file
};

CalibrationMemory MemoryOf(const Model& model, const OutputPlan& plan, const Windows& windows,
                           const LinearOptions& options);

}  // namespace nibble

#endif  // NIBBLE_PIPELINE_CALIBRATION_CALIBRATION_MEMORY_H_
