// What a file or folder says of its model beside tensors, as texts to compare.
#ifndef NIBBLE_PIPELINE_CHECK_COMPARABLE_KEYS_H_
#define NIBBLE_PIPELINE_CHECK_COMPARABLE_KEYS_H_

#include <map>
#include <string>

#include "absl/status/statusor.h"
#include "formats/gguf/gguf.h"
#include "formats/io/file.h"
#include "pipeline/check/check.pb.h"

namespace nibble {

// By name: texts that are the same where values, and their types, are.
using Keys = std::map<std::string, std::string>;

// The manifest is its members, but for tensors, which are compared as they are.
Keys KeysOf(const gguf::Metadata& metadata);

// The config's and the manifest's members, and the sizes and hashes of the files that are neither tensors nor tell
// where those are.
absl::StatusOr<Keys> KeysOfFolder(io::FileSystem& files, const std::string& folder);

void CompareKeys(const Keys& a, const Keys& b, DiffReport& report);

}  // namespace nibble

#endif  // NIBBLE_PIPELINE_CHECK_COMPARABLE_KEYS_H_
