// --recipe and --save-recipe, on the checkpoint of tiny/.
#include <gtest/gtest.h>

#include <string>

#include "absl/strings/str_cat.h"
#include "tests/cli/program.h"

namespace nibble::tests {
namespace {

constexpr char kModel[] = "\"$runfiles/tiny/model\"";

// Makes the output of `options`, and that of the recipe which was saved with it.
void ExpectTheSame(absl::string_view options, absl::string_view recipe_options = "") {
  SCOPED_TRACE(options);
  ShellOk(absl::StrCat("$nibble quantize ", kModel, " -o a.gguf --save-recipe r.txt --force ", options));
  ShellOk(absl::StrCat("$nibble quantize ", kModel, " -o b.gguf --recipe r.txt --force ", recipe_options));
  const Outcome outcome = Shell("$nibble diff a.gguf b.gguf");
  ExpectParts(outcome.out, {"0 tensors differ"});
}

TEST(Recipe, GivesTheSameBytes) {
  ExpectTheSame("--type Q4_K_M --method rtn --tensor-type attn_v=Q6_K");
  EXPECT_EQ(ReadFile(TempPath("a.gguf")), ReadFile(TempPath("b.gguf"))) << "all of them";
  ExpectTheSame("--type MXFP4 --pure --transform values");
}

TEST(Recipe, GivesTheSameTypesWithoutTheBudget) {
  ExpectTheSame("--fit 1.4MiB");
  const std::string recipe = ReadFile(TempPath("r.txt"));
  ExpectParts(recipe, {"types {\n  type: \"", "  role: \"attn_q\"\n  layers: \""});
  EXPECT_EQ(recipe.find("fit"), std::string::npos);
  // The sum of what was chosen, in another place of the keys.
  ExpectParts(Shell("$nibble diff a.gguf b.gguf").out, {"1 keys differ", "nibble.manifest: recipe"});
}

TEST(Recipe, NeedsTheTextItWasMadeWith) {
  ShellOk("head -c 20000 \"$runfiles/tiny/heldout.txt\" > text.txt");
  const std::string text = "--calibration-text text.txt";
  ExpectTheSame(absl::StrCat("--type Q4_0 --calibration-ctx 128 --calibration-chunks 8 ", text), text);
  const Outcome outcome = Shell(absl::StrCat("$nibble quantize ", kModel, " -o never.gguf --recipe r.txt"));
  EXPECT_EQ(outcome.exit_code, 64);
  ExpectParts(outcome.err, {"expected --calibration-text beside it, found none"});
}

TEST(Recipe, ByHandByRoleAndLayer) {
  WriteFile(TempPath("hand.txt"), "type: 'Q4_0'\ntypes { role: 'attn_v' layers: '0-1' type: 'Q6_K' }\n");
  const std::string plan = ShellOk(absl::StrCat("$nibble plan ", kModel, " --recipe hand.txt")).out;
  ExpectParts(plan, {"blk.0.attn_v.weight", "Q6_K"});
}

TEST(Recipe, TakesNoOptionsThatItSays) {
  WriteFile(TempPath("hand.txt"), "type: 'Q4_0'\n");
  EXPECT_EQ(Shell(absl::StrCat("$nibble plan ", kModel, " --recipe hand.txt --type Q8_0")).exit_code, 64);
  WriteFile(TempPath("bad.txt"), "type: 'Q4_0'\ntpye: 'Q8_0'\n");
  const Outcome outcome = Shell(absl::StrCat("$nibble plan ", kModel, " --recipe bad.txt"));
  EXPECT_EQ(outcome.exit_code, 64);
  ExpectParts(outcome.err, {"bad.txt: expected a recipe in text protobuf, found line 2"});
}

}  // namespace
}  // namespace nibble::tests
