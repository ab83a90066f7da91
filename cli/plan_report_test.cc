#include "cli/plan_report.h"

#include <gtest/gtest.h>

#include "cli/device_use_fixture.h"

namespace nibble::cli {
namespace {

Plan MakePlan() {
  Plan plan;
  plan.set_type("Q4_K_M");
  plan.set_file_bytes(3 << 20);
  plan.set_tensor_bytes(2 << 20);
  plan.set_source_bytes(9 << 20);
  plan.set_bits_per_weight(4.5);
  plan.add_warnings("odd");
  PlannedTensor* tensor = plan.add_tensors();
  tensor->set_name("blk.0.ffn_down_exps.weight");
  for (const int64_t size : {8, 64, 96}) tensor->add_shape(size);
  tensor->set_source_type("BF16");
  tensor->set_type("Q5_0");
  tensor->set_bytes(33792);
  tensor->set_reason("fallback: rows of 96");
  return plan;
}

void ExpectParts(const std::string& text, std::initializer_list<const char*> parts) {
  for (const char* part : parts) EXPECT_NE(text.find(part), std::string::npos) << part << " in\n" << text;
}

TEST(PlanText, TellsTotalsAndEveryTensor) {
  const std::string text = PlanText(MakePlan(), "a\nb/", 64 << 20);
  ExpectParts(text, {"a\\nb/ as Q4_K_M\n", "size             3.0 MiB, 33.3 % of the source's 9.0 MiB\n",
                     "bits per weight  4.50\n", "memory           64.0 MiB\n", "tensors          1 Q5_0\n",
                     "blk.0.ffn_down_exps.weight  [8, 64, 96]    BF16  Q5_0  33.0 KiB  fallback: rows of 96\n"});
  EXPECT_EQ(text.find("odd"), std::string::npos);
}

TEST(PlanJson, TellsOfTheDeviceThatAJobHad) {
  Plan plan = MakePlan();
  EXPECT_EQ(PlanJson(plan, "a/", 1).find("device_use"), std::string::npos);
  *plan.mutable_device_use() = MakeDeviceUse();
  ExpectParts(PlanJson(plan, "a/", 1),
              {"\n  \"device_use\": {\n    \"device\": \"cuda (NVIDIA H200)\",", "\"stage\": \"load\""});
}

TEST(PlanText, TellsOfAWorkFileIfThereIsOne) {
  Plan plan = MakePlan();
  EXPECT_EQ(PlanText(plan, "a/", 1).find("work file"), std::string::npos);
  plan.set_work_file_bytes(5 << 20);
  ExpectParts(PlanText(plan, "a/", 1),
              {"work file        5.0 MiB (hidden states; --memory, --work-dir)\n", "disk             8.0 MiB\n"});
}

TEST(PlanText, TellsOfCheckpointsIfThereAreSome) {
  Plan plan = MakePlan();
  EXPECT_EQ(PlanText(plan, "a/", 1).find("checkpoints"), std::string::npos);
  plan.set_checkpoint_bytes(5 << 20);
  ExpectParts(PlanText(plan, "a/", 1),
              {"checkpoints      5.0 MiB beside the output (for --resume)\n", "disk             8.0 MiB\n"});
}

TEST(PlanText, TellsWhatTimeItTakes) {
  EXPECT_EQ(PlanText(MakePlan(), "a/", 1).find("  time"), std::string::npos);
  const struct {
    double seconds, of_text;
    const char* text;
  } kCases[] = {{3.14, 0, "time             about 3.1 s\n"},
                {42, 21, "time             about 42 s (50 % of it for the text)\n"},
                {600, 0, "time             about 10 min\n"},
                {9000, 8100, "time             about 2.5 h (90 % of it for the text)\n"}};
  for (const auto& [seconds, of_text, text] : kCases) {
    Plan plan = MakePlan();
    plan.mutable_time()->set_seconds(seconds);
    plan.mutable_time()->set_calibration_seconds(of_text);
    ExpectParts(PlanText(plan, "a/", 1), {text});
  }
  Plan plan = MakePlan();
  plan.mutable_time()->set_seconds(2);
  EXPECT_NE(PlanJson(plan, "a/", 1).find("\"expected_time\""), std::string::npos);
}

Plan FittedPlan() {
  Plan plan = MakePlan();
  FitReport& fit = *plan.mutable_fit();
  fit.set_budget_bytes(4 << 20);
  fit.set_context(8192);
  fit.set_cache_bytes(768 << 10);
  fit.set_activation_bytes(128 << 10);
  fit.set_is_measured(true);
  fit.set_expected_kld(0.02);
  fit.set_expected_kld_bound(0.0199);
  return plan;
}

TEST(PlanText, TellsHowABudgetWasUsed) {
  EXPECT_EQ(PlanText(MakePlan(), "a/", 1).find("budget"), std::string::npos);
  ExpectParts(PlanText(FittedPlan(), "a/", 1), {"budget           4.0 MiB, 96.88 % used\n",
                                                "context          8192 tokens: 768.0 KiB cache, 128.0 KiB buffers\n",
                                                "expected loss    0.02 nats, at most 0.5 % above the least\n"});
  Plan without_text = FittedPlan();
  without_text.mutable_fit()->set_is_measured(false);
  ExpectParts(PlanText(without_text, "a/", 1), {"0.02 by prior sensitivities"});
}

TEST(PlanJson, TellsHowABudgetWasUsed) {
  EXPECT_EQ(PlanJson(MakePlan(), "a/", 1).find("\"fit\""), std::string::npos);
  ExpectParts(
      PlanJson(FittedPlan(), "a/", 1),
      {"\"budget_bytes\": 4194304", "\"context\": 8192", "\"cache_bytes\": 786432", "\"activation_bytes\": 131072",
       "\"is_measured\": true", "\"expected_kld\": 0.02", "\"expected_kld_bound\": 0.0199"});
}

TEST(PlanJson, NamesEverything) {
  ExpectParts(
      PlanJson(MakePlan(), "model/", 64 << 20),
      {"\"model\": \"model/\"", "\"type\": \"Q4_K_M\"", "\"source_bytes\": 9437184", "\"tensor_bytes\": 2097152",
       "\"file_bytes\": 3145728", "\"bits_per_weight\": 4.5", "\"memory_bytes\": 67108864", "\"work_file_bytes\": 0",
       "\"checkpoint_bytes\": 0", "\"disk_bytes\": 3145728", "\"odd\"", "\"name\": \"blk.0.ffn_down_exps.weight\"",
       "\"source_type\": \"BF16\"", "\"bytes\": 33792", "\"reason\": \"fallback: rows of 96\""});
}

}  // namespace
}  // namespace nibble::cli
