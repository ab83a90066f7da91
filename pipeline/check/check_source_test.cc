#include "pipeline/check/check_source.h"

#include <filesystem>
#include <fstream>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "converters/test_checkpoint.h"
#include "formats/io/sha256.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "pipeline/no_progress.h"
#include "pipeline/output/manifest.h"
#include "pipeline/recipe.h"
#include "pipeline/run_recipe.h"
#include "pipeline/source/model_folder_fixture.h"

namespace nibble {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

class CheckSourceTest : public ModelFolderTest {
 protected:
  void SetUp() override {
    ModelFolderTest::SetUp();
    model_ = Open(RandomLlama({.layers = 1}));
  }

  absl::Status Make(const TypeOptions& types, OutputOptions output) {
    output.path = Path(output.path);
    output.recipe = QuantizeRecipe(types, "none", {}, output.max_shard_bytes);
    return RunRecipe(io::Posix(), *model_, output, {}, progress_).status();
  }

  FileCheck Check(const std::string& name, const std::string& source, CalibrationOptions calibration = {}) {
    FileCheck check;
    const std::string scratch = ScratchPath(folder_, Path(name));
    EXPECT_EQ(CheckAgainstSource(io::Posix(), Path(name),
                                 {.source = Path(source), .scratch = scratch, .calibration = std::move(calibration)},
                                 progress_, check),
              absl::OkStatus());
    const std::vector<std::string> names = io::Posix().List(folder_).value();
    for (const std::string& left : names) {
      EXPECT_EQ(left.find(".again"), std::string::npos) << left;
    }
    return check;
  }

  // In the manifest of a folder, which is not a part of a file.
  void Replace(const std::string& what, const std::string& with) {
    const std::string path = Path("out/nibble.manifest.json");
    const std::string text = absl::StrReplaceAll(Bytes("out/nibble.manifest.json"), {{what, with}});
    std::ofstream(path) << text;
  }

  NoProgress progress_;
  std::optional<Model> model_;
};

TEST_F(CheckSourceTest, WhatIsMadeAgainIsTheSame) {
  ASSERT_EQ(Make({.type = "Q4_K_M", .tensor_types = {{"attn_v", "Q8_0"}}}, {.path = "x.gguf"}), absl::OkStatus());
  ASSERT_EQ(Make({.container = Container::kCompressedTensors, .type = "NVFP4", .method = "rtn"},
                 {.path = "out", .max_shard_bytes = 9000}),
            absl::OkStatus());
  OutputOptions converted{.path = Path("f32.gguf"), .recipe = ConvertRecipe("f32")};
  ASSERT_EQ(RunRecipe(io::Posix(), *model_, converted, {}, progress_).status(), absl::OkStatus());
  for (const char* name : {"x.gguf", "out", "f32.gguf"}) {
    const FileCheck check = Check(name, "model");
    EXPECT_THAT(check.problems(), IsEmpty()) << name;
    EXPECT_THAT(check.notes(), ElementsAre(HasSubstr("tensors compared"))) << name;
  }
}

TEST_F(CheckSourceTest, AnotherContainerOfTheSourceGivesTheSameTensors) {
  ASSERT_EQ(Make({.type = "Q4_0"}, {.path = "x.gguf"}), absl::OkStatus());
  OutputOptions converted{.path = Path("model.gguf"), .recipe = ConvertRecipe("source")};
  ASSERT_EQ(RunRecipe(io::Posix(), *model_, converted, {}, progress_).status(), absl::OkStatus());
  const FileCheck check = Check("x.gguf", "model.gguf");
  EXPECT_THAT(check.problems(), IsEmpty());
  EXPECT_THAT(check.notes(), ElementsAre(HasSubstr("is not the files that it was made from"), HasSubstr("compared")));
}

TEST_F(CheckSourceTest, AnotherSourceIsFoundByItsTensors) {
  ASSERT_EQ(Make({.type = "Q4_0"}, {.path = "x.gguf"}), absl::OkStatus());
  TestCheckpoint checkpoint = RandomLlama({.layers = 1});
  checkpoint.Find("model.layers.0.mlp.up_proj.weight").values[0] += 4;
  checkpoint.config["rms_norm_eps"] = "0.5";
  Open(checkpoint);
  EXPECT_THAT(Check("x.gguf", "model").problems(),
              ElementsAre(HasSubstr("tensor 'blk.0.ffn_up.weight': expected SHA-256 "),
                          HasSubstr("'llama.attention.layer_norm_rms_epsilon': expected 0.5 f32")));
}

TEST_F(CheckSourceTest, AConfigThatWasChangedIsFound) {
  ASSERT_EQ(Make({.container = Container::kCompressedTensors, .type = "INT4_G32"}, {.path = "out"}), absl::OkStatus());
  const std::string config = absl::StrReplaceAll(Bytes("out/config.json"), {{"\"hidden_act\"", "\"hidden_axt\""}});
  std::ofstream(Path("out/config.json")) << config;
  EXPECT_EQ(Check("out", "model").problems_size(), 2);
}

TEST_F(CheckSourceTest, WhyItCannotBeMadeAgain) {
  ASSERT_EQ(Make({.container = Container::kCompressedTensors, .type = "INT4_G32"}, {.path = "out"}), absl::OkStatus());
  const std::string manifest = Bytes("out/nibble.manifest.json");
  const std::string text =
      absl::StrCat("\"calibration_texts\": [{\"bytes\": 3, \"sha256\": \"", io::Sha256Of("abc"), "\"}], \"recipe\"");
  const CalibrationOptions other{.texts = {.files = {{"t", "abd"}}}}, same{.texts = {.files = {{"t", "abc"}}}};
  const struct {
    std::string what, with;
    CalibrationOptions calibration;
    const char* note;
  } kCases[] = {
      {"\"nibble\": \"", "\"nibble\": \"9", {}, "nibble's version: expected 9"},
      {"\"recipe\"", text, {}, "--calibration-text: expected the text that it was made with, found none"},
      {"\"recipe\"", text, other, "--calibration-text: expected the text that it was made with, found another"},
      {"\"recipe\"", text, same, "instruction set: expected any, found "},
      {"\"recipe\"", "\"importance_matrix\": {\"sha256\": \"12\"}, \"recipe\"", {}, "--imatrix: expected the matrix"},
      {"\"recipe\"", "\"x\"", {}, "its manifest has no recipe"},
  };
  for (const auto& [what, with, calibration, note] : kCases) {
    Replace(what, with);
    const FileCheck check = Check("out", "model", calibration);
    EXPECT_THAT(check.problems(), IsEmpty());
    EXPECT_THAT(check.notes(), ElementsAre(HasSubstr(absl::StrCat("not made again: ", note))));
    std::ofstream(Path("out/nibble.manifest.json")) << manifest;
  }
  EXPECT_THAT(Check("model", "model").notes(), ElementsAre(HasSubstr("not made again: it has no manifest")));
}

}  // namespace
}  // namespace nibble
