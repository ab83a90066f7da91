// What plots are drawn with: axes, and the <svg> around them.
#ifndef NIBBLE_CLI_SVG_PLOT_H_
#define NIBBLE_CLI_SVG_PLOT_H_

#include <string>
#include <vector>

#include "absl/strings/string_view.h"
#include "cli/html_writer.h"

namespace nibble::cli {

// Values [low, high] on pixels [from, to]; what lies outside is drawn at the edge, what is no number
// at the low one. Widened to whole ticks.
class Axis {
 public:
  static Axis Linear(double low, double high, double from, double to);
  // Values of 0 or less are drawn at the low edge. REQUIRES: 0 < low <= high.
  static Axis Log(double low, double high, double from, double to);

  double At(double value) const;
  const std::vector<double>& ticks() const { return ticks_; }
  double from() const { return from_; }
  double to() const { return to_; }

 private:
  bool is_log_ = false;
  double low_ = 0, high_ = 1, from_ = 0, to_ = 1;
  std::vector<double> ticks_;  // ascending; at least two
};

std::string Pixels(double value);    // "12.5"
std::string TickText(double value);  // "0.001", "1e-06", "250"

// <svg> with an accessible name and description, in a box that scrolls where there is too little room; ids are made of
// `id`. It grows and shrinks with the page, or stays as large as it is drawn.
enum class PlotSize { kOfPage, kAsDrawn };
void OpenPlot(HtmlWriter& html, absl::string_view id, absl::string_view title, absl::string_view description,
              double width, double height, PlotSize size = PlotSize::kOfPage);
void ClosePlot(HtmlWriter& html);

// Grid lines with tick labels; horizontal axes are labelled below `bottom`, vertical ones left of `left`.
void DrawHorizontalAxis(HtmlWriter& html, const Axis& axis, double top, double bottom, absl::string_view label);
void DrawVerticalAxis(HtmlWriter& html, const Axis& axis, double left, double right, absl::string_view label);

enum class Anchor { kStart, kMiddle, kEnd };
void DrawText(HtmlWriter& html, double x, double y, Anchor anchor, absl::string_view css_class, absl::string_view text);

// A shape for a figure of the JSON, with a tooltip "`name`: `shown`".
void DrawMark(HtmlWriter& html, absl::string_view tag, std::vector<Attribute> attributes, absl::string_view pointer,
              double value, absl::string_view name, absl::string_view shown);

}  // namespace nibble::cli

#endif  // NIBBLE_CLI_SVG_PLOT_H_
