// The processes that share one job, whatever carries bytes between them. A job that is alone has the same interface.
//
//   NIBBLE_RETURN_IF_ERROR(SameEverywhere(comm, {{"the source files", facts}}));
//   ... this rank's part of the work, while !comm.HasFailed() ...
//   NIBBLE_ASSIGN_OR_RETURN(const std::vector<std::string> parts, comm.AllGather(mine));  // by rank
//
// Ranks are 0 ... size() - 1; the first, rank 0, is the one that talks to people.
#ifndef NIBBLE_PIPELINE_COMM_COMM_H_
#define NIBBLE_PIPELINE_COMM_COMM_H_

#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/types/span.h"

namespace nibble {

// Used by the thread that made it alone: inside a parallel region, the region's first.
//
// Agree, AllGather, Broadcast and AllToAll are collective: every rank makes the same calls in the same order, and gets
// the same outcome. An error that one rank brings to any of them is what all get, from this call and from all later
// ones. So a rank that fails need not know where the others are: it returns, and its last Agree() tells them.
class Comm {
 public:
  static Comm& Alone();  // of size 1: every call returns what it is given
  virtual ~Comm() = default;

  virtual int rank() const = 0;
  virtual int size() const = 0;
  virtual int local_ranks() const = 0;  // on this rank's machine
  virtual int local_rank() const = 0;   // of these, from 0 on
  virtual std::string host() const = 0;
  bool is_first() const { return rank() == 0; }

  // OK if it is OK on every rank, which then are all here. Else an error of a rank: the message begins with which one,
  // unless all have the same. Where all have agreed on an error before, `mine` may say more of it, and is returned.
  virtual absl::Status Agree(absl::Status mine) = 0;
  virtual absl::StatusOr<std::vector<std::string>> AllGather(const std::string& mine) = 0;  // by rank
  virtual absl::StatusOr<std::string> Broadcast(const std::string& mine) = 0;               // rank 0's
  // parts[r] goes to rank r: what each rank had for this one, by rank. REQUIRES: parts.size() == size().
  virtual absl::StatusOr<std::vector<std::string>> AllToAll(absl::Span<const absl::Span<const char>> parts) = 0;

  // Whether a rank waits for the others with an error: what they do now is for nothing. Not collective; takes no time.
  virtual bool HasFailed() = 0;

  virtual double seconds_waited() const = 0;  // for other ranks, so far
};

// What all ranks must find alike.
struct Fact {
  std::string what;  // "the source files"
  std::string found;
};

// Collective. kInvalidArgument names the first fact, and the first rank, that differs from rank 0's.
absl::Status SameEverywhere(Comm& comm, const std::vector<Fact>& facts);

// What becomes of an error of one machine's disk or memory where several work on a job: the others, or as many others,
// can go on, so it ends as an interruption does.
absl::Status AsInterrupted(const Comm& comm, const absl::Status& status);

}  // namespace nibble

#endif  // NIBBLE_PIPELINE_COMM_COMM_H_
