#include "formats/safetensors/safetensors.h"

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <fstream>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "absl/time/time.h"
#include "formats/dtype.h"
#include "formats/io/faulty_file_system.h"
#include "formats/io/file.h"
#include "formats/tensor_source.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace nibble::safetensors {
namespace {

namespace fs = std::filesystem;

class WriterTest : public ::testing::Test {
 protected:
  WriterTest() {
    for (size_t i = 0; i < bytes_.size(); ++i) bytes_[i] = static_cast<std::byte>(i);
    data_ = {absl::MakeConstSpan(bytes_).subspan(0, 12),
             {},
             absl::MakeConstSpan(bytes_).subspan(12, 4),
             absl::MakeConstSpan(bytes_).subspan(16, 1)};
  }
  void SetUp() override { fs::remove(path_); }

  std::vector<std::byte> bytes_ = std::vector<std::byte>(17);
  const std::vector<TensorInfo> tensors_ = {{"w \"quoted\" \\ \xC3\xA9", DType::kBF16, {2, 3}},
                                            {"none", DType::kF32, {0, 7}},
                                            {"scalar", DType::kF32, {}},
                                            {"nibbles", DType::kF4, {2}}};
  std::vector<absl::Span<const std::byte>> data_;
  const Metadata metadata_ = {{"format", "pt"}, {"note", "a\nb\t\"\x01"}};
  const std::string path_ = ::testing::TempDir() + "/written.safetensors";
};

TEST_F(WriterTest, WhatIsWrittenIsRead) {
  ASSERT_TRUE(WriteFile(io::Posix(), path_, tensors_, data_, metadata_, /*force=*/false).ok());
  const absl::StatusOr<Checkpoint> read = OpenFile(io::Posix(), path_);
  ASSERT_TRUE(read.ok()) << read.status();
  EXPECT_EQ(read->metadata, metadata_);
  ASSERT_EQ(read->tensors.tensors().size(), tensors_.size());
  for (size_t i = 0; i < tensors_.size(); ++i) {
    const StoredTensor* const tensor = read->tensors.Find(tensors_[i].name);
    ASSERT_NE(tensor, nullptr) << tensors_[i].name;
    EXPECT_EQ(tensor->dtype, tensors_[i].dtype);
    EXPECT_EQ(tensor->shape, tensors_[i].shape);
    std::vector<std::byte> bytes(tensor->bytes);
    ASSERT_TRUE(read->tensors.Read(*tensor, 0, absl::MakeSpan(bytes)).ok());
    EXPECT_EQ(absl::MakeConstSpan(bytes), data_[i]);
  }
}

TEST_F(WriterTest, LayoutIsKnownBeforehandAndAligned) {
  const Layout layout = MakeLayout(tensors_, metadata_);
  EXPECT_EQ(layout.header.size() % 8, 0);
  EXPECT_THAT(layout.offsets, ::testing::ElementsAre(layout.header.size(), layout.header.size() + 12,
                                                     layout.header.size() + 12, layout.header.size() + 16));
  EXPECT_EQ(layout.file_bytes, layout.header.size() + 17);
  const Layout empty = MakeLayout({}, {});
  EXPECT_EQ(empty.header, std::string("\x08\0\0\0\0\0\0\0{}      ", 16));
  EXPECT_EQ(empty.file_bytes, 16);
}

TEST_F(WriterTest, AnExistingFileNeedsForce) {
  std::ofstream(path_) << "old";
  EXPECT_EQ(WriteFile(io::Posix(), path_, tensors_, data_, metadata_, false).code(), absl::StatusCode::kAlreadyExists);
  EXPECT_EQ(fs::file_size(path_), 3);
  EXPECT_TRUE(WriteFile(io::Posix(), path_, tensors_, data_, metadata_, true).ok());
}

TEST_F(WriterTest, AFaultLeavesNothing) {
  for (const io::Call call :
       {io::Call::kCreate, io::Call::kPreallocate, io::Call::kWrite, io::Call::kSync, io::Call::kRename}) {
    for (int n = 1;; ++n) {
      io::FaultyFileSystem files(io::Posix());
      files.FailNth(call, n, absl::UnavailableError("injected"));
      const absl::Status status = WriteFile(files, path_, tensors_, data_, metadata_, false);
      if (files.calls(call) < n) break;
      EXPECT_EQ(status, absl::UnavailableError("injected"));
      EXPECT_FALSE(fs::exists(path_));
      EXPECT_FALSE(fs::exists(path_ + ".part"));
    }
    fs::remove(path_);
  }
}

#ifdef __SANITIZE_ADDRESS__
constexpr bool kSanitized = true;
#else
constexpr bool kSanitized = false;
#endif

// Catalogue 32: close to the longest header there may be, in bounded time and memory.
TEST(MillionTensors, AreReadInBoundedTimeAndMemory) {
  constexpr int kTensors = 1'000'000;
  const std::string path = ::testing::TempDir() + "/million.safetensors";
  {
    std::vector<TensorInfo> tensors;
    for (int i = 0; i < kTensors; ++i) {
      tensors.push_back({absl::StrCat("model.layers.", i / 1000, ".mlp.experts.", i % 1000, ".w"), DType::kU8, {1, 1}});
    }
    const Layout layout = MakeLayout(tensors, {});
    ASSERT_GT(layout.header.size(), 90'000'000);
    ASSERT_LT(layout.header.size(), kMaxHeaderBytes);
    std::ofstream(path) << layout.header;
    fs::resize_file(path, layout.file_bytes);
  }
  // The peak of memory counts from here on.
  std::ofstream("/proc/self/clear_refs") << "5";
  const absl::Time start = absl::Now();
  {
    const absl::StatusOr<Checkpoint> checkpoint = OpenFile(io::Posix(), path);
    ASSERT_TRUE(checkpoint.ok()) << checkpoint.status();
    EXPECT_EQ(checkpoint->tensors.tensors().size(), kTensors);
    EXPECT_NE(checkpoint->tensors.Find("model.layers.999.mlp.experts.999.w"), nullptr);
  }
  const double seconds = absl::ToDoubleSeconds(absl::Now() - start);
  std::string field;
  int64_t peak_kib = 0;
  for (std::ifstream status("/proc/self/status"); status >> field;) {
    if (field == "VmHWM:") status >> peak_kib;
  }
  RecordProperty("seconds", absl::StrCat(seconds));
  RecordProperty("peak_mib", absl::StrCat(peak_kib / 1024));
  EXPECT_LT(seconds, kSanitized ? 300 : 30);  // a few seconds on a quiet machine
  if (!kSanitized) {
    EXPECT_LT(peak_kib / 1024, 1024);
  }
  fs::remove(path);
}

}  // namespace
}  // namespace nibble::safetensors
