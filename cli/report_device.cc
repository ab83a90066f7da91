#include "cli/report_device.h"

#include <string>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "cli/device_report.h"
#include "cli/report_parts.h"
#include "pipeline/device_use.h"

namespace nibble::cli {
namespace {

constexpr char kPlace[] = "/device_use/";

// The cells of a stage, or of all, that lies there in the JSON.
void WriteCells(HtmlWriter& html, const std::string& place, const DeviceStage& stage) {
  const DeviceRates rates = RatesOf(stage);
  const auto cell = [&](const char* figure, double value, const std::string& shown) {
    html.Open("td").Figure(place + figure, value, shown).Close();
  };
  cell("seconds", stage.seconds(), absl::StrFormat("%.2f", stage.seconds()));
  cell("share", rates.share, Percent(rates.share));
  cell("tflop_per_second", rates.flops / 1e12, ThreeDigits(rates.flops / 1e12));
  cell("gb_per_second", rates.bytes / 1e9, ThreeDigits(rates.bytes / 1e9));
}

void WritePeaks(HtmlWriter& html, const DeviceUse& use) {
  if (use.peak_flops() == 0 && use.peak_bytes() == 0) return;
  html.Open("tr").Element("th", {{"scope", "row"}}, "at best").Element("td", "").Element("td", "");
  const auto cell = [&](const char* figure, double value) {
    html.Open("td");
    if (value > 0) html.Figure(absl::StrCat(kPlace, figure), value, ThreeDigits(value));
    html.Close();
  };
  cell("peak_tflop_per_second", use.peak_flops() / 1e12);
  cell("peak_gb_per_second", use.peak_bytes() / 1e9);
  html.Close();
}

}  // namespace

void WriteDeviceStages(HtmlWriter& html, const DeviceUse& use) {
  OpenTable(html, use.device(), {"stage", "seconds", "device at work", "TFLOP/s", "GB/s"});
  for (int i = 0; i < use.stages_size(); ++i) {
    const DeviceStage& stage = use.stages(i);
    html.Open("tr").Element("th", {{"scope", "row"}}, absl::StrCat(stage.stage(), stage.beside() ? " ahead" : ""));
    WriteCells(html, absl::StrCat(kPlace, "stages/", i, "/"), stage);
    html.Close();
  }
  html.Open("tr").Element("th", {{"scope", "row"}}, "together");
  WriteCells(html, kPlace, TotalOf(use));
  html.Close();
  WritePeaks(html, use);
  CloseTable(html);
}

}  // namespace nibble::cli
