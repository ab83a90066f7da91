#include "pipeline/comm/rank_group.h"

#include <algorithm>
#include <chrono>
#include <cstddef>

#include "absl/strings/str_cat.h"
#include "base/status.h"

namespace nibble {

absl::StatusOr<std::vector<int64_t>> RankGroup::Meet(Call call, const absl::Status& mine, int64_t bytes) {
  if (!failure_.ok()) return failure_;
  const std::string text = mine.ok() ? "" : absl::StrCat(host(), "\n", mine.message());
  if (!mine.ok()) wire_->TellFailure();
  const auto begin = std::chrono::steady_clock::now();
  const auto words = wire_->Exchange(
      {static_cast<int64_t>(call), static_cast<int64_t>(mine.code()), bytes, static_cast<int64_t>(text.size())});
  seconds_waited_ += std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
  if (!words.ok()) return failure_ = words.status();
  std::vector<int64_t> all_bytes;
  bool one_call = true, all_ok = true;
  for (const auto& [its_call, its_code, its_bytes, its_text] : *words) {
    one_call &= its_call == static_cast<int64_t>(call);
    all_ok &= its_code == 0;
    all_bytes.push_back(its_bytes);
  }
  if (!all_ok) return failure_ = FailureOf(*words, text);
  if (!one_call) return failure_ = absl::InternalError("a bug of nibble: ranks that make different calls");
  return all_bytes;
}

absl::Status RankGroup::FailureOf(const std::vector<Wire::Words>& words, const std::string& text) {
  std::vector<int> failed;
  std::vector<std::string> hosts, messages;
  for (int rank = 0; rank < size(); ++rank) {
    if (words[rank][1] == 0) continue;
    std::string its = rank == this->rank() ? text : std::string(words[rank][3], '\0');
    NIBBLE_RETURN_IF_ERROR(wire_->Share(rank, absl::MakeSpan(its)));
    const size_t end_of_host = std::min(its.find('\n'), its.size() - 1);
    failed.push_back(rank);
    hosts.push_back(its.substr(0, end_of_host));
    messages.push_back(its.substr(end_of_host + 1));
  }
  wire_->TakeFailures(failed);
  const auto code = static_cast<absl::StatusCode>(words[failed[0]][1]);
  const bool is_everybodys =
      failed.size() == size() && std::count(messages.begin(), messages.end(), messages[0]) == size();
  if (is_everybodys) return absl::Status(code, messages[0]);
  return absl::Status(code, absl::StrCat("rank ", failed[0], " on ", hosts[0], ": ", messages[0]));
}

absl::Status RankGroup::Agree(absl::Status mine) {
  if (!failure_.ok()) return mine.ok() ? failure_ : mine;
  return Meet(Call::kAgree, mine, 0).status();
}

absl::StatusOr<std::vector<std::string>> RankGroup::AllGather(const std::string& mine) {
  NIBBLE_ASSIGN_OR_RETURN(const std::vector<int64_t> bytes, Meet(Call::kAllGather, absl::OkStatus(), mine.size()));
  std::vector<std::string> all;
  for (int rank = 0; rank < size(); ++rank) {
    std::string& its = all.emplace_back(mine);
    its.resize(bytes[rank]);
    if (failure_ = wire_->Share(rank, absl::MakeSpan(its)); !failure_.ok()) return failure_;
  }
  return all;
}

absl::StatusOr<std::string> RankGroup::Broadcast(const std::string& mine) {
  NIBBLE_ASSIGN_OR_RETURN(const std::vector<int64_t> bytes, Meet(Call::kBroadcast, absl::OkStatus(), mine.size()));
  std::string its = mine;
  its.resize(bytes[0]);
  if (failure_ = wire_->Share(0, absl::MakeSpan(its)); !failure_.ok()) return failure_;
  return its;
}

absl::StatusOr<std::vector<std::string>> RankGroup::AllToAll(absl::Span<const absl::Span<const char>> parts) {
  NIBBLE_RETURN_IF_ERROR(Meet(Call::kAllToAll, absl::OkStatus(), 0).status());
  absl::StatusOr<std::vector<std::string>> all = wire_->AllToAll(parts);
  failure_ = all.status();
  return all;
}

bool RankGroup::HasFailed() { return !failure_.ok() || wire_->HearsFailure(); }

}  // namespace nibble
