#include "cli/verify_json.h"

#include <gtest/gtest.h>

#include <string>

namespace nibble::cli {
namespace {

Candidate MakeCandidate(const char* path, double kld, double top1) {
  Candidate candidate;
  candidate.set_path(path);
  candidate.set_bytes(1 << 20);
  candidate.mutable_kld()->set_mean(kld);
  candidate.mutable_kld()->set_p90(0.25);
  candidate.add_kld_windows(0.375);
  candidate.mutable_delta_p()->set_mean(-0.5);
  candidate.set_top1(top1);
  for (const int layer : {1, 2, 3}) {
    LayerError* error = candidate.add_layers();
    error->set_layer(layer);
    error->set_relative_error(layer == 2 ? 0.125 : 0.0625);
  }
  return candidate;
}

VerifyReport MakeReport() {
  VerifyReport report;
  report.set_device("cpu");
  report.set_tokens(255);
  report.set_ppl_reference(15.5);
  report.set_reference_bytes(4 << 20);
  *report.add_candidates() = MakeCandidate("out/a.gguf", 0.01, 0.95);
  return report;
}

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
