#include "cli/device_report.h"

#include <algorithm>
#include <cstddef>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_join.h"
#include "absl/strings/string_view.h"
#include "cli/printable.h"
#include "cli/report_parts.h"
#include "cli/summary_line.h"
#include "pipeline/device_use.h"

namespace nibble::cli {
namespace {

constexpr double kTera = 1e12, kGiga = 1e9;
constexpr size_t kMostStages = 5;      // of a line
constexpr double kLeastShare = 0.005;  // of the whole, that is shown

// "0.0412 TFLOP/s", "41.2 of 990 TFLOP/s"
std::string RateText(double rate, double peak, absl::string_view unit) {
  return peak > 0 ? absl::StrCat(ThreeDigits(rate), " of ", ThreeDigits(peak), " ", unit)
                  : absl::StrCat(ThreeDigits(rate), " ", unit);
}

std::string ShareText(const DeviceStage& stage) {
  return absl::StrFormat("%.0f %% of %.1f s", 100 * RatesOf(stage).share, stage.seconds());
}

// "feed-forward 99 % of 14.1 s, attention 95 % of 7.0 s"
std::string StagesText(const DeviceUse& use) {
  const double all = TotalOf(use).seconds();
  std::vector<const DeviceStage*> stages;
  for (const DeviceStage& stage : use.stages()) {
    if (!stage.beside() && stage.seconds() > kLeastShare * all) stages.push_back(&stage);
  }
  std::stable_sort(stages.begin(), stages.end(),
                   [](const DeviceStage* a, const DeviceStage* b) { return a->seconds() > b->seconds(); });
  if (stages.size() > kMostStages) stages.resize(kMostStages);
  return absl::StrJoin(stages, ", ", [](std::string* out, const DeviceStage* stage) {
    absl::StrAppend(out, stage->stage(), " ", ShareText(*stage));
  });
}

// Of a stage, or of all.
void WriteFigures(const DeviceStage& stage, JsonWriter& json) {
  const DeviceRates rates = RatesOf(stage);
  json.Key("seconds").Number(stage.seconds());
  json.Key("busy_seconds").Number(stage.busy_seconds());
  json.Key("share").Number(rates.share);
  json.Key("flops").Number(stage.flops());
  json.Key("bytes").Number(stage.bytes());
  json.Key("tflop_per_second").Number(rates.flops / kTera);
  json.Key("gb_per_second").Number(rates.bytes / kGiga);
}

}  // namespace

std::string DeviceText(const DeviceUse& use) {
  if (use.stages().empty()) return "";
  const DeviceStage total = TotalOf(use);
  const DeviceRates rates = RatesOf(total);
  return absl::StrCat(Printable(use.device()), ": at work ", ShareText(total), ", ",
                      RateText(rates.flops / kTera, use.peak_flops() / kTera, "TFLOP/s"), ", ",
                      RateText(rates.bytes / kGiga, use.peak_bytes() / kGiga, "GB/s"));
}

std::string DeviceLines(const DeviceUse& use) {
  if (use.stages().empty()) return "";
  return absl::StrCat(SummaryLine("device", DeviceText(use)), SummaryLine("by stage", StagesText(use)));
}

void WriteDeviceUse(const DeviceUse& use, JsonWriter& json) {
  if (use.stages().empty()) return;
  json.Key("device_use").BeginObject();
  json.Key("device").String(use.device());
  WriteFigures(TotalOf(use), json);
  if (use.peak_flops() > 0) json.Key("peak_tflop_per_second").Number(use.peak_flops() / kTera);
  if (use.peak_bytes() > 0) json.Key("peak_gb_per_second").Number(use.peak_bytes() / kGiga);
  json.Key("stages").BeginArray();
  for (const DeviceStage& stage : use.stages()) {
    json.BeginObject();
    json.Key("stage").String(stage.stage());
    json.Key("beside").Bool(stage.beside());
    WriteFigures(stage, json);
    json.EndObject();
  }
  json.EndArray();
  json.EndObject();
}

}  // namespace nibble::cli
