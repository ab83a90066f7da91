// Folders of compressed-tensors, made of the checkpoint of tiny/ and read by every command.
#include <gtest/gtest.h>

#include <cstdlib>
#include <initializer_list>
#include <string>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "tests/cli/program.h"

namespace nibble::tests {
namespace {

constexpr char kModel[] = "\"$runfiles/tiny/model\"";

class Folder : public testing::Test {
 protected:
  static void SetUpTestSuite() {
    ShellOk(absl::StrCat("$nibble quantize ", kModel, " -o int4/ --type INT4_G32 --force"));
    ShellOk("tail -c 20000 \"$runfiles/tiny/heldout.txt\" > measured.txt");
  }

  static double Kld(absl::string_view name) {
    ShellOk(
        absl::StrCat("$nibble verify ", kModel, " ", name, " --text measured.txt --ctx 128 --json ", name, ".json"));
    const std::string json = ReadFile(TempPath(absl::StrCat(name, ".json")));
    const size_t mean = json.find("\"mean\":");
    EXPECT_NE(mean, std::string::npos) << json;
    return mean == std::string::npos ? -1 : std::atof(json.c_str() + mean + 7);
  }
};

TEST_F(Folder, EveryTypeIsCloseToItsSource) {
  for (const char* type : {"INT4_G32", "MXFP4", "NVFP4"}) {
    ShellOk(absl::StrCat("$nibble quantize ", kModel, " -o ", type, " --force --type ", type));
    const double kld = Kld(type);
    EXPECT_GT(kld, 0) << type;
    EXPECT_LT(kld, 0.1) << type;
  }
}

TEST_F(Folder, ErrorFeedbackIsCloser) {
  ShellOk("head -c 40000 \"$runfiles/tiny/heldout.txt\" > calibration.txt");
  for (const char* type : {"INT4_G32", "NVFP4"}) {
    ShellOk(absl::StrCat("$nibble quantize ", kModel, " -o plain --force --type ", type));
    ShellOk(absl::StrCat("$nibble quantize ", kModel, " -o gptq --force --calibration-text calibration.txt ",
                         "--calibration-ctx 128 --type ", type));
    EXPECT_LT(Kld("gptq"), 0.9 * Kld("plain")) << type;
  }
}

TEST_F(Folder, IsReadByEveryCommand) {
  ExpectParts(ShellOk("$nibble inspect int4 --tensors").out, {"weight_packed", "I32", "weight_scale", "BF16"});
  ExpectParts(ShellOk("$nibble plan int4 --type Q4_K_M").out, {"kept bits"});
  ShellOk("$nibble run int4 -p The -n 3");
  ShellOk("$nibble convert int4 -o again.gguf --force");
  ExpectParts(ReadFile(TempPath("int4/config.json")), {"\"quantization_config\"", "\"pack-quantized\""});
  EXPECT_TRUE(Exists(TempPath("int4/tokenizer.json")));
}

// A GGUF made a folder again is the model that it was made of.
TEST_F(Folder, ComesBackFromAGguf) {
  ShellOk(absl::StrCat("$nibble convert ", kModel, " -o whole.gguf --force"));
  ShellOk("$nibble convert whole.gguf -o whole --force --max-shard-size 1MB");
  EXPECT_TRUE(Exists(TempPath("whole/model.safetensors.index.json")));
  ExpectParts(ReadFile(TempPath("whole/config.json")), {"\"LlamaForCausalLM\"", "\"torch_dtype\": \"bfloat16\""});
  EXPECT_EQ(Kld("whole"), 0);
  ShellOk("$nibble check whole --source whole.gguf");
  ShellOk("$nibble convert whole -o again.gguf --force");
  EXPECT_EQ(ShellOk(absl::StrCat("$nibble tokenize ", kModel, " --file measured.txt --json")).out,
            ShellOk("$nibble tokenize whole --file measured.txt --json").out);
}

TEST_F(Folder, OfAGgufWhatItCannotHoldIsDecodedOnRequest) {
  ShellOk(absl::StrCat("$nibble quantize ", kModel, " -o q4k.gguf --force --type Q4_K"));
  const Outcome outcome = Shell("$nibble convert q4k.gguf -o never");
  EXPECT_EQ(outcome.exit_code, 65);
  ExpectParts(outcome.err, {"found Q8_0, which is not supported in a folder; --dtype bf16 decodes it"});
  ShellOk("$nibble convert q4k.gguf -o decoded --force --dtype f32");
  ShellOk("$nibble verify q4k.gguf decoded --text measured.txt --ctx 128 --max-kld 1e-6");
}

TEST_F(Folder, PlanSaysWhatWouldBeWritten) {
  const Outcome outcome =
      ShellOk(absl::StrCat("$nibble plan ", kModel, " --format compressed-tensors --type INT4_G32"));
  ExpectParts(outcome.out, {"INT4_G32"});
}

TEST_F(Folder, IsReplacedOnlyByForceAndOnlyIfItIsAModel) {
  const std::string command = absl::StrCat("$nibble quantize ", kModel, " -o int4 --type MXFP4");
  EXPECT_EQ(Shell(command).exit_code, 73);
  ExpectParts(ReadFile(TempPath("int4/config.json")), {"\"pack-quantized\""});
  ShellOk("mkdir -p precious && touch precious/file");
  EXPECT_EQ(Shell(absl::StrCat("$nibble quantize ", kModel, " -o precious --type MXFP4 --force")).exit_code, 73);
  EXPECT_TRUE(Exists(TempPath("precious/file")));
}

TEST_F(Folder, TypesOfTheOtherContainerExit64) {
  const Outcome outcome = Shell(absl::StrCat("$nibble quantize ", kModel, " -o never --type Q4_0"));
  EXPECT_EQ(outcome.exit_code, 64);
  ExpectParts(outcome.err, {"for a folder, found Q4_0"});
  EXPECT_EQ(Shell(absl::StrCat("$nibble quantize ", kModel, " -o never.gguf --type INT4_G32")).exit_code, 64);
}

TEST_F(Folder, GptOssLayoutIsForGptOss) {
  const Outcome outcome = Shell(absl::StrCat("$nibble quantize ", kModel, " -o never --format mxfp4"));  // MXFP4, then
  EXPECT_EQ(outcome.exit_code, 65);
  ExpectParts(outcome.err, {"expected gpt-oss for --format mxfp4, found llama"});
  EXPECT_FALSE(Exists(TempPath("never")));
}

}  // namespace
}  // namespace nibble::tests
