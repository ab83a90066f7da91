#include "formats/io/work_file.h"

#include <filesystem>
#include <string>

#include "base/status.h"
#include "formats/io/faulty_file_system.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace nibble::io {
namespace {

using ::testing::HasSubstr;

class WorkFileTest : public testing::Test {
 protected:
  void SetUp() override {
    std::filesystem::remove_all(folder_);
    std::filesystem::create_directories(folder_);
  }

  static absl::Span<const std::byte> Bytes(const std::string& text) {
    return absl::MakeSpan(reinterpret_cast<const std::byte*>(text.data()), text.size());
  }
  static std::string Read(const WorkFile& file, uint64_t offset, size_t size) {
    std::string text(size, ' ');
    EXPECT_EQ(file.ReadAt(offset, absl::MakeSpan(reinterpret_cast<std::byte*>(text.data()), size)), absl::OkStatus());
    return text;
  }

  const std::string folder_ = testing::TempDir() + "/work_file_test";
};

TEST_F(WorkFileTest, GivesBackWhatWasWritten) {
  WorkFile file(Posix(), folder_);
  EXPECT_EQ(file.bytes(), 0);
  const uint64_t a = *file.Reserve(5), b = *file.Reserve(3);
  ASSERT_EQ(file.WriteAt(b, Bytes("xyz")), absl::OkStatus());
  ASSERT_EQ(file.WriteAt(a, Bytes("abcde")), absl::OkStatus());
  EXPECT_EQ(Read(file, a, 5), "abcde");
  EXPECT_EQ(Read(file, b + 1, 2), "yz");
  EXPECT_EQ(file.bytes(), 8);
}

TEST_F(WorkFileTest, UsesReleasedRoomAgain) {
  WorkFile file(Posix(), folder_);
  const uint64_t a = *file.Reserve(100), b = *file.Reserve(10);
  file.Release(a, 100);
  const uint64_t c = *file.Reserve(60), d = *file.Reserve(40), e = *file.Reserve(1);
  EXPECT_EQ(c, a);
  EXPECT_EQ(d, a + 60);
  EXPECT_EQ(e, b + 10);
  EXPECT_EQ(file.bytes(), 111);
}

TEST_F(WorkFileTest, LeavesNoName) {
  WorkFile file(Posix(), folder_);
  EXPECT_EQ(*file.Reserve(10), 0);
  EXPECT_TRUE(std::filesystem::is_empty(folder_));
}

TEST_F(WorkFileTest, MakesNothingBeforeRoomIsAskedFor) {
  FaultyFileSystem files(Posix());
  { WorkFile file(files, folder_); }
  EXPECT_EQ(files.calls(Call::kCreate), 0);
}

TEST_F(WorkFileTest, AFolderThatIsNotThereExits73) {
  WorkFile file(Posix(), folder_ + "/missing");
  const absl::Status status = file.Reserve(10).status();
  EXPECT_EQ(ExitCode(status), 73);
  EXPECT_THAT(std::string(status.message()), HasSubstr("--work-dir names another folder"));
}

TEST_F(WorkFileTest, TryMakesNothingThatStays) {
  WorkFile file(Posix(), folder_);
  EXPECT_EQ(file.Try(), absl::OkStatus());
  EXPECT_TRUE(std::filesystem::is_empty(folder_));
  EXPECT_EQ(*file.Reserve(5), 0);
  ASSERT_EQ(file.WriteAt(0, Bytes("abcde")), absl::OkStatus());
  EXPECT_EQ(ExitCode(WorkFile(Posix(), folder_ + "/missing").Try()), 73);
}

TEST_F(WorkFileTest, AFullDiskExits74) {
  FaultyFileSystem files(Posix());
  WorkFile file(files, folder_);
  ASSERT_TRUE(file.Reserve(10).ok());
  files.FailNth(Call::kPreallocate, 1, absl::UnavailableError("no room"));
  const absl::Status status = file.Reserve(10).status();
  EXPECT_EQ(ExitCode(status), 74);
  EXPECT_EQ(status.message(), "no room; --work-dir names another folder");
  EXPECT_EQ(file.bytes(), 10);
}

TEST_F(WorkFileTest, ErrorsLeaveNoFileBehind) {
  for (const Call call : {Call::kCreate, Call::kOpen, Call::kPreallocate}) {
    FaultyFileSystem files(Posix());
    files.FailNth(call, 1, absl::UnavailableError("failed"));
    WorkFile file(files, folder_);
    EXPECT_FALSE(file.Reserve(10).ok());
    EXPECT_TRUE(std::filesystem::is_empty(folder_));
  }
}

}  // namespace
}  // namespace nibble::io
