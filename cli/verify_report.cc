#include "cli/verify_report.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/types/span.h"
#include "cli/printable.h"
#include "cli/table.h"
#include "cli/units.h"
#include "formats/io/file.h"

namespace nibble::cli {
namespace {

std::string WithError(double value, double error) { return absl::StrFormat("%.6f ± %.6f", value, error); }

// The layer whose output is farthest from the reference's.
std::string WorstLayer(const Candidate& candidate) {
  const auto worst = std::max_element(
      candidate.layers().begin(), candidate.layers().end(),
      [](const LayerError& a, const LayerError& b) { return a.relative_error() < b.relative_error(); });
  if (worst == candidate.layers().end()) return "";
  return absl::StrFormat("%.4f (layer %d)", worst->relative_error(), worst->layer());
}

struct TextRow {
  const char* label;
  std::string (*cell)(const VerifyReport&, const Candidate&);
};

// What a person asks first stands first.
absl::Span<const TextRow> TextRows() {
  static constexpr TextRow kRows[] = {
      {"size", [](const VerifyReport&, const Candidate& c) { return FormatSize(c.bytes()); }},
      {"of the reference",
       [](const VerifyReport& r, const Candidate& c) -> std::string {
         return r.reference_bytes() == 0 ? "" : absl::StrFormat("%.1f %%", 100.0 * c.bytes() / r.reference_bytes());
       }},
      {"mean KLD", [](const VerifyReport&, const Candidate& c) { return WithError(c.kld().mean(), c.kld().se()); }},
      {"median KLD", [](const VerifyReport&, const Candidate& c) { return absl::StrFormat("%.6f", c.kld().median()); }},
      {"99 % KLD", [](const VerifyReport&, const Candidate& c) { return absl::StrFormat("%.6f", c.kld().p99()); }},
      {"99.9 % KLD", [](const VerifyReport&, const Candidate& c) { return absl::StrFormat("%.6f", c.kld().p999()); }},
      {"maximum KLD", [](const VerifyReport&, const Candidate& c) { return absl::StrFormat("%.6f", c.kld().max()); }},
      {"same top token",
       [](const VerifyReport&, const Candidate& c) {
         return absl::StrFormat("%.2f %% ± %.2f", 100 * c.top1(), 100 * c.top1_se());
       }},
      {"RMS change of p",
       [](const VerifyReport&, const Candidate& c) { return absl::StrFormat("%.3f %%", c.delta_p_rms()); }},
      {"perplexity",
       [](const VerifyReport&, const Candidate& c) { return absl::StrFormat("%.4f ± %.4f", c.ppl(), c.ppl_se()); }},
      {"perplexity ratio",
       [](const VerifyReport&, const Candidate& c) { return WithError(c.ppl_ratio(), c.ppl_ratio_se()); }},
      {"largest layer error", [](const VerifyReport&, const Candidate& c) { return WorstLayer(c); }},
  };
  return kRows;
}

}  // namespace

std::vector<std::string> Misses(const VerifyReport& report, const Thresholds& thresholds) {
  std::vector<std::string> misses;
  for (const Candidate& candidate : report.candidates()) {
    const double kld = candidate.kld().mean();
    if (thresholds.max_kld && !(kld <= *thresholds.max_kld)) {
      misses.push_back(absl::StrFormat("%s: expected a mean KLD of at most %g, found %g", Printable(candidate.path()),
                                       *thresholds.max_kld, kld));
    }
    if (thresholds.min_top1 && !(candidate.top1() >= *thresholds.min_top1)) {
      misses.push_back(absl::StrFormat("%s: expected the same top token in a share of at least %g, found %g",
                                       Printable(candidate.path()), *thresholds.min_top1, candidate.top1()));
    }
  }
  return misses;
}

std::string VerifyText(const VerifyReport& report, absl::string_view reference) {
  std::string text = absl::StrFormat("reference %s: %s, perplexity %.4f ± %.4f over %d positions\n\n",
                                     Printable(reference), FormatSize(report.reference_bytes()), report.ppl_reference(),
                                     report.ppl_reference_se(), report.tokens());
  std::vector<std::vector<std::string>> rows = {{""}};
  for (const Candidate& candidate : report.candidates()) rows[0].push_back(Printable(io::Basename(candidate.path())));
  for (const TextRow& row : TextRows()) {
    std::vector<std::string>& cells = rows.emplace_back();
    cells.push_back(row.label);
    for (const Candidate& candidate : report.candidates()) cells.push_back(row.cell(report, candidate));
  }
  return text + FormatTable(rows);
}

}  // namespace nibble::cli
