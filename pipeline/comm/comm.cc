#include "pipeline/comm/comm.h"

#include <cstddef>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "base/status.h"
#include "formats/io/sha256.h"

namespace nibble {
namespace {

class AloneComm : public Comm {
 public:
  int rank() const override { return 0; }
  int size() const override { return 1; }
  int local_ranks() const override { return 1; }
  int local_rank() const override { return 0; }
  std::string host() const override { return ""; }
  absl::Status Agree(absl::Status mine) override { return mine; }
  absl::StatusOr<std::vector<std::string>> AllGather(const std::string& mine) override {
    return std::vector<std::string>{mine};
  }
  absl::StatusOr<std::string> Broadcast(const std::string& mine) override { return mine; }
  absl::StatusOr<std::vector<std::string>> AllToAll(absl::Span<const absl::Span<const char>> parts) override {
    return std::vector<std::string>{std::string(parts[0].begin(), parts[0].end())};
  }
  bool HasFailed() override { return false; }
  double seconds_waited() const override { return 0; }
};

}  // namespace

Comm& Comm::Alone() {
  static AloneComm comm;
  return comm;
}

absl::Status SameEverywhere(Comm& comm, const std::vector<Fact>& facts) {
  if (comm.size() == 1) return absl::OkStatus();
  // Their hashes are enough, and as short for a source of a thousand files.
  const std::string mine =
      absl::StrCat(comm.host(), "\n", absl::StrJoin(facts, "\n", [](std::string* out, const Fact& fact) {
                     absl::StrAppend(out, io::Sha256Of(fact.found));
                   }));
  NIBBLE_ASSIGN_OR_RETURN(const std::vector<std::string> all, comm.AllGather(mine));
  const std::vector<std::string> first = absl::StrSplit(all[0], '\n');
  for (size_t rank = 1; rank < all.size(); ++rank) {
    const std::vector<std::string> its = absl::StrSplit(all[rank], '\n');
    for (size_t i = 0; i < facts.size(); ++i) {
      if (its.size() == first.size() && its[i + 1] == first[i + 1]) continue;
      return comm.Agree(absl::InvalidArgumentError(
          absl::StrCat("rank ", rank, " on ", its[0], ": expected ", facts[i].what, " that rank 0 on ", first[0],
                       " has, found another; all ranks take the same program, options and files")));
    }
  }
  return absl::OkStatus();
}

absl::Status AsInterrupted(const Comm& comm, const absl::Status& status) {
  const bool is_of_machine = absl::IsUnavailable(status) || absl::IsResourceExhausted(status);
  if (comm.size() == 1 || !is_of_machine) return status;
  return absl::AbortedError(status.message());
}

}  // namespace nibble
