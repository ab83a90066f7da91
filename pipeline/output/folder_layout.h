// Where everything of a folder goes, known before the first write: which published tensors are
// copied, which are replaced by codes and scales, and in which file each lies.
#ifndef NIBBLE_PIPELINE_OUTPUT_FOLDER_LAYOUT_H_
#define NIBBLE_PIPELINE_OUTPUT_FOLDER_LAYOUT_H_

#include <cstdint>
#include <string>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "formats/safetensors/safetensors.h"
#include "formats/tensor_source.h"
#include "model/model.h"
#include "model/tensor_list.h"
#include "pipeline/output/output_tensor.h"
#include "pipeline/types/container.h"
#include "quant/block/format.h"

namespace nibble {

struct FolderLayout {
  struct File {
    std::string name;  // "model.safetensors", "model-00001-of-00002.safetensors"
    safetensors::Layout layout;
  };
  struct Place {
    uint32_t file = 0;
    uint64_t offset = 0;  // of its first byte
    uint64_t bytes = 0;
    size_t number = 0;  // in `names`
  };

  std::vector<File> files;
  std::string index;                               // model.safetensors.index.json; empty: there is one file
  std::vector<std::string> names;                  // of every tensor, in the files' order
  absl::flat_hash_map<std::string, Place> places;  // of these
  std::vector<const StoredTensor*> copies;         // that go to their own names' places
  std::string quantization_config;                 // JSON; empty: nothing is quantized
  // What follows the weight's name in those of its codes and scales.
  absl::string_view codes_suffix = "_packed";
  absl::string_view scales_suffix = "_scale";

  uint64_t tensor_bytes = 0;
  uint64_t file_bytes = 0;  // of `files`
};

// `model`: as it is published, whatever it is read from. `tensors`: all of its that the folder has. What a folder has
// already, and keeps its bits, is copied; so is what no tensor is read from,
// but for FP8, which would need a config of its own, and for what belongs to the scales of weights that are not kept. A
// tensor of a format with a packing (packing.h) becomes "x.weight_packed", "x.weight_scale" and, for INT4,
// "x.weight_shape", for NVFP4 "x.weight_global_scale"; in gpt-oss's own layout (kMxfp4) all experts together are
// "x_blocks" [experts, out, in / 32, 16] and "x_scales" [experts, out, in / 32]. One of another format keeps its name
// and shape. Files are cut at `max_shard_bytes` of tensors.
FolderLayout LayOutFolder(const Model& model, Container container, absl::Span<const OutputTensor> tensors,
                          uint64_t max_shard_bytes);

// What tensors, as they are published one by one, take in a compressed-tensors folder: bytes, and what a header says of
// them, at least and (where no offset has more than `digits` digits) at most.
struct FolderBytes {
  uint64_t least = 0;
  uint64_t most = 0;
};
FolderBytes BytesInFolder(TensorStack published, Format format, int digits);

}  // namespace nibble

#endif  // NIBBLE_PIPELINE_OUTPUT_FOLDER_LAYOUT_H_
