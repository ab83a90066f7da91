#include "cli/plan_summary.h"

#include <gtest/gtest.h>

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
  const std::string text = PlanSummary(plan, "a\n.gguf", 1.25);
  for (const char* part : {"a\\n.gguf\n", "3.0 MiB (source 9.0 MiB)", "4.84", "1 Q4_K, 2 Q5_0, 1 Q6_K", "fallbacks",
                           "2 Q5_0 (", "1.2 s", "peak memory"}) {
    EXPECT_NE(text.find(part), std::string::npos) << part << " in\n" << text;
  }
}

TEST(PlanSummary, IsSilentAboutFallbacksThatWereNotNeeded) {
  EXPECT_EQ(PlanSummary(Plan(), "a.gguf", 0).find("fallback"), std::string::npos);
}

}  // namespace
}  // namespace nibble::cli
