#include "pipeline/tensor_hashes.h"

#include <omp.h>

#include <cassert>
#include <utility>

#include "base/status.h"
#include "formats/io/sha256.h"

namespace nibble {

TensorHashes::TensorHashes(std::vector<Place> places)
    : places_(std::move(places)), missing_(places_.size()), hashes_(places_.size()) {
  for (size_t i = 0; i < places_.size(); ++i) missing_[i] = places_[i].bytes;
}

absl::Status TensorHashes::Wrote(size_t tensor, uint64_t bytes) {
  const uint64_t missing = missing_[tensor].fetch_sub(bytes);
  assert(bytes <= missing);
  return bytes > 0 && missing == bytes ? Hash(tensor) : absl::OkStatus();
}

absl::Status TensorHashes::Hash(size_t tensor) {
  const Place& place = places_[tensor];
  NIBBLE_ASSIGN_OR_RETURN(hashes_[tensor], io::Sha256Of(*place.file, place.offset, place.bytes));
  return absl::OkStatus();
}

absl::StatusOr<std::vector<std::string>> TensorHashes::Finish(int threads) {
  std::vector<absl::Status> failed(places_.size());
#pragma omp parallel for schedule(dynamic, 1) num_threads(threads > 0 ? threads : omp_get_max_threads())
  for (size_t i = 0; i < places_.size(); ++i) {
    if (hashes_[i].empty()) failed[i] = Hash(i);
  }
  for (const absl::Status& status : failed) NIBBLE_RETURN_IF_ERROR(status);
  return std::move(hashes_);
}

}  // namespace nibble
