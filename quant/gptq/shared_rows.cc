#include "quant/gptq/shared_rows.h"

#include <algorithm>
#include <numeric>
#include <string>
#include <utility>

#include "absl/status/statusor.h"
#include "base/status.h"

namespace nibble {

SharedRows::SharedRows(Peers* peers, std::vector<int64_t> rows, int64_t together)
    : peers_(peers), rows_(std::move(rows)) {
  if (peers == nullptr) return;
  const int64_t total = std::accumulate(rows_.begin(), rows_.end(), int64_t{0}), count = peers->count();
  ranges_.assign(count, std::vector<Range>(rows_.size()));
  int64_t before = 0;  // rows of the matrices before this one
  for (size_t i = 0; i < rows_.size(); before += rows_[i++]) {
    const int64_t step = together == 0 ? std::max<int64_t>(rows_[i], 1) : together;
    for (int64_t first = 0; first < rows_[i]; first += step) {
      const int64_t last = std::min(first + step, rows_[i]);
      // Whose stretch its middle lies in.
      const int64_t owner = (2 * before + first + last) * count / (2 * total);
      Range& range = ranges_[owner][i];
      if (range.count() == 0) range.first = first;
      range.last = last;
    }
  }
}

absl::Status SharedRows::Complete(absl::Span<const absl::Span<std::byte>> values) const {
  if (peers_ == nullptr) return absl::OkStatus();
  const auto part = [&](int place, size_t matrix) {
    const Range& range = ranges_[place][matrix];
    const size_t row_bytes = rows_[matrix] == 0 ? 0 : values[matrix].size() / rows_[matrix];
    return values[matrix].subspan(range.first * row_bytes, range.count() * row_bytes);
  };
  std::string own;
  for (size_t i = 0; i < values.size(); ++i) {
    const absl::Span<const std::byte> bytes = part(peers_->place(), i);
    own.append(reinterpret_cast<const char*>(bytes.data()), bytes.size());
  }
  NIBBLE_ASSIGN_OR_RETURN(const std::vector<std::string> all, peers_->AllGather(own));
  for (int place = 0; place < peers_->count(); ++place) {
    absl::Span<const char> rest = all[place];
    for (size_t i = 0; i < values.size(); ++i) {
      const absl::Span<std::byte> bytes = part(place, i);
      if (rest.size() < bytes.size()) return absl::InternalError("a bug of nibble: rows that are missing");
      if (place != peers_->place())
        std::copy_n(reinterpret_cast<const std::byte*>(rest.data()), bytes.size(), bytes.begin());
      rest.remove_prefix(bytes.size());
    }
  }
  return absl::OkStatus();
}

}  // namespace nibble
