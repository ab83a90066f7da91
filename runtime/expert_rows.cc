#include "runtime/expert_rows.h"

#include <algorithm>
#include <cstring>
#include <string>

#include "base/status.h"

namespace nibble {
namespace {

constexpr int64_t kPieceFloats = 1 << 20;  // that are sent to one expert at a time

// Plain values of one program's, as bytes.
template <typename T>
void Append(absl::Span<const T> values, std::string& bytes) {
  bytes.append(reinterpret_cast<const char*>(values.data()), values.size() * sizeof(T));
}

template <typename T>
void Take(size_t count, absl::Span<const char>& bytes, std::vector<T>& values) {
  values.resize(count);
  if (count > 0) std::memcpy(values.data(), bytes.data(), count * sizeof(T));
  bytes.remove_prefix(count * sizeof(T));
}

}  // namespace

absl::StatusOr<ExpertGather> ExpertGather::Create(Peers& peers, absl::Span<const std::vector<Routed>> routed,
                                                  int64_t tokens) {
  ExpertGather gather(peers, routed);
  std::vector<int64_t> mine = {tokens};
  for (const std::vector<Routed>& each : routed) mine.push_back(each.size());
  std::string bytes;
  Append(absl::MakeConstSpan(mine), bytes);
  NIBBLE_ASSIGN_OR_RETURN(const std::vector<std::string> all, peers.AllGather(bytes));
  int64_t before = 0;
  for (const std::string& its : all) {
    if (its.size() != bytes.size()) return absl::InternalError("a bug of nibble: peers with other experts");
    absl::Span<const char> rest = its;
    std::vector<int64_t> its_tokens;
    Take(1, rest, its_tokens);
    gather.before_.push_back(before);
    before += its_tokens[0];
    Take(routed.size(), rest, gather.counts_.emplace_back());
  }
  return gather;
}

absl::StatusOr<ExpertGather::Gathered> ExpertGather::Gather(int turn, const RowStore& states, int64_t first) {
  const int64_t width = states.width(), piece = std::max<int64_t>(1, kPieceFloats / width);
  const int peers = peers_.count();
  Gathered gathered;
  std::vector<int64_t> offsets = {0};  // by place, in what is gathered
  int64_t most = 0;
  for (int place = 0; place < peers; ++place) {
    offsets.push_back(offsets.back() + CountOf(place, turn + peers_.place()));
    for (int to = 0; to < peers; ++to) most = std::max(most, CountOf(place, turn + to));
  }
  NIBBLE_ASSIGN_OR_RETURN(gathered.rows, RowStore::Create(offsets.back(), width, states.budget()));
  gathered.routed.resize(offsets.back());
  gathered.of_text.resize(offsets.back());
  std::vector<float> rows;
  for (int64_t done = 0; done < most; done += piece) {
    std::vector<std::string> messages(peers);
    std::vector<absl::Span<const char>> parts;
    for (int to = 0; to < peers; ++to) {
      const int64_t count = std::clamp<int64_t>(CountOf(peers_.place(), turn + to) - done, 0, piece);
      if (count > 0) {
        const auto some = absl::MakeConstSpan(routed_[turn + to]).subspan(done, count);
        rows.resize(count * width);
        for (int64_t i = 0; i < count; ++i) {
          NIBBLE_RETURN_IF_ERROR(states.Read(first + some[i].token, absl::MakeSpan(rows).subspan(i * width, width)));
        }
        Append(some, messages[to]);
        Append(absl::MakeConstSpan(rows), messages[to]);
      }
      parts.push_back(messages[to]);
    }
    NIBBLE_ASSIGN_OR_RETURN(const std::vector<std::string> all, peers_.AllToAll(parts));
    for (int place = 0; place < peers; ++place) {
      const int64_t count = all[place].size() / (sizeof(Routed) + width * sizeof(float));
      absl::Span<const char> rest = all[place];
      std::vector<Routed> some;
      Take(count, rest, some);
      Take(count * width, rest, rows);
      const int64_t at = offsets[place] + done;
      for (int64_t i = 0; i < count; ++i) {
        gathered.routed[at + i] = {at + i, some[i].weight};
        gathered.of_text[at + i] = before_[place] + some[i].token;
      }
      if (count > 0) NIBBLE_RETURN_IF_ERROR(gathered.rows.Write(at, rows));
    }
  }
  return gathered;
}

}  // namespace nibble
