#include "pipeline/output/tensor_hashes.h"

#include <omp.h>

#include <algorithm>
#include <cassert>
#include <system_error>
#include <thread>
#include <utility>

#include "absl/container/flat_hash_map.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "base/status.h"
#include "formats/io/sha256.h"
#include "pipeline/comm/divide.h"

namespace nibble {
namespace {

constexpr uint64_t kMaxWaitingBytes = 1 << 30;  // that the system still has in memory

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

absl::StatusOr<std::vector<std::string>> TensorHashes::Finish(io::FileSystem& files, Comm& comm, int threads,
                                                              absl::FunctionRef<absl::Status()> meanwhile) {
  std::vector<size_t> own, left;
  for (size_t i = 0; i < places_.size(); ++i) {
    if (hashes_[i].empty() && (comm.size() == 1 || missing_[i] == 0)) own.push_back(i);
  }
  NIBBLE_RETURN_IF_ERROR(HashAll(own, threads, meanwhile));
  if (comm.size() == 1) return std::move(hashes_);
  NIBBLE_RETURN_IF_ERROR(GatherHashes(comm));
  NIBBLE_RETURN_IF_ERROR(OpenAnew(files));
  std::vector<uint64_t> bytes;
  for (size_t i = 0; i < places_.size(); ++i) bytes.push_back(hashes_[i].empty() ? places_[i].bytes : 0);
  const std::vector<int> owners = Divide(bytes, comm.size());
  for (size_t i = 0; i < places_.size(); ++i) {
    if (hashes_[i].empty() && owners[i] == comm.rank()) left.push_back(i);
  }
  NIBBLE_RETURN_IF_ERROR(HashAll(left, threads, [] { return absl::OkStatus(); }));
  NIBBLE_RETURN_IF_ERROR(GatherHashes(comm));
  return std::move(hashes_);
}

absl::Status TensorHashes::HashAll(std::vector<size_t> tensors, int threads,
                                   absl::FunctionRef<absl::Status()> meanwhile) {
  // The largest first: no thread is alone with one in the end.
  std::stable_sort(tensors.begin(), tensors.end(),
                   [&](size_t a, size_t b) { return places_[a].bytes > places_[b].bytes; });
  std::vector<absl::Status> done(tensors.size() + 1);
  // A thread of its own, which OpenMP's are not: for one that has no room, OpenMP would end the program.
  std::thread beside;
  try {
    beside = std::thread([&] { done.back() = meanwhile(); });
  } catch (const std::system_error&) {
    done.back() = meanwhile();
  }
#pragma omp parallel for schedule(dynamic, 1) num_threads(threads > 0 ? threads : omp_get_max_threads())
  for (size_t i = 0; i < tensors.size(); ++i) done[i] = Hash(tensors[i]);
  if (beside.joinable()) beside.join();
  for (const absl::Status& status : done) NIBBLE_RETURN_IF_ERROR(status);
  return absl::OkStatus();
}

absl::Status TensorHashes::GatherHashes(Comm& comm) {
  NIBBLE_ASSIGN_OR_RETURN(const std::vector<std::string> all, comm.AllGather(absl::StrJoin(hashes_, " ")));
  for (const std::string& text : all) {
    const std::vector<std::string> its = absl::StrSplit(text, ' ');
    for (size_t i = 0; i < std::min(its.size(), hashes_.size()); ++i) {
      if (hashes_[i].empty()) hashes_[i] = its[i];
    }
  }
  return absl::OkStatus();
}

absl::Status TensorHashes::OpenAnew(io::FileSystem& files) {
  absl::flat_hash_map<std::string, std::shared_ptr<const io::ReadableFile>> opened;
  for (Place& place : places_) {
    std::shared_ptr<const io::ReadableFile>& file = opened[place.file->path()];
    if (file == nullptr) {
      NIBBLE_ASSIGN_OR_RETURN(file, files.Open(place.file->path()));
    }
    place.file = file;
  }
  return absl::OkStatus();
}

}  // namespace nibble
