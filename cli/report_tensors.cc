#include "cli/report_tensors.h"

#include <algorithm>
#include <cmath>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "cli/report_parts.h"
#include "cli/svg_plot.h"
#include "cli/units.h"

namespace nibble::cli {
namespace {

constexpr double kBarWidth = 640;

std::string TypePointer(int candidate, int type, const char* figure) {
  return CandidatePointer(candidate, absl::StrCat("types/", type, "/", figure));
}

void DrawBar(HtmlWriter& html, const VerifyReport& report, int index, uint64_t largest, double y,
             const std::vector<std::string>& types) {
  const Candidate& candidate = report.candidates(index);
  double x = 0;
  for (int i = 0; i < candidate.types_size(); ++i) {
    const TypeUse& use = candidate.types(i);
    const double width = largest == 0 ? 0 : kBarWidth * use.bytes() / largest;
    const int series = std::find(types.begin(), types.end(), use.type()) - types.begin();
    DrawMark(html, "rect",
             {{"class", SeriesClass(series)},
              {"x", Pixels(x)},
              {"y", Pixels(y)},
              {"width", Pixels(std::max(0.5, width - 1))},
              {"height", "26"}},
             TypePointer(index, i, "bytes"), use.bytes(), use.type(), FormatSize(use.bytes()));
    x += width;
  }
}

void WriteTypeTable(HtmlWriter& html, const VerifyReport& report, const std::vector<std::string>& names) {
  OpenTable(html, "Bytes by type", {"", "type", "tensors", "size"});
  for (int index = 0; index < report.candidates_size(); ++index) {
    for (int i = 0; i < report.candidates(index).types_size(); ++i) {
      const TypeUse& use = report.candidates(index).types(i);
      html.Open("tr").Element("th", {{"scope", "row"}, {"class", "name"}}, names[index]);
      html.Element("td", {{"class", "name"}}, use.type()).Open("td");
      html.Figure(TypePointer(index, i, "tensors"), use.tensors(), absl::StrCat(use.tensors())).Close().Open("td");
      html.Figure(TypePointer(index, i, "bytes"), use.bytes(), FormatSize(use.bytes())).Close().Close();
    }
  }
  CloseTable(html);
}

// What a map of tensors shows, in shades over powers of its scale.
struct MapRow {
  const char* id;
  const char* title;
  const char* description;
  const char* figure;  // in the JSON
  bool (*has)(const TensorFigures&);
  double (*value)(const TensorFigures&);
  std::string (*shown)(double);
  double low, high;  // the lightest and the darkest shade
  const char* low_text;
  const char* high_text;
};

constexpr MapRow kMaps[] = {
    {"bits", "Bits per weight",
     "Rows are roles of tensors, columns layers; wide cells are of the whole model. Darker has more bits.",
     "bits_per_weight", [](const TensorFigures&) { return true; },
     [](const TensorFigures& t) { return t.bits_per_weight(); }, Bits, 2, 16, "2 bits", "16 bits"},
    {"errors", "Error of the weights",
     "Rows are roles of tensors, columns layers; wide cells are of the whole model. Darker is further from the "
     "original.",
     "relative_error", [](const TensorFigures& t) { return t.has_relative_error(); },
     [](const TensorFigures& t) { return t.relative_error(); }, ThreeDigits, 0.002, 0.5, "0.002", "0.5"},
};

// 0.06 ... 1: nothing is drawn without a shade.
double Shade(const MapRow& map, double value) {
  if (!(value > 0)) return 0.06;
  const double share = std::log(value / map.low) / std::log(map.high / map.low);
  return 0.06 + 0.94 * std::clamp(share, 0.0, 1.0);
}

// Roles of matrices, in the order of the tensors.
std::vector<std::string> Roles(const Candidate& candidate) {
  std::vector<std::string> roles;
  for (const TensorFigures& tensor : candidate.tensors()) {
    if (tensor.is_vector() || std::find(roles.begin(), roles.end(), tensor.role()) != roles.end()) continue;
    roles.push_back(tensor.role());
  }
  return roles;
}

int LastLayer(const Candidate& candidate) {
  int last = 0;
  for (const TensorFigures& tensor : candidate.tensors()) last = std::max(last, tensor.layer());
  return last;
}

std::string TensorPointer(int candidate, int tensor, const char* figure) {
  return CandidatePointer(candidate, absl::StrCat("tensors/", tensor, "/", figure));
}

constexpr double kCell = 15, kRow = 20, kLabels = 150, kTop = 22;
constexpr int kWide = 3;  // cells of a tensor of the whole model

// Layers along the top, every fifth.
void DrawLayerNumbers(HtmlWriter& html, int last) {
  for (int layer = 0; layer <= last; layer += 5) {
    DrawText(html, kLabels + (layer + 0.5) * kCell, kTop - 7, Anchor::kMiddle, "tick", absl::StrCat(layer));
  }
}

void DrawMap(HtmlWriter& html, const MapRow& map, const Candidate& candidate, int index, const std::string& name) {
  const std::vector<std::string> roles = Roles(candidate);
  const int last = LastLayer(candidate);
  OpenPlot(html, absl::StrCat(map.id, "-", index), absl::StrCat(map.title, ": ", name), map.description,
           kLabels + kCell * std::max(kWide, last + 1) + 8, kTop + kRow * roles.size() + 4, PlotSize::kAsDrawn);
  DrawLayerNumbers(html, last);
  for (size_t row = 0; row < roles.size(); ++row) {
    DrawText(html, kLabels - 8, kTop + kRow * (row + 0.5) + 4, Anchor::kEnd, "name", roles[row]);
  }
  for (int i = 0; i < candidate.tensors_size(); ++i) {
    const TensorFigures& tensor = candidate.tensors(i);
    if (tensor.is_vector() || !map.has(tensor)) continue;
    const size_t row = std::find(roles.begin(), roles.end(), tensor.role()) - roles.begin();
    const double value = map.value(tensor);
    DrawMark(html, "rect",
             {{"class", absl::StrCat("cell ", map.id)},
              {"x", Pixels(kLabels + kCell * std::max(0, tensor.layer()) + 0.5)},
              {"y", Pixels(kTop + kRow * row + 0.5)},
              {"width", Pixels((tensor.layer() < 0 ? kWide : 1) * kCell - 1)},
              {"height", Pixels(kRow - 1)},
              {"fill-opacity", absl::StrFormat("%.2f", Shade(map, value))}},
             TensorPointer(index, i, map.figure), value, absl::StrCat(tensor.name(), ", ", tensor.type()),
             map.shown(value));
  }
  ClosePlot(html);
}

void WriteMap(HtmlWriter& html, const MapRow& map, const Candidate& candidate, int index, const std::string& name) {
  html.Open("figure").Open("figcaption").Element("b", map.title).Text(" ");
  html.Open("span", {{"class", "ramp"}}).Element("span", {{"class", "tick"}}, map.low_text);
  html.Element("span", {{"class", absl::StrCat("gradient ", map.id)}}, "");
  html.Element("span", {{"class", "tick"}}, map.high_text).Close().Close();
  DrawMap(html, map, candidate, index, name);
  html.Close();
}

void WriteTensorTable(HtmlWriter& html, const Candidate& candidate, int index, const std::string& name) {
  OpenHiddenTable(html, absl::StrCat("every tensor of ", name), {"tensor", "type", "size", "bits", "error"});
  for (int i = 0; i < candidate.tensors_size(); ++i) {
    const TensorFigures& tensor = candidate.tensors(i);
    html.Open("tr").Element("th", {{"scope", "row"}, {"class", "name"}}, tensor.name());
    html.Element("td", {{"class", "name"}}, tensor.type()).Open("td");
    html.Figure(TensorPointer(index, i, "bytes"), tensor.bytes(), FormatSize(tensor.bytes())).Close().Open("td");
    html.Figure(TensorPointer(index, i, "bits_per_weight"), tensor.bits_per_weight(), Bits(tensor.bits_per_weight()));
    html.Close().Open("td");
    if (tensor.has_relative_error()) {
      html.Figure(TensorPointer(index, i, "relative_error"), tensor.relative_error(),
                  ThreeDigits(tensor.relative_error()));
    }
    html.Close().Close();
  }
  CloseHiddenTable(html);
}

}  // namespace

void WriteTypes(HtmlWriter& html, const VerifyReport& report) {
  constexpr double kRowHeight = 54;
  const std::vector<std::string> names = CandidateNames(report);
  std::vector<std::string> types;
  uint64_t largest = 0;
  for (const Candidate& candidate : report.candidates()) {
    largest = std::max<uint64_t>(largest, candidate.bytes());
    for (const TypeUse& use : candidate.types()) {
      if (std::find(types.begin(), types.end(), use.type()) == types.end()) types.push_back(use.type());
    }
  }
  html.Open("figure");
  OpenPlot(html, "types", "Size by type", "A bar per candidate, as long as it is large, of the types of its tensors.",
           kBarWidth, kRowHeight * names.size());
  for (int i = 0; i < report.candidates_size(); ++i) {
    DrawText(html, 0, kRowHeight * i + 16, Anchor::kStart, "name", names[i]);
    DrawBar(html, report, i, largest, kRowHeight * i + 22, types);
  }
  ClosePlot(html);
  WriteLegend(html, types);
  WriteTypeTable(html, report, names);
  html.Close();
}

void WriteTensorMaps(HtmlWriter& html, const VerifyReport& report) {
  const std::vector<std::string> names = CandidateNames(report);
  for (int i = 0; i < report.candidates_size(); ++i) {
    const Candidate& candidate = report.candidates(i);
    if (names.size() > 1) html.Open("h3").Element("bdi", {{"class", "name"}}, names[i]).Close();
    if (candidate.has_other_basis()) {
      html.Element("p", {{"class", "note"}},
                   "Its residual stream is rotated: its weights cannot be compared with the original's.");
    }
    for (const MapRow& map : kMaps) {
      if (map.id == absl::string_view("errors") && candidate.has_other_basis()) continue;
      WriteMap(html, map, candidate, i, names[i]);
    }
    WriteTensorTable(html, candidate, i, names[i]);
  }
}

}  // namespace nibble::cli
