// How ranks keep together, whatever carries bytes between them: every collective call begins with a word from each, by
// which all learn of an error at once.
#ifndef NIBBLE_PIPELINE_COMM_RANK_GROUP_H_
#define NIBBLE_PIPELINE_COMM_RANK_GROUP_H_

#include <array>
#include <cstdint>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "pipeline/comm/comm.h"

namespace nibble {

// Used by one thread. Errors: the connection is gone, and every later call may fail.
class Wire {
 public:
  using Words = std::array<int64_t, 4>;

  virtual ~Wire() = default;
  virtual int rank() const = 0;
  virtual int size() const = 0;
  virtual int local_ranks() const = 0;
  virtual int local_rank() const = 0;
  virtual std::string host() const = 0;

  // Every rank's words, by rank. Waits for all of them, and leaves the processor to others meanwhile.
  virtual absl::StatusOr<std::vector<Words>> Exchange(const Words& mine) = 0;
  // The bytes of `root` become everybody's. REQUIRES: the same size on all ranks.
  virtual absl::Status Share(int root, absl::Span<char> bytes) = 0;
  // As Comm has it.
  virtual absl::StatusOr<std::vector<std::string>> AllToAll(absl::Span<const absl::Span<const char>> parts) = 0;

  // To all others, without waiting for them.
  virtual void TellFailure() = 0;
  virtual bool HearsFailure() = 0;
  // What these ranks have told, which all have done. REQUIRES: called once.
  virtual void TakeFailures(absl::Span<const int> ranks) = 0;
};

class RankGroup : public Comm {
 public:
  explicit RankGroup(std::unique_ptr<Wire> wire) : wire_(std::move(wire)) {}

  int rank() const override { return wire_->rank(); }
  int size() const override { return wire_->size(); }
  int local_ranks() const override { return wire_->local_ranks(); }
  int local_rank() const override { return wire_->local_rank(); }
  std::string host() const override { return wire_->host(); }
  absl::Status Agree(absl::Status mine) override;
  absl::StatusOr<std::vector<std::string>> AllGather(const std::string& mine) override;
  absl::StatusOr<std::string> Broadcast(const std::string& mine) override;
  absl::StatusOr<std::vector<std::string>> AllToAll(absl::Span<const absl::Span<const char>> parts) override;
  bool HasFailed() override;
  double seconds_waited() const override { return seconds_waited_; }

 private:
  enum class Call : int64_t { kAgree, kAllGather, kBroadcast, kAllToAll };

  // Every rank's `bytes`, if all make this call and have no error.
  absl::StatusOr<std::vector<int64_t>> Meet(Call call, const absl::Status& mine, int64_t bytes);
  // What all agree on: some of the words tell of an error, `text` of this rank's own.
  absl::Status FailureOf(const std::vector<Wire::Words>& words, const std::string& text);

  const std::unique_ptr<Wire> wire_;
  absl::Status failure_;
  double seconds_waited_ = 0;
};

}  // namespace nibble

#endif  // NIBBLE_PIPELINE_COMM_RANK_GROUP_H_
