#include "device/cuda/fake_nccl.h"

#include <algorithm>
#include <cstddef>
#include <cstring>
#include <deque>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <utility>
#include <vector>

#include "device/cuda/nccl.h"

namespace nibble::cuda {
namespace {

constexpr NcclResult kSystemError{2}, kInvalidArgument{4}, kRemoteError{6};

bool IsDone(const void* stream);

FakeNccl& State() {
  static FakeNccl state = {.is_done = IsDone};
  return state;
}

// What the members of a communicator share; guarded by `mutex`.
struct Room {
  std::mutex mutex;
  int joined = 0;
  std::map<std::pair<int, int>, std::deque<std::vector<float>>> mail;  // from, to
};

std::mutex mutex;  // of what follows
std::map<std::string, std::shared_ptr<Room>> rooms;
std::map<const void*, NcclComm*> last_on;  // each stream
int next_id = 0;

}  // namespace

struct NcclComm {
  struct Arrival {
    int from;
    float* to;
    size_t count;
  };

  // Takes what has come.
  bool IsDone() {
    std::lock_guard lock(room->mutex);
    while (!arrivals.empty() && error == kNcclSuccess) {
      const Arrival& next = arrivals.front();
      std::deque<std::vector<float>>& mail = room->mail[{next.from, rank}];
      if (mail.empty()) break;
      if (mail.front().size() != next.count) {
        error = kInvalidArgument;
      } else {
        std::copy(mail.front().begin(), mail.front().end(), next.to);
      }
      mail.pop_front();
      arrivals.pop_front();
    }
    return arrivals.empty() && error == kNcclSuccess;
  }
  bool IsMeant(FakeFailure failure) const { return State().failure == failure && State().rank == rank; }

  std::shared_ptr<Room> room;
  int count, rank;
  NcclResult error = kNcclSuccess;
  std::deque<Arrival> arrivals;
  int looks = 0;  // since the last call
};

namespace {

// Of the group that a thread has begun.
struct Group {
  NcclComm* comm = nullptr;
  void* stream = nullptr;
  std::vector<std::pair<int, std::vector<float>>> sent;
  std::vector<NcclComm::Arrival> arrivals;
};
thread_local std::unique_ptr<Group> group;

bool IsDone(const void* stream) {
  std::lock_guard lock(mutex);
  const auto found = last_on.find(stream);
  return found == last_on.end() || found->second->IsDone();
}

NcclResult Begin(NcclComm* comm, int type, int peer, void* stream) {
  if (group == nullptr || type != kNcclFloat32 || peer < 0 || peer >= comm->count) return kInvalidArgument;
  group->comm = comm;
  group->stream = stream;
  return kNcclSuccess;
}

}  // namespace

extern "C" {

FakeNccl* FakeNcclState() { return &State(); }

NcclResult ncclGetVersion(int* version) {
  *version = State().version;
  return kNcclSuccess;
}

NcclResult ncclGetUniqueId(NcclUniqueId* id) {
  std::lock_guard lock(mutex);
  *id = {};
  const std::string name = "room " + std::to_string(next_id++);
  name.copy(id->internal, sizeof(id->internal));
  return kNcclSuccess;
}

NcclResult ncclCommInitRankConfig(NcclComm** comm, int count, NcclUniqueId id, int rank, NcclConfig* config) {
  State().on_call();
  if (config->size < sizeof(NcclConfig) || config->magic != 0xcafebeef || config->version < 21400 ||
      config->blocking != 0) {
    return kInvalidArgument;
  }
  if (State().failure == FakeFailure::kInit && State().rank == rank) return kSystemError;
  std::lock_guard lock(mutex);
  std::shared_ptr<Room>& room = rooms[std::string(id.internal, sizeof(id.internal))];
  if (room == nullptr) room = std::make_shared<Room>();
  *comm = new NcclComm{.room = room, .count = count, .rank = rank};
  std::lock_guard room_lock(room->mutex);
  ++room->joined;
  ++State().communicators;
  return kNcclInProgress;
}

NcclResult ncclCommGetAsyncError(NcclComm* comm, NcclResult* error) {
  std::lock_guard lock(comm->room->mutex);
  *error = comm->error;
  const bool is_early = comm->room->joined < comm->count || ++comm->looks < 3;
  if (*error == kNcclSuccess && is_early) *error = kNcclInProgress;
  return kNcclSuccess;
}

NcclResult ncclCommAbort(NcclComm* comm) {
  State().on_call();
  std::lock_guard lock(mutex);
  std::erase_if(last_on, [&](const auto& entry) { return entry.second == comm; });
  --State().communicators;
  delete comm;
  return kNcclSuccess;
}

NcclResult ncclGroupStart() {
  State().on_call();
  group = std::make_unique<Group>();
  return kNcclSuccess;
}

NcclResult ncclSend(const void* from, size_t count, int type, int peer, NcclComm* comm, void* stream) {
  const NcclResult result = Begin(comm, type, peer, stream);
  const auto* const floats = static_cast<const float*>(from);
  if (result == kNcclSuccess) group->sent.emplace_back(peer, std::vector<float>(floats, floats + count));
  return result;
}

NcclResult ncclRecv(void* to, size_t count, int type, int peer, NcclComm* comm, void* stream) {
  const NcclResult result = Begin(comm, type, peer, stream);
  if (result == kNcclSuccess) group->arrivals.push_back({peer, static_cast<float*>(to), count});
  return result;
}

NcclResult ncclGroupEnd() {
  const std::unique_ptr<Group> ended = std::move(group);
  NcclComm* const comm = ended->comm;
  if (comm == nullptr) return kNcclSuccess;  // of nothing
  State().sends += static_cast<int>(ended->sent.size());
  if (comm->IsMeant(FakeFailure::kGroup)) return kInvalidArgument;
  std::lock_guard all_lock(mutex);
  std::lock_guard lock(comm->room->mutex);
  comm->looks = 0;
  if (comm->IsMeant(FakeFailure::kAsync)) comm->error = kRemoteError;
  for (auto& [to, floats] : ended->sent) comm->room->mail[{comm->rank, to}].push_back(std::move(floats));
  comm->arrivals.insert(comm->arrivals.end(), ended->arrivals.begin(), ended->arrivals.end());
  last_on[ended->stream] = comm;
  return kNcclInProgress;
}

const char* ncclGetErrorString(NcclResult result) {
  switch (static_cast<int>(result)) {
    case 2:
      return "a fake system error";
    case 4:
      return "a fake invalid argument";
    default:
      return "a fake remote error";
  }
}

}  // extern "C"

}  // namespace nibble::cuda
