#include "cli/svg_plot.h"

#include <algorithm>
#include <cassert>
#include <cmath>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"

namespace nibble::cli {
namespace {

constexpr int kTicks = 5;  // of a linear axis, about
constexpr const char* kAnchors[] = {"start", "middle", "end"};

// 1, 2 or 5 times a power of ten.
double RoundStep(double step) {
  const double power = std::pow(10, std::floor(std::log10(step)));
  for (const double factor : {1.0, 2.0, 5.0}) {
    if (step <= factor * power * (1 + 1e-9)) return factor * power;
  }
  return 10 * power;
}

void DrawLine(HtmlWriter& html, double x1, double y1, double x2, double y2) {
  html.Leaf("line",
            {{"class", "grid"}, {"x1", Pixels(x1)}, {"y1", Pixels(y1)}, {"x2", Pixels(x2)}, {"y2", Pixels(y2)}});
}

}  // namespace

Axis Axis::Linear(double low, double high, double from, double to) {
  Axis axis;
  axis.from_ = from;
  axis.to_ = to;
  if (!std::isfinite(low) || !std::isfinite(high)) low = 0, high = 1;
  const double step = RoundStep(high > low ? (high - low) / kTicks : std::max(1.0, std::abs(low)) / kTicks);
  const double first = std::floor(low / step + 1e-9), last = std::max(first + 1, std::ceil(high / step - 1e-9));
  for (double i = first; i <= last; ++i) axis.ticks_.push_back(i * step);
  axis.low_ = axis.ticks_.front();
  axis.high_ = axis.ticks_.back();
  return axis;
}

Axis Axis::Log(double low, double high, double from, double to) {
  assert(0 < low && low <= high);
  Axis axis;
  axis.is_log_ = true;
  axis.from_ = from;
  axis.to_ = to;
  const double first = std::floor(std::log10(low) + 1e-9);
  const double last = std::max(first + 1, std::ceil(std::log10(high) - 1e-9));
  for (double i = first; i <= last; ++i) axis.ticks_.push_back(std::pow(10, i));
  axis.low_ = first;
  axis.high_ = last;
  return axis;
}

double Axis::At(double value) const {
  if (std::isnan(value)) return from_;
  const double place = !is_log_ ? value : value > 0 ? std::log10(value) : low_;
  return from_ + (to_ - from_) * (std::clamp(place, low_, high_) - low_) / (high_ - low_);
}

std::string Pixels(double value) { return absl::StrFormat("%.1f", value); }

std::string TickText(double value) { return absl::StrFormat("%.6g", value); }

void OpenPlot(HtmlWriter& html, absl::string_view id, absl::string_view title, absl::string_view description,
              double width, double height, PlotSize size) {
  html.Open("div", {{"class", "scroll"}, {"tabindex", "0"}, {"role", "region"}, {"aria-label", std::string(title)}});
  std::vector<Attribute> attributes = {{"role", "img"},
                                       {"aria-labelledby", absl::StrCat(id, "-title ", id, "-desc")},
                                       {"viewBox", absl::StrCat("0 0 ", Pixels(width), " ", Pixels(height))}};
  if (size == PlotSize::kOfPage) {
    attributes.push_back({"class", "plot"});
  } else {
    attributes.push_back({"width", Pixels(width)});
    attributes.push_back({"height", Pixels(height)});
  }
  html.Open("svg", attributes);
  html.Element("title", {{"id", absl::StrCat(id, "-title")}}, title);
  html.Element("desc", {{"id", absl::StrCat(id, "-desc")}}, description);
}

void ClosePlot(HtmlWriter& html) { html.Close().Close(); }

void DrawHorizontalAxis(HtmlWriter& html, const Axis& axis, double top, double bottom, absl::string_view label) {
  for (const double tick : axis.ticks()) {
    DrawLine(html, axis.At(tick), top, axis.At(tick), bottom);
    DrawText(html, axis.At(tick), bottom + 16, Anchor::kMiddle, "tick", TickText(tick));
  }
  DrawText(html, (axis.from() + axis.to()) / 2, bottom + 34, Anchor::kMiddle, "label", label);
}

void DrawVerticalAxis(HtmlWriter& html, const Axis& axis, double left, double right, absl::string_view label) {
  for (const double tick : axis.ticks()) {
    DrawLine(html, left, axis.At(tick), right, axis.At(tick));
    DrawText(html, left - 6, axis.At(tick) + 4, Anchor::kEnd, "tick", TickText(tick));
  }
  DrawText(html, 0, std::min(axis.from(), axis.to()) - 10, Anchor::kStart, "label", label);
}

void DrawText(HtmlWriter& html, double x, double y, Anchor anchor, absl::string_view css_class,
              absl::string_view text) {
  html.Element("text",
               {{"class", std::string(css_class)},
                {"x", Pixels(x)},
                {"y", Pixels(y)},
                {"text-anchor", kAnchors[static_cast<int>(anchor)]}},
               text);
}

void DrawMark(HtmlWriter& html, absl::string_view tag, std::vector<Attribute> attributes, absl::string_view pointer,
              double value, absl::string_view name, absl::string_view shown) {
  html.Open(tag, ShowsFigure(pointer, value, std::move(attributes)));
  html.Element("title", absl::StrCat(name, ": ", shown)).Close();
}

}  // namespace nibble::cli
