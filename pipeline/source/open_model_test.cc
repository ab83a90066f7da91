#include "pipeline/source/open_model.h"

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "base/status.h"
#include "converters/test_checkpoint.h"
#include "formats/io/file.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "model/model.h"
#include "model/role.h"

namespace nibble {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

class OpenModelTest : public testing::Test {
 protected:
  void SetUp() override {
    folder_ = testing::TempDir() + "/open_model_test";
    std::filesystem::remove_all(folder_);
    std::filesystem::create_directories(folder_);
  }

  void WriteText(const std::string& name, const std::string& text) const {
    std::ofstream(folder_ + "/" + name, std::ios::binary) << text;
  }

  // The error of opening `path` (the folder itself if empty).
  absl::Status Open(const std::string& name = "") const {
    return OpenModel(io::Posix(), name.empty() ? folder_ : folder_ + "/" + name).status();
  }

  void ExpectError(const absl::Status& status, int exit_code, const std::string& message) const {
    EXPECT_EQ(ExitCode(status), exit_code) << status;
    EXPECT_THAT(std::string(status.message()), HasSubstr(message));
  }

  std::string folder_;
};

TEST_F(OpenModelTest, FolderIsNamedByItsLastComponent) {
  ASSERT_EQ(RandomLlama().Write(folder_), absl::OkStatus());
  for (const char* suffix : {"", "/", "/.", "/../open_model_test"}) {
    const absl::StatusOr<Model> model = OpenModel(io::Posix(), folder_ + suffix);
    ASSERT_EQ(model.status(), absl::OkStatus());
    EXPECT_EQ(model->spec.name(), "open_model_test");
    EXPECT_EQ(model->path, folder_ + suffix);
  }
}

TEST_F(OpenModelTest, ModelWithoutATokenizerOpensWithAWarning) {
  ASSERT_EQ(RandomLlama().Write(folder_), absl::OkStatus());
  const Model model = OpenModel(io::Posix(), folder_).value();
  EXPECT_FALSE(model.vocabulary.has_value());
  EXPECT_THAT(model.warnings, ElementsAre(HasSubstr("has no tokenizer")));
  EXPECT_EQ(model.spec.source_bits(), 16);
  EXPECT_NE(model.Find(Role::kDown, 1), nullptr);
  EXPECT_EQ(model.Find(Role::kDown, 2), nullptr);
}

TEST_F(OpenModelTest, EveryFileOfTheFolderIsAnInputButOutputs) {
  ASSERT_EQ(RandomLlama().Write(folder_), absl::OkStatus());
  WriteText("earlier.gguf", "x");
  WriteText("notes.txt", "x");
  const Model model = OpenModel(io::Posix(), folder_).value();
  const auto identity = [&](const char* name) { return io::Posix().Stat(folder_ + "/" + name)->identity; };
  EXPECT_THAT(model.inputs, testing::UnorderedElementsAre(identity("config.json"), identity("model.safetensors"),
                                                          identity("notes.txt")));
}

TEST_F(OpenModelTest, WhatIsNoModelIsRefusedByName) {
  ExpectError(Open(), 66, "config.json");
  ExpectError(Open("missing"), 66, "missing");
  WriteText("empty.gguf", "");
  ExpectError(Open("empty.gguf"), 65, "empty.gguf");
  WriteText("x.bin", "something else");
  ExpectError(Open("x.bin"), 65, "x.bin: expected a folder with config.json, or a GGUF, found pickled weights");
  ExpectError(Open(), 65, "empty.gguf: expected .safetensors files, found only a GGUF; name the file itself");
  SetUp();
  WriteText("params.json", "{}");
  ExpectError(Open(), 65, "params.json: $.architectures: expected");
}

TEST_F(OpenModelTest, FilesOfOtherProgramsAreRefusedByName) {
  WriteText("ggml-model-q4_0.bin", "tjgg....");
  ExpectError(Open(), 65, "ggml-model-q4_0.bin: expected .safetensors files, found only a GGML file from before GGUF");
  ExpectError(Open("ggml-model-q4_0.bin"), 65, "found a GGML file from before GGUF (magic ggjt)");
  TestCheckpoint checkpoint = RandomLlama();
  checkpoint.config["quantization"] = R"({"group_size": 64, "bits": 4})";
  ASSERT_EQ(checkpoint.Write(folder_), absl::OkStatus());
  ExpectError(Open(), 65, "$.quantization.group_size: expected no quantization of MLX");
  checkpoint.config.erase("quantization");
  checkpoint.tensors.push_back({"model.layers.0.mlp.up_proj.weight.absmax", {2}, {1, 1}});
  ASSERT_EQ(checkpoint.Write(folder_), absl::OkStatus());
  ExpectError(
      Open(), 65,
      "tensor 'model.layers.0.mlp.up_proj.weight.absmax': expected weights that are read, found those of bitsandbytes");
}

TEST_F(OpenModelTest, RemoteCodeIsNotAskedFor) {
  TestCheckpoint checkpoint = RandomLlama();
  checkpoint.config["auto_map"] = R"({"AutoConfig": "configuration_evil.EvilConfig"})";
  ASSERT_EQ(checkpoint.Write(folder_), absl::OkStatus());
  WriteText("configuration_evil.py", "raise SystemExit('executed')");
  EXPECT_EQ(Open(), absl::OkStatus());
}

TEST_F(OpenModelTest, ParamsServeWhereThereIsNoConfig) {
  ASSERT_EQ(RandomLlama().Write(folder_), absl::OkStatus());
  WriteText("params.json", R"({"dim": 64, "n_layers": 2, "n_heads": 4, "n_kv_heads": 2, "head_dim": 16,
                               "hidden_dim": 96, "norm_eps": 1e-5, "vocab_size": 48, "sliding_window": 8})");
  EXPECT_EQ(OpenModel(io::Posix(), folder_)->spec.layers(0).attention().window(), 0);
  std::filesystem::remove(folder_ + "/config.json");
  EXPECT_EQ(OpenModel(io::Posix(), folder_)->spec.layers(0).attention().window(), 8);
}

TEST_F(OpenModelTest, BadConfigIsNamedBeforeTensorsAreLookedFor) {
  for (const auto& [text, message] : {std::pair("", "config.json"),
                                      {"[]", "config.json: $"},
                                      {"{\"a\": 1, \"a\": 2}", "config.json: $.a"},
                                      {"{}", "config.json: $.architectures"},
                                      {"{\"architectures\": [\"MambaForCausalLM\"]}", "MambaForCausalLM"}}) {
    WriteText("config.json", text);
    ExpectError(Open(), 65, message);
  }
}

TEST_F(OpenModelTest, FolderOfPicklesIsRefused) {
  WriteText("config.json", RandomLlama().ConfigText());
  WriteText("pytorch_model.bin", "PK");
  ExpectError(Open(), 65, "pytorch_model.bin");
}

TEST_F(OpenModelTest, MoreTokensThanEmbeddingRowsAreBadData) {
  const char* shared = std::getenv("NIBBLE_SHARED");
  if (shared == nullptr) GTEST_SKIP() << "NIBBLE_SHARED is not set";
  ASSERT_EQ(RandomLlama().Write(folder_), absl::OkStatus());
  std::filesystem::copy(absl::StrCat(shared, "/zoo/models/llama3/tokenizer.json"), folder_);
  EXPECT_EQ(ExitCode(Open()), 65);
}

}  // namespace
}  // namespace nibble
