#include "cli/type_bars.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "cli/report_parts.h"
#include "cli/svg_plot.h"
#include "cli/units.h"

namespace nibble::cli {
namespace {

constexpr double kBarWidth = 640;

void DrawBar(HtmlWriter& html, const TypeBar& bar, uint64_t largest, double y, const std::vector<std::string>& types) {
  double x = 0;
  for (size_t i = 0; i < bar.types.size(); ++i) {
    const TypeUse& use = bar.types[i];
    const double width = largest == 0 ? 0 : kBarWidth * use.bytes() / largest;
    const int series = std::find(types.begin(), types.end(), use.type()) - types.begin();
    DrawMark(html, "rect",
             {{"class", SeriesClass(series)},
              {"x", Pixels(x)},
              {"y", Pixels(y)},
              {"width", Pixels(std::max(0.5, width - 1))},
              {"height", "26"}},
             absl::StrCat(bar.place, i, "/bytes"), use.bytes(), use.type(), FormatSize(use.bytes()));
    x += width;
  }
}

void WriteTable(HtmlWriter& html, const std::vector<TypeBar>& bars) {
  OpenTable(html, "Bytes by type", {"", "type", "tensors", "size"});
  for (const TypeBar& bar : bars) {
    for (size_t i = 0; i < bar.types.size(); ++i) {
      const TypeUse& use = bar.types[i];
      const std::string place = absl::StrCat(bar.place, i, "/");
      html.Open("tr").Element("th", {{"scope", "row"}, {"class", "name"}}, bar.name);
      html.Element("td", {{"class", "name"}}, use.type()).Open("td");
      html.Figure(place + "tensors", use.tensors(), absl::StrCat(use.tensors())).Close().Open("td");
      html.Figure(place + "bytes", use.bytes(), FormatSize(use.bytes())).Close().Close();
    }
  }
  CloseTable(html);
}

}  // namespace

void WriteTypeBars(HtmlWriter& html, const std::vector<TypeBar>& bars) {
  constexpr double kRowHeight = 54;
  std::vector<std::string> types;
  uint64_t largest = 0;
  for (const TypeBar& bar : bars) {
    largest = std::max(largest, bar.bytes);
    for (const TypeUse& use : bar.types) {
      if (std::find(types.begin(), types.end(), use.type()) == types.end()) types.push_back(use.type());
    }
  }
  html.Open("figure");
  OpenPlot(html, "types", "Size by type", "A bar per candidate, as long as it is large, of the types of its tensors.",
           kBarWidth, kRowHeight * bars.size());
  for (size_t i = 0; i < bars.size(); ++i) {
    DrawText(html, 0, kRowHeight * i + 16, Anchor::kStart, "name", bars[i].name);
    DrawBar(html, bars[i], largest, kRowHeight * i + 22, types);
  }
  ClosePlot(html);
  WriteLegend(html, types);
  WriteTable(html, bars);
  html.Close();
}

}  // namespace nibble::cli
