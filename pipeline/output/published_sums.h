// The SHA-256 of files, where a folder publishes them beside the files.
//
//   SHA256SUMS, sha256sums.txt, *.sha256 and the like         lines "<digits>  <name>", as sha256sum writes them
//   <name>.sha256                                             the digits alone
//   .cache/huggingface/download/<name>.metadata               the second line, of files that lie in LFS
#ifndef NIBBLE_PIPELINE_OUTPUT_PUBLISHED_SUMS_H_
#define NIBBLE_PIPELINE_OUTPUT_PUBLISHED_SUMS_H_

#include <string>

#include "absl/container/flat_hash_map.h"
#include "absl/status/statusor.h"
#include "formats/io/file.h"

namespace nibble {

struct PublishedSum {
  std::string sha256;
  std::string path;  // of the file that says so
};

// By the name of the file that each is of; what is no sum is passed over. kDataLoss if two files tell of one name, and
// not the same.
absl::StatusOr<absl::flat_hash_map<std::string, PublishedSum>> ReadPublishedSums(io::FileSystem& files,
                                                                                 const std::string& folder);

}  // namespace nibble

#endif  // NIBBLE_PIPELINE_OUTPUT_PUBLISHED_SUMS_H_
