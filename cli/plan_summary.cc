#include "cli/plan_summary.h"

#include <map>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_join.h"
#include "cli/calibration_report.h"
#include "cli/device_report.h"
#include "cli/peak_memory.h"
#include "cli/printable.h"
#include "cli/rank_lines.h"
#include "cli/summary_line.h"
#include "cli/units.h"

namespace nibble::cli {
namespace {

// "113 F32, 99 Q4_K"
std::string CountText(const std::map<std::string, int>& counts) {
  return absl::StrJoin(
      counts, ", ", [](std::string* out, const auto& entry) { absl::StrAppend(out, entry.second, " ", entry.first); });
}

std::string FitLines(const Plan& plan) {
  const FitReport& fit = plan.fit();
  const uint64_t beside = fit.cache_bytes() + fit.activation_bytes();
  std::string text = SummaryLine("budget", absl::StrFormat("%s, %.2f %% used", FormatSize(fit.budget_bytes()),
                                                           100.0 * (plan.file_bytes() + beside) / fit.budget_bytes()));
  if (fit.context() > 0) {
    absl::StrAppend(&text, SummaryLine("context", absl::StrFormat("%d tokens: %s cache, %s buffers", fit.context(),
                                                                  FormatSize(fit.cache_bytes()),
                                                                  FormatSize(fit.activation_bytes()))));
  }
  const double gap = fit.expected_kld() > 0 ? 1 - fit.expected_kld_bound() / fit.expected_kld() : 0;
  absl::StrAppend(&text,
                  SummaryLine("expected loss",
                              absl::StrFormat("%.4g%s, at most %.2g %% above the least", fit.expected_kld(),
                                              fit.is_measured() ? " nats" : " by prior sensitivities", 100 * gap)));
  return text;
}

// "1.2 MiB, 32.1 % of the source's 3.7 MiB"
std::string SizeText(const Plan& plan) {
  const std::string size = FormatSize(plan.file_bytes());
  if (plan.source_bytes() == 0) return size;
  return absl::StrFormat("%s, %.1f %% of the source's %s", size, 100.0 * plan.file_bytes() / plan.source_bytes(),
                         FormatSize(plan.source_bytes()));
}

// "12.3 s, 256.0 MiB/s", "1:02:03"
std::string TimeText(const JobEnd& end) {
  std::string text = end.seconds < 60 ? absl::StrFormat("%.1f s", end.seconds) : FormatSeconds(end.seconds);
  if (end.bytes_read > 0 && end.seconds > 0)
    absl::StrAppend(&text, ", ", FormatSize(end.bytes_read / end.seconds), "/s");
  return text;
}

}  // namespace

std::string EndLines(const JobEnd& end) {
  std::string text =
      absl::StrCat(SummaryLine("time", TimeText(end)), SummaryLine("peak memory", FormatSize(PeakMemory())));
  if (end.warnings > 0) absl::StrAppend(&text, SummaryLine("warnings", absl::StrCat(end.warnings, ", above")));
  if (!end.next.empty()) absl::StrAppend(&text, SummaryLine("next", Printable(end.next)));
  return text;
}

std::string PlanFigures(const Plan& plan) {
  std::map<std::string, int> types, fallbacks, kept;
  for (const PlannedTensor& tensor : plan.tensors()) {
    ++types[tensor.type()];
    if (absl::StartsWith(tensor.reason(), "fallback")) ++fallbacks[tensor.type()];
    if (tensor.reason() == "kept bits") ++kept[tensor.type()];
  }
  std::string text;
  absl::StrAppend(&text, SummaryLine("size", SizeText(plan)));
  if (plan.has_fit()) absl::StrAppend(&text, FitLines(plan));
  absl::StrAppend(&text, SummaryLine("bits per weight", absl::StrFormat("%.2f", plan.bits_per_weight())));
  absl::StrAppend(&text, SummaryLine("tensors", CountText(types)));
  if (!fallbacks.empty()) {
    absl::StrAppend(&text,
                    SummaryLine("fallbacks", absl::StrCat(CountText(fallbacks), " (their rows do not fit the type)")));
  }
  if (!kept.empty()) {
    absl::StrAppend(
        &text, SummaryLine("kept bits",
                           absl::StrCat(CountText(kept), " (published so; --allow-requantize encodes them anew)")));
  }
  return text;
}

std::string PlanSummary(const Plan& plan, absl::string_view path, const JobEnd& end) {
  std::string text = absl::StrCat(Printable(path), "\n", PlanFigures(plan));
  if (const std::string gained = GainText(plan.calibration()); !gained.empty()) {
    absl::StrAppend(&text, SummaryLine("error feedback", gained));
  }
  if (const std::string kld = KldText(plan.calibration()); !kld.empty()) {
    absl::StrAppend(&text, SummaryLine("KL divergence", kld));
  }
  if (const std::string trials = TrialsText(plan.calibration()); !trials.empty()) {
    absl::StrAppend(&text, SummaryLine("transform", absl::StrCat(plan.transform(), " (", trials, ")")));
  }
  if (const std::string coverage = CoverageText(plan.calibration()); !coverage.empty()) {
    absl::StrAppend(&text, SummaryLine("expert tokens", coverage));
  }
  return absl::StrCat(text, RankLines(std::vector<RankShare>(plan.ranks().begin(), plan.ranks().end())),
                      DeviceLines(plan.device_use()), EndLines(end));
}

}  // namespace nibble::cli
