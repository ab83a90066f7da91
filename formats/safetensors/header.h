// The header of one safetensors file, checked by every rule of the format (https://huggingface.co/docs/safetensors):
//
//   u64, little-endian      length of the JSON, at most 100,000,000 and at most the rest of the file
//   JSON object             begins with '{'; white space may follow it; no name twice
//     "__metadata__"        optional: an object of strings
//     every other member    {"dtype": one of 22, "shape": [sizes], "data_offsets": [begin, end]}, nothing else;
//                           numbers are integers in [0, 2^53]; sizes may be 0, a shape may be empty
//   the tensors' bytes      end - begin = elements * bits / 8, a whole number that 64 bits can count;
//                           sorted by begin they follow each other from 0 to the end of the file
//
// and two of ours: a tensor's name has at most 1000 bytes, no control characters and no ".." among its steps; a shape
// has at most 64 sizes.
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
