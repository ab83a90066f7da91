#include "cli/tensor_map.h"

#include <algorithm>
#include <cmath>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "cli/svg_plot.h"

namespace nibble::cli {
namespace {

constexpr double kCell = 15, kRow = 20, kLabels = 150, kTop = 22;
constexpr int kWide = 3;  // cells of a tensor of the whole model

// 0.06 ... 1: nothing is drawn without a shade.
double Shade(const TensorScale& scale, double value) {
  if (!(value > 0)) return 0.06;
  const double share = std::log(value / scale.low) / std::log(scale.high / scale.low);
  return 0.06 + 0.94 * std::clamp(share, 0.0, 1.0);
}

std::vector<std::string> Roles(const std::vector<TensorCell>& cells) {
  std::vector<std::string> roles;
  for (const TensorCell& cell : cells) {
    if (std::find(roles.begin(), roles.end(), cell.role) == roles.end()) roles.push_back(cell.role);
  }
  return roles;
}

int LastLayer(const std::vector<TensorCell>& cells) {
  int last = 0;
  for (const TensorCell& cell : cells) last = std::max(last, cell.layer);
  return last;
}

// Layers along the top, every fifth.
void DrawLayerNumbers(HtmlWriter& html, int last) {
  for (int layer = 0; layer <= last; layer += 5) {
    DrawText(html, kLabels + (layer + 0.5) * kCell, kTop - 7, Anchor::kMiddle, "tick", absl::StrCat(layer));
  }
}

void DrawCell(HtmlWriter& html, const TensorScale& scale, const TensorCell& cell, size_t row) {
  DrawMark(html, "rect",
           {{"class", absl::StrCat("cell ", scale.id)},
            {"x", Pixels(kLabels + kCell * std::max(0, cell.layer) + 0.5)},
            {"y", Pixels(kTop + kRow * row + 0.5)},
            {"width", Pixels((cell.layer < 0 ? kWide : 1) * kCell - 1)},
            {"height", Pixels(kRow - 1)},
            {"fill-opacity", absl::StrFormat("%.2f", Shade(scale, cell.value))}},
           cell.pointer, cell.value, cell.name, cell.shown);
}

}  // namespace

const TensorScale kBitsPerWeight = {
    "bits",
    "Bits per weight",
    "Rows are roles of tensors, columns layers; wide cells are of the whole model. Darker has more bits.",
    2,
    16,
    "2 bits",
    "16 bits"};

void WriteTensorMap(HtmlWriter& html, const TensorScale& scale, absl::string_view suffix, absl::string_view name,
                    const std::vector<TensorCell>& cells) {
  const std::vector<std::string> roles = Roles(cells);
  const int last = LastLayer(cells);
  html.Open("figure").Open("figcaption").Element("b", scale.title).Text(" ");
  html.Open("span", {{"class", "ramp"}}).Element("span", {{"class", "tick"}}, scale.low_text);
  html.Element("span", {{"class", absl::StrCat("gradient ", scale.id)}}, "");
  html.Element("span", {{"class", "tick"}}, scale.high_text).Close().Close();
  OpenPlot(html, absl::StrCat(scale.id, "-", suffix), absl::StrCat(scale.title, ": ", name), scale.description,
           kLabels + kCell * std::max(kWide, last + 1) + 8, kTop + kRow * roles.size() + 4, PlotSize::kAsDrawn);
  DrawLayerNumbers(html, last);
  for (size_t row = 0; row < roles.size(); ++row) {
    DrawText(html, kLabels - 8, kTop + kRow * (row + 0.5) + 4, Anchor::kEnd, "name", roles[row]);
  }
  for (const TensorCell& cell : cells) {
    if (!cell.is_known) continue;
    DrawCell(html, scale, cell, std::find(roles.begin(), roles.end(), cell.role) - roles.begin());
  }
  ClosePlot(html);
  html.Close();
}

}  // namespace nibble::cli
