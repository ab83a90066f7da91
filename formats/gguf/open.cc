#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_join.h"
#include "absl/strings/strip.h"
#include "base/status.h"
#include "formats/gguf/gguf.h"
#include "formats/gguf/part.h"

namespace nibble::gguf {
namespace {

constexpr absl::string_view kNumberKey = "split.no";  // counted from 0; the names count from 1
constexpr absl::string_view kCountKey = "split.count";
constexpr absl::string_view kTensorsKey = "split.tensors.count";
constexpr uint64_t kMaxParts = 99999;
constexpr uint64_t kMaxTensors = INT32_MAX;

std::string PartSuffix(uint64_t number, uint64_t count) {
  return absl::StrFormat("-%05u-of-%05u.gguf", number + 1, count);
}

// `why` follows what was expected.
absl::Status CheckKey(const Metadata& metadata, absl::string_view key, uint64_t expected, absl::string_view why = "") {
  NIBBLE_ASSIGN_OR_RETURN(uint64_t found, metadata.Uint(key, 0, kMaxTensors));
  if (found == expected) return absl::OkStatus();
  return BadData(metadata.Place(key), absl::StrCat(expected, why), absl::StrCat(found));
}

// The paths of all parts, in order. kNotFound with the list of those that are missing.
absl::StatusOr<std::vector<std::string>> PartPaths(io::FileSystem& files, const std::string& first, uint64_t count) {
  absl::string_view stem = first;
  if (!absl::ConsumeSuffix(&stem, PartSuffix(0, count))) {
    return BadData(first, absl::StrCat("a name that ends in ", PartSuffix(0, count)),
                   "another, of a split's first part");
  }
  std::vector<std::string> paths, missing;
  for (uint64_t i = 0; i < count; ++i) {
    paths.push_back(absl::StrCat(stem, PartSuffix(i, count)));
    if (absl::IsNotFound(files.Stat(paths.back()).status())) missing.push_back(paths.back());
  }
  if (missing.empty()) return paths;
  return absl::NotFoundError(
      absl::StrCat(first, ": expected ", count, " parts, missing ", absl::StrJoin(missing, ", ")));
}

// Reads the parts behind the first, which is `whole`, into it.
absl::Status ReadOtherParts(io::FileSystem& files, const std::string& first, uint64_t count, Part& whole,
                            std::vector<std::unique_ptr<io::ReadableFile>>& opened) {
  NIBBLE_RETURN_IF_ERROR(CheckKey(whole.metadata, kNumberKey, 0, ", of the first part, which opens them all"));
  NIBBLE_ASSIGN_OR_RETURN(uint64_t tensors, whole.metadata.Uint(kTensorsKey, 0, kMaxTensors));
  NIBBLE_ASSIGN_OR_RETURN(std::vector<std::string> paths, PartPaths(files, first, count));
  for (uint64_t i = 1; i < count; ++i) {
    NIBBLE_ASSIGN_OR_RETURN(Part part, ReadPart(files, paths[i]));
    NIBBLE_RETURN_IF_ERROR(CheckKey(part.metadata, kNumberKey, i));
    NIBBLE_RETURN_IF_ERROR(CheckKey(part.metadata, kCountKey, count));
    NIBBLE_RETURN_IF_ERROR(CheckKey(part.metadata, kTensorsKey, tensors));
    for (StoredTensor& tensor : part.tensors) {
      tensor.file = static_cast<uint32_t>(i);
      whole.tensors.push_back(std::move(tensor));
    }
    opened.push_back(std::move(part.file));
  }
  if (whole.tensors.size() == tensors) return absl::OkStatus();
  return BadData(whole.metadata.Place(kTensorsKey), absl::StrCat(tensors, " tensors in all parts"),
                 absl::StrCat(whole.tensors.size()));
}

}  // namespace

absl::StatusOr<File> Open(io::FileSystem& files, const std::string& path) {
  NIBBLE_ASSIGN_OR_RETURN(Part part, ReadPart(files, path));
  std::vector<std::unique_ptr<io::ReadableFile>> opened;
  opened.push_back(std::move(part.file));
  if (part.metadata.Find(kCountKey) != nullptr) {
    NIBBLE_ASSIGN_OR_RETURN(uint64_t count, part.metadata.Uint(kCountKey, 0, kMaxParts));
    // llama-gguf-split writes 0 into what it has merged.
    if (count > 1) NIBBLE_RETURN_IF_ERROR(ReadOtherParts(files, path, count, part, opened));
  }
  File file;
  NIBBLE_ASSIGN_OR_RETURN(file.tensors, TensorSource::Create(std::move(opened), std::move(part.tensors)));
  file.metadata = std::move(part.metadata);
  return file;
}

}  // namespace nibble::gguf
