// check and diff, and the manifest that they read, on the checkpoint of tiny/.
#include <gtest/gtest.h>

#include <string>

#include "absl/strings/str_cat.h"
#include "tests/cli/program.h"

namespace nibble::tests {
namespace {

constexpr char kModel[] = "\"$runfiles/tiny/model\"";

class Check : public testing::Test {
 protected:
  static void SetUpTestSuite() {
    ShellOk(absl::StrCat("$nibble quantize ", kModel, " -o q4.gguf --type Q4_0 --method rtn --force"));
    ShellOk(absl::StrCat("$nibble quantize ", kModel, " -o int4/ --type INT4_G32 --method rtn --force"));
  }
};

TEST_F(Check, WholeOutputs) {
  const Outcome outcome = ShellOk("$nibble check q4.gguf int4");
  ExpectParts(outcome.out, {"OK      q4.gguf  ", "OK      int4  ", "as its manifest says"});
  ExpectParts(ShellOk("$nibble check q4.gguf --json").out, {"\"path\": \"q4.gguf\"", "\"has_manifest\": true"});
}

TEST_F(Check, AFlippedBitIsFound) {
  ShellOk("cp q4.gguf bad.gguf && printf 'x' | dd of=bad.gguf bs=1 seek=$(($(stat -c %s bad.gguf) - 5)) conv=notrunc");
  const Outcome outcome = Shell("$nibble check q4.gguf bad.gguf");
  EXPECT_EQ(outcome.exit_code, 1);
  ExpectParts(outcome.out, {"OK      q4.gguf", "FAILED  bad.gguf\n", "expected SHA-256 "});
}

TEST_F(Check, WhatIsNotThereExits66) { EXPECT_EQ(Shell("$nibble check nothing.gguf").exit_code, 66); }

TEST_F(Check, SourcesMadeWithoutAManifestAreNotedAlone) {
  ExpectParts(ShellOk(absl::StrCat("$nibble check ", kModel)).out, {"OK ", "note: no manifest"});
}

TEST_F(Check, TheManifestLiesBesideAGguf) {
  ExpectParts(ReadFile(TempPath("q4.gguf.manifest.json")),
              {"{\n  \"nibble\": \"0.1.0\",\n  \"instruction_set\": \"any\",\n", "\"recipe\": {\"job\": \"quantize\"",
               "\"method\": \"rtn\"", "\"sources\": [\n    {\"name\": \"model.safetensors\"", "\"header_sha256\": \"",
               "{\"name\": \"token_embd.weight\", \"sha256\": \""});
  EXPECT_FALSE(Exists(TempPath("q4.gguf.manifest.json.part")));
}

TEST_F(Check, WhatIsMadeAgainIsTheSame) {
  for (const char* name : {"q4.gguf", "int4"}) {
    ExpectParts(ShellOk(absl::StrCat("$nibble check ", name, " --source ", kModel)).out, {"OK ", "note: made again"});
  }
  EXPECT_FALSE(Exists(TempPath("q4.gguf.again.gguf")));
  EXPECT_FALSE(Exists(TempPath("int4.again")));
}

TEST_F(Check, SourcesAreComparedWithWhatTheirFolderPublishes) {
  ShellOk("rm -rf source && cp -rL \"$runfiles/tiny/model\" source && chmod -R u+w source");
  ShellOk("cd source && sha256sum model.safetensors > SHA256SUMS");
  ShellOk("$nibble convert source -o hashed.gguf --hash-source --force");
  const std::string sum = ReadFile(TempPath("source/SHA256SUMS")).substr(0, 64);
  ExpectParts(ReadFile(TempPath("hashed.gguf.manifest.json")), {absl::StrCat("\"sha256\": \"", sum).c_str()});
  ShellOk("sed -i 's/^...../00000/' source/SHA256SUMS");
  const Outcome outcome = Shell("$nibble quantize source -o never.gguf --hash-source");
  EXPECT_EQ(outcome.exit_code, 65);
  ExpectParts(outcome.err, {"source/model.safetensors: expected SHA-256 00000", "by source/SHA256SUMS, found "});
  EXPECT_FALSE(Exists(TempPath("never.gguf")));
}

TEST_F(Check, DiffTellsWhatDiffers) {
  EXPECT_EQ(ShellOk("$nibble diff q4.gguf q4.gguf").out.find("differs in"), std::string::npos);
  ShellOk(absl::StrCat("$nibble quantize ", kModel,
                       " -o pinned.gguf --type Q4_0 --method rtn --tensor-type 'blk.0.attn_v=Q6_K' --force"));
  const Outcome outcome = Shell("$nibble diff q4.gguf pinned.gguf");
  EXPECT_EQ(outcome.exit_code, 1);
  ExpectParts(outcome.out, {"blk.0.attn_v.weight", "type", "Q4_0 [", "Q6_K [", "1 tensors differ", "1 keys differ",
                            "nibble.manifest: recipe"});
  const Outcome json = Shell("$nibble diff q4.gguf pinned.gguf --json");
  EXPECT_EQ(json.exit_code, 1);
  ExpectParts(json.out, {"\"what\": \"type\"", "\"relative_error\": 0.", "\"same_tensors\": "});
}

}  // namespace
}  // namespace nibble::tests
