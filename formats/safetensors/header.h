// The header of one safetensors file, checked by every rule of the format.
#ifndef NIBBLE_FORMATS_SAFETENSORS_HEADER_H_
#define NIBBLE_FORMATS_SAFETENSORS_HEADER_H_

#include <cstdint>
#include <string>
#include <vector>

#include "absl/container/btree_map.h"
#include "absl/status/statusor.h"
#include "formats/io/file.h"
#include "formats/tensor_source.h"

namespace nibble::safetensors {

inline constexpr uint64_t kMaxHeaderBytes = 100'000'000;

using Metadata = absl::btree_map<std::string, std::string>;

struct Header {
  std::vector<StoredTensor> tensors;  // in the order of their bytes; `file` is 0
  Metadata metadata;
};

// Reads the header in one pass. Time and memory are bounded by the header's own length.
absl::StatusOr<Header> ReadHeader(const io::ReadableFile& file);

}  // namespace nibble::safetensors

#endif  // NIBBLE_FORMATS_SAFETENSORS_HEADER_H_
