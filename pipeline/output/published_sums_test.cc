#include "pipeline/output/published_sums.h"

#include <filesystem>
#include <fstream>
#include <string>

#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace nibble {
namespace {

class PublishedSumsTest : public testing::Test {
 protected:
  void SetUp() override {
    folder_ = testing::TempDir() + "/" + testing::UnitTest::GetInstance()->current_test_info()->name();
    std::filesystem::remove_all(folder_);
    std::filesystem::create_directories(folder_ + "/.cache/huggingface/download");
  }

  void Write(const std::string& name, const std::string& text) { std::ofstream(folder_ + "/" + name) << text; }

  std::string Sum(const std::string& name) {
    const auto sums = ReadPublishedSums(io::Posix(), folder_);
    EXPECT_EQ(sums.status(), absl::OkStatus());
    const auto found = sums->find(name);
    return found == sums->end() ? "" : found->second.sha256;
  }

  std::string folder_;
  const std::string a_ = std::string(64, 'a'), b_ = std::string(64, 'b');
};

TEST_F(PublishedSumsTest, EveryForm) {
  const std::pair<std::string, std::string> kForms[] = {
      {"SHA256SUMS", absl::StrCat(b_, "  other\n", a_, "  model.safetensors\n")},
      {"sha256sums.txt", absl::StrCat("# comment\n", a_, " *model.safetensors\r\n")},
      {"checksums.sha256", absl::StrCat(a_, "  ./model.safetensors")},
      {"model.safetensors.sha256", absl::StrCat(a_, "\n")},
      {"model.safetensors.sha256", std::string(64, 'A')},
      {".cache/huggingface/download/model.safetensors.metadata", absl::StrCat("0123abc\n", a_, "\n1700000000.0\n")},
  };
  for (const auto& [name, text] : kForms) {
    Write(name, text);
    EXPECT_EQ(Sum("model.safetensors"), a_) << name;
    std::filesystem::remove(folder_ + "/" + name);
  }
}

TEST_F(PublishedSumsTest, WhatIsNoSumIsPassedOver) {
  Write("SHA256SUMS", "da39a3ee5e6b4b0d3255bfef95601890afd80709  model.safetensors\nxyz");
  Write(".cache/huggingface/download/model.safetensors.metadata", "0123\nda39a3ee5e6b4b0d3255bfef95601890afd80709\n");
  Write("notes.txt", a_ + "  model.safetensors");
  EXPECT_EQ(Sum("model.safetensors"), "");
}

TEST_F(PublishedSumsTest, ContradictionsAreNamed) {
  Write("SHA256SUMS", a_ + "  x\n");
  Write("x.sha256", b_);
  const auto sums = ReadPublishedSums(io::Posix(), folder_);
  EXPECT_TRUE(absl::IsDataLoss(sums.status()));
  EXPECT_THAT(std::string(sums.status().message()), testing::HasSubstr("x.sha256: expected for x the SHA-256 of "));
}

}  // namespace
}  // namespace nibble
