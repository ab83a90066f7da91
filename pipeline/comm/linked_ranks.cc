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

}  // namespace

LinkedRanks::LinkedRanks(Comm& comm) : comm_(&comm) {
  for (int rank = 0; rank < comm.size(); ++rank) {
    groups_.push_back({rank});
    group_of_.push_back(rank);
  }
}

absl::StatusOr<LinkedRanks> LinkedRanks::Link(Comm& comm, Device& device, std::chrono::milliseconds longest_start) {
  LinkedRanks alone(comm), linked(comm);
  if (comm.size() == 1) return alone;
  DeviceLinker* const linker = device.linker();
  Told mine;
  if (linker != nullptr) {
    if (absl::StatusOr<LinkPlace> place = linker->Place(); place.ok()) {
      mine.place = *std::move(place);
    } else {
      mine.why_not = std::string(place.status().message());
    }
  }
  NIBBLE_ASSIGN_OR_RETURN(std::vector<Told> all, TellAll(comm, mine));
  alone.why_not_ = FirstReason(all);
  // Groups by reach; none where two ranks have one device.
  std::map<std::string, std::set<std::string>> devices;
  std::map<std::string, int> ranks_of;
  for (const Told& told : all) {
    devices[told.place.reach].insert(told.place.device);
    ++ranks_of[told.place.reach];
  }
  linked.groups_.clear();
  std::map<std::string, int> groups;
  for (int rank = 0; rank < comm.size(); ++rank) {
    const LinkPlace& place = all[rank].place;
    const bool shares = ranks_of[place.reach] > static_cast<int>(devices[place.reach].size());
    if (!place.reach.empty() && shares && alone.why_not_.empty()) {
      alone.why_not_ = absl::StrCat(place.library, ": expected a device for each rank, found ranks that share one");
    }
    const std::string key = place.reach.empty() || shares ? absl::StrCat("rank ", rank) : "reach " + place.reach;
    const auto [group, is_new] = groups.try_emplace(key, linked.groups_.size());
    if (is_new) linked.groups_.emplace_back();
    linked.groups_[group->second].push_back(rank);
    linked.group_of_[rank] = group->second;
  }
  linked.why_not_ = alone.why_not_;
  const bool is_any =
      std::any_of(linked.groups_.begin(), linked.groups_.end(), [](const auto& group) { return group.size() > 1; });
  if (!is_any) return alone;
  // Keys, of the groups' first ranks; and then all start at once.
  const std::vector<int>& group = linked.GroupOf(comm.rank());
  std::string key;
  mine.why_not.clear();
  if (group.size() > 1 && group[0] == comm.rank()) {
    if (absl::StatusOr<std::string> made = linker->NewKey(); made.ok()) {
      key = *std::move(made);
    } else {
      mine.why_not = std::string(made.status().message());
    }
  }
  NIBBLE_ASSIGN_OR_RETURN(const std::vector<std::string> keys, comm.AllGather(key));
  if (group.size() > 1 && !keys[group[0]].empty()) {
    const auto deadline = std::chrono::steady_clock::now() + longest_start;
    absl::StatusOr<std::unique_ptr<DeviceLink>> link = linker->Join(
        {.key = keys[group[0]], .count = static_cast<int>(group.size()), .place = linked.PlaceOf(comm.rank())},
        [&] { return comm.HasFailed() || std::chrono::steady_clock::now() > deadline; });
    if (link.ok()) {
      linked.link_ = *std::move(link);
    } else {
      mine.why_not = std::string(link.status().message());
    }
  }
  // One way for all.
  NIBBLE_ASSIGN_OR_RETURN(all, TellAll(comm, mine));
  if (const std::string reason = FirstReason(all); !reason.empty()) {
    alone.why_not_ = reason;
    return alone;
  }
  const auto first =
      std::find_if(linked.groups_.begin(), linked.groups_.end(), [](const auto& its) { return its.size() > 1; });
  linked.library_ = all[first->front()].place.library;
  return linked;
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
