#include "cli/rank_lines.h"

#include <algorithm>
#include <cstddef>
#include <numeric>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "cli/printable.h"
#include "cli/summary_line.h"
#include "cli/units.h"

namespace nibble::cli {
namespace {

constexpr size_t kMostLines = 8;

double Working(const RankShare& rank) { return rank.seconds() - rank.seconds_waiting(); }

// "node7, cuda:1, 8 threads: 25.1 % of the work, 1.0 GiB read, 0.3 GiB written, 12.3 s at work, 0.1 s waiting"
std::string RankText(const RankShare& rank) {
  std::string text = absl::StrFormat("%s%s, %d %s: %.1f %% of the work", Printable(rank.host()),
                                     rank.device().empty() ? "" : ", " + rank.device(), rank.threads(),
                                     rank.threads() == 1 ? "thread" : "threads", 100 * rank.share());
  if (rank.bytes_read() > 0) absl::StrAppend(&text, ", ", FormatSize(rank.bytes_read()), " read");
  if (rank.bytes_written() > 0) absl::StrAppend(&text, ", ", FormatSize(rank.bytes_written()), " written");
  return absl::StrFormat("%s, %.1f s at work, %.1f s waiting", text, Working(rank), rank.seconds_waiting());
}

}  // namespace

std::string RankLines(absl::Span<const RankShare> ranks) {
  if (ranks.empty()) return "";
  std::vector<size_t> shown(ranks.size());
  std::iota(shown.begin(), shown.end(), 0);
  if (ranks.size() > kMostLines) {
    std::stable_sort(shown.begin(), shown.end(),
                     [&](size_t a, size_t b) { return Working(ranks[a]) < Working(ranks[b]); });
    shown = {shown.front(), shown[shown.size() / 2], shown.back()};
  }
  std::string text = SummaryLine("processes", absl::StrCat(ranks.size()));
  for (const size_t rank : shown) absl::StrAppendFormat(&text, "    rank %-9d %s\n", rank, RankText(ranks[rank]));
  return text;
}

}  // namespace nibble::cli
