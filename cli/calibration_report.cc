#include "cli/calibration_report.h"

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_join.h"

namespace nibble::cli {
namespace {

struct Expert {
  int64_t tokens;
  int layer;
  int expert;
  bool is_short;  // of tokens
  friend bool operator<(const Expert& a, const Expert& b) { return a.tokens < b.tokens; }
};

std::vector<Expert> ExpertsOf(const CalibrationReport& report) {
  std::vector<Expert> experts;
  for (const ExpertCoverage& layer : report.experts()) {
    for (int expert = 0; expert < layer.tokens_size(); ++expert) {
      const int64_t tokens = layer.tokens(expert);
      experts.push_back({tokens, layer.layer(), expert, tokens < layer.columns()});
    }
  }
  return experts;
}

void WriteLinears(const CalibrationReport& report, JsonWriter& json) {
  json.Key("linears").BeginArray();
  for (const CalibratedLinear& linear : report.linears()) {
    json.BeginObject();
    json.Key("name").String(linear.name());
    if (linear.slice() >= 0) json.Key("expert").Number(uint64_t(linear.slice()));
    json.Key("tokens").Number(uint64_t(linear.tokens()));
    if (linear.searched_error() > 0) {
      json.Key("outputs").Number(linear.outputs());
      json.Key("searched_error").Number(linear.searched_error());
      json.Key("error").Number(linear.error());
      json.Key("searched_relative_error").Number(RelativeError(linear, linear.searched_error()));
      json.Key("relative_error").Number(RelativeError(linear, linear.error()));
      json.Key("method").String(linear.method());
    }
    if (linear.damping() > 0) {
      json.Key("damping").Number(linear.damping());
      json.Key("columns_scaled").Bool(linear.columns_scaled());
    }
    if (linear.damping() > 0 || linear.upstream() > 0) json.Key("upstream").Number(linear.upstream());
    if (!linear.fallback().empty()) json.Key("fallback").String(linear.fallback());
    json.EndObject();
  }
  json.EndArray();
}

// Of a report or a trial, where it is known.
template <typename Judged>
void WriteKld(const Judged& judged, JsonWriter& json) {
  if (!(judged.kld() > 0)) return;
  json.Key("kld").Number(judged.kld());
  json.Key("kld_se").Number(judged.kld_se());
}

void WriteTrials(const CalibrationReport& report, JsonWriter& json) {
  json.Key("transforms").BeginArray();
  for (const TransformTrial& trial : report.trials()) {
    json.BeginObject();
    json.Key("transform").String(trial.transform());
    json.Key("first_layers_kld").Number(trial.first_layers_kld());
    WriteKld(trial, json);
    json.EndObject();
  }
  json.EndArray();
}

}  // namespace

double RelativeError(const CalibratedLinear& linear, double error) { return std::sqrt(error / linear.outputs()); }

std::string GainText(const CalibrationReport& report) {
  double searched = 0, error = 0;
  int linears = 0;
  for (const CalibratedLinear& linear : report.linears()) {
    if (linear.searched_error() == 0) continue;
    ++linears;
    searched += linear.searched_error() / linear.outputs();
    error += linear.error() / linear.outputs();
  }
  if (linears == 0) return "";
  return absl::StrFormat("output error %.2f of the scale search's, over %d linears and %d tokens", error / searched,
                         linears, report.tokens());
}

std::string KldText(const CalibrationReport& report) {
  if (report.kld() == 0) return "";
  return absl::StrFormat("%.3g +- %.1g on %d held-out tokens", report.kld(), report.kld_se(), report.held_out_tokens());
}

std::string TrialsText(const CalibrationReport& report) {
  std::vector<std::string> whole, first;
  for (const TransformTrial& trial : report.trials()) {
    if (trial.kld() > 0) whole.push_back(absl::StrFormat("%s %.3g", trial.transform(), trial.kld()));
    first.push_back(absl::StrFormat("%s %.3g", trial.transform(), trial.first_layers_kld()));
  }
  if (first.empty()) return "";
  return absl::StrCat(absl::StrJoin(whole, ", "), "; by the first layers: ", absl::StrJoin(first, ", "));
}

std::string CoverageText(const CalibrationReport& report) {
  std::vector<Expert> experts = ExpertsOf(report);
  if (experts.empty()) return "";
  std::stable_sort(experts.begin(), experts.end());  // of equal ones the first comes first
  const Expert &least = experts.front(), &most = experts.back();
  const auto none = std::count_if(experts.begin(), experts.end(), [](const Expert& e) { return e.tokens == 0; });
  const auto few = std::count_if(experts.begin(), experts.end(), [](const Expert& e) { return e.is_short; });
  std::string text = absl::StrFormat("least %d (layer %d, expert %d), median %d, most %d", least.tokens, least.layer,
                                     least.expert, experts[experts.size() / 2].tokens, most.tokens);
  if (few == 0) return text;
  return absl::StrFormat("%s; of %d experts %d saw none, %d fewer than they have columns", text, experts.size(), none,
                         few - none);
}

void WriteCoverage(const CalibrationReport& report, JsonWriter& json) {
  json.BeginArray();
  for (const ExpertCoverage& layer : report.experts()) {
    json.BeginObject();
    json.Key("layer").Number(uint64_t(layer.layer()));
    json.Key("columns").Number(uint64_t(layer.columns()));
    json.Key("tokens").BeginArray();
    for (const int64_t tokens : layer.tokens()) json.Number(uint64_t(tokens));
    json.EndArray();
    json.EndObject();
  }
  json.EndArray();
}

void WriteCalibration(const CalibrationReport& report, JsonWriter& json) {
  json.BeginObject();
  json.Key("device").String(report.device());
  json.Key("tokens").Number(uint64_t(report.tokens()));
  json.Key("held_out_tokens").Number(uint64_t(report.held_out_tokens()));
  WriteKld(report, json);
  if (report.trials_size() > 0) WriteTrials(report, json);
  WriteLinears(report, json);
  json.Key("experts");
  WriteCoverage(report, json);
  json.EndObject();
}

}  // namespace nibble::cli
