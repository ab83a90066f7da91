// Which ranks' devices send to one another (device/device_link.h): those of one machine, where they can. The others'
// floats go through the hosts, by Comm.
#ifndef NIBBLE_PIPELINE_COMM_LINKED_RANKS_H_
#define NIBBLE_PIPELINE_COMM_LINKED_RANKS_H_

#include <chrono>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "device/device.h"
#include "device/device_link.h"
#include "pipeline/comm/comm.h"

namespace nibble {

class LinkedRanks {
 public:
  // Every rank by itself. `comm` outlives it.
  explicit LinkedRanks(Comm& comm);

  // For all of a group to start: opening a library of 200 MB takes a while where the disk is slow.
  static constexpr std::chrono::seconds kLongestStart{60};

  // Collective. Where a group does not start in time, every rank stays by itself. `device` outlives it. Errors: Comm's.
  static absl::StatusOr<LinkedRanks> Link(Comm& comm, Device& device,
                                          std::chrono::milliseconds longest_start = kLongestStart);

  Comm& comm() const { return *comm_; }
  // All ranks, each in one group; groups by their first ranks, ranks in their order.
  const std::vector<std::vector<int>>& groups() const { return groups_; }
  const std::vector<int>& GroupOf(int rank) const { return groups_[group_of_[rank]]; }
  int PlaceOf(int rank) const;  // in its group

  // Whether this rank is in a group with others.
  bool is_linked() const { return link_ != nullptr; }
  // Within the group; collective over it. An error of any rank is what this ends with. REQUIRES: is_linked().
  absl::Status Exchange(absl::Span<const LinkPiece> out, absl::Span<const LinkPiece> in) const;

  // "NCCL 2.28.9", of the first linked group; empty: none is.
  const std::string& library() const { return library_; }
  // Of devices that could be linked and are not, why; the first rank's that knows; empty: there is none.
  const std::string& why_not() const { return why_not_; }

 private:
  LinkedRanks(Comm& comm, std::vector<std::vector<int>> groups);

  // Collective over all ranks. Errors: Comm's; the value says why this rank's link did not start.
  absl::StatusOr<absl::Status> Start(DeviceLinker* linker, std::chrono::milliseconds longest);

  Comm* comm_;
  std::vector<std::vector<int>> groups_;
  std::vector<int> group_of_;  // by rank
  std::unique_ptr<DeviceLink> link_;
  std::string library_, why_not_;
};

}  // namespace nibble

#endif  // NIBBLE_PIPELINE_COMM_LINKED_RANKS_H_
