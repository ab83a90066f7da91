#include "cli/missing_model.h"

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>

namespace nibble::cli {
namespace {

namespace fs = std::filesystem;

TEST(MissingModelAdvice, SaysWhatMayHaveBeenMeant) {
  const fs::path root = fs::path(testing::TempDir()) / "models";
  fs::create_directories(root / "empty");
  fs::create_directories(root / "Llama-3.1-8B");
  fs::create_directories(root / "downloads");
  std::ofstream(root / "downloads" / "a-Q4_K_M.gguf") << "x";
  fs::current_path(root);
  const struct {
    const char* path;
    const char* advice;
  } cases[] = {
      {"Llama-3.1-8b", "; did you mean 'Llama-3.1-8B'?"},
      {"Lama-3.1-8B/", "; did you mean 'Llama-3.1-8B'?"},
      {"downloads/a-Q4_KM.gguf", "; did you mean 'a-Q4_K_M.gguf'?"},
      {"downloads", "; it holds a GGUF: name downloads/a-Q4_K_M.gguf"},
      {"empty", "; a model is a folder with config.json, tokenizer and *.safetensors, or a .gguf"},
      {"meta-llama/Llama-3.1-8B",
       "; if it is a model of Hugging Face, download it first: hf download meta-llama/Llama-3.1-8B --local-dir "
       "Llama-3.1-8B"},
      {"/nowhere/at/all", ""},
      {"something else", ""},
      {"", ""},
  };
  for (const auto& c : cases) EXPECT_EQ(MissingModelAdvice(io::Posix(), c.path), c.advice) << c.path;
}

}  // namespace
}  // namespace nibble::cli
