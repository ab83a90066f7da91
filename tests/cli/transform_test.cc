// Transforms through the whole program, on the checkpoint of tiny/.
#include <gtest/gtest.h>

#include <cstdlib>
#include <string>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "tests/cli/program.h"

namespace nibble::tests {
namespace {

constexpr char kModel[] = "\"$runfiles/tiny/model\"";
constexpr char kCalibration[] = " --calibration-text calibration.txt --calibration-ctx 64 --calibration-chunks 2 ";

// The number behind the first `"key":` of a report.
double Number(const std::string& json, absl::string_view key) {
  const size_t at = json.find(absl::StrCat("\"", key, "\":"));
  EXPECT_NE(at, std::string::npos) << key << " in " << json;
  return at == std::string::npos ? -1 : std::atof(json.c_str() + at + key.size() + 3);
}

class TransformTest : public testing::TestWithParam<const char*> {
 protected:
  static void SetUpTestSuite() { ShellOk("head -c 4000 \"$runfiles/tiny/heldout.txt\" > calibration.txt"); }

  static std::string Options() { return absl::StrCat(" --type F32 --pure --transform ", GetParam(), kCalibration); }
};

TEST_P(TransformTest, WithoutRoundingTheFileIsTheSameModelLayerByLayer) {
  ShellOk(absl::StrCat("$nibble quantize ", kModel, " -o same.gguf --force --method weighted", Options()));
  ShellOk(
      absl::StrCat("$nibble verify ", kModel, " same.gguf --text calibration.txt --ctx 64 --chunks 2 --json v.json"));
  const std::string report = ReadFile(TempPath("v.json"));
  EXPECT_LT(Number(report, "mean"), 1e-7);
  EXPECT_LT(Number(report, "relative_error"), 1e-4);
}

TEST_P(TransformTest, PlanKnowsTheSize) {
  ShellOk(absl::StrCat("$nibble quantize ", kModel, " -o same.gguf --force --method weighted", Options()));
  const std::string plan = ShellOk(absl::StrCat("$nibble plan ", kModel, " --json --method weighted", Options())).out;
  EXPECT_EQ(Number(plan, "file_bytes"), ReadFile(TempPath("same.gguf")).size());
}

INSTANTIATE_TEST_SUITE_P(Each, TransformTest, testing::Values("values", "awq", "hadamard", "hadamard+values+awq=0.5"),
                         [](const auto& info) { return absl::StrCat("Case", info.index); });

TEST(TransformFlag, ThatCannotBeExits64) {
  ShellOk("head -c 4000 \"$runfiles/tiny/heldout.txt\" > calibration.txt");
  ShellOk(absl::StrCat("$nibble calibrate ", kModel, " --text calibration.txt --ctx 64 -o statistics.gguf --force"));
  for (const char* options :
       {"--transform rotate", "--transform awq", "--transform values+values",
        "--transform hadamard --imatrix statistics.gguf", "--transform awq --imatrix statistics.gguf"}) {
    for (const char* command : {"quantize", "plan"}) {
      const Outcome outcome = Shell(absl::StrCat("$nibble ", command, " ", kModel, " -o never.gguf ", options));
      EXPECT_EQ(outcome.exit_code, 64) << options << "\n" << outcome.err;
      EXPECT_TRUE(absl::StrContains(outcome.err, "--transform")) << outcome.err;
      EXPECT_FALSE(Exists(TempPath("never.gguf"))) << options;
    }
  }
}

TEST(TransformFlag, AutoTellsWhatItTried) {
  ShellOk("head -c 8000 \"$runfiles/tiny/heldout.txt\" > calibration.txt");
  const std::string options = absl::StrCat(" --type Q4_0 --transform auto", kCalibration);
  const std::string told = ShellOk(absl::StrCat("$nibble quantize ", kModel, " -o auto.gguf --json", options)).out;
  ExpectParts(told, {"\"transform\": \"", "\"transforms\": [", "\"first_layers_kld\": ", "\"kld_se\": "});
  const Outcome planned = ShellOk(absl::StrCat("$nibble plan ", kModel, options));
  EXPECT_TRUE(absl::StrContains(planned.err, "--transform auto")) << planned.err;
  const Outcome refused = Shell(absl::StrCat("$nibble quantize ", kModel, " -o never.gguf --transform auto"));
  EXPECT_EQ(refused.exit_code, 64) << refused.err;
  EXPECT_TRUE(absl::StrContains(refused.err, "expected --calibration-text")) << refused.err;
}

// What is not a linear is copied into a folder as it was published.
TEST(TransformFlag, IsRefusedForAFolder) {
  const Outcome outcome =
      Shell(absl::StrCat("$nibble quantize ", kModel, " -o never --type INT4_G32 --transform values"));
  EXPECT_EQ(outcome.exit_code, 64);
  EXPECT_TRUE(absl::StrContains(outcome.err, "--transform: expected a GGUF to be written, found a folder"))
      << outcome.err;
  EXPECT_FALSE(Exists(TempPath("never")));
}

}  // namespace
}  // namespace nibble::tests
