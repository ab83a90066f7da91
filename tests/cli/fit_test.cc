// `--fit` on the checkpoint of tiny/.
#include <gtest/gtest.h>

#include <string>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "tests/cli/program.h"

namespace nibble::tests {
namespace {

constexpr char kModel[] = "\"$runfiles/tiny/model\"";

Outcome RunOnTiny(absl::string_view command, absl::string_view options) {
  return Shell(absl::StrCat("$nibble ", command, " ", kModel, " ", options));
}

size_t SizeOf(absl::string_view file) { return ReadFile(TempPath(file)).size(); }

TEST(Fit, QuantizeWritesWhatPlanSays) {
  const std::string options = "--fit 1500000 --tensor-type ffn_down=Q8_0";
  ASSERT_EQ(RunOnTiny("quantize", absl::StrCat("-o fit.gguf --force ", options)).exit_code, 0);
  EXPECT_LE(SizeOf("fit.gguf"), 1'500'000);
  EXPECT_GE(SizeOf("fit.gguf"), 1'490'000);
  const Outcome json = RunOnTiny("plan", absl::StrCat(options, " --json"));
  ExpectParts(json.out, {absl::StrCat("\"file_bytes\": ", SizeOf("fit.gguf"), ",").c_str(), "\"budget_bytes\": 1500000",
                         "\"is_measured\": false"});
  ExpectParts(RunOnTiny("plan", options).out, {" as fit\n", "budget  ", "fit: sensitivity ", "--tensor-type ffn_down"});
}

TEST(Fit, ATextTellsWhatMatters) {
  ShellOk("head -c 20000 \"$runfiles/tiny/heldout.txt\" > calibration.txt");
  const std::string options = "--fit 1300000 --calibration-text calibration.txt --calibration-ctx 128";
  const Outcome plan = RunOnTiny("plan", options);
  ExpectParts(plan.out, {" nats, at most"});
  EXPECT_NE(plan.out, RunOnTiny("plan", "--fit 1300000").out);
  const auto tensors = [](const Outcome& outcome) { return outcome.out.substr(outcome.out.find("tensor ")); };
  EXPECT_EQ(tensors(plan), tensors(RunOnTiny("plan", absl::StrCat(options, " --threads 1"))));
}

TEST(Fit, AContextTakesItsPart) {
  ExpectParts(RunOnTiny("plan", "--fit 4MiB --context 256").out, {"context          256 tokens: 192.0 KiB cache, "});
}

TEST(Fit, WhatWasPublishedInFourBitsStays) {
  ShellOk(absl::StrCat("$nibble quantize ", kModel, " -o q4.gguf --force --type Q4_0 --pure"));
  EXPECT_EQ(Shell(absl::StrCat("$nibble quantize q4.gguf -o kept.gguf --force --fit ", SizeOf("q4.gguf"))).exit_code,
            0);
  EXPECT_EQ(SizeOf("kept.gguf"), SizeOf("q4.gguf"));
  EXPECT_EQ(Shell(absl::StrCat("$nibble plan q4.gguf --fit ", SizeOf("q4.gguf") - 1)).exit_code, 64);
  ExpectParts(Shell(absl::StrCat("$nibble plan q4.gguf --allow-requantize --fit ", SizeOf("q4.gguf") - 20'000)).out,
              {"encoded anew from Q4_0"});
}

TEST(Fit, OtherBudgetsExit64) {
  for (const char* command : {"plan", "quantize -o never.gguf"}) {
    for (const auto& [options, message] :
         {std::pair("--fit 100KB", "the smallest possible size"), std::pair("--fit 1GiB", "the smallest possible size"),
          std::pair("--fit 4MiB --context 100000", "for a context of 100000"), std::pair("--fit 0", "above 0"),
          std::pair("--fit 1300000 --type Q4_0", "--type"), std::pair("--fit 1300000 --pure", "--pure"),
          std::pair("--context 256", "--fit"), std::pair("--fit 1300000 --context 0", "--context")}) {
      const Outcome outcome = RunOnTiny(command, options);
      EXPECT_EQ(outcome.exit_code, 64) << command << " " << options << outcome.err;
      EXPECT_TRUE(absl::StrContains(outcome.err, message)) << command << " " << options << outcome.err;
    }
  }
  const Outcome folder = RunOnTiny("plan", "--fit 1300000 --format compressed-tensors");
  EXPECT_EQ(folder.exit_code, 64);
  ExpectParts(folder.err, {"the smallest possible size"});
}

}  // namespace
}  // namespace nibble::tests
