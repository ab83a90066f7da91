// The writing of a planned output: panels of rows are read, encoded and written at their places, on all cores. Memory
// is a few buffers per thread, whatever the model's size; the bytes do not depend on the number of threads.
#ifndef NIBBLE_PIPELINE_OUTPUT_STREAM_H_
#define NIBBLE_PIPELINE_OUTPUT_STREAM_H_

#include <cstdint>

#include "absl/status/statusor.h"
#include "device/measured_device.h"
#include "model/model.h"
#include "pipeline/comm/comm.h"
#include "pipeline/output/column_weights.h"
#include "pipeline/output/output.h"
#include "pipeline/output/plan.h"
#include "pipeline/progress.h"

namespace nibble {

enum class Method { kRtn, kWeighted };

struct StreamOptions {
  Method method = Method::kWeighted;
  int threads = 0;                         // 0: all
  const char* stage = "quantize";          // for progress
  const ColumnWeights* weights = nullptr;  // for kWeighted; null: all columns count the same
  Comm* comm = &Comm::Alone();             // of several ranks each writes its panels
  MeasuredDevice* device = nullptr;        // that encodes, if it is not the host; null: the host does
};

struct StreamFigures {
  int64_t rounded_scales = 0;  // of kept 4-bit codes: not exactly what the output's scales can hold; of all ranks
  // Of this rank:
  uint64_t source_bytes = 0, output_bytes = 0;
  uint64_t cost = 0;  // as Panels::cost() has it
};

// The buffers that WriteTensors needs, in bytes, with so many threads (0: all).
uint64_t BufferBytes(const Model& model, const OutputPlan& plan, int threads);

// Writes all tensors of the plan that the output has not. kDataLoss names the tensor and index of a value that is not
// finite, or too large for its type. Of several errors of a rank the one that comes first in the file is returned.
// Collective over options.comm.
absl::StatusOr<StreamFigures> WriteTensors(const Model& model, const OutputPlan& plan, const StreamOptions& options,
                                           Output& output, Progress& progress);

}  // namespace nibble

#endif  // NIBBLE_PIPELINE_OUTPUT_STREAM_H_
