#include "cli/calibration_report.h"

#include <gtest/gtest.h>

#include <vector>

namespace nibble::cli {
namespace {

CalibrationReport Covered(const std::vector<std::vector<int64_t>>& layers) {
  CalibrationReport report;
  for (size_t layer = 0; layer < layers.size(); ++layer) {
    ExpertCoverage& coverage = *report.add_experts();
    coverage.set_layer(layer);
    coverage.set_columns(64);
    coverage.mutable_tokens()->Add(layers[layer].begin(), layers[layer].end());
  }
  return report;
}

TEST(CalibrationReport, NamesTheExpertThatSawLeast) {
  EXPECT_EQ(CoverageText(CalibrationReport()), "");
  EXPECT_EQ(CoverageText(Covered({{70, 500}, {64, 90, 80}})), "least 64 (layer 1, expert 0), median 80, most 500");
  EXPECT_EQ(CoverageText(Covered({{9, 100, 0}, {0, 63}})),
            "least 0 (layer 0, expert 2), median 9, most 100; of 5 experts 2 saw none, 2 fewer than they have columns");
}

TEST(CalibrationReport, TellsWhatWasGained) {
  CalibrationReport report = Covered({{3}});
  report.set_tokens(8);
  EXPECT_EQ(GainText(report), "");
  for (const double error : {1.0, 2.0}) {
    CalibratedLinear& linear = *report.add_linears();
    linear.set_outputs(100);
    linear.set_searched_error(4);
    linear.set_error(error);
  }
  EXPECT_EQ(GainText(report), "output error 0.38 of the scale search's, over 2 linears and 8 tokens");
}

TEST(CalibrationReport, Json) {
  CalibrationReport report = Covered({{3, 4}});
  report.set_device("cpu");
  report.set_tokens(7);
  CalibratedLinear& plain = *report.add_linears();
  plain.set_name("a");
  plain.set_slice(-1);
  plain.set_tokens(7);
  plain.set_fallback("zeros");
  CalibratedLinear& expert = *report.add_linears();
  expert.set_name("b");
  expert.set_slice(1);
  expert.set_outputs(8);
  expert.set_searched_error(2);
  expert.set_error(0.5);
  expert.set_method("gptq");
  expert.set_damping(0.25);
  expert.set_upstream(1);
  expert.set_columns_scaled(true);
  JsonWriter json(JsonWriter::Layout::kOneLine);
  WriteCalibration(report, json);
  EXPECT_EQ(json.Take(),
            "{\"device\": \"cpu\", \"tokens\": 7, \"held_out_tokens\": 0, \"linears\": [{\"name\": \"a\", \"tokens\": "
            "7, \"fallback\": \"zeros\"}, {\"name\": \"b\", \"expert\": 1, "
            "\"tokens\": 0, \"outputs\": 8, \"searched_error\": 2, \"error\": 0.5, \"searched_relative_error\": 0.5, "
            "\"relative_error\": 0.25, \"method\": \"gptq\", \"damping\": "
            "0.25, \"columns_scaled\": true, \"upstream\": 1}], \"experts\": [{\"layer\": 0, "
            "\"columns\": 64, \"tokens\": [3, 4]}]}");
}

}  // namespace
}  // namespace nibble::cli
