// Several safetensors files as one checkpoint. Internal to formats/safetensors.
#ifndef NIBBLE_FORMATS_SAFETENSORS_SHARDS_H_
#define NIBBLE_FORMATS_SAFETENSORS_SHARDS_H_

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "formats/io/file.h"
#include "formats/safetensors/safetensors.h"

namespace nibble::safetensors {

// Opens all of them, in this order. kDataLoss also if two hold tensors of one name.
absl::StatusOr<Checkpoint> OpenShards(io::FileSystem& files, const std::vector<std::string>& paths);

}  // namespace nibble::safetensors

#endif  // NIBBLE_FORMATS_SAFETENSORS_SHARDS_H_
