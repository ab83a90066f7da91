#include "cli/plan_summary.h"

#include <gtest/gtest.h>

#include "cli/device_use_fixture.h"

namespace nibble::cli {
namespace {

void AddTensor(const char* type, const char* reason, Plan& plan) {
  PlannedTensor* tensor = plan.add_tensors();
  tensor->set_type(type);
  tensor->set_reason(reason);
}

TEST(PlanSummary, CountsTypesAndFallbacks) {
  Plan plan;
  plan.set_file_bytes(3 << 20);
  plan.set_source_bytes(9 << 20);
  plan.set_bits_per_weight(4.836);
  AddTensor("Q4_K", "", plan);
  AddTensor("Q6_K", "mix", plan);
  AddTensor("Q5_0", "fallback: rows of 192", plan);
  AddTensor("Q5_0", "fallback: rows of 192", plan);
  const std::string text = PlanSummary(plan, "a\n.gguf", {.seconds = 1.25});
  for (const char* part : {"a\\n.gguf\n", "3.0 MiB, 33.3 % of the source's 9.0 MiB\n", "4.84", "1 Q4_K, 2 Q5_0, 1 Q6_K",
                           "fallbacks", "2 Q5_0 (", "1.2 s\n", "peak memory"}) {
    EXPECT_NE(text.find(part), std::string::npos) << part << " in\n" << text;
  }
}

TEST(PlanSummary, IsSilentAboutFallbacksThatWereNotNeeded) {
  EXPECT_EQ(PlanSummary(Plan(), "a.gguf", {}).find("fallback"), std::string::npos);
}

TEST(PlanSummary, TellsOfBitsThatWereKept) {
  Plan plan;
  AddTensor("Q4_0", "kept bits", plan);
  AddTensor("F32", "", plan);
  EXPECT_NE(PlanSummary(plan, "a.gguf", {}).find("kept bits        1 Q4_0 (published so; --allow-requantize"),
            std::string::npos);
  EXPECT_EQ(PlanSummary(Plan(), "a.gguf", {}).find("kept bits"), std::string::npos);
}

TEST(PlanSummary, TellsOfTheDevice) {
  Plan plan;
  EXPECT_EQ(PlanSummary(plan, "a.gguf", {}).find("device"), std::string::npos);
  *plan.mutable_device_use() = MakeDeviceUse();
  const std::string text = PlanSummary(plan, "a.gguf", {});
  for (const char* part : {"\n  device           cuda (NVIDIA H200): at work 75 % of 16.0 s, ",
                           "\n  by stage         attention 100 % of 8.0 s, "}) {
    EXPECT_NE(text.find(part), std::string::npos) << part << " in\n" << text;
  }
}

TEST(EndLines, TellHowItWentAndWhatIsNext) {
  EXPECT_EQ(EndLines({.seconds = 2}).find("  time             2.0 s\n  peak memory      "), 0u);
  EXPECT_EQ(EndLines({.seconds = 2}).find("warnings"), std::string::npos);
  EXPECT_EQ(EndLines({.seconds = 2}).find("next"), std::string::npos);
  const std::string text =
      EndLines({.seconds = 3723, .warnings = 2, .next = "nibble verify a b", .bytes_read = 3723 << 10});
  for (const char* line : {"  time             1:02:03, 1.0 KiB/s\n", "  warnings         2, above\n",
                           "  next             nibble verify a b\n"}) {
    EXPECT_NE(text.find(line), std::string::npos) << line << " in\n" << text;
  }
}

}  // namespace
}  // namespace nibble::cli
