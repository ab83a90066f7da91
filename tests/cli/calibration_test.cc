// Quantization that has seen the model's activations, on the checkpoint of tiny/.
#include <gtest/gtest.h>

#include <cstdlib>
#include <string>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "tests/cli/program.h"

namespace nibble::tests {
namespace {

constexpr char kModel[] = "\"$runfiles/tiny/model\"";

// The text in two: the first part calibrates, the second measures.
class Calibration : public testing::Test {
 protected:
  static void SetUpTestSuite() {
    ShellOk("head -c 40000 \"$runfiles/tiny/heldout.txt\" > calibration.txt");
    ShellOk("tail -c 20000 \"$runfiles/tiny/heldout.txt\" > measured.txt");
    ShellOk(absl::StrCat("$nibble calibrate ", kModel, " --text calibration.txt --ctx 128 -o statistics.gguf --force"));
    Make("plain", "");
    Make("imatrix", "--imatrix statistics.gguf");
    Make("gptq", "--calibration-text calibration.txt --calibration-ctx 128");
  }

  static Outcome Make(absl::string_view name, absl::string_view options, absl::string_view type = "MXFP4") {
    return ShellOk(
        absl::StrCat("$nibble quantize ", kModel, " -o ", name, ".gguf --force --type ", type, " ", options));
  }

  static double Kld(absl::string_view name) {
    ShellOk(absl::StrCat("$nibble verify ", kModel, " ", name, ".gguf --text measured.txt --ctx 128 --json ", name,
                         ".json"));
    const std::string json = ReadFile(TempPath(absl::StrCat(name, ".json")));
    const size_t mean = json.find("\"mean\":");
    EXPECT_NE(mean, std::string::npos) << json;
    return mean == std::string::npos ? -1 : std::atof(json.c_str() + mean + 7);
  }
};

TEST_F(Calibration, ErrorFeedbackIsCloserAtEqualBytes) {
  EXPECT_EQ(ReadFile(TempPath("gptq.gguf")).size(), ReadFile(TempPath("plain.gguf")).size());
  EXPECT_LT(Kld("gptq"), 0.9 * Kld("plain"));
}

TEST_F(Calibration, TheMatrixCounts) {
  EXPECT_NE(ReadFile(TempPath("imatrix.gguf")), "");
  EXPECT_TRUE(ReadFile(TempPath("imatrix.gguf")) != ReadFile(TempPath("plain.gguf")));
  EXPECT_LT(Kld("imatrix"), Kld("plain"));
}

TEST_F(Calibration, BytesDoNotDependOnThreads) {
  Make("one", "--calibration-text calibration.txt --calibration-ctx 128 --threads 1");
  EXPECT_TRUE(ReadFile(TempPath("one.gguf")) == ReadFile(TempPath("gptq.gguf")));
}

TEST_F(Calibration, BytesDoNotDependOnMemory) {
  ShellOk("rm -rf work && mkdir work");
  Make("file", "--calibration-text calibration.txt --calibration-ctx 128 --memory 1KiB --work-dir work");
  EXPECT_TRUE(ReadFile(TempPath("file.gguf")) == ReadFile(TempPath("gptq.gguf")));
  ShellOk(absl::StrCat("$nibble calibrate ", kModel,
                       " --text calibration.txt --ctx 128 -o file.gguf --force --memory 1KiB --work-dir work"));
  EXPECT_TRUE(ReadFile(TempPath("file.gguf")) == ReadFile(TempPath("statistics.gguf")));
  ShellOk("rmdir work");  // nothing was left there
}

// What is multiplied in `down` is divided in `up`: the program that reads the file knows nothing of it.
TEST_F(Calibration, ChannelsAreScaledUnlessNoneIsAskedFor) {
  const auto scales = [&](absl::string_view name, absl::string_view options) {
    const std::string text = "--calibration-text calibration.txt --calibration-ctx 128 --json";
    return absl::StrContains(Make(name, text, options).out, "\"columns_scaled\": true");
  };
  EXPECT_TRUE(scales("scaled", "Q4_0"));
  EXPECT_FALSE(scales("unscaled", "Q4_0 --transform none"));
  EXPECT_LT(Kld("scaled"), 1.15 * Kld("unscaled"));  // each is known to 3 %, and this model gains nothing by it
  // Eight bits beside four take part; alone there is nothing to make up for.
  EXPECT_TRUE(scales("mixed", "Q8_0 --tensor-type ffn_down=Q4_0"));
  EXPECT_LT(Kld("mixed"), Kld("scaled"));
  EXPECT_FALSE(scales("eight", "Q8_0"));
}

// Before any work, whether there would be something to put into it or not.
TEST_F(Calibration, AWorkFolderThatCannotBeUsedExits73) {
  WriteFile(TempPath("taken"), "a file");
  for (const char* command : {"quantize --type MXFP4 --calibration-text", "calibrate --text"}) {
    for (const char* folder : {"missing", "taken"}) {
      const Outcome outcome = Shell(
          absl::StrCat("$nibble ", command, " calibration.txt ", kModel, " -o never.gguf --quiet --work-dir ", folder));
      EXPECT_EQ(outcome.exit_code, 73) << outcome.err;
      EXPECT_TRUE(absl::StrContains(outcome.err, "--work-dir names another folder")) << outcome.err;
      EXPECT_TRUE(absl::StrContains(outcome.err, folder)) << outcome.err;
      EXPECT_FALSE(absl::StrContains(outcome.err, "--resume")) << outcome.err;
      EXPECT_FALSE(Exists(TempPath("never.gguf")) || Exists(TempPath("never.gguf.part")));
    }
  }
}

TEST_F(Calibration, PlanTellsOfTheWorkFile) {
  const std::string plan = absl::StrCat("$nibble plan ", kModel, " --calibration-text calibration.txt");
  EXPECT_FALSE(absl::StrContains(ShellOk(plan).out, "work file"));
  EXPECT_TRUE(absl::StrContains(ShellOk(absl::StrCat(plan, " --memory 1KiB")).out, "work file"));
  EXPECT_TRUE(absl::StrContains(ShellOk(absl::StrCat(plan, " --json")).out, "\"work_file_bytes\": 0"));
  EXPECT_TRUE(absl::StrContains(ShellOk(plan).out, "beside the output (for --resume)"));
}

TEST_F(Calibration, TellsWhatWasGained) {
  const Outcome outcome =
      Make("told", "--calibration-text calibration.txt --calibration-ctx 128 --calibration-chunks 8");
  EXPECT_TRUE(absl::StrContains(outcome.out, "error feedback")) << outcome.out;
  EXPECT_TRUE(absl::StrContains(outcome.out, "1024 tokens")) << outcome.out;
  EXPECT_TRUE(absl::StrContains(outcome.out, "\n  device           cpu: at work ")) << outcome.out;
}

TEST_F(Calibration, TellsItAsJson) {
  const Outcome quantized =
      Make("told", "--calibration-text calibration.txt --calibration-ctx 128 --calibration-chunks 8 --json");
  for (const char* part :
       {"\"calibration\": {", "\"tokens\": 1024", "\"name\": \"blk.0.attn_q.weight\"",
        "\"searched_error\": ", "\"experts\": []", "\"device_use\": {", "\"stage\": \"embed\"", "\"stage\": \"load\"",
        "\"stage\": \"attention\"", "\"stage\": \"feed-forward\"", "\"stage\": \"statistics\"", "\"stage\": \"fit\"",
        "\"stage\": \"write\"", "\"stage\": \"predict\""}) {
    EXPECT_TRUE(absl::StrContains(quantized.out, part)) << part << quantized.out;
  }
  const Outcome calibrated = ShellOk(absl::StrCat(
      "$nibble calibrate ", kModel, " --text calibration.txt --ctx 128 --chunks 8 -o told.gguf --force --json"));
  for (const char* part : {"\"windows\": 8", "\"ctx\": 128", "\"blk.0.attn_q.weight\"", "\"experts\": []",
                           "\"device_use\": {", "\"stage\": \"statistics\""}) {
    EXPECT_TRUE(absl::StrContains(calibrated.out, part)) << part << calibrated.out;
  }
}

TEST_F(Calibration, OptionsThatDoNotGoTogetherExit64) {
  for (const char* options :
       {"--method gptq", "--method rtn --imatrix statistics.gguf", "--method rtn --calibration-text calibration.txt",
        "--imatrix statistics.gguf --calibration-text calibration.txt", "--method gptq --imatrix statistics.gguf"}) {
    const Outcome outcome = Shell(absl::StrCat("$nibble quantize ", kModel, " -o never.gguf ", options));
    EXPECT_EQ(outcome.exit_code, 64) << options << "\n" << outcome.err;
    EXPECT_FALSE(Exists(TempPath("never.gguf"))) << options;
  }
}

// By plan as by quantize.
TEST_F(Calibration, DamagedFilesExit65) {
  ShellOk("head -c 100 statistics.gguf > cut.gguf");
  WriteFile(TempPath("bad.jsonl"), "{\"text\": \"fine\"}\n{\"text\": 3}\n");
  for (const char* command : {"quantize", "plan"}) {
    for (const auto& [options, message] :
         {std::pair("--imatrix cut.gguf", "cut.gguf: "),
          std::pair("--calibration-text bad.jsonl", "bad.jsonl: line 2: $.text: expected a string, found 3")}) {
      const Outcome outcome = Shell(absl::StrCat("$nibble ", command, " ", kModel, " -o never.gguf ", options));
      EXPECT_EQ(outcome.exit_code, 65) << command << outcome.err;
      EXPECT_TRUE(absl::StrContains(outcome.err, message)) << command << outcome.err;
    }
  }
  EXPECT_EQ(Shell(absl::StrCat("$nibble calibrate ", kModel, " -o never.gguf --text bad.jsonl")).exit_code, 65);
  EXPECT_FALSE(Exists(TempPath("never.gguf")));
}

TEST_F(Calibration, AMatrixOfAnotherModelIsRefusedByPlanAsByQuantize) {
  // Names that fit, and sizes that do not.
  ShellOk("sed 's/ffn_gate/ffn_hold/g; s/ffn_down/ffn_gate/g; s/ffn_hold/ffn_down/g' statistics.gguf > other.gguf");
  for (const char* command : {"quantize", "plan"}) {
    const Outcome outcome =
        Shell(absl::StrCat("$nibble ", command, " ", kModel, " -o never.gguf --imatrix other.gguf"));
    EXPECT_EQ(outcome.exit_code, 65) << command << outcome.err;
    EXPECT_TRUE(absl::StrContains(outcome.err, "blk.0.ffn_")) << command << outcome.err;
  }
}

TEST_F(Calibration, TextsComeInSeveralFilesAndForms) {
  ShellOk("head -c 8000 \"$runfiles/tiny/heldout.txt\" | tr '\\n\"\\\\' '   ' > words.txt");
  ShellOk(
      "(printf '{\"text\": \"'; head -c 4000 words.txt; printf '\"}\\n'; printf "
      "'{\"messages\": [{\"role\": \"user\", \"content\": \"'; tail -c 4000 words.txt; printf '\"}]}') > words.jsonl");
  const Outcome outcome = ShellOk(absl::StrCat(
      "$nibble calibrate ", kModel, " --text words.jsonl --text words.txt --ctx 64 -o several.gguf --force"));
  EXPECT_TRUE(absl::StrContains(outcome.err, "of its runs of 16 tokens were there before")) << outcome.err;
}

TEST_F(Calibration, SeedsChooseWindows) {
  for (const char* seed : {"0", "1", "2"}) {
    ShellOk(absl::StrCat("$nibble calibrate ", kModel, " --text calibration.txt --ctx 64 --chunks 4 --force -o seed",
                         seed, ".gguf --seed ", seed));
  }
  EXPECT_TRUE(ReadFile(TempPath("seed0.gguf")) != ReadFile(TempPath("seed1.gguf")));
  EXPECT_TRUE(ReadFile(TempPath("seed1.gguf")) != ReadFile(TempPath("seed2.gguf")));
}

}  // namespace
}  // namespace nibble::tests
