// What the program answers before it has opened a model: help, usage errors, inputs that are not there.
#include <gtest/gtest.h>

#include <algorithm>
#include <string>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "tests/cli/program.h"

namespace nibble::tests {
namespace {

constexpr const char* kCommands[] = {"quantize", "plan",    "convert", "calibrate", "verify", "check",
                                     "diff",     "inspect", "run",     "tokenize",  "logits"};

void ExpectOneErrorLine(const Outcome& outcome, const std::string& part) {
  EXPECT_TRUE(absl::StartsWith(outcome.err, "nibble: error: ")) << outcome.err;
  EXPECT_EQ(std::count(outcome.err.begin(), outcome.err.end(), '\n'), 1) << outcome.err;
  EXPECT_TRUE(absl::StrContains(outcome.err, part)) << outcome.err;
  EXPECT_EQ(outcome.out, "");
}

TEST(Help, NamesEveryCommand) {
  for (const char* flag : {"--help", "-h", "help"}) {
    const Outcome outcome = Nibble(flag);
    EXPECT_EQ(outcome.exit_code, 0);
    EXPECT_EQ(outcome.err, "");
    for (const char* command : kCommands) EXPECT_TRUE(absl::StrContains(outcome.out, absl::StrCat("  ", command, " ")));
  }
}

TEST(Help, OfEveryCommandHasAnExample) {
  for (const char* command : kCommands) {
    const Outcome outcome = Nibble(absl::StrCat(command, " --help"));
    EXPECT_EQ(outcome.exit_code, 0) << command;
    EXPECT_EQ(outcome.err, "");
    EXPECT_TRUE(absl::StrContains(outcome.out, absl::StrCat("Usage:\n  nibble ", command, " "))) << outcome.out;
    EXPECT_TRUE(absl::StrContains(outcome.out, absl::StrCat("Examples:\n  nibble ", command, " "))) << outcome.out;
    EXPECT_EQ(Nibble(absl::StrCat("help ", command)).out, outcome.out);
    for (const char* option : {"--threads", "--device", "--progress", "--quiet", "--pre", "--help"}) {
      EXPECT_TRUE(absl::StrContains(outcome.out, option)) << command << " " << option;
    }
  }
}

TEST(Version, IsOneLine) {
  const Outcome outcome = Nibble("--version");
  EXPECT_EQ(outcome.exit_code, 0);
  EXPECT_TRUE(absl::StartsWith(outcome.out, "nibble "));
}

TEST(Usage, ErrorsExit64) {
  const struct {
    const char* arguments;
    const char* part;
  } cases[] = {
      {"", "expected a command"},
      {"quantise m -o x.gguf", "unknown command 'quantise'; did you mean 'quantize'?"},
      {"--threads 2", "unknown command '--threads'"},
      {"help quantise", "unknown command 'quantise'; did you mean 'quantize'?"},
      {"quantize",
       "quantize: MODEL is required, as in: nibble quantize Llama-3.1-8B/ -o llama-Q4_K_M.gguf --type Q4_K_M; see "},
      {"quantize m -o x.gguf --threads",
       "--threads: expected N behind it, found nothing; see 'nibble quantize --help'"},
      {"quantize m -o x.gguf --type Q4_0 --type Q5_0", "--type: expected once, found 2 times"},
      {"quantize m -o x.gguf --type Q4_0 --fit 1GB", "--type excludes --fit: give one of them"},
      {"quantize m -o x.gguf --context 4096", "--context requires --fit"},
      {"quantize m -o x.gguf --context 0 --fit 1GB", "expected a whole number from 1"},
      {"quantize m x.gguf -o y.gguf", "unexpected argument 'x.gguf'; the output is named by -o"},
      {"quantize m Q4_K_M -o y.gguf", "unexpected argument 'Q4_K_M'; types are given by --type Q4_K_M"},
      {"quantize m --outfile y.gguf -o x.gguf", "unknown option '--outfile'; here it is --output"},
      {"convert m -o x.gguf --outtype f16", "unknown option '--outtype'; here it is --dtype"},
      {"verify -m m c", "unknown option '-m'; see"},
      {"inspect m -m m", "unknown option '-m'; here it is MODEL"},
      {"quantize m -o x.gguf --transform values+hadamar", "found \"values+hadamar\"; did you mean 'hadamard'?"},
      {"calibrate m --text t", "calibrate: --output is required"},
      {"quantize m", "--output is required"},
      {"quantize m -o x --format gguf", "--output: expected a name that ends in .gguf for --format gguf, found 'x'"},
      {"quantize m -o x.gguf --format compressed-tensors", "--output: expected a folder for --format"},
      {"quantize m -o x --format awq", "expected gguf, compressed-tensors, mxfp4; found 'awq'"},
      {"quantize m -o x.gguf --tipe Q4_K", "unknown option '--tipe'; did you mean '--type'?"},
      {"quantize m -o x.gguf --type Q4KM", "--type: expected a type, found 'Q4KM'; did you mean 'Q4_K_M'?"},
      {"quantize m -o x.gguf --type fourbits", "--type: expected one of "},
      {"quantize m -o x.gguf --token-embedding-type Q9_0", "--token-embedding-type: expected"},
      {"quantize m -o x.gguf --output-tensor-type Q9_0", "--output-tensor-type: expected"},
      {"quantize m -o x.gguf --tensor-type attn_v", "--tensor-type: expected REGEX=TYPE, found 'attn_v'"},
      {"quantize m -o x.gguf --tensor-type attn_v=Q9", "--tensor-type: expected"},
      {"quantize m -o x.gguf --method best", "expected auto, rtn, weighted, gptq; found 'best'"},
      {"quantize m -o x.gguf -o y.gguf", "--output"},
      {"quantize m more -o x.gguf", "unexpected argument 'more'"},
      {"plan", "plan: MODEL is required"},
      {"plan m --type Q4KM", "--type: expected a type, found 'Q4KM'; did you mean 'Q4_K_M'?"},
      {"plan m --tensor-type attn_v", "--tensor-type: expected REGEX=TYPE, found 'attn_v'"},
      {"plan m -o x --format gguf", "expected a name that ends in .gguf for --format gguf, found 'x'"},
      {"convert m -o x.gguf --dtype f61", "did you mean 'f16'?"},
      {"quantize m -o ''", "--output: expected a name, found an empty one"},
      {"quantize '' -o x.gguf", "expected a name, found an empty one"},
      {"quantize m -o x.gguf --imatrix ''", "--imatrix: expected a name, found an empty one"},
      {"verify m", "CANDIDATE is required"},
      {"verify m c --min-top1 95", "expected a number from 0 to 1, found '95'"},
      {"verify m c --max-kld nan", "expected a number from 0"},
      {"verify m c --memory 1XB", "expected a size such as 16GiB"},
      {"verify m c --ctx -5", "--ctx: expected a whole number from 0 to 4294967295, found '-5'"},
      {"run m", "--prompt is required"},
      {"run m -p x --temperature -1", "expected a number from 0"},
      {"tokenize m", "expected either --file or --text"},
      {"tokenize m --file f --text t", "expected either --file or --text"},
      {"inspect m --progress loud", "expected bar, plain, json, none; found 'loud'"},
      {"inspect m --progress jsn", "did you mean 'json'?"},
      {"inspect m --device gpu", "expected cpu, cuda, auto; found 'gpu'"},
      {"inspect m --threads -1", "--threads: expected a whole number from 0 to 4096, found '-1'"},
      {"inspect m --threads ''", "--threads: expected a whole number from 0 to 4096, found ''"},
      {"quantize m -o x.gguf --seed ''", "--seed: expected a whole number from 0 to 18446744073709551615, found ''"},
      {"quantize m -o x.gguf --seed -1", "--seed: expected a whole number from 0 to 18446744073709551615, found '-1'"},
      {"calibrate m -o x.gguf --text t --seed 18446744073709551616", "found '18446744073709551616'"},
      {"run m -p x --seed 010x", "--seed: expected a whole number"},
      {"run m -p x -n -1", "--tokens: expected a whole number from 0 to 4294967295, found '-1'"},
      {"quantize m -o x.gguf --calibration-ctx 4294967296", "--calibration-ctx: expected a whole number from 0 to"},
      {"quantize m -o x.gguf --calibration-chunks ''", "--calibration-chunks: expected a whole number"},
      {"calibrate m -o x.gguf --text t --chunks 1e3", "--chunks: expected a whole number"},
      {"quantize m -o x.gguf --context 4294967297 --fit 1GB", "expected a whole number from 1 to 4294967296"},
      {"quantize m -o x.gguf --memory 0", "--memory: expected a size above 0, found '0'"},
      {"verify m c --memory 0.1", "--memory: expected a size above 0, found '0.1'"},
      {"quantize m -o x.gguf --max-shard-size 0GB", "--max-shard-size: expected a size above 0, found '0GB'"},
      {"quantize m -o x.gguf --fit 0", "--fit: expected a size above 0, found '0'"},
      {"quantize m -o x.gguf --transform ''", "--transform: expected a name, found an empty one"},
      {"quantize m -o x.gguf --pre ''", "--pre: expected a name, found an empty one"},
      {"quantize m -o x.gguf --output-tensor-type ''", "--output-tensor-type: expected a name, found an empty one"},
  };
  for (const auto& c : cases) {
    SCOPED_TRACE(c.arguments);
    const Outcome outcome = Nibble(c.arguments);
    EXPECT_EQ(outcome.exit_code, 64);
    ExpectOneErrorLine(outcome, c.part);
  }
}

// With a GPU the program goes on, to find that there is no such model; without, it says so before it looks for one.
TEST(Usage, ADeviceThatIsNotThereIsToldFirst) {
  const Outcome cuda = Nibble("inspect nowhere --device cuda");
  if (cuda.exit_code != 66) {
    EXPECT_TRUE(cuda.exit_code == 64 || cuda.exit_code == 71) << cuda.exit_code;
    ExpectOneErrorLine(cuda, "--device cuda: expected ");
    EXPECT_TRUE(absl::StrContains(cuda.err, "use --device cpu")) << cuda.err;
  }
  EXPECT_EQ(Nibble("inspect nowhere --device auto --quiet").exit_code, 66);
  EXPECT_EQ(Nibble("inspect nowhere --device cpu").exit_code, 66);
  EXPECT_EQ(Nibble("inspect nowhere --device gpu").exit_code, 64);
}

TEST(Usage, MissingInputsExit66) {
  for (const char* arguments :
       {"inspect nowhere", "convert nowhere -o x.gguf", "quantize nowhere -o x.gguf", "quantize nowhere.gguf -o x.gguf",
        "plan nowhere", "verify nowhere nowhere.gguf", "verify nowhere nowhere.gguf --text nothing.txt",
        "run nowhere -p x", "logits nowhere --ids ids -o out", "tokenize nowhere --text x"}) {
    SCOPED_TRACE(arguments);
    const Outcome outcome = Nibble(absl::StrCat(arguments, " --quiet"));
    EXPECT_EQ(outcome.exit_code, 66);
    ExpectOneErrorLine(outcome, "no");
    EXPECT_FALSE(Exists(TempPath("x.gguf")));
  }
}

// What a user meets first is told what to do.
TEST(Usage, ErrorsSayWhatToDoNext) {
  WriteFile(TempPath("short.txt"), "too short");
  const struct {
    const char* arguments;
    const char* advice;
  } cases[] = {
      {"inspect meta-llama/Llama-3.1-8B",
       "download it first: hf download meta-llama/Llama-3.1-8B --local-dir Llama-3.1-8B"},
      {"inspect .", "a model is a folder with config.json, tokenizer and *.safetensors, or a .gguf"},
      {"inspect \"$runfiles/tiny/modle\"", "did you mean 'model'?"},
      {"quantize \"$runfiles/tiny/model\" -o short.txt.gguf --type INT4_G32", "for others name a folder as output"},
      {"quantize \"$runfiles/tiny/model\" -o folder", "for others name an output that ends in .gguf"},
      {"quantize \"$runfiles/tiny/model\" -o x.gguf --tensor-type 'attn_x=Q6_K'", "'nibble plan' lists their names"},
      {"calibrate \"$runfiles/tiny/model\" -o x.gguf --text short.txt",
       "give a longer text, or shorter windows (--ctx)"},
      {"quantize \"$runfiles/tiny/model\" -o x.gguf --fit 1KiB", "the smallest possible size"},
      {"quantize \"$runfiles/tiny/model\" -o x.gguf --fit 1GiB", "nothing has to be quantized: convert"},
      {"quantize \"$runfiles/tiny/model\" -o x.gguf --transform awq", "expected --calibration-text"},
  };
  for (const auto& c : cases) {
    SCOPED_TRACE(c.arguments);
    const Outcome outcome = Nibble(c.arguments);
    EXPECT_NE(outcome.exit_code, 0);
    ExpectOneErrorLine(outcome, c.advice);
  }
}

TEST(Usage, BadDataExits65AndNamesTheFile) {
  WriteFile(TempPath("garbage.gguf"), "this is no model");
  for (const char* arguments : {"inspect garbage.gguf", "quantize garbage.gguf -o x.gguf"}) {
    SCOPED_TRACE(arguments);
    const Outcome outcome = Nibble(arguments);
    EXPECT_EQ(outcome.exit_code, 65);
    ExpectOneErrorLine(outcome, "garbage.gguf");
    EXPECT_FALSE(Exists(TempPath("x.gguf")));
  }
}

TEST(Usage, NamesFromOutsideAreShownSafely) {
  const Outcome outcome = Nibble("inspect \"$(printf 'a\\nb\\033[31m')\"");
  EXPECT_EQ(outcome.exit_code, 66);
  ExpectOneErrorLine(outcome, "a\\nb\\x1b[31m");
}

// Colours are for terminals, of which `script` makes one.
TEST(Color, IsForTerminalsAndNoColorTurnsItOff) {
  const char* kScript = "command -v script > /dev/null || { echo none; exit; }; TERM=xterm ";
  const struct {
    const char* environment;
    const char* arguments;
    bool colored;
  } cases[] = {{"", "--help", true},
               {"", "inspect nowhere", true},
               {"NO_COLOR=1", "--help", false},
               {"NO_COLOR=1", "inspect nowhere", false},
               {"NO_COLOR=", "--help", true},
               {"TERM=dumb", "--help", false}};
  for (const auto& c : cases) {
    SCOPED_TRACE(absl::StrCat(c.environment, " ", c.arguments));
    const Outcome outcome =
        Shell(absl::StrCat(kScript, c.environment, " script -qec \"'$nibble' ", c.arguments, "\" /dev/null"));
    if (outcome.out == "none\n") GTEST_SKIP() << "no script(1)";
    EXPECT_TRUE(absl::StrContains(outcome.out, "nibble")) << outcome.out;
    EXPECT_EQ(absl::StrContains(outcome.out, "\x1b[1"), c.colored) << outcome.out;
  }
  EXPECT_FALSE(absl::StrContains(Shell("TERM=xterm \"$nibble\" --help").out, "\x1b"));
}

TEST(Output, ClosedOrFullIsAnError) {
  for (const char* redirection : {">&-", "> /dev/full"}) {
    SCOPED_TRACE(redirection);
    const Outcome outcome = Nibble(absl::StrCat("--help ", redirection));
    EXPECT_EQ(outcome.exit_code, 74);
    ExpectOneErrorLine(outcome, "standard output");
  }
}

TEST(Output, ReaderThatWentAwayIsNone) {
  const Outcome outcome = Shell("(sleep 0.2; \"$nibble\" --help; echo $? >&2) | true");
  EXPECT_EQ(outcome.err, "0\n");
}

}  // namespace
}  // namespace nibble::tests
