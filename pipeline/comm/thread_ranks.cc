#include "pipeline/comm/thread_ranks.h"

#include <algorithm>
#include <cstddef>
#include <memory>
#include <string>
#include <thread>
#include <utility>

#include "absl/base/thread_annotations.h"
#include "absl/strings/str_cat.h"
#include "absl/synchronization/mutex.h"
#include "absl/types/span.h"
#include "pipeline/comm/rank_group.h"

namespace nibble {
namespace {

// What the threads share.
class Room {
 public:
  explicit Room(int ranks) : words_(ranks), parts_(ranks), failures_(ranks) {}

  int size() const { return words_.size(); }

  // Each rank's `put` happens before any rank's `take`, and that before any further Pass().
  void Pass(const std::function<void()>& put, const std::function<void()>& take) {
    absl::MutexLock lock(&mutex_);
    put();
    Wait();
    take();
    Wait();
  }

  std::vector<Wire::Words> words_;
  absl::Span<char> shared_;
  std::vector<absl::Span<const absl::Span<const char>>> parts_;

  void AddFailure(int from) {
    absl::MutexLock lock(&mutex_);
    for (int rank = 0; rank < size(); ++rank) failures_[rank] += rank != from;
  }
  bool HasFailure(int rank) {
    absl::MutexLock lock(&mutex_);
    return failures_[rank] > 0;
  }
  void TakeFailures(int rank, int count) {
    absl::MutexLock lock(&mutex_);
    failures_[rank] -= count;
  }

 private:
  void Wait() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) {
    const int64_t turn = turn_;
    if (++here_ == size()) {
      here_ = 0;
      ++turn_;
      all_here_.SignalAll();
    }
    while (turn_ == turn) all_here_.Wait(&mutex_);
  }

  absl::Mutex mutex_;
  absl::CondVar all_here_;
  int here_ ABSL_GUARDED_BY(mutex_) = 0;
  int64_t turn_ ABSL_GUARDED_BY(mutex_) = 0;
  std::vector<int> failures_ ABSL_GUARDED_BY(mutex_);
};

class ThreadWire : public Wire {
 public:
  ThreadWire(Room& room, int rank, std::string host) : room_(room), rank_(rank), host_(std::move(host)) {}

  int rank() const override { return rank_; }
  int size() const override { return room_.size(); }
  int local_ranks() const override { return room_.size(); }
  int local_rank() const override { return rank_; }
  std::string host() const override { return host_; }

  absl::StatusOr<std::vector<Words>> Exchange(const Words& mine) override {
    std::vector<Words> all;
    room_.Pass([&] { room_.words_[rank_] = mine; }, [&] { all = room_.words_; });
    return all;
  }
  absl::Status Share(int root, absl::Span<char> bytes) override {
    const auto put = [&] {
      if (rank_ == root) room_.shared_ = bytes;
    };
    room_.Pass(put, [&] {
      if (rank_ != root) std::copy(room_.shared_.begin(), room_.shared_.end(), bytes.begin());
    });
    return absl::OkStatus();
  }
  absl::StatusOr<std::vector<std::string>> AllToAll(absl::Span<const absl::Span<const char>> parts) override {
    std::vector<std::string> all;
    room_.Pass([&] { room_.parts_[rank_] = parts; },
               [&] {
                 for (const auto& its : room_.parts_) all.emplace_back(its[rank_].begin(), its[rank_].end());
               });
    return all;
  }
  void TellFailure() override { room_.AddFailure(rank_); }
  bool HearsFailure() override { return room_.HasFailure(rank_); }
  void TakeFailures(absl::Span<const int> ranks) override {
    room_.TakeFailures(rank_, ranks.size() - std::count(ranks.begin(), ranks.end(), rank_));
  }

 private:
  Room& room_;
  const int rank_;
  const std::string host_;
};

}  // namespace

std::vector<absl::Status> RunRanks(absl::Span<const std::string> hosts, const std::function<absl::Status(Comm&)>& job) {
  const int ranks = hosts.size();
  Room room(ranks);
  std::vector<absl::Status> outcomes(ranks);
  std::vector<std::thread> threads;
  for (int rank = 0; rank < ranks; ++rank) {
    threads.emplace_back([&, rank] {
      RankGroup comm(std::make_unique<ThreadWire>(room, rank, hosts[rank]));
      outcomes[rank] = comm.Agree(job(comm));
    });
  }
  for (std::thread& thread : threads) thread.join();
  return outcomes;
}

std::vector<absl::Status> RunRanks(int ranks, const std::function<absl::Status(Comm&)>& job) {
  std::vector<std::string> hosts;
  for (int rank = 0; rank < ranks; ++rank) hosts.push_back(absl::StrCat("thread-", rank));
  return RunRanks(hosts, job);
}

}  // namespace nibble
