#include "formats/safetensors/shards.h"

#include <iterator>
#include <memory>
#include <utility>

#include "base/status.h"
#include "formats/safetensors/header.h"

namespace nibble::safetensors {

absl::StatusOr<Checkpoint> OpenShards(io::FileSystem& files, const std::vector<std::string>& paths) {
  std::vector<std::unique_ptr<io::ReadableFile>> shards;
  std::vector<StoredTensor> tensors;
  Checkpoint checkpoint;
  for (const std::string& path : paths) {
    NIBBLE_ASSIGN_OR_RETURN(std::unique_ptr<io::ReadableFile> shard, files.Open(path));
    NIBBLE_ASSIGN_OR_RETURN(Header header, ReadHeader(*shard));
    for (StoredTensor& tensor : header.tensors) tensor.file = static_cast<uint32_t>(shards.size());
    if (shards.empty()) {
      tensors = std::move(header.tensors);
      checkpoint.metadata = std::move(header.metadata);
    } else {
      tensors.insert(tensors.end(), std::move_iterator(header.tensors.begin()),
                     std::move_iterator(header.tensors.end()));
    }
    shards.push_back(std::move(shard));
  }
  NIBBLE_ASSIGN_OR_RETURN(checkpoint.tensors, TensorSource::Create(std::move(shards), std::move(tensors)));
  return checkpoint;
}

}  // namespace nibble::safetensors
