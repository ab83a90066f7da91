#include "cli/report_plots.h"

#include <algorithm>
#include <cmath>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "cli/known_types.h"
#include "cli/printable.h"
#include "cli/report_parts.h"
#include "cli/svg_plot.h"

namespace nibble::cli {
namespace {

constexpr double kWidth = 640;
constexpr double kSmallest = 1e-6;  // a divergence that is drawn apart from 0

// Of all positive values, for an axis of powers of ten.
struct Range {
  double low = INFINITY, high = 0;
  void Take(double value) {
    if (!(value > 0) || !std::isfinite(value)) return;
    low = std::min(low, std::max(value, kSmallest));
    high = std::max(high, std::max(value, kSmallest));
  }
  Axis LogAxis(double from, double to) const {
    return high > 0 ? Axis::Log(low, high, from, to) : Axis::Log(kSmallest, 1, from, to);
  }
};

std::vector<Attribute> Circle(const std::string& css_class, double x, double y, double radius) {
  return {{"class", css_class}, {"cx", Pixels(x)}, {"cy", Pixels(y)}, {"r", Pixels(radius)}};
}

std::vector<Attribute> Square(const std::string& css_class, double x, double y, double side) {
  return {{"class", css_class},
          {"x", Pixels(x - side / 2)},
          {"y", Pixels(y - side / 2)},
          {"width", Pixels(side)},
          {"height", Pixels(side)}};
}

// A candidate's, or a type's with a mark per model that it was measured on.
struct DotRow {
  std::string name;
  int candidate = -1;
  std::vector<int> known;  // of report.known_types()
};

std::vector<DotRow> DotRows(const VerifyReport& report) {
  std::vector<DotRow> rows;
  const std::vector<std::string> names = CandidateNames(report);
  for (int i = 0; i < report.candidates_size(); ++i) rows.push_back({.name = names[i], .candidate = i, .known = {}});
  for (int i = 0; i < report.known_types_size(); ++i) {
    const std::string& type = report.known_types(i).type();
    const auto same = [&](const DotRow& row) { return row.candidate < 0 && row.name == type; };
    auto row = std::find_if(rows.begin(), rows.end(), same);
    if (row == rows.end()) row = rows.insert(row, {.name = type, .candidate = -1, .known = {}});
    row->known.push_back(i);
  }
  return rows;
}

// Names that leave room for a plot.
std::string Shortened(const std::string& name, size_t columns) {
  return Columns(name) <= columns ? name : absl::StrCat(Cut(name, columns - 1), "…");
}

int ModelIndex(absl::string_view name) {
  const auto models = KnownModels();
  return std::find_if(models.begin(), models.end(), [&](const KnownModel& m) { return m.name == name; }) -
         models.begin();
}

void DrawDots(HtmlWriter& html, const VerifyReport& report, const DotRow& row, const Axis& x, double y) {
  if (row.candidate >= 0) {
    const double kld = report.candidates(row.candidate).kld().mean();
    DrawMark(html, "circle", Circle(SeriesClass(row.candidate), x.At(kld), y, 6),
             CandidatePointer(row.candidate, "kld/mean"), kld, row.name, ThreeDigits(kld));
  }
  for (const int i : row.known) {
    const KnownType& known = report.known_types(i);
    const bool is_first = ModelIndex(known.model()) == 0;
    DrawMark(html, is_first ? "circle" : "rect",
             is_first ? Circle("known", x.At(known.kld()), y, 5) : Square("known", x.At(known.kld()), y, 9),
             absl::StrCat("/known_types/", i, "/kld"), known.kld(), absl::StrCat(known.type(), ", ", known.model()),
             ThreeDigits(known.kld()));
  }
}

void WriteKnownTable(HtmlWriter& html, const VerifyReport& report) {
  OpenHiddenTable(html, "well-known types",
                  {"type", "model", "bits per weight", "mean KLD", "perplexity", "same token"});
  for (int i = 0; i < report.known_types_size(); ++i) {
    const KnownType& known = report.known_types(i);
    const std::string at = absl::StrCat("/known_types/", i, "/");
    html.Open("tr").Element("th", {{"scope", "row"}, {"class", "name"}}, known.type());
    html.Element("td", {{"class", "name"}}, known.model());
    html.Open("td").Figure(at + "bits_per_weight", known.bits_per_weight(), Bits(known.bits_per_weight())).Close();
    html.Open("td").Figure(at + "kld", known.kld(), ThreeDigits(known.kld())).Close();
    html.Open("td").Figure(at + "ppl_ratio", known.ppl_ratio(), PercentChange(known.ppl_ratio())).Close();
    html.Open("td");
    if (known.has_top1()) html.Figure(at + "top1", known.top1(), Percent(known.top1()));
    html.Close().Close();
  }
  CloseHiddenTable(html);
}

constexpr const char* kPercentiles[] = {"median", "p90", "p99", "p999", "max"};

double PercentileOf(const Distribution& distribution, size_t i) {
  const double values[] = {distribution.median(), distribution.p90(), distribution.p99(), distribution.p999(),
                           distribution.max()};
  return values[i];
}

void DrawHistogram(HtmlWriter& html, const VerifyReport& report, int index, const std::string& name) {
  constexpr double kSide = 440, kHeight = 190, kLeft = 8, kBottom = 150, kTop = 20;
  const auto& bins = report.candidates(index).kld_histogram();
  uint64_t most = 1;
  for (const HistogramBin& bin : bins) most = std::max<uint64_t>(most, bin.positions());
  OpenPlot(
      html, absl::StrCat("histogram-", index), absl::StrCat("Distribution of KL divergence: ", name),
      "How many scored positions lie in each range of KL divergence, from no difference on the left to a different "
      "prediction on the right.",
      kSide, kHeight);
  const double step = (kSide - 2 * kLeft) / std::max(1, bins.size());
  for (int i = 0; i < bins.size(); ++i) {
    const HistogramBin& bin = bins[i];
    const double x = kLeft + i * step, height = (kBottom - kTop) * bin.positions() / most;
    DrawMark(html, "rect",
             {{"class", SeriesClass(index)},
              {"x", Pixels(x + 1)},
              {"y", Pixels(kBottom - height)},
              {"width", Pixels(step - 2)},
              {"height", Pixels(height)}},
             CandidatePointer(index, absl::StrCat("kld_histogram/", i, "/positions")), bin.positions(),
             absl::StrCat("positions from ", TickText(bin.from())), absl::StrCat(bin.positions()));
    const double power = bin.from() > 0 ? std::log10(bin.from()) : 0.5;
    if (std::abs(power - std::round(power)) < 1e-9) {
      DrawText(html, x, kBottom + 16, Anchor::kMiddle, "tick", TickText(bin.from()));
    }
  }
  html.Leaf("line", {{"class", "axis"},
                     {"x1", Pixels(kLeft)},
                     {"y1", Pixels(kBottom)},
                     {"x2", Pixels(kSide - kLeft)},
                     {"y2", Pixels(kBottom)}});
  DrawText(html, kSide / 2, kBottom + 34, Anchor::kMiddle, "label", "KL divergence of a position, nats");
  ClosePlot(html);
}

void WriteHistogramTable(HtmlWriter& html, const VerifyReport& report, const std::vector<std::string>& names) {
  std::vector<std::string> header = {"KLD from"};
  header.insert(header.end(), names.begin(), names.end());
  OpenHiddenTable(html, "positions by KL divergence", header);
  for (int bin = 0; bin < report.candidates(0).kld_histogram_size(); ++bin) {
    const double from = report.candidates(0).kld_histogram(bin).from();
    html.Open("tr").Open("th", {{"scope", "row"}});
    html.Figure(CandidatePointer(0, absl::StrCat("kld_histogram/", bin, "/from")), from, TickText(from)).Close();
    for (int i = 0; i < report.candidates_size(); ++i) {
      const uint64_t positions = report.candidates(i).kld_histogram(bin).positions();
      html.Open("td").Figure(CandidatePointer(i, absl::StrCat("kld_histogram/", bin, "/positions")), positions,
                             absl::StrCat(positions));
      html.Close();
    }
    html.Close();
  }
  CloseHiddenTable(html);
}

void WritePercentiles(HtmlWriter& html, const VerifyReport& report, const std::vector<std::string>& names) {
  OpenTable(html, "Percentiles of KL divergence", {"", "median", "90 %", "99 %", "99.9 %", "largest"});
  for (int i = 0; i < report.candidates_size(); ++i) {
    html.Open("tr").Element("th", {{"scope", "row"}, {"class", "name"}}, names[i]);
    for (size_t p = 0; p < std::size(kPercentiles); ++p) {
      const double value = PercentileOf(report.candidates(i).kld(), p);
      html.Open("td").Figure(CandidatePointer(i, absl::StrCat("kld/", kPercentiles[p])), value, ThreeDigits(value));
      html.Close();
    }
    html.Close();
  }
  CloseTable(html);
}

std::string LayerPointer(int candidate, int layer, const char* figure) {
  return CandidatePointer(candidate, absl::StrCat("layers/", layer, "/", figure));
}

void WriteLayerTable(HtmlWriter& html, const VerifyReport& report, const std::vector<std::string>& names) {
  std::vector<std::string> header = {"layer"};
  for (const std::string& name : names) header.insert(header.end(), {absl::StrCat(name, ": error"), "cosine"});
  OpenHiddenTable(html, "error by layer", header);
  for (int layer = 0; layer < report.candidates(0).layers_size(); ++layer) {
    html.Open("tr").Open("th", {{"scope", "row"}});
    html.Figure(LayerPointer(0, layer, "layer"), layer, absl::StrCat(layer)).Close();
    for (int i = 0; i < report.candidates_size(); ++i) {
      const LayerError& error = report.candidates(i).layers(layer);
      html.Open("td");
      html.Figure(LayerPointer(i, layer, "relative_error"), error.relative_error(),
                  ThreeDigits(error.relative_error()));
      html.Close().Open("td");
      html.Figure(LayerPointer(i, layer, "cosine"), error.cosine(), absl::StrFormat("%.5f", error.cosine()));
      html.Close();
    }
    html.Close();
  }
  CloseHiddenTable(html);
}

}  // namespace

void WriteKnownTypes(HtmlWriter& html, const VerifyReport& report) {
  constexpr double kLeft = 190, kRow = 26, kTop = 12;
  const std::vector<DotRow> rows = DotRows(report);
  const double bottom = kTop + kRow * rows.size();
  Range range;
  for (const Candidate& candidate : report.candidates()) range.Take(candidate.kld().mean());
  for (const KnownType& known : report.known_types()) range.Take(known.kld());
  const Axis x = range.LogAxis(kLeft, kWidth - 16);
  html.Open("figure");
  OpenPlot(html, "known", "Mean KL divergence beside well-known types",
           "A row for each candidate and each well-known type; further left is closer to the original.", kWidth,
           bottom + 44);
  DrawHorizontalAxis(html, x, kTop, bottom, "mean KL divergence, nats: further left is closer to the original");
  for (size_t i = 0; i < rows.size(); ++i) {
    const double y = kTop + kRow * (i + 0.5);
    DrawText(html, kLeft - 10, y + 4, Anchor::kEnd, rows[i].candidate >= 0 ? "name own" : "name",
             Shortened(rows[i].name, 23));
    DrawDots(html, report, rows[i], x, y);
  }
  ClosePlot(html);
  html.Open("figcaption").Open("ul", {{"class", "sources"}});
  for (const KnownModel& model : KnownModels()) {
    const bool is_first = ModelIndex(model.name) == 0;
    html.Open("li").Text(is_first ? "○ " : "□ ").Element("b", {{"class", "name"}}, model.name).Text(": ");
    html.Element("span", {{"class", "name"}}, model.source).Close();
  }
  html.Close().Close();
  WriteKnownTable(html, report);
  html.Close();
}

void WriteSizes(HtmlWriter& html, const VerifyReport& report) {
  constexpr double kHeight = 320, kLeft = 62, kTop = 26, kBottom = kHeight - 48, kMiB = 1 << 20;
  const std::vector<std::string> names = CandidateNames(report);
  Range klds;
  double largest = 0, smallest = INFINITY;
  for (const Candidate& candidate : report.candidates()) {
    klds.Take(candidate.kld().mean());
    largest = std::max(largest, candidate.bytes() / kMiB);
    smallest = std::min(smallest, candidate.bytes() / kMiB);
  }
  const Axis x = Axis::Linear(smallest, largest, kLeft, kWidth - 24), y = klds.LogAxis(kBottom, kTop);
  html.Open("figure");
  OpenPlot(html, "sizes", "Mean KL divergence over size",
           "Each candidate by its size and its mean KL divergence; lower left is better.", kWidth, kHeight);
  DrawHorizontalAxis(html, x, kTop, kBottom, "size, MiB");
  DrawVerticalAxis(html, y, kLeft, kWidth - 24, "mean KL divergence, nats");
  for (int i = 0; i < report.candidates_size(); ++i) {
    const Candidate& candidate = report.candidates(i);
    const double at_x = x.At(candidate.bytes() / kMiB), at_y = y.At(candidate.kld().mean());
    DrawMark(html, "circle", Circle(SeriesClass(i), at_x, at_y, 6), CandidatePointer(i, "kld/mean"),
             candidate.kld().mean(), names[i], ThreeDigits(candidate.kld().mean()));
    const bool is_right = at_x > kWidth / 2;
    DrawText(html, at_x + (is_right ? -10 : 10), at_y + (at_y < kTop + 20 ? 16 : -8),
             is_right ? Anchor::kEnd : Anchor::kStart, "name", Shortened(names[i], 28));
  }
  ClosePlot(html);
  html.Close();
}

void WriteDistribution(HtmlWriter& html, const VerifyReport& report) {
  const std::vector<std::string> names = CandidateNames(report);
  html.Open("div", {{"class", "plots"}});
  for (int i = 0; i < report.candidates_size(); ++i) {
    html.Open("figure");
    if (names.size() > 1) html.Open("figcaption").Element("bdi", {{"class", "name"}}, names[i]).Close();
    DrawHistogram(html, report, i, names[i]);
    html.Close();
  }
  html.Close();
  WritePercentiles(html, report, names);
  WriteHistogramTable(html, report, names);
}

void WriteLayers(HtmlWriter& html, const VerifyReport& report) {
  constexpr double kHeight = 300, kLeft = 56, kTop = 26, kBottom = kHeight - 48;
  constexpr int kFewestLayers = 5;  // of the axis: fewer, and its ticks are no layers
  const std::vector<std::string> names = CandidateNames(report);
  const int layers = report.candidates(0).layers_size();
  double largest = 0;
  for (const Candidate& candidate : report.candidates()) {
    for (const LayerError& layer : candidate.layers()) largest = std::max(largest, layer.relative_error());
  }
  const Axis x = Axis::Linear(0, std::max(kFewestLayers, layers - 1), kLeft, kWidth - 16);
  const Axis y = Axis::Linear(0, largest, kBottom, kTop);
  html.Open("figure");
  OpenPlot(html, "layers", "Error of the hidden state behind each layer",
           "A line per candidate from the first layer to the last; lower is closer to the original.", kWidth, kHeight);
  DrawHorizontalAxis(html, x, kTop, kBottom, "layer");
  DrawVerticalAxis(html, y, kLeft, kWidth - 16, "relative error");
  for (int i = 0; i < report.candidates_size(); ++i) {
    const Candidate& candidate = report.candidates(i);
    std::string points;
    for (const LayerError& layer : candidate.layers()) {
      absl::StrAppend(&points, Pixels(x.At(layer.layer())), ",", Pixels(y.At(layer.relative_error())), " ");
    }
    html.Leaf("polyline", {{"class", SeriesClass(i)}, {"points", points}});
    for (int layer = 0; layer < candidate.layers_size(); ++layer) {
      const double error = candidate.layers(layer).relative_error();
      DrawMark(html, "circle", Circle(SeriesClass(i), x.At(layer), y.At(error), 3),
               LayerPointer(i, layer, "relative_error"), error, absl::StrCat(names[i], ", layer ", layer),
               ThreeDigits(error));
    }
  }
  ClosePlot(html);
  WriteLegend(html, names);
  WriteLayerTable(html, report, names);
  html.Close();
}

}  // namespace nibble::cli
