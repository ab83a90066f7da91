// The output of a job, known before its first byte: every tensor's type and place, the metadata, the exact size.
#ifndef NIBBLE_PIPELINE_PLAN_H_
#define NIBBLE_PIPELINE_PLAN_H_

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "formats/gguf/gguf.h"
#include "model/model.h"
#include "model/tensor_list.h"
#include "pipeline/report.pb.h"
#include "pipeline/types.h"
#include "quant/block/format.h"

namespace nibble {

struct OutputTensor {
  size_t place = 0;  // in its plan
  TensorStack slices;
  std::string name;
  Format format = Format::kF32;
  bool keep_bits = false;  // the stored blocks are copied
};

struct OutputPlan {
  std::vector<OutputTensor> tensors;
  gguf::Layout layout;  // an offset per tensor
  Plan report;
};

// REQUIRES: one choice per stack of `model`, which outlives the plan.
OutputPlan MakePlan(const Model& model, const TypeChoices& choices);

// The report alone, for those who ask for many choices: HeaderBytes() is what comes before a file's tensors, the same
// for all choices, and takes as long as the vocabulary is large.
uint64_t HeaderBytes(const Model& model);
Plan MakeReport(const Model& model, const TypeChoices& choices, uint64_t header_bytes);

}  // namespace nibble

#endif  // NIBBLE_PIPELINE_PLAN_H_
