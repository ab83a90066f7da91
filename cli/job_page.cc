#include "cli/job_page.h"

#include <algorithm>
#include <map>
#include <optional>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "cli/calibration_report.h"
#include "cli/html_writer.h"
#include "cli/page.h"
#include "cli/plan_report.h"
#include "cli/plan_types.h"
#include "cli/report_device.h"
#include "cli/report_parts.h"
#include "cli/tensor_map.h"
#include "cli/type_bars.h"
#include "cli/units.h"
#include "formats/io/file.h"
#include "pipeline/tensor_place.h"

namespace nibble::cli {
namespace {

struct Job {
  const Plan& plan;
  const JobFacts& facts;
};

constexpr TensorScale kOutputErrors = {
    "errors",
    "Error of the outputs",
    "Rows are roles of linears, columns layers. Darker is further from what the original makes of the same inputs.",
    0.002,
    0.5,
    "0.002",
    "0.5"};

ShownFigure Size(const std::string& pointer, uint64_t bytes) {
  return {pointer, static_cast<double>(bytes), FormatSize(bytes)};
}

ShownFigure Seconds(const std::string& pointer, double seconds) {
  return {pointer, seconds, absl::StrFormat("%.1f", seconds)};
}

void WriteVerdict(HtmlWriter& html, const Job& job) {
  const Plan& plan = job.plan;
  html.Open("dl", {{"class", "stats"}});
  WriteStat(html, "Size", Size("/file_bytes", plan.file_bytes()), std::nullopt, "of all files");
  WriteStat(html, "Bits per weight", {"/bits_per_weight", plan.bits_per_weight(), Bits(plan.bits_per_weight())},
            std::nullopt, "over all tensors");
  if (plan.has_fit()) {
    const FitReport& fit = plan.fit();
    WriteStat(html, "Budget", Size("/fit/budget_bytes", fit.budget_bytes()), std::nullopt,
              fit.context() > 0 ? absl::StrCat("with room for ", fit.context(), " tokens of context") : "for the file");
    WriteStat(html, "Expected KL divergence",
              {"/fit/expected_kld", fit.expected_kld(), ThreeDigits(fit.expected_kld())}, std::nullopt,
              fit.is_measured() ? "nats per token, by sensitivities of the text" : "by what types cost other models");
  }
  if (const CalibrationReport& text = plan.calibration(); text.kld() > 0) {
    WriteStat(html, "Mean KL divergence", {"/calibration/kld", text.kld(), ThreeDigits(text.kld())},
              ShownFigure{"/calibration/kld_se", text.kld_se(), ThreeDigits(text.kld_se())},
              "nats per token, on windows of the text that were held out");
  }
  html.Close();
  html.Element("p", "What it costs the model's predictions is measured, and shown on a page like this one, by:");
  html.Open("p").Element("code", {{"class", "text"}}, job.facts.next).Close();
}

void WriteNeeds(HtmlWriter& html, const Job& job) {
  const Plan& plan = job.plan;
  html.Open("dl", {{"class", "stats"}});
  WriteStat(html, "Memory", Size("/memory_bytes", job.facts.memory_bytes), std::nullopt, "of this job");
  WriteStat(html, "Disk", Size("/disk_bytes", DiskBytes(plan)), std::nullopt, "until the job is done");
  if (plan.work_file_bytes() > 0) {
    WriteStat(html, "Work file", Size("/work_file_bytes", plan.work_file_bytes()), std::nullopt,
              "hidden states that memory does not hold");
  }
  if (plan.checkpoint_bytes() > 0) {
    WriteStat(html, "Checkpoints", Size("/checkpoint_bytes", plan.checkpoint_bytes()), std::nullopt, "for --resume");
  }
  if (plan.has_time()) {
    WriteStat(html, "Time", Seconds("/expected_time/seconds", plan.time().seconds()), std::nullopt,
              "seconds on this machine, about");
    if (plan.time().calibration_seconds() > 0) {
      WriteStat(html, "of these, the text",
                Seconds("/expected_time/calibration_seconds", plan.time().calibration_seconds()), std::nullopt,
                "running it, and fitting");
    }
  }
  html.Close();
}

std::string LinearPlace(int linear) { return absl::StrCat("/calibration/linears/", linear, "/"); }

bool IsJudged(const CalibratedLinear& linear) { return linear.searched_error() > 0; }

std::string LinearName(const CalibratedLinear& linear) {
  return linear.slice() < 0 ? linear.name() : absl::StrCat(linear.name(), ", expert ", linear.slice());
}

// Of several experts the one that is off by most.
std::vector<TensorCell> CellsOfLinears(const CalibrationReport& text) {
  std::map<std::string, size_t> places;  // by name, in `cells`
  std::vector<TensorCell> cells;
  for (int i = 0; i < text.linears_size(); ++i) {
    const CalibratedLinear& linear = text.linears(i);
    if (!IsJudged(linear)) continue;
    const TensorPlace place = PlaceOf(linear.name());
    const double error = RelativeError(linear, linear.error());
    const TensorCell cell = {.role = place.role,
                             .layer = place.layer,
                             .value = error,
                             .pointer = LinearPlace(i) + "relative_error",
                             .name = absl::StrCat(LinearName(linear), ", ", linear.method()),
                             .shown = ThreeDigits(error)};
    const auto [found, is_first] = places.emplace(linear.name(), cells.size());
    if (is_first) {
      cells.push_back(cell);
    } else if (error > cells[found->second].value) {
      cells[found->second] = cell;
    }
  }
  return cells;
}

void WriteLinearTable(HtmlWriter& html, const CalibrationReport& text) {
  OpenHiddenTable(html, "every linear", {"linear", "method", "tokens", "error", "by the search alone"});
  for (int i = 0; i < text.linears_size(); ++i) {
    const CalibratedLinear& linear = text.linears(i);
    html.Open("tr").Element("th", {{"scope", "row"}, {"class", "name"}}, LinearName(linear));
    html.Element("td", {{"class", "name"}}, linear.fallback().empty() ? linear.method() : linear.fallback());
    html.Open("td").Figure(LinearPlace(i) + "tokens", linear.tokens(), absl::StrCat(linear.tokens())).Close();
    for (const auto& [figure, squares] :
         {std::pair("relative_error", linear.error()), std::pair("searched_relative_error", linear.searched_error())}) {
      html.Open("td");
      if (IsJudged(linear)) {
        const double error = RelativeError(linear, squares);
        html.Figure(LinearPlace(i) + figure, error, ThreeDigits(error));
      }
      html.Close();
    }
    html.Close();
  }
  CloseHiddenTable(html);
}

void WriteText(HtmlWriter& html, const Job& job) {
  const CalibrationReport& text = job.plan.calibration();
  html.Open("p").Text("The model ran on ");
  html.Figure("/calibration/tokens", text.tokens(), absl::StrCat(text.tokens())).Text(" tokens of the text, ");
  html.Figure("/calibration/held_out_tokens", text.held_out_tokens(), absl::StrCat(text.held_out_tokens()));
  html.Text(" of which were held out: what choices are judged by.").Close();
  if (const std::vector<TensorCell> cells = CellsOfLinears(text); !cells.empty()) {
    WriteTensorMap(html, kOutputErrors, "linears", job.plan.type(), cells);
  }
  WriteLinearTable(html, text);
}

void WriteTrials(HtmlWriter& html, const Job& job) {
  const CalibrationReport& text = job.plan.calibration();
  OpenTable(html, "Mean KL divergence by transform", {"transform", "first layers alone", "whole model"});
  for (int i = 0; i < text.trials_size(); ++i) {
    const TransformTrial& trial = text.trials(i);
    const std::string place = absl::StrCat("/calibration/transforms/", i, "/");
    html.Open("tr").Element("th", {{"scope", "row"}, {"class", "name"}}, trial.transform()).Open("td");
    html.Figure(place + "first_layers_kld", trial.first_layers_kld(), ThreeDigits(trial.first_layers_kld()));
    html.Close().Open("td");
    if (trial.kld() > 0) html.Figure(place + "kld", trial.kld(), ThreeDigits(trial.kld()));
    html.Close().Close();
  }
  CloseTable(html);
}

void WriteExperts(HtmlWriter& html, const Job& job) {
  OpenTable(html, "Tokens by layer", {"layer", "columns", "expert with fewest", "expert with most"});
  const auto& layers = job.plan.calibration().experts();
  for (int i = 0; i < layers.size(); ++i) {
    const std::string place = absl::StrCat("/calibration/experts/", i, "/");
    const auto& tokens = layers[i].tokens();
    html.Open("tr").Open("th", {{"scope", "row"}});
    html.Figure(place + "layer", layers[i].layer(), absl::StrCat(layers[i].layer())).Close().Open("td");
    html.Figure(place + "columns", layers[i].columns(), absl::StrCat(layers[i].columns())).Close();
    for (const auto& expert :
         {std::min_element(tokens.begin(), tokens.end()), std::max_element(tokens.begin(), tokens.end())}) {
      html.Open("td");
      html.Figure(absl::StrCat(place, "tokens/", expert - tokens.begin()), *expert, absl::StrCat(*expert)).Close();
    }
    html.Close();
  }
  CloseTable(html);
}

void WriteTypes(HtmlWriter& html, const Job& job) {
  WriteTypeBars(
      html,
      {{.name = job.plan.type(), .bytes = job.plan.tensor_bytes(), .types = TypesOf(job.plan), .place = "/types/"}});
}

std::string PlannedPlace(int tensor, absl::string_view figure) {
  return absl::StrCat("/tensors/", tensor, "/", figure);
}

void WriteTensors(HtmlWriter& html, const Job& job) {
  const Plan& plan = job.plan;
  std::vector<TensorCell> cells;
  for (int i = 0; i < plan.tensors_size(); ++i) {
    const PlannedTensor& tensor = plan.tensors(i);
    if (tensor.shape_size() < 2) continue;
    const TensorPlace place = PlaceOf(tensor.name());
    cells.push_back({.role = place.role,
                     .layer = place.layer,
                     .value = BitsPerWeight(tensor),
                     .pointer = PlannedPlace(i, "bits_per_weight"),
                     .name = absl::StrCat(tensor.name(), ", ", tensor.type()),
                     .shown = Bits(BitsPerWeight(tensor))});
  }
  WriteTensorMap(html, kBitsPerWeight, "tensors", plan.type(), cells);
  OpenHiddenTable(html, "every tensor", {"tensor", "was", "type", "size", "bits", "why"});
  for (int i = 0; i < plan.tensors_size(); ++i) {
    const PlannedTensor& tensor = plan.tensors(i);
    html.Open("tr").Element("th", {{"scope", "row"}, {"class", "name"}}, tensor.name());
    html.Element("td", {{"class", "name"}}, tensor.source_type()).Element("td", {{"class", "name"}}, tensor.type());
    html.Open("td").Figure(PlannedPlace(i, "bytes"), tensor.bytes(), FormatSize(tensor.bytes())).Close().Open("td");
    html.Figure(PlannedPlace(i, "bits_per_weight"), BitsPerWeight(tensor), Bits(BitsPerWeight(tensor))).Close();
    html.Element("td", {{"class", "name"}}, tensor.reason()).Close();
  }
  CloseHiddenTable(html);
}

// Tensors that have another type than was asked for, or keep what they have.
bool IsException(const PlannedTensor& tensor) {
  return absl::StartsWith(tensor.reason(), "fallback") || tensor.reason() == "kept bits";
}

void WriteExceptions(HtmlWriter& html, const Job& job) {
  OpenTable(html, "Fallbacks and kept bits", {"tensor", "type", "why"});
  for (const PlannedTensor& tensor : job.plan.tensors()) {
    if (!IsException(tensor)) continue;
    html.Open("tr").Element("th", {{"scope", "row"}, {"class", "name"}}, tensor.name());
    html.Element("td", {{"class", "name"}}, tensor.type());
    html.Element("td", {{"class", "name"}}, tensor.reason()).Close();
  }
  CloseTable(html);
}

void WriteWarnings(HtmlWriter& html, const Job& job) {
  html.Open("ul");
  for (const std::string& warning : job.plan.warnings()) html.Element("li", {{"class", "name"}}, warning);
  html.Close();
}

bool Always(const Job&) { return true; }
bool HasExceptions(const Job& job) {
  return std::any_of(job.plan.tensors().begin(), job.plan.tensors().end(), IsException);
}
bool HasText(const Job& job) { return job.plan.calibration().linears_size() > 0; }
bool HasTrials(const Job& job) { return job.plan.calibration().trials_size() > 0; }
bool HasExperts(const Job& job) { return job.plan.calibration().experts_size() > 0; }
bool HasWarnings(const Job& job) { return job.plan.warnings_size() > 0; }
bool HasDevice(const Job& job) { return job.plan.device_use().stages_size() > 0; }

// In the order of the page.
constexpr PageSection<Job> kSections[] = {
    {"verdict", "What it is", "", Always, WriteVerdict},
    {"warnings", "Warnings", "", HasWarnings, WriteWarnings},
    {"exceptions", "Not as asked for",
     "Tensors whose rows the type does not divide have another one; those that were published in 4 bits keep them.",
     HasExceptions, WriteExceptions},
    {"types", "Size by type", "", Always, WriteTypes},
    {"tensors", "Bits by tensor", "", Always, WriteTensors},
    {"text", "What the text gained",
     "How far each linear's outputs are from the original's, relative to their length, on held-out tokens: with error "
     "feedback as it was written, and as the search over scales alone would have left it. Of a layer's experts the map "
     "has the one that is furthest off.",
     HasText, WriteText},
    {"transforms", "Which transform pays",
     "Each was tried on the first layers; the best of these, and none, on the whole model.", HasTrials, WriteTrials},
    {"experts", "What the experts saw",
     "Tokens that were routed to them. With fewer than its columns an expert is fitted to what it did see alone.",
     HasExperts, WriteExperts},
    {"needs", "What the job takes", "", Always, WriteNeeds},
    {"device", "What the device did",
     "Seconds of each stage, the share of them in which the device was at work, and what it did in that share.",
     HasDevice, [](HtmlWriter& html, const Job& job) { WriteDeviceStages(html, job.plan.device_use()); }},
};

void WriteHeader(HtmlWriter& html, const Job& job) {
  const bool is_planned = job.facts.command == "plan";
  html.Open("header").Element("p", {{"class", "brand"}}, absl::StrCat("nibble ", job.facts.command));
  html.Open("h1").Element("bdi", {{"class", "name"}}, io::Basename(job.facts.model));
  html.Text(is_planned ? " would become " : " became ").Element("bdi", {{"class", "name"}}, job.plan.type()).Close();
  html.Open("p", {{"class", "intro"}}).Text("The original: ");
  html.Figure("/source_bytes", job.plan.source_bytes(), FormatSize(job.plan.source_bytes())).Text(".").Close();
  WriteContents<Job>(html, kSections, job);
  html.Close();
}

}  // namespace

std::string JobPage(const Plan& plan, const JobFacts& facts) {
  const Job job = {plan, facts};
  HtmlWriter html;
  OpenPage(html, absl::StrCat("nibble ", facts.command, ": ", io::Basename(facts.model)));
  WriteHeader(html, job);
  WriteSections<Job>(html, kSections, job);
  ClosePage(html);
  return html.Take();
}

}  // namespace nibble::cli
