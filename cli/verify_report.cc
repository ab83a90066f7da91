#include "cli/verify_report.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/types/span.h"
#include "cli/json_writer.h"
#include "cli/printable.h"
#include "cli/table.h"
#include "cli/units.h"

namespace nibble::cli {
namespace {

template <typename Message>
struct NumberField {
  const char* name;
  double (Message::*get)() const;
};

constexpr NumberField<Candidate> kCandidateFields[] = {
    {"ppl", &Candidate::ppl},
    {"ppl_se", &Candidate::ppl_se},
    {"ppl_ratio", &Candidate::ppl_ratio},
    {"ppl_ratio_se", &Candidate::ppl_ratio_se},
    {"ppl_difference", &Candidate::ppl_difference},
    {"ppl_difference_se", &Candidate::ppl_difference_se},
    {"ln_ppl_ratio", &Candidate::ln_ppl_ratio},
    {"ln_ppl_ratio_se", &Candidate::ln_ppl_ratio_se},
    {"ln_ppl_correlation", &Candidate::ln_ppl_correlation},
    {"top1", &Candidate::top1},
    {"top1_se", &Candidate::top1_se},
    {"delta_p_rms", &Candidate::delta_p_rms},
    {"delta_p_rms_se", &Candidate::delta_p_rms_se},
};

constexpr NumberField<Distribution> kDistributionFields[] = {
    {"mean", &Distribution::mean}, {"se", &Distribution::se},   {"median", &Distribution::median},
    {"min", &Distribution::min},   {"max", &Distribution::max}, {"p999", &Distribution::p999},
    {"p99", &Distribution::p99},   {"p95", &Distribution::p95}, {"p90", &Distribution::p90},
    {"p75", &Distribution::p75},   {"p25", &Distribution::p25}, {"p10", &Distribution::p10},
    {"p05", &Distribution::p05},   {"p01", &Distribution::p01}, {"p001", &Distribution::p001},
};

template <typename Message, size_t N>
void WriteFields(const Message& message, const NumberField<Message> (&fields)[N], JsonWriter& json) {
  for (const NumberField<Message>& field : fields) json.Key(field.name).Number((message.*field.get)());
}

void WriteDistribution(const char* key, const Distribution& distribution, JsonWriter& json) {
  json.Key(key).BeginObject();
  WriteFields(distribution, kDistributionFields, json);
  json.EndObject();
}

// The members of a candidate's object, without its braces.
void WriteCandidate(const Candidate& candidate, JsonWriter& json) {
  json.Key("path").String(candidate.path());
  json.Key("bytes").Number(candidate.bytes());
  WriteFields(candidate, kCandidateFields, json);
  WriteDistribution("kld", candidate.kld(), json);
  json.Key("kld_windows").BeginArray();
  for (const double mean : candidate.kld_windows()) json.Number(mean);
  json.EndArray();
  WriteDistribution("delta_p", candidate.delta_p(), json);
  json.Key("layers").BeginArray();
  for (const LayerError& layer : candidate.layers()) {
    json.BeginObject();
    json.Key("layer").Number(uint64_t{layer.layer()});
    json.Key("relative_error").Number(layer.relative_error());
    json.Key("cosine").Number(layer.cosine());
    json.EndObject();
  }
  json.EndArray();
}

absl::string_view Basename(absl::string_view path) {
  while (path.size() > 1 && path.back() == '/') path.remove_suffix(1);
  return path.substr(path.rfind('/') + 1);
}

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
  for (const Candidate& candidate : report.candidates()) rows[0].push_back(Printable(Basename(candidate.path())));
  for (const TextRow& row : TextRows()) {
    std::vector<std::string>& cells = rows.emplace_back();
    cells.push_back(row.label);
    for (const Candidate& candidate : report.candidates()) cells.push_back(row.cell(report, candidate));
  }
  return text + FormatTable(rows);
}

std::string VerifyJson(const VerifyReport& report) {
  JsonWriter json;
  json.BeginObject();
  json.Key("device").String(report.device());
  json.Key("tokens").Number(report.tokens());
  json.Key("ppl_reference").Number(report.ppl_reference());
  json.Key("ppl_reference_se").Number(report.ppl_reference_se());
  json.Key("reference_bytes").Number(report.reference_bytes());
  json.Key("seconds").Number(report.seconds());
  json.Key("candidates").BeginArray();
  for (const Candidate& candidate : report.candidates()) {
    json.BeginObject();
    WriteCandidate(candidate, json);
    json.EndObject();
  }
  json.EndArray();
  if (report.candidates_size() == 1) WriteCandidate(report.candidates(0), json);
  json.EndObject();
  return json.Take();
}

}  // namespace nibble::cli
