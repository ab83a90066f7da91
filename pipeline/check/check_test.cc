#include "pipeline/check/check.h"

#include <filesystem>
#include <fstream>
#include <string>

#include "absl/strings/str_cat.h"
#include "converters/test_checkpoint.h"
#include "formats/gguf/gguf.h"
#include "formats/io/sha256.h"
#include "formats/tensor_source.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "pipeline/check/stored_output.h"
#include "pipeline/no_progress.h"
#include "pipeline/output/manifest.h"
#include "pipeline/quantize.h"
#include "pipeline/recipe.h"
#include "pipeline/source/model_folder_fixture.h"

namespace nibble {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

// Enough experts and layers that each kind of tensor is there, and two files of a folder.
class CheckTest : public ModelFolderTest {
 protected:
  void SetUp() override {
    ModelFolderTest::SetUp();
    model_ = Open(RandomLlama({.layers = 1}));
  }

  void Make(const TypeOptions& types, OutputOptions output) {
    output.path = Path(output.path);
    output.recipe = QuantizeRecipe(types, "none", {}, output.max_shard_bytes);
    ASSERT_EQ(Quantize(io::Posix(), *model_, types, output, progress_).status(), absl::OkStatus());
  }
  void MakeGguf() { Make({.type = "Q4_0", .method = "rtn"}, {.path = "x.gguf"}); }
  void MakeFolder() {
    Make({.container = Container::kCompressedTensors, .type = "INT4_G32", .method = "rtn"},
         {.path = "out", .max_shard_bytes = 10'000});
  }

  FileCheck Check(const std::string& name) {
    const absl::StatusOr<FileCheck> check = CheckFile(io::Posix(), Path(name), 2, progress_);
    EXPECT_EQ(check.status(), absl::OkStatus());
    return check.value_or(FileCheck());
  }

  void Overwrite(const std::string& path, uint64_t offset, const std::string& bytes) {
    std::fstream file(path, std::ios::binary | std::ios::in | std::ios::out);
    file.seekp(offset);
    file << bytes;
  }

  // Every tensor of the file with another last byte: of each alone that is a problem.
  void ExpectEveryTensorCounts(const std::string& name) {
    const StoredOutput stored = *OpenStored(io::Posix(), Path(name));
    for (const StoredTensor& tensor : stored.tensors.tensors()) {
      const auto& file = stored.tensors.files()[tensor.file];
      std::byte last;
      ASSERT_EQ(stored.tensors.Read(tensor, tensor.bytes - 1, absl::MakeSpan(&last, 1)), absl::OkStatus());
      Overwrite(file->path(), tensor.offset + tensor.bytes - 1, std::string(1, static_cast<char>(last) ^ 1));
      const FileCheck check = Check(name);
      ASSERT_EQ(check.problems_size(), 1) << tensor.name;
      EXPECT_THAT(check.problems(0), HasSubstr(absl::StrCat("tensor '", tensor.name, "': expected SHA-256 ")));
      Overwrite(file->path(), tensor.offset + tensor.bytes - 1, std::string(1, static_cast<char>(last)));
    }
    EXPECT_THAT(Check(name).problems(), IsEmpty());
  }

  NoProgress progress_;
  std::optional<Model> model_;
};

TEST_F(CheckTest, TheManifestTellsOfEveryTensorsBytes) {
  MakeGguf();
  MakeFolder();
  for (const char* name : {"x.gguf", "out"}) {
    const StoredOutput stored = *OpenStored(io::Posix(), Path(name));
    const Manifest manifest = *ParseManifest(stored.manifest_text.value(), name);
    ASSERT_EQ(manifest.tensors_size(), stored.tensors.tensors().size());
    for (const TensorHash& told : manifest.tensors()) {
      const StoredTensor* tensor = stored.tensors.Find(told.name());
      ASSERT_NE(tensor, nullptr) << told.name();
      EXPECT_EQ(told.sha256(), *io::Sha256Of(*stored.tensors.files()[tensor->file], tensor->offset, tensor->bytes));
    }
    EXPECT_EQ(manifest.instruction_set(), "any");
    ASSERT_EQ(manifest.sources_size(), 1);
    EXPECT_EQ(manifest.sources(0).name(), "model.safetensors");
    EXPECT_EQ(manifest.sources(0).bytes(), Bytes("model/model.safetensors").size());
    EXPECT_EQ(manifest.sources(0).sha256(), "") << "was not asked for";
  }
}

TEST_F(CheckTest, WholeOutputsHaveNoProblems) {
  MakeGguf();
  MakeFolder();
  for (const char* name : {"x.gguf", "out"}) {
    const FileCheck check = Check(name);
    EXPECT_THAT(check.problems(), IsEmpty());
    EXPECT_THAT(check.notes(), IsEmpty());
    EXPECT_TRUE(check.has_manifest());
    EXPECT_GT(check.bytes(), 0);
  }
}

TEST_F(CheckTest, EveryTensorOfAGgufCounts) {
  MakeGguf();
  ExpectEveryTensorCounts("x.gguf");
}

TEST_F(CheckTest, EveryTensorOfAFolderCounts) {
  MakeFolder();
  ExpectEveryTensorCounts("out");
}

TEST_F(CheckTest, ScalesThatAreNotFiniteAreNamed) {
  MakeGguf();
  const StoredOutput stored = *OpenStored(io::Posix(), Path("x.gguf"));
  const StoredTensor& tensor = *stored.tensors.Find("blk.0.ffn_up.weight");
  Overwrite(Path("x.gguf"), tensor.offset + 18, std::string("\x00\x7c", 2));  // the second block's: infinite
  EXPECT_THAT(Check("x.gguf").problems(),
              testing::Contains(HasSubstr("tensor 'blk.0.ffn_up.weight': expected finite values, found ")));
}

TEST_F(CheckTest, AnotherFilesManifestIsAProblem) {
  MakeGguf();
  Overwrite(Path("x.gguf.manifest.json"), 20, "x");
  EXPECT_THAT(Check("x.gguf").problems(),
              ElementsAre(HasSubstr("x.gguf.manifest.json: expected the manifest that is in the file")));
  std::filesystem::remove(Path("x.gguf.manifest.json"));
  EXPECT_THAT(Check("x.gguf").problems(), IsEmpty());
}

TEST_F(CheckTest, WithoutAManifestItSaysSo) {
  const FileCheck check = Check("model");
  EXPECT_THAT(check.problems(), IsEmpty());
  EXPECT_THAT(check.notes(), ElementsAre(HasSubstr("no manifest")));
  EXPECT_FALSE(check.has_manifest());
}

TEST_F(CheckTest, TensorsThatOneOfThemLacksAreNamed) {
  MakeFolder();
  std::string manifest = Bytes("out/nibble.manifest.json");
  const size_t name = manifest.find("model.norm.weight");
  ASSERT_NE(name, std::string::npos);
  manifest.replace(name, 5, "other");
  std::ofstream(Path("out/nibble.manifest.json")) << manifest;
  EXPECT_THAT(Check("out").problems(),
              ElementsAre(HasSubstr("expected tensor 'other.norm.weight', which it tells of, found none"),
                          HasSubstr("tensor 'model.norm.weight': expected a tensor that the manifest tells of")));
}

TEST_F(CheckTest, WhatIsNoManifestIsAProblem) {
  MakeFolder();
  std::ofstream(Path("out/nibble.manifest.json")) << "{\"tensors\": 1}";
  EXPECT_THAT(Check("out").problems(), ElementsAre(HasSubstr("nibble.manifest.json: $.tensors: expected an array")));
}

TEST_F(CheckTest, ABrokenHeaderIsAProblemAndNoFileAnError) {
  std::ofstream(Path("cut.gguf")) << "GGUF";
  EXPECT_EQ(Check("cut.gguf").problems_size(), 1);
  EXPECT_TRUE(absl::IsNotFound(CheckFile(io::Posix(), Path("none.gguf"), 1, progress_).status()));
}

TEST_F(CheckTest, ManifestsDoNotNamePaths) {
  MakeGguf();
  const std::string manifest = Bytes("x.gguf.manifest.json");
  EXPECT_EQ(manifest.find(folder_), std::string::npos);
  EXPECT_EQ(manifest.find("x.gguf"), std::string::npos);
}

TEST_F(CheckTest, SourcesAreHashedWholeIfAskedFor) {
  Make({.type = "Q4_0", .method = "rtn"}, {.path = "x.gguf", .hash_source = true});
  const Manifest manifest = *ParseManifest(Bytes("x.gguf.manifest.json"), "x");
  const std::string source = Bytes("model/model.safetensors");
  EXPECT_EQ(manifest.sources(0).sha256(), io::Sha256Of(source));
  EXPECT_EQ(manifest.sources(0).header_sha256(),
            io::Sha256Of(source.substr(0, 8 + *reinterpret_cast<const uint64_t*>(source.data()))));
  Make({.type = "Q4_0", .method = "rtn"}, {.path = "y.gguf"});
  EXPECT_EQ(Bytes("x.gguf").size(), Bytes("y.gguf").size()) << "known before it is asked for";
}

}  // namespace
}  // namespace nibble
