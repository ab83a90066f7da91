#include "formats/foreign_files.h"

#include <filesystem>
#include <fstream>
#include <string>

#include "absl/strings/str_cat.h"
#include "base/status.h"
#include "formats/io/file.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace nibble {
namespace {

using ::testing::HasSubstr;

class ForeignFiles : public testing::Test {
 protected:
  void SetUp() override {
    std::filesystem::remove_all(folder_);
    std::filesystem::create_directories(folder_);
  }
  std::string Put(const std::string& name, const std::string& content) {
    const std::string path = io::JoinPath(folder_, name);
    std::ofstream(path, std::ios::binary) << content;
    return path;
  }

  const std::string folder_ = testing::TempDir() + "/foreign_files";
};

TEST_F(ForeignFiles, AreRefusedByName) {
  const struct {
    const char* name;
    std::string content;
    const char* found;
  } cases[] = {
      {"ggml-model-q4_0.bin", "lmgg....", "a GGML file from before GGUF (magic ggml)"},
      {"ggml-model-q4_0.bin", "fmgg....", "a GGML file from before GGUF (magic ggmf)"},
      {"llama.ggmlv3.q4_K_M.bin", "tjgg....", "a GGML file from before GGUF (magic ggjt)"},
      {"ggml-adapter-model.bin", "algg....", "a GGML adapter from before GGUF (magic ggla)"},
      {"model.ggml", "", "a GGML file from before GGUF"},
      {"pytorch_model.bin", "PK\x03\x04....", "pickled weights, which can run code when loaded"},
      {"pytorch_model-00001-of-00002.bin", std::string("\x80\x02}q\0", 5), "pickled weights"},
      {"pytorch_model.bin", "", "pickled weights"},
      {"consolidated.00.pth", "PK\x03\x04", "pickled weights"},
      {"model.pt", "x", "pickled weights"},
      {"model.ckpt", "x", "pickled weights"},
      {"weights.pkl", "x", "pickled weights"},
      {"tf_model.h5", "\x89HDF\r\n", "HDF5, as Keras writes it"},
      {"flax_model.msgpack", "x", "MessagePack, as Flax writes it"},
      {"weights.npz", "x", "NumPy arrays, as early MLX models are"},
      {"model.onnx", "x", "an ONNX graph"},
  };
  for (const auto& c : cases) {
    SCOPED_TRACE(absl::StrCat(c.name, " ", c.found));
    SetUp();
    Put("params.json", "{}");
    const std::string path = Put(c.name, c.content);
    const absl::Status as_file = RefuseForeignFile(io::Posix(), path);
    EXPECT_EQ(ExitCode(as_file), 65);
    EXPECT_THAT(std::string(as_file.message()),
                HasSubstr(absl::StrCat(path, ": expected a folder with config.json, or a GGUF, found ", c.found)));
    const absl::Status as_folder = RefuseForeignFolder(io::Posix(), folder_);
    EXPECT_EQ(ExitCode(as_folder), 65);
    EXPECT_THAT(std::string(as_folder.message()),
                HasSubstr(absl::StrCat(path, ": expected .safetensors files, found only ", c.found)));
    Put("model.safetensors", "");
    EXPECT_EQ(RefuseForeignFolder(io::Posix(), folder_), absl::OkStatus());
  }
}

TEST_F(ForeignFiles, WhatTheUserMeantIsSaid) {
  const std::string shard = Put("model.safetensors", "");
  EXPECT_THAT(std::string(RefuseForeignFile(io::Posix(), shard).message()), HasSubstr("name the folder"));
  SetUp();
  Put("model.gguf", "GGUF");
  EXPECT_THAT(std::string(RefuseForeignFolder(io::Posix(), folder_).message()), HasSubstr("name the file itself"));
}

TEST_F(ForeignFiles, OthersAreNobodysBusiness) {
  EXPECT_EQ(RefuseForeignFolder(io::Posix(), folder_), absl::OkStatus());
  EXPECT_EQ(RefuseForeignFile(io::Posix(), Put("README.md", "hello")), absl::OkStatus());
  EXPECT_EQ(RefuseForeignFile(io::Posix(), Put("short", "l")), absl::OkStatus());
  EXPECT_EQ(RefuseForeignFolder(io::Posix(), folder_), absl::OkStatus());
}

}  // namespace
}  // namespace nibble
