// The ranks of a job, as the folders below pipeline/ know them.
#ifndef NIBBLE_PIPELINE_COMM_COMM_PEERS_H_
#define NIBBLE_PIPELINE_COMM_COMM_PEERS_H_

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "base/peers.h"
#include "pipeline/comm/comm.h"

namespace nibble {

class CommPeers : public Peers {
 public:
  // `comm` outlives it.
  explicit CommPeers(Comm& comm) : comm_(comm) {}

  int count() const override { return comm_.size(); }
  int place() const override { return comm_.rank(); }
  absl::StatusOr<std::vector<std::string>> AllGather(const std::string& mine) override { return comm_.AllGather(mine); }
  absl::StatusOr<std::vector<std::string>> AllToAll(absl::Span<const absl::Span<const char>> parts) override {
    return comm_.AllToAll(parts);
  }

 private:
  Comm& comm_;
};

}  // namespace nibble

#endif  // NIBBLE_PIPELINE_COMM_COMM_PEERS_H_
