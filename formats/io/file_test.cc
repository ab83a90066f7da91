#include "formats/io/file.h"

#include <sys/resource.h>
#include <sys/stat.h>

#include <cerrno>
#include <chrono>
#include <csignal>
#include <filesystem>
#include <fstream>
#include <limits>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "base/status.h"
#include "formats/io/errno_status.h"
#include "formats/io/placeholder.h"
#include "formats/io/posix.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace nibble::io {
namespace {

namespace fs = std::filesystem;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

class FileTest : public ::testing::Test {
 protected:
  void SetUp() override {
    fs::remove_all(directory_);
    fs::create_directories(directory_);
    std::ofstream(path_) << "0123456789";
  }
  void TearDown() override { fs::remove_all(directory_); }

  const std::string directory_ =
      absl::StrCat(::testing::TempDir(), "/", ::testing::UnitTest::GetInstance()->current_test_info()->name());
  const std::string path_ = directory_ + "/file";
};

absl::Status Read(const ReadableFile& file, uint64_t offset, size_t size, std::string* text = nullptr) {
  std::string buffer(size, '?');
  const absl::Status status =
      file.ReadAt(offset, absl::MakeSpan(reinterpret_cast<std::byte*>(buffer.data()), buffer.size()));
  if (text) *text = buffer;
  return status;
}

absl::Span<const std::byte> Bytes(const std::string& text) {
  return absl::MakeConstSpan(reinterpret_cast<const std::byte*>(text.data()), text.size());
}

TEST_F(FileTest, ReadsWhatWasAskedOrSaysWhereItEnds) {
  auto file = Posix().Open(path_);
  ASSERT_TRUE(file.ok()) << file.status();
  EXPECT_EQ((*file)->info().size, 10);
  std::string text;
  EXPECT_TRUE(Read(**file, 3, 4, &text).ok());
  EXPECT_EQ(text, "3456");
  EXPECT_TRUE(Read(**file, 100, 0).ok());
  for (const uint64_t offset : {uint64_t{7}, uint64_t{10}, uint64_t{1} << 40, std::numeric_limits<uint64_t>::max()}) {
    const absl::Status status = Read(**file, offset, 4);
    EXPECT_EQ(status.code(), absl::StatusCode::kDataLoss) << status;
    EXPECT_THAT(std::string(status.message()), HasSubstr(absl::StrCat(path_, ": byte ", offset, ": expected 4 bytes")));
  }
}

TEST_F(FileTest, AnInputCutDuringTheRunIsAnErrorNotASignal) {
  auto file = Posix().Open(path_);
  ASSERT_TRUE(file.ok());
  fs::resize_file(path_, 5);
  EXPECT_EQ(Read(**file, 0, 10).code(), absl::StatusCode::kDataLoss);
}

TEST_F(FileTest, OpenRefusesWhatIsNoRegularFile) {
  const std::string fifo = directory_ + "/fifo";
  ASSERT_EQ(::mkfifo(fifo.c_str(), 0600), 0);
  fs::create_symlink(fifo, directory_ + "/link to fifo");
  fs::create_symlink("/dev/null", directory_ + "/link to device");
  fs::create_symlink(directory_, directory_ + "/link to folder");
  for (const std::string& path : {fifo, directory_, std::string("/dev/null"), directory_ + "/link to fifo",
                                  directory_ + "/link to device", directory_ + "/link to folder"}) {
    const absl::Status status = Posix().Open(path).status();  // a FIFO must not make it wait
    EXPECT_EQ(status.code(), absl::StatusCode::kDataLoss) << status;
    EXPECT_THAT(std::string(status.message()), HasSubstr(path + ": expected a regular file"));
  }
}

TEST_F(FileTest, MissingFilesAndBrokenLinksAreNotFound) {
  fs::create_symlink("nowhere", directory_ + "/broken");
  fs::create_symlink("loop", directory_ + "/loop");
  for (const char* name : {"missing", "broken", "file/below", "loop"}) {
    const absl::Status status = Posix().Open(JoinPath(directory_, name)).status();
    EXPECT_EQ(status.code(), absl::StatusCode::kNotFound) << name << " " << status;
  }
  EXPECT_EQ(Posix().Stat(directory_ + "/missing").status().code(), absl::StatusCode::kNotFound);
  EXPECT_EQ(Posix().Stat(directory_ + "/broken")->kind, FileKind::kBrokenLink);
  EXPECT_EQ(Posix().Stat(directory_ + "/loop")->kind, FileKind::kBrokenLink);
  EXPECT_EQ(Posix().List(directory_ + "/missing").status().code(), absl::StatusCode::kNotFound);
}

TEST_F(FileTest, IdentityIsThatOfTheFileNotTheName) {
  fs::create_symlink(path_, directory_ + "/soft");
  fs::create_hard_link(path_, directory_ + "/hard");
  std::ofstream(directory_ + "/other") << "x";
  const FileIdentity identity = Posix().Stat(path_)->identity;
  EXPECT_EQ(Posix().Stat(directory_ + "/soft")->identity, identity);
  EXPECT_EQ(Posix().Stat(directory_ + "/hard")->identity, identity);
  EXPECT_NE(Posix().Stat(directory_ + "/other")->identity, identity);
  EXPECT_EQ(Posix().Open(directory_ + "/soft").value()->info().identity, identity);
}

TEST_F(FileTest, ListsNamesSorted) {
  for (const char* name : {"z", "a b", "\xC3\xA9"}) std::ofstream(JoinPath(directory_, name)) << "";
  EXPECT_THAT(Posix().List(directory_).value(), ElementsAre("a b", "file", "z", "\xC3\xA9"));
}

TEST_F(FileTest, WritesAtPositions) {
  auto file = Posix().Create(directory_ + "/new");
  ASSERT_TRUE(file.ok()) << file.status();
  ASSERT_TRUE((*file)->Preallocate(8).ok());
  EXPECT_TRUE((*file)->WriteAt(4, Bytes("data")).ok());
  EXPECT_TRUE((*file)->WriteAt(0, Bytes("some")).ok());
  EXPECT_TRUE((*file)->Sync().ok());
  EXPECT_TRUE((*file)->Close().ok());
  EXPECT_EQ(ReadWholeFile(Posix(), directory_ + "/new", 8).value(), "somedata");
  EXPECT_EQ(ReadWholeFile(Posix(), directory_ + "/new", 7).status().code(), absl::StatusCode::kDataLoss);
  EXPECT_EQ(Posix().Create(directory_ + "/new").status().code(), absl::StatusCode::kAlreadyExists);
}

TEST_F(FileTest, AFileLimitIsAnIoErrorThatNamesThePlace) {
  auto file = Posix().Create(directory_ + "/new");
  ASSERT_TRUE(file.ok());
  const auto handler = std::signal(SIGXFSZ, SIG_IGN);
  rlimit before;
  ASSERT_EQ(::getrlimit(RLIMIT_FSIZE, &before), 0);
  rlimit small = before;
  small.rlim_cur = 6;
  ASSERT_EQ(::setrlimit(RLIMIT_FSIZE, &small), 0);
  const absl::Status reserved = (*file)->Preallocate(100);
  const absl::Status written = (*file)->WriteAt(4, Bytes("data"));  // 2 bytes fit
  ASSERT_EQ(::setrlimit(RLIMIT_FSIZE, &before), 0);
  std::signal(SIGXFSZ, handler);
  EXPECT_EQ(ExitCode(reserved), 74) << reserved;
  EXPECT_EQ(ExitCode(written), 74) << written;
  EXPECT_EQ(written.message(),
            absl::StrCat(directory_, "/new: byte 6: expected to write 4 bytes, found: File too large"));
}

TEST_F(FileTest, RenameModes) {
  const std::string other = directory_ + "/other";
  std::ofstream(other) << "other";
  EXPECT_EQ(Posix().Rename(path_, other, RenameMode::kNew).code(), absl::StatusCode::kAlreadyExists);
  ASSERT_TRUE(Posix().Rename(path_, other, RenameMode::kExchange).ok());
  EXPECT_EQ(ReadWholeFile(Posix(), path_, 99).value(), "other");
  ASSERT_TRUE(Posix().Rename(path_, other, RenameMode::kReplace).ok());
  EXPECT_EQ(ReadWholeFile(Posix(), other, 99).value(), "other");
  EXPECT_TRUE(Posix().Rename(other, path_, RenameMode::kNew).ok());
  EXPECT_FALSE(Posix().Rename(directory_ + "/missing", other, RenameMode::kReplace).ok());
}

TEST_F(FileTest, RemoveAbandonedRespectsALivingWriter) {
  const std::string part = directory_ + "/part";
  EXPECT_TRUE(Posix().RemoveAbandoned(part).ok());
  auto writer = Posix().Create(part);
  ASSERT_TRUE(writer.ok());
  EXPECT_EQ(Posix().RemoveAbandoned(part).code(), absl::StatusCode::kAborted);
  ASSERT_TRUE((*writer)->Close().ok());
  EXPECT_TRUE(Posix().RemoveAbandoned(part).ok());
  EXPECT_FALSE(fs::exists(part));
}

TEST_F(FileTest, ReopenTakesUpWhatAStoppedWriterLeft) {
  const std::string part = directory_ + "/part";
  EXPECT_EQ(Reopen(part).status().code(), absl::StatusCode::kNotFound);
  std::ofstream(part) << "left behind";
  auto writer = Reopen(part);
  ASSERT_TRUE(writer.ok()) << writer.status();
  EXPECT_EQ(Reopen(part).status().code(), absl::StatusCode::kAborted);
  EXPECT_EQ(ReadWholeFile(Posix(), part, 99).value(), "left behind");
  ASSERT_TRUE((*writer)->Preallocate(4).ok());
  EXPECT_EQ(ReadWholeFile(Posix(), part, 99).value(), "left");
  ASSERT_TRUE((*writer)->Close().ok());
  // Another name's bytes are not written to.
  fs::create_hard_link(part, directory_ + "/dear");
  EXPECT_EQ(Reopen(part).status().code(), absl::StatusCode::kNotFound);
}

TEST_F(FileTest, AFileThatIsWrittenToIsNoticed) {
  auto file = Posix().Open(path_);
  ASSERT_TRUE(file.ok());
  EXPECT_EQ(CheckUnchanged(**file), absl::OkStatus());
  const auto modified = fs::last_write_time(path_);
  fs::last_write_time(path_, modified + std::chrono::nanoseconds(1));
  EXPECT_EQ(CheckUnchanged(**file).code(), absl::StatusCode::kDataLoss);
  fs::last_write_time(path_, modified);
  EXPECT_EQ(CheckUnchanged(**file), absl::OkStatus());
  fs::resize_file(path_, 1);
  fs::last_write_time(path_, modified);
  EXPECT_EQ(CheckUnchanged(**file).code(), absl::StatusCode::kDataLoss);
}

TEST_F(FileTest, FoldersAreMadeAndSynced) {
  EXPECT_TRUE(Posix().MakeDirectory(directory_ + "/d").ok());
  EXPECT_TRUE(Posix().MakeDirectory(directory_ + "/d").ok());
  EXPECT_TRUE(Posix().SyncDirectory(directory_ + "/d").ok());
  EXPECT_EQ(ExitCode(Posix().MakeDirectory(path_)), 73);
  EXPECT_EQ(ExitCode(Posix().MakeDirectory(directory_ + "/no/d")), 73);
}

TEST_F(FileTest, RunningOutOfFileHandlesIsAResource) {
  rlimit before;
  ASSERT_EQ(::getrlimit(RLIMIT_NOFILE, &before), 0);
  rlimit none = before;
  none.rlim_cur = 0;
  ASSERT_EQ(::setrlimit(RLIMIT_NOFILE, &none), 0);
  const absl::Status opened = Posix().Open(path_).status();
  const absl::Status created = Posix().Create(directory_ + "/new").status();
  const absl::Status listed = Posix().List(directory_).status();
  ASSERT_EQ(::setrlimit(RLIMIT_NOFILE, &before), 0);
  EXPECT_EQ(ExitCode(opened), 71) << opened;
  EXPECT_EQ(ExitCode(created), 71) << created;
  EXPECT_EQ(ExitCode(listed), 71) << listed;
}

TEST(ErrnoStatus, CodesByWhatWasTried) {
  const struct {
    int error;
    int input, output, transfer;  // exit codes
  } kCases[] = {
      {ENOENT, 66, 73, 74}, {EACCES, 66, 73, 74}, {EROFS, 66, 73, 74},  {ENAMETOOLONG, 66, 73, 74},
      {EEXIST, 66, 73, 74}, {EMFILE, 71, 71, 71}, {ENFILE, 71, 71, 71}, {ENOMEM, 71, 71, 71},
      {EIO, 74, 74, 74},    {ENOSPC, 74, 74, 74}, {EDQUOT, 74, 74, 74}, {EFBIG, 74, 74, 74},
  };
  for (const auto& test : kCases) {
    SCOPED_TRACE(ErrnoText(test.error));
    EXPECT_EQ(ExitCode(InputError(test.error, "p", "x")), test.input);
    EXPECT_EQ(ExitCode(OutputError(test.error, "p", "x")), test.output);
    EXPECT_EQ(ExitCode(TransferError(test.error, "p", "x")), test.transfer);
  }
}

TEST(Paths, JoinAndDirectory) {
  EXPECT_EQ(JoinPath("", "a"), "a");
  EXPECT_EQ(JoinPath("d", "a"), "d/a");
  EXPECT_EQ(JoinPath("d/", "a"), "d/a");
  EXPECT_EQ(DirectoryOf("a"), ".");
  EXPECT_EQ(DirectoryOf("/a"), "/");
  EXPECT_EQ(DirectoryOf("d/e/a"), "d/e");
}

TEST(Placeholder, IsRecognised) {
  EXPECT_THAT(std::string(PlaceholderText("version https://git-lfs.github.com/spec/v1\noid")), HasSubstr("Git-LFS"));
  EXPECT_THAT(std::string(PlaceholderText("\n <!DOCTYPE html><html>")), HasSubstr("HTML"));
  EXPECT_THAT(std::string(PlaceholderText("<html lang=\"en\">")), HasSubstr("HTML"));
  EXPECT_EQ(PlaceholderText("{\"a\": 1}"), "");
  EXPECT_EQ(PlaceholderText("GGUF"), "");
}

}  // namespace
}  // namespace nibble::io
