#include "cli/svg_plot.h"

#include <gtest/gtest.h>

#include <cmath>
#include <string>
#include <vector>

#include "cli/html_writer.h"

namespace nibble::cli {
namespace {

TEST(Axis, LinearEndsAtWholeTicks) {
  const Axis axis = Axis::Linear(3, 41, 100, 200);
  EXPECT_EQ(axis.ticks(), (std::vector<double>{0, 10, 20, 30, 40, 50}));
  EXPECT_EQ(axis.At(0), 100);
  EXPECT_EQ(axis.At(25), 150);
  EXPECT_EQ(axis.At(50), 200);
}

TEST(Axis, LogGoesByPowersOfTen) {
  const Axis axis = Axis::Log(0.02, 3, 0, 300);
  ASSERT_EQ(axis.ticks().size(), 4u);
  EXPECT_NEAR(axis.ticks()[0], 0.01, 1e-12);
  EXPECT_NEAR(axis.ticks()[3], 10, 1e-9);
  EXPECT_NEAR(axis.At(0.1), 100, 1e-9);
  EXPECT_EQ(axis.At(0), 0) << "no logarithm: at the edge";
  EXPECT_EQ(axis.At(-1), 0);
}

TEST(Axis, StaysOnThePlotWhateverTheData) {
  for (const Axis& axis : {Axis::Linear(0, 0, 10, 20), Axis::Linear(5, 5, 10, 20), Axis::Linear(-2, 1e9, 10, 20),
                           Axis::Linear(0, INFINITY, 10, 20), Axis::Linear(NAN, 1, 10, 20), Axis::Log(1, 1, 10, 20),
                           Axis::Log(1e-6, 1e-6, 10, 20)}) {
    EXPECT_GE(axis.ticks().size(), 2u);
    for (const double value : {-1e300, 0.0, 5.0, 1e300, double{NAN}, double{INFINITY}}) {
      EXPECT_GE(axis.At(value), 10);
      EXPECT_LE(axis.At(value), 20);
    }
  }
}

TEST(Axis, ADownwardAxisIsAnAxis) {
  const Axis axis = Axis::Linear(0, 10, 200, 100);
  EXPECT_EQ(axis.At(0), 200);
  EXPECT_EQ(axis.At(10), 100);
}

TEST(Plot, HasANameADescriptionAndFigures) {
  HtmlWriter html;
  OpenPlot(html, "x", "A <name>", "What it shows", 100, 50);
  DrawMark(html, "rect", {{"width", "1.0"}}, "/a", 0.25, "n", "25 %");
  ClosePlot(html);
  EXPECT_EQ(html.Take(),
            "<div class=\"scroll\" tabindex=\"0\" role=\"region\" aria-label=\"A &lt;name&gt;\">"
            "<svg role=\"img\" aria-labelledby=\"x-title x-desc\" viewBox=\"0 0 100.0 50.0\" class=\"plot\">"
            "<title id=\"x-title\">A &lt;name&gt;</title><desc id=\"x-desc\">What it shows</desc>"
            "<rect width=\"1.0\" data-json=\"/a\" data-value=\"0.25\"><title>n: 25 %</title></rect></svg></div>");
}

}  // namespace
}  // namespace nibble::cli
