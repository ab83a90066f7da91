#include "pipeline/tensor_hashes.h"

#include <omp.h>

#include <algorithm>
#include <cassert>
#include <system_error>
#include <thread>
#include <utility>

#include "base/status.h"
#include "formats/io/sha256.h"

namespace nibble {
namespace {

constexpr uint64_t kMaxWaitingBytes = 256 << 20;  // that the system surely still has in memory

}  // namespace

TensorHashes::TensorHashes(std::vector<Place> places)
    : places_(std::move(places)), missing_(places_.size()), hashes_(places_.size()) {
  for (size_t i = 0; i < places_.size(); ++i) missing_[i] = places_[i].bytes;
}

absl::Status TensorHashes::Wrote(size_t tensor, uint64_t bytes) {
  const uint64_t missing = missing_[tensor].fetch_sub(bytes);
  assert(bytes <= missing);
  if (bytes == 0 || missing != bytes) return absl::OkStatus();
  std::vector<size_t> due;
  {
    absl::MutexLock lock(&mutex_);
    waiting_.push_back(tensor);
    waiting_bytes_ += places_[tensor].bytes;
    for (; waiting_bytes_ > kMaxWaitingBytes; waiting_.pop_front()) {
      due.push_back(waiting_.front());
      waiting_bytes_ -= places_[waiting_.front()].bytes;
    }
  }
  for (const size_t each : due) NIBBLE_RETURN_IF_ERROR(Hash(each));
  return absl::OkStatus();
}

absl::Status TensorHashes::Hash(size_t tensor) {
  const Place& place = places_[tensor];
  NIBBLE_ASSIGN_OR_RETURN(hashes_[tensor], io::Sha256Of(*place.file, place.offset, place.bytes));
  return absl::OkStatus();
}

absl::StatusOr<std::vector<std::string>> TensorHashes::Finish(int threads,
                                                              absl::FunctionRef<absl::Status()> meanwhile) {
  std::vector<size_t> left;
  for (size_t i = 0; i < places_.size(); ++i) {
    if (hashes_[i].empty()) left.push_back(i);
  }
  // The largest first: no thread is alone with one in the end.
  std::stable_sort(left.begin(), left.end(), [&](size_t a, size_t b) { return places_[a].bytes > places_[b].bytes; });
  std::vector<absl::Status> done(left.size() + 1);
  // A thread of its own, which OpenMP's are not: for one that has no room, OpenMP would end the program.
  std::thread beside;
  try {
    beside = std::thread([&] { done.back() = meanwhile(); });
  } catch (const std::system_error&) {
    done.back() = meanwhile();
  }
#pragma omp parallel for schedule(dynamic, 1) num_threads(threads > 0 ? threads : omp_get_max_threads())
  for (size_t i = 0; i < left.size(); ++i) done[i] = Hash(left[i]);
  if (beside.joinable()) beside.join();
  for (const absl::Status& status : done) NIBBLE_RETURN_IF_ERROR(status);
  return std::move(hashes_);
}

}  // namespace nibble
