#include "cli/verify_json.h"

#include <gtest/gtest.h>

#include <string>

#include "cli/device_use_fixture.h"
#include "cli/verify_report_fixture.h"

namespace nibble::cli {
namespace {

size_t Count(const std::string& text, const std::string& part) {
  size_t count = 0;
  for (size_t at = text.find(part); at != std::string::npos; at = text.find(part, at + 1)) ++count;
  return count;
}

TEST(VerifyJson, OneCandidateStandsAtTheTopToo) {
  VerifyReport report = MakeReport();
  const std::string one = VerifyJson(report);
  EXPECT_EQ(Count(one, "\n  \"kld\": {\n    \"mean\": 0.01,"), 1u) << one;
  EXPECT_EQ(Count(one, "\"path\": \"out/a.gguf\""), 2u);
  *report.add_candidates() = MakeCandidate("b.gguf", 0.5, 0.5);
  const std::string two = VerifyJson(report);
  EXPECT_EQ(Count(two, "\n  \"kld\""), 0u) << two;
  EXPECT_EQ(Count(two, "\"path\": \"out/a.gguf\""), 1u);
}

TEST(VerifyJson, TellsOfTheDevice) {
  VerifyReport report = MakeReport();
  EXPECT_EQ(Count(VerifyJson(report), "\"device_use\""), 0u);
  *report.mutable_device_use() = MakeDeviceUse();
  const std::string json = VerifyJson(report);
  EXPECT_EQ(Count(json, "\n  \"device_use\": {\n    \"device\": \"cuda (NVIDIA H200)\","), 1u) << json;
  EXPECT_EQ(Count(json, "\"stage\": \"attention\""), 1u) << json;
}

TEST(VerifyJson, HasEveryNameOfTheShape) {
  const std::string json = VerifyJson(MakeReport());
  for (const char* name : {"device",
                           "tokens",
                           "ppl_reference",
                           "candidates",
                           "reference_bytes",
                           "path",
                           "bytes",
                           "ppl",
                           "kld",
                           "mean",
                           "se",
                           "median",
                           "p90",
                           "p95",
                           "p99",
                           "p999",
                           "max",
                           "top1",
                           "delta_p_rms",
                           "delta_p",
                           "layers",
                           "layer",
                           "relative_error",
                           "cosine",
                           "kld_windows"}) {
    EXPECT_NE(json.find("\"" + std::string(name) + "\": "), std::string::npos) << name;
  }
}

}  // namespace
}  // namespace nibble::cli
