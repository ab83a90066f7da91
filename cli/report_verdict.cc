#include "cli/report_verdict.h"

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "cli/known_types.h"
#include "cli/report_parts.h"
#include "cli/svg_plot.h"
#include "cli/units.h"

namespace nibble::cli {
namespace {

struct Verdict {
  double below;  // mean KLD
  const char* word;
  const char* level;  // class of the style sheet
};

// Between what well-known types cost an 8B model: Q8_0 .001, Q6_K .005, Q4_K_M .03, Q3_K_M .1, Q2_K .4.
constexpr Verdict kVerdicts[] = {
    {0.004, "Practically identical", "good"}, {0.02, "Very close", "good"}, {0.06, "Close", "good"},
    {0.2, "Noticeable loss", "fair"},         {0.6, "Heavy loss", "poor"},
};
constexpr Verdict kWorst = {0, "A different model", "poor"};

Verdict FindVerdict(double mean_kld) {
  for (const Verdict& verdict : kVerdicts) {
    if (mean_kld < verdict.below) return verdict;
  }
  return kWorst;
}

constexpr uint64_t kGiB = uint64_t{1} << 30;
constexpr uint64_t kMemories[] = {8, 12, 16, 24, 48, 80};  // of cards and machines that people have, in GiB

// Where the candidate's divergence would stand among the types of the first well-known model.
std::string Neighbours(const VerifyReport& report, double kld) {
  const std::string model(KnownModels()[0].name);
  std::string better, worse;  // the nearest on both sides
  for (const KnownType& known : report.known_types()) {
    if (known.model() != model) continue;
    if (known.kld() <= kld) better = known.type();
    if (known.kld() > kld && worse.empty()) worse = known.type();
  }
  if (better.empty() && worse.empty()) return "";
  if (better.empty()) return absl::StrCat("Closer than ", worse, " is on ", model, ".");
  if (worse.empty()) return absl::StrCat("Further off than ", better, " is on ", model, ".");
  return absl::StrCat("Between ", better, " and ", worse, " as they are on ", model, ".");
}

struct Stat {
  const char* label;
  const char* figure;  // in the candidate's JSON
  double (*value)(const Candidate&);
  std::string (*shown)(double);
  const char* error_figure;  // its standard error, or null
  double (*error)(const Candidate&);
  std::string (*shown_error)(double);
  const char* hint;
};

std::string PercentError(double share) { return absl::StrFormat("%.2f %%", 100 * share); }

constexpr Stat kStats[] = {
    {"Size", "bytes", [](const Candidate& c) -> double { return c.bytes(); }, FormatSize, nullptr, nullptr, nullptr,
     "of the tensors"},
    {"Bits per weight", "bits_per_weight", [](const Candidate& c) { return c.bits_per_weight(); }, Bits, nullptr,
     nullptr, nullptr, "over all tensors"},
    {"Mean KL divergence", "kld/mean", [](const Candidate& c) { return c.kld().mean(); }, ThreeDigits, "kld/se",
     [](const Candidate& c) { return c.kld().se(); }, ThreeDigits, "nats per token; 0 is identical"},
    {"Same next token", "top1", [](const Candidate& c) { return c.top1(); }, Percent, "top1_se",
     [](const Candidate& c) { return c.top1_se(); }, PercentError, "how often the likeliest token stays"},
    {"Perplexity", "ppl_ratio", [](const Candidate& c) { return c.ppl_ratio(); }, PercentChange, "ppl_ratio_se",
     [](const Candidate& c) { return c.ppl_ratio_se(); }, PercentError, "change from the original"},
};

void WriteStats(HtmlWriter& html, const Candidate& candidate, int index) {
  html.Open("dl", {{"class", "stats"}});
  for (const Stat& stat : kStats) {
    std::optional<ShownFigure> error;
    if (stat.error_figure != nullptr) {
      error = {CandidatePointer(index, stat.error_figure), stat.error(candidate),
               stat.shown_error(stat.error(candidate))};
    }
    const double value = stat.value(candidate);
    WriteStat(html, stat.label, {CandidatePointer(index, stat.figure), value, stat.shown(value)}, error, stat.hint);
  }
  html.Close();
}

void WriteMemory(HtmlWriter& html, const VerifyReport& report, const Candidate& candidate, int index) {
  html.Open("p", {{"class", "memory"}}).Text("Needs ");
  html.Figure(CandidatePointer(index, "memory_bytes"), candidate.memory_bytes(), FormatSize(candidate.memory_bytes()));
  html.Text(" to run with ").Figure("/context", report.context(), absl::StrCat(report.context()));
  html.Text(" tokens of context. It fits").Close();
  html.Open("ul", {{"class", "fits"}});
  for (const uint64_t memory : kMemories) {
    const bool fits = candidate.memory_bytes() <= memory * kGiB;
    html.Open("li", {{"class", fits ? "yes" : "no"}});
    html.Element("span", {{"class", "tick"}}, absl::StrCat(memory, " GB")).Text(fits ? " yes" : " no").Close();
  }
  html.Close();
}

}  // namespace

const char* VerdictOf(double mean_kld) { return FindVerdict(mean_kld).word; }

void WriteVerdicts(HtmlWriter& html, const VerifyReport& report) {
  const std::vector<std::string> names = CandidateNames(report);
  html.Open("div", {{"class", "cards"}});
  for (int i = 0; i < report.candidates_size(); ++i) {
    const Candidate& candidate = report.candidates(i);
    const double kld = candidate.kld().mean();
    html.Open("article", {{"class", SeriesClass(i)}, {"aria-label", names[i]}});
    html.Open("h3").Element("bdi", {{"class", "name"}}, names[i]).Close();
    html.Element("p", {{"class", absl::StrCat("verdict ", FindVerdict(kld).level)}}, VerdictOf(kld));
    html.Element("p", {{"class", "name neighbours"}}, Neighbours(report, kld));
    WriteStats(html, candidate, i);
    WriteMemory(html, report, candidate, i);
    html.Close();
  }
  html.Close();
}

void WriteVerdictScale(HtmlWriter& html) {
  html.Open("ul", {{"class", "scale"}});
  for (const Verdict& verdict : kVerdicts) {
    html.Open("li").Element("b", verdict.word).Text(": a mean KL divergence below ");
    html.Element("span", {{"class", "tick"}}, TickText(verdict.below)).Close();
  }
  html.Open("li").Element("b", kWorst.word).Text(": above").Close();
  html.Close();
}

}  // namespace nibble::cli
