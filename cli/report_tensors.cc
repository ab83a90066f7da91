#include "cli/report_tensors.h"

#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "cli/report_parts.h"
#include "cli/tensor_map.h"
#include "cli/type_bars.h"
#include "cli/units.h"

namespace nibble::cli {
namespace {

constexpr TensorScale kErrors = {
    "errors",
    "Error of the weights",
    "Rows are roles of tensors, columns layers; wide cells are of the whole model. Darker is further from the "
    "original.",
    0.002,
    0.5,
    "0.002",
    "0.5"};

// What a map of tensors shows.
struct MapRow {
  const TensorScale& scale;
  const char* figure;  // in the JSON
  bool (*has)(const TensorFigures&);
  double (*value)(const TensorFigures&);
  std::string (*shown)(double);
};

const MapRow kMaps[] = {
    {kBitsPerWeight, "bits_per_weight", [](const TensorFigures&) { return true; },
     [](const TensorFigures& t) { return t.bits_per_weight(); }, Bits},
    {kErrors, "relative_error", [](const TensorFigures& t) { return t.has_relative_error(); },
     [](const TensorFigures& t) { return t.relative_error(); }, ThreeDigits},
};

std::string TensorPointer(int candidate, int tensor, const char* figure) {
  return CandidatePointer(candidate, absl::StrCat("tensors/", tensor, "/", figure));
}

std::vector<TensorCell> CellsOf(const MapRow& map, const Candidate& candidate, int index) {
  std::vector<TensorCell> cells;
  for (int i = 0; i < candidate.tensors_size(); ++i) {
    const TensorFigures& tensor = candidate.tensors(i);
    if (tensor.is_vector()) continue;
    const double value = map.value(tensor);
    cells.push_back({.role = tensor.role(),
                     .layer = tensor.layer(),
                     .is_known = map.has(tensor),
                     .value = value,
                     .pointer = TensorPointer(index, i, map.figure),
                     .name = absl::StrCat(tensor.name(), ", ", tensor.type()),
                     .shown = map.shown(value)});
  }
  return cells;
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
  const std::vector<std::string> names = CandidateNames(report);
  std::vector<TypeBar> bars;
  for (int i = 0; i < report.candidates_size(); ++i) {
    const Candidate& candidate = report.candidates(i);
    bars.push_back({.name = names[i],
                    .bytes = candidate.bytes(),
                    .types = {candidate.types().begin(), candidate.types().end()},
                    .place = CandidatePointer(i, "types/")});
  }
  WriteTypeBars(html, bars);
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
      if (&map.scale == &kErrors && candidate.has_other_basis()) continue;
      WriteTensorMap(html, map.scale, absl::StrCat(i), names[i], CellsOf(map, candidate, i));
    }
    WriteTensorTable(html, candidate, i, names[i]);
  }
}

}  // namespace nibble::cli
