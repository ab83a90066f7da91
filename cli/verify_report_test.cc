#include "cli/verify_report.h"

#include <gtest/gtest.h>

#include <cmath>

#include "cli/verify_report_fixture.h"

namespace nibble::cli {
namespace {

TEST(Misses, ComparesEveryCandidateWithEveryThreshold) {
  VerifyReport report = MakeReport();
  *report.add_candidates() = MakeCandidate("b.gguf", 0.5, 0.5);
  EXPECT_TRUE(Misses(report, {}).empty());
  EXPECT_TRUE(Misses(report, {.max_kld = 0.5, .min_top1 = 0.5}).empty());
  EXPECT_EQ(Misses(report, {.max_kld = 0.01, .min_top1 = std::nullopt}),
            std::vector<std::string>{"b.gguf: expected a mean KLD of at most 0.01, found 0.5"});
  EXPECT_EQ(Misses(report, {.max_kld = 0, .min_top1 = 1}).size(), 4u);
}

TEST(Misses, NaNHoldsNothing) {
  VerifyReport report;
  *report.add_candidates() = MakeCandidate("a.gguf", NAN, NAN);
  EXPECT_EQ(Misses(report, {.max_kld = 1e9, .min_top1 = 0}).size(), 2u);
}

TEST(VerifyText, ShowsOneColumnPerCandidate) {
  VerifyReport report = MakeReport();
  *report.add_candidates() = MakeCandidate("/x/y/b.gguf", 0.5, 0.5);
  const std::string text = VerifyText(report, "Model/");
  for (const char* part : {"reference Model/: 4.0 MiB, perplexity 15.5000 ± 0.0000 over 255 positions", "a.gguf  ",
                           " b.gguf\n", "25.0 %", "0.010000 ± 0.000000", "95.00 % ± 0.00", "0.1250 (layer 2)"}) {
    EXPECT_NE(text.find(part), std::string::npos) << part << " in\n" << text;
  }
  EXPECT_EQ(text.find("out/"), std::string::npos);
}

}  // namespace
}  // namespace nibble::cli
