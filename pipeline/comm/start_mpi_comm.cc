// The only file that knows MPI.
#define OMPI_SKIP_MPICXX 1  // MPI's own C++, which nobody uses
#define MPICH_SKIP_MPICXX 1
#include <mpi.h>

#include <algorithm>
#include <chrono>
#include <cstdlib>
#include <thread>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/types/span.h"
#include "base/status.h"
#include "pipeline/comm/launched_ranks.h"
#include "pipeline/comm/rank_group.h"
#include "pipeline/comm/start_comm.h"

namespace nibble {
namespace {

constexpr int kFailureTag = 1, kPartTag = 2;
constexpr int64_t kBytesAtOnce = 1 << 30;  // MPI counts in int
constexpr std::chrono::microseconds kFirstSleep(20), kLongestSleep(2000);

absl::Status StatusOf(int error, absl::string_view call) {
  if (error == MPI_SUCCESS) return absl::OkStatus();
  char text[MPI_MAX_ERROR_STRING] = "";
  int length = 0;
  MPI_Error_string(error, text, &length);
  return absl::AbortedError(absl::StrCat(call, ": expected all ranks at work, found: ", text));
}

int RankIn(MPI_Comm comm) {
  int rank = 0;
  MPI_Comm_rank(comm, &rank);
  return rank;
}

int SizeOf(MPI_Comm comm) {
  int size = 1;
  MPI_Comm_size(comm, &size);
  return size;
}

// The ranks of this machine, in the order that they have among all.
struct LocalRanks {
  int size, rank;
};

LocalRanks FindLocalRanks() {
  MPI_Comm local;
  MPI_Comm_split_type(MPI_COMM_WORLD, MPI_COMM_TYPE_SHARED, RankIn(MPI_COMM_WORLD), MPI_INFO_NULL, &local);
  const LocalRanks ranks = {SizeOf(local), RankIn(local)};
  MPI_Comm_free(&local);
  return ranks;
}

std::string HostName() {
  char name[MPI_MAX_PROCESSOR_NAME] = "";
  int length = 0;
  MPI_Get_processor_name(name, &length);
  return name;
}

// MPI lives as long as this.
class MpiWire : public Wire {
 public:
  MpiWire() : rank_(RankIn(MPI_COMM_WORLD)), size_(SizeOf(MPI_COMM_WORLD)), local_(FindLocalRanks()) {
    MPI_Comm_set_errhandler(MPI_COMM_WORLD, MPI_ERRORS_RETURN);
  }
  ~MpiWire() override { MPI_Finalize(); }

  int rank() const override { return rank_; }
  int size() const override { return size_; }
  int local_ranks() const override { return local_.size; }
  int local_rank() const override { return local_.rank; }
  std::string host() const override { return HostName(); }

  absl::StatusOr<std::vector<Words>> Exchange(const Words& mine) override {
    std::vector<Words> all(size_);
    MPI_Request request;
    NIBBLE_RETURN_IF_ERROR(StatusOf(MPI_Iallgather(mine.data(), mine.size(), MPI_INT64_T, all.data(), mine.size(),
                                                   MPI_INT64_T, MPI_COMM_WORLD, &request),
                                    "MPI_Iallgather"));
    std::vector<MPI_Request> requests = {request};
    NIBBLE_RETURN_IF_ERROR(WaitFor(requests));
    return all;
  }

  absl::Status Share(int root, absl::Span<char> bytes) override {
    for (; !bytes.empty(); bytes.remove_prefix(CountOf(bytes))) {
      NIBBLE_RETURN_IF_ERROR(
          StatusOf(MPI_Bcast(bytes.data(), CountOf(bytes), MPI_CHAR, root, MPI_COMM_WORLD), "MPI_Bcast"));
    }
    return absl::OkStatus();
  }

  absl::StatusOr<std::vector<std::string>> AllToAll(absl::Span<const absl::Span<const char>> parts) override {
    std::vector<int64_t> sizes, its_sizes(size_);
    for (const absl::Span<const char> part : parts) sizes.push_back(part.size());
    NIBBLE_RETURN_IF_ERROR(StatusOf(
        MPI_Alltoall(sizes.data(), 1, MPI_INT64_T, its_sizes.data(), 1, MPI_INT64_T, MPI_COMM_WORLD), "MPI_Alltoall"));
    std::vector<std::string> all(size_);
    std::vector<MPI_Request> requests;
    for (int rank = 0; rank < size_; ++rank) {
      if (rank == rank_) continue;
      all[rank].resize(its_sizes[rank]);
      for (absl::Span<char> rest = absl::MakeSpan(all[rank]); !rest.empty(); rest.remove_prefix(CountOf(rest))) {
        NIBBLE_RETURN_IF_ERROR(StatusOf(
            MPI_Irecv(rest.data(), CountOf(rest), MPI_CHAR, rank, kPartTag, MPI_COMM_WORLD, &requests.emplace_back()),
            "MPI_Irecv"));
      }
    }
    for (int rank = 0; rank < size_; ++rank) {
      if (rank == rank_) continue;
      for (absl::Span<const char> rest = parts[rank]; !rest.empty(); rest.remove_prefix(CountOf(rest))) {
        NIBBLE_RETURN_IF_ERROR(StatusOf(
            MPI_Isend(rest.data(), CountOf(rest), MPI_CHAR, rank, kPartTag, MPI_COMM_WORLD, &requests.emplace_back()),
            "MPI_Isend"));
      }
    }
    all[rank_].assign(parts[rank_].begin(), parts[rank_].end());
    NIBBLE_RETURN_IF_ERROR(WaitFor(requests));
    return all;
  }

  // Empty messages: they need no buffer, and are received by TakeFailures().
  void TellFailure() override {
    for (int rank = 0; rank < size_; ++rank) {
      if (rank == rank_) continue;
      MPI_Request request;
      MPI_Isend(nullptr, 0, MPI_CHAR, rank, kFailureTag, MPI_COMM_WORLD, &request);
      MPI_Request_free(&request);
    }
  }

  bool HearsFailure() override {
    int hears = 0;
    MPI_Iprobe(MPI_ANY_SOURCE, kFailureTag, MPI_COMM_WORLD, &hears, MPI_STATUS_IGNORE);
    return hears != 0;
  }

  void TakeFailures(absl::Span<const int> ranks) override {
    for (const int rank : ranks) {
      if (rank != rank_) MPI_Recv(nullptr, 0, MPI_CHAR, rank, kFailureTag, MPI_COMM_WORLD, MPI_STATUS_IGNORE);
    }
  }

 private:
  // Of what is sent at once.
  template <typename Bytes>
  static int CountOf(Bytes bytes) {
    return std::min<int64_t>(kBytesAtOnce, bytes.size());
  }

  // MPI's own waiting takes a core, which another rank or thread may need.
  static absl::Status WaitFor(std::vector<MPI_Request>& requests) {
    int are_done = 0;
    for (auto sleep = kFirstSleep;; sleep = std::min(2 * sleep, kLongestSleep)) {
      NIBBLE_RETURN_IF_ERROR(
          StatusOf(MPI_Testall(requests.size(), requests.data(), &are_done, MPI_STATUSES_IGNORE), "MPI_Testall"));
      if (are_done) return absl::OkStatus();
      std::this_thread::sleep_for(sleep);
    }
  }

  const int rank_, size_;
  const LocalRanks local_;
};

}  // namespace

absl::StatusOr<std::unique_ptr<Comm>> StartComm(int* argc, char*** argv) {
  const auto ranks = FindLaunchedRanks([](const char* name) { return std::getenv(name); });
  // Started alone there is nothing to ask MPI for, which would start a helper of its own.
  if (!ranks) return nullptr;
  int threads = MPI_THREAD_SINGLE;
  if (MPI_Init_thread(argc, argv, MPI_THREAD_FUNNELED, &threads) != MPI_SUCCESS || threads < MPI_THREAD_FUNNELED) {
    return absl::ResourceExhaustedError("MPI: expected to start, with threads beside it, found that it cannot");
  }
  auto wire = std::make_unique<MpiWire>();
  if (wire->size() != ranks->size) {
    return absl::InvalidArgumentError(
        absl::StrCat("MPI: expected ", ranks->variable, "=", ranks->size, " ranks, found ", wire->size(),
                     "; start them with the mpirun of the MPI that nibble was built with"));
  }
  if (wire->size() == 1) return nullptr;
  return std::make_unique<RankGroup>(std::move(wire));
}

}  // namespace nibble
