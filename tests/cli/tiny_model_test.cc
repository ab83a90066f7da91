// The whole program on the checkpoint of tiny/: what it writes, prints and answers.
#include <gtest/gtest.h>

#include <string>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "tests/cli/program.h"

namespace nibble::tests {
namespace {

constexpr char kModel[] = "\"$runfiles/tiny/model\"";

// Runs and expects success.
Outcome Ok(absl::string_view arguments) {
  Outcome outcome = Nibble(arguments);
  EXPECT_EQ(outcome.exit_code, 0) << arguments << "\n" << outcome.err;
  return outcome;
}

class TinyModel : public testing::Test {
 protected:
  static void SetUpTestSuite() { Ok(absl::StrCat("quantize ", kModel, " -o q4.gguf --type Q4_0 --force")); }
};

TEST_F(TinyModel, QuantizeTellsWhatItMade) {
  const Outcome outcome = Ok(absl::StrCat("quantize ", kModel, " -o new.gguf"));
  ExpectParts(outcome.out, {"new.gguf\n", "size", "bits per weight", "Q4_K", "time", "peak memory"});
  EXPECT_TRUE(Exists(TempPath("new.gguf")));
  EXPECT_FALSE(Exists(TempPath("new.gguf.part")));
}

TEST_F(TinyModel, TypesAreKnownInAnyCase) {
  Ok(absl::StrCat("quantize ", kModel, " -o lower.gguf --type q4_0"));
  EXPECT_EQ(ReadFile(TempPath("lower.gguf")), ReadFile(TempPath("q4.gguf")));
}

TEST_F(TinyModel, TheMethodCounts) {
  Ok(absl::StrCat("quantize ", kModel, " -o rtn.gguf --type Q4_0 --method rtn"));
  EXPECT_NE(ReadFile(TempPath("rtn.gguf")), ReadFile(TempPath("q4.gguf")));
}

TEST_F(TinyModel, ExistingOutputsAreReplacedOnlyByForce) {
  WriteFile(TempPath("there.gguf"), "precious");
  const std::string command = absl::StrCat("quantize ", kModel, " -o there.gguf --type Q4_0");
  const Outcome outcome = Nibble(command);
  EXPECT_EQ(outcome.exit_code, 73);
  ExpectParts(outcome.err, {"nibble: error: there.gguf: ", "--force"});
  EXPECT_EQ(ReadFile(TempPath("there.gguf")), "precious");
  Ok(absl::StrCat(command, " --force"));
  EXPECT_EQ(ReadFile(TempPath("there.gguf")), ReadFile(TempPath("q4.gguf")));
}

TEST_F(TinyModel, OutputsThatCannotBeMadeExit73) {
  EXPECT_EQ(Nibble(absl::StrCat("quantize ", kModel, " -o nowhere/x.gguf")).exit_code, 73);
  EXPECT_EQ(Nibble("convert q4.gguf -o q4.gguf --force").exit_code, 73);
}

TEST_F(TinyModel, ARegexThatMatchesNothingIsAnError) {
  const Outcome outcome = Nibble(absl::StrCat("quantize ", kModel, " -o x.gguf --tensor-type no_such_tensor=Q8_0"));
  EXPECT_EQ(outcome.exit_code, 64);
  ExpectParts(outcome.err, {"no_such_tensor"});
}

TEST_F(TinyModel, ConvertedModelsGiveTheSameBytes) {
  Ok(absl::StrCat("convert ", kModel, " -o source.gguf"));
  Ok("quantize source.gguf -o again.gguf --type Q4_0");
  // But for what they were made from.
  const Outcome outcome = Nibble("diff again.gguf q4.gguf");
  EXPECT_EQ(outcome.exit_code, 1);
  ExpectParts(outcome.out, {"0 tensors differ", "1 keys differ", "nibble.manifest: sources"});
}

TEST_F(TinyModel, InspectTellsFamilyAndWeights) {
  ExpectParts(Ok(absl::StrCat("inspect ", kModel)).out, {"llama", "BF16", "Q4_K_M", "MXFP4", "bits per weight"});
  ExpectParts(Ok(absl::StrCat("inspect ", kModel, " --tensors")).out, {"model.embed_tokens.weight"});
  ExpectParts(Ok(absl::StrCat("inspect ", kModel, " --json --tensors")).out,
              {"\"family\": \"llama\"", "\"types\": [", "\"tensors\": [", "\"tokenizer\": {"});
  ExpectParts(Ok("inspect q4.gguf").out, {"llama", "Q4_0"});
}

TEST_F(TinyModel, PlanTellsWhatQuantizeWouldWrite) {
  const std::string options = absl::StrCat(kModel, " -o planned.gguf --type Q4_0 --tensor-type attn_v=Q6_K");
  const Outcome plan = Ok(absl::StrCat("plan ", options));
  ExpectParts(plan.out, {" as Q4_0\n", "bits per weight", "memory", "token_embd.weight", "--tensor-type attn_v"});
  EXPECT_FALSE(Exists(TempPath("planned.gguf")));
  EXPECT_FALSE(Exists(TempPath("planned.gguf.part")));
  const std::string json = Ok(absl::StrCat("plan ", options, " --json")).out;
  Ok(absl::StrCat("quantize ", options));
  ExpectParts(json, {"\"tensors\": [", "\"memory_bytes\": "});
  ExpectParts(json, {absl::StrCat("\"file_bytes\": ", ReadFile(TempPath("planned.gguf")).size(), ",").c_str()});
  ExpectParts(Ok(absl::StrCat("plan ", options)).err, {"nibble: warning: planned.gguf exists", "--force"});
  EXPECT_EQ(Ok(absl::StrCat("plan ", options, " --force")).err, "");
}

TEST_F(TinyModel, PlanOfAModelThatKeepsItsBitsSaysSo) {
  ExpectParts(Ok("plan q4.gguf --type Q5_K_M").out, {"kept bits"});
  ExpectParts(Ok("plan q4.gguf --type Q5_K_M --allow-requantize").err, {"the errors add up"});
}

TEST_F(TinyModel, TokenizePrintsIds) {
  const std::string plain = Ok(absl::StrCat("tokenize ", kModel, " --text 'the cat'")).out;
  EXPECT_EQ(plain.find_first_not_of("0123456789 \n"), std::string::npos) << plain;
  const std::string json = Ok(absl::StrCat("tokenize ", kModel, " --text 'the cat' --json")).out;
  EXPECT_TRUE(absl::StartsWith(json, "{\"ids\": [")) << json;
  WriteFile(TempPath("text.txt"), "the cat");
  EXPECT_EQ(Ok(absl::StrCat("tokenize ", kModel, " --file text.txt --json")).out, json);
  EXPECT_EQ(Ok("tokenize q4.gguf --file text.txt --json").out, json);
  EXPECT_EQ(Ok(absl::StrCat("tokenize ", kModel, " --text '' --json")).out, "{\"ids\": []}\n");
  EXPECT_NE(Ok(absl::StrCat("tokenize ", kModel, " --text '[a,b]' --json")).out,
            Ok(absl::StrCat("tokenize ", kModel, " --text 'b' --json")).out);
}

TEST_F(TinyModel, RunContinuesAText) {
  const std::string command = absl::StrCat("run ", kModel, " -p 'the ' -n 8");
  const Outcome outcome = Ok(command);
  EXPECT_GT(outcome.out.size(), 2u);
  ExpectParts(outcome.err, {"tok/s"});
  EXPECT_EQ(Ok(absl::StrCat(command, " --quiet --threads 1")).out, outcome.out) << "greedy is the same for any threads";
  EXPECT_EQ(Ok(absl::StrCat(command, " --quiet")).err, "");
}

TEST_F(TinyModel, VerifyMeasuresCandidatesAgainstThresholds) {
  const std::string command = absl::StrCat("verify ", kModel, " q4.gguf --ctx 64 --chunks 2");
  const Outcome outcome = Ok(absl::StrCat(command, " --json v.json"));
  ExpectParts(outcome.out, {"mean KLD", "same top token", "perplexity", "q4.gguf"});
  ExpectParts(outcome.err, {"nibble: warning: no --text"});
  ExpectParts(ReadFile(TempPath("v.json")), {"\n  \"kld\": {", "\"mean\"", "\n  \"top1\"", "\"reference_bytes\""});

  Ok(absl::StrCat(command, " --max-kld 1000 --min-top1 0 --quiet"));
  const Outcome missed = Nibble(absl::StrCat(command, " --max-kld 0 --quiet"));
  EXPECT_EQ(missed.exit_code, 1);
  ExpectParts(missed.out, {"MISSED  q4.gguf: expected a mean KLD of at most 0"});
  EXPECT_EQ(missed.err, "");
}

TEST_F(TinyModel, AModelEqualsItself) {
  Ok(absl::StrCat("convert ", kModel, " -o same.gguf"));
  Ok(absl::StrCat("verify ", kModel, " same.gguf ", kModel,
                  " --ctx 64 --chunks 2 --max-kld 0.000001 --min-top1 1 --quiet"));
}

TEST_F(TinyModel, TextsShorterThanAWindowAreRefused) {
  WriteFile(TempPath("short.txt"), "the cat");
  EXPECT_EQ(Nibble(absl::StrCat("verify ", kModel, " q4.gguf --text short.txt")).exit_code, 64);
}

TEST_F(TinyModel, ProgressIsShownAsAskedFor) {
  const std::string command = absl::StrCat("quantize ", kModel, " -o p.gguf --force --progress ");
  ExpectParts(Ok(absl::StrCat(command, "plain")).err, {"100%"});
  ExpectParts(Ok(absl::StrCat(command, "bar")).err, {"100%"});
  EXPECT_FALSE(absl::StrContains(Ok(absl::StrCat(command, "bar")).err, "\r")) << "this is no terminal";
  ExpectParts(Ok(absl::StrCat(command, "json")).err, {"{\"stage\": "});
  EXPECT_EQ(Ok(absl::StrCat(command, "none")).err, "");
}

// As `| head -1` does: what it did not read is dropped, and the job is done all the same.
TEST_F(TinyModel, AReaderThatGoesAwayIsNoError) {
  for (const char* command :
       {"inspect", "inspect --tensors", "inspect --tensors --json", "plan --type Q4_K_M --json"}) {
    for (const char* reader : {"head -n 1", "true"}) {
      const Outcome outcome =
          Shell(absl::StrCat("(sleep 0.1; \"$nibble\" ", command, " ", kModel, "; echo $? >&2) | ", reader));
      EXPECT_EQ(outcome.err, "0\n") << command << " | " << reader;
    }
  }
  ShellOk(absl::StrCat("(sleep 0.1; \"$nibble\" quantize ", kModel,
                       " -o unread.gguf --type Q4_0 --progress plain 2>&1; echo $? > code) | true"));
  EXPECT_EQ(ReadFile(TempPath("code")), "0\n");
  EXPECT_EQ(ReadFile(TempPath("unread.gguf")), ReadFile(TempPath("q4.gguf")));
}

}  // namespace
}  // namespace nibble::tests
