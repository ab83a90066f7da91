// The output of a job, known before its first byte: every tensor's type and place, the metadata, the exact size.
#ifndef NIBBLE_PIPELINE_OUTPUT_PLAN_H_
#define NIBBLE_PIPELINE_OUTPUT_PLAN_H_

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "formats/gguf/gguf.h"
#include "model/model.h"
#include "model/tensor_list.h"
#include "pipeline/output/folder_layout.h"
#include "pipeline/output/manifest.pb.h"
#include "pipeline/output/output_tensor.h"
#include "pipeline/report.pb.h"
#include "pipeline/source/publication.h"
#include "pipeline/types/type_choices.h"
#include "quant/block/format.h"

namespace nibble {

struct OutputPlan {
  std::vector<OutputTensor> tensors;               // those whose rows are written: of a folder, what it does not copy
  gguf::Layout layout;                             // of a GGUF: an offset per tensor
  Manifest manifest;                               // without hashes of tensors
  uint64_t manifest_at = 0;                        // of a GGUF: the byte where its text begins in the file
  uint64_t manifest_room = 0;                      // and what it may take
  std::optional<FolderLayout> folder;              // of a folder
  std::shared_ptr<const Publication> publication;  // of a folder, where the model was not read from one
  std::string config;                              // its config.json then
  Plan report;
};

// `manifest` says everything but tensors. REQUIRES: one choice per stack of `model`, which outlives the plan.
OutputPlan MakePlan(const Model& model, const TypeChoices& choices, const Manifest& manifest = {});
// REQUIRES: the choices are for a folder.
OutputPlan MakeFolderPlan(const Model& model, const TypeChoices& choices, uint64_t max_shard_bytes,
                          const Manifest& manifest = {});

// The report alone, for those who ask for many choices: HeaderBytes() is what comes before a file's tensors, the same
// for all choices, and takes as long as the vocabulary is large.
uint64_t HeaderBytes(const Model& model);
Plan MakeReport(const Model& model, const TypeChoices& choices, uint64_t header_bytes);

// What a GGUF says of the model beside tensors and the manifest.
gguf::Metadata GgufMetadata(const Model& model, uint32_t file_type);

std::vector<int64_t> ShapeOf(TensorStack slices);  // in a GGUF, outermost first
// What a tensor is read from, in a word: "BF16", "MXFP4", "config".
std::string SourceType(const Model& model, const LogicalTensor& tensor);

// What a tensor adds to a GGUF's size beside its entry in the header, alignment included.
uint64_t PlacedBytes(TensorStack slices, Format format);

}  // namespace nibble

#endif  // NIBBLE_PIPELINE_OUTPUT_PLAN_H_
