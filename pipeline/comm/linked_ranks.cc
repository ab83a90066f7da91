#include "pipeline/comm/linked_ranks.h"

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <map>
#include <set>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "base/status.h"
#include "pipeline/comm/packed_values.h"

namespace nibble {
namespace {

// What a rank tells the others of its device.
struct Told {
  LinkPlace place;
  std::string why_not;

  std::string Packed() const {
    Packer packer;
    for (const std::string* text : {&place.library, &place.reach, &place.device, &why_not}) {
      packer.Add(std::vector<char>(text->begin(), text->end()));
    }
    return packer.Take();
  }
  static Told Of(absl::string_view packed) {
    Told told;
    Unpacker unpacker(packed);
    for (std::string* text : {&told.place.library, &told.place.reach, &told.place.device, &told.why_not}) {
      const std::vector<char> letters = unpacker.Take<char>();
      text->assign(letters.begin(), letters.end());
    }
    return told;
  }
};

absl::StatusOr<std::vector<Told>> TellAll(Comm& comm, const Told& mine) {
  NIBBLE_ASSIGN_OR_RETURN(const std::vector<std::string> all, comm.AllGather(mine.Packed()));
  std::vector<Told> told;
  for (const std::string& packed : all) told.push_back(Told::Of(packed));
  return told;
}

// The first reason that a rank has.
std::string FirstReason(const std::vector<Told>& all) {
  const auto found = std::find_if(all.begin(), all.end(), [](const Told& told) { return !told.why_not.empty(); });
  return found == all.end() ? "" : found->why_not;
}

// Of ranks that find themselves in each reach, and of their devices.
struct Reach {
  std::vector<int> ranks;
  std::set<std::string> devices;
  bool IsShared() const { return ranks.size() > devices.size(); }  // a device, by two ranks
};

std::map<std::string, Reach> ReachesOf(const std::vector<Told>& all) {
  std::map<std::string, Reach> reaches;
  for (int rank = 0; rank < static_cast<int>(all.size()); ++rank) {
    const LinkPlace& place = all[rank].place;
    if (place.reach.empty()) continue;
    reaches[place.reach].ranks.push_back(rank);
    reaches[place.reach].devices.insert(place.device);
  }
  return reaches;
}

// Those of a reach together, the others each by itself.
std::vector<std::vector<int>> GroupsOf(const std::vector<Told>& all, const std::map<std::string, Reach>& reaches) {
  std::vector<std::vector<int>> groups;
  for (int rank = 0; rank < static_cast<int>(all.size()); ++rank) {
    const auto found = reaches.find(all[rank].place.reach);
    if (found == reaches.end() || found->second.IsShared()) {
      groups.push_back({rank});
    } else if (found->second.ranks.front() == rank) {
      groups.push_back(found->second.ranks);
    }
  }
  return groups;
}

}  // namespace

LinkedRanks::LinkedRanks(Comm& comm) : comm_(&comm) {
  for (int rank = 0; rank < comm.size(); ++rank) {
    groups_.push_back({rank});
    group_of_.push_back(rank);
  }
}

LinkedRanks::LinkedRanks(Comm& comm, std::vector<std::vector<int>> groups)
    : comm_(&comm), groups_(std::move(groups)), group_of_(comm.size()) {
  for (size_t group = 0; group < groups_.size(); ++group) {
    for (const int rank : groups_[group]) group_of_[rank] = static_cast<int>(group);
  }
}

absl::StatusOr<LinkedRanks> LinkedRanks::Link(Comm& comm, Device& device, std::chrono::milliseconds longest_start) {
  LinkedRanks alone(comm);
  if (comm.size() == 1) return alone;
  DeviceLinker* const linker = device.linker();
  Told mine;
  if (linker != nullptr) {
    absl::StatusOr<LinkPlace> place = linker->Place();
    mine.why_not = std::string(place.status().message());
    if (place.ok()) mine.place = *std::move(place);
  }
  NIBBLE_ASSIGN_OR_RETURN(std::vector<Told> all, TellAll(comm, mine));
  alone.why_not_ = FirstReason(all);
  const std::map<std::string, Reach> reaches = ReachesOf(all);
  for (const auto& [reach, its] : reaches) {
    if (!its.IsShared() || !alone.why_not_.empty()) continue;
    alone.why_not_ = absl::StrCat(all[its.ranks.front()].place.library,
                                  ": expected a device for each rank, found ranks that share one");
  }
  LinkedRanks linked(comm, GroupsOf(all, reaches));
  const auto first =
      std::find_if(linked.groups_.begin(), linked.groups_.end(), [](const auto& group) { return group.size() > 1; });
  if (first == linked.groups_.end()) return alone;
  linked.library_ = all[first->front()].place.library;
  linked.why_not_ = alone.why_not_;
  NIBBLE_ASSIGN_OR_RETURN(const absl::Status started, linked.Start(linker, longest_start));
  // One way for all.
  NIBBLE_ASSIGN_OR_RETURN(all, TellAll(comm, {.place = {}, .why_not = std::string(started.message())}));
  if (const std::string reason = FirstReason(all); !reason.empty()) {
    alone.why_not_ = reason;
    return alone;
  }
  return linked;
}

absl::StatusOr<absl::Status> LinkedRanks::Start(DeviceLinker* linker, std::chrono::milliseconds longest) {
  const std::vector<int>& group = GroupOf(comm_->rank());
  const bool has_peers = group.size() > 1;
  absl::StatusOr<std::string> made = std::string();
  if (has_peers && group[0] == comm_->rank()) made = linker->NewKey();
  // Keys, of the groups' first ranks; and then all start at once.
  NIBBLE_ASSIGN_OR_RETURN(const std::vector<std::string> keys, comm_->AllGather(made.value_or("")));
  if (!made.ok()) return made.status();
  if (!has_peers || keys[group[0]].empty()) return absl::OkStatus();
  const auto deadline = std::chrono::steady_clock::now() + longest;
  absl::StatusOr<std::unique_ptr<DeviceLink>> link =
      linker->Join({.key = keys[group[0]], .count = static_cast<int>(group.size()), .place = PlaceOf(comm_->rank())},
                   [&] { return comm_->HasFailed() || std::chrono::steady_clock::now() > deadline; });
  if (link.ok()) link_ = *std::move(link);
  return link.status();
}

int LinkedRanks::PlaceOf(int rank) const {
  const std::vector<int>& group = GroupOf(rank);
  return std::find(group.begin(), group.end(), rank) - group.begin();
}

absl::Status LinkedRanks::Exchange(absl::Span<const LinkPiece> out, absl::Span<const LinkPiece> in) const {
  const absl::Status status = link_->Exchange(out, in, [&] { return comm_->HasFailed(); });
  // It is another rank that knows why.
  return absl::IsCancelled(status) ? comm_->Agree(absl::OkStatus()) : status;
}

}  // namespace nibble
