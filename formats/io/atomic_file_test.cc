#include "formats/io/atomic_file.h"

#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <string>

#include "absl/strings/str_cat.h"
#include "formats/io/faulty_file_system.h"
#include "formats/io/file.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace nibble::io {
namespace {

namespace fs = std::filesystem;
using ::testing::HasSubstr;

class AtomicFileTest : public ::testing::Test {
 protected:
  void SetUp() override {
    fs::remove_all(directory_);
    fs::create_directories(directory_);
  }
  void TearDown() override { fs::remove_all(directory_); }

  void Put(const std::string& path, const std::string& text) { std::ofstream(path) << text; }
  std::string Get(const std::string& path) {
    std::stringstream text;
    text << std::ifstream(path).rdbuf();
    return text.str();
  }
  FileIdentity Identity(const std::string& path) { return Posix().Stat(path)->identity; }

  // The whole life of an output with the content "new!".
  absl::Status Write(FileSystem& files, const AtomicFile::Options& options) {
    auto output = AtomicFile::Create(files, path_, 4, options);
    if (!output.ok()) return output.status();
    const std::string text = "new!";
    for (size_t i = 0; i < text.size(); ++i) {
      const absl::Status status =
          (*output)->file().WriteAt(i, absl::MakeConstSpan(reinterpret_cast<const std::byte*>(&text[i]), 1));
      if (!status.ok()) return status;
    }
    return (*output)->Commit();
  }

  const std::string directory_ =
      absl::StrCat(::testing::TempDir(), "/", ::testing::UnitTest::GetInstance()->current_test_info()->name());
  const std::string path_ = directory_ + "/out.gguf";
  const std::string part_ = path_ + ".part";
};

TEST_F(AtomicFileTest, AppearsOnlyByCommit) {
  auto output = AtomicFile::Create(Posix(), path_, 3, {});
  ASSERT_TRUE(output.ok()) << output.status();
  EXPECT_FALSE(fs::exists(path_));
  EXPECT_EQ(fs::file_size(part_), 3);
  ASSERT_TRUE((*output)->Commit().ok());
  EXPECT_EQ(fs::file_size(path_), 3);
  EXPECT_FALSE(fs::exists(part_));
}

TEST_F(AtomicFileTest, WithoutCommitNothingStays) {
  { auto output = AtomicFile::Create(Posix(), path_, 3, {}); }
  EXPECT_TRUE(fs::is_empty(directory_));
}

TEST_F(AtomicFileTest, WhoJoinsWritesAndChangesNothingElse) {
  EXPECT_EQ(AtomicFile::Create(Posix(), path_, 2, {.joins = true}).status().code(), absl::StatusCode::kNotFound);
  auto output = AtomicFile::Create(Posix(), path_, 2, {});
  ASSERT_TRUE(output.ok()) << output.status();
  const std::byte bytes[] = {std::byte{'a'}, std::byte{'b'}};
  for (const bool commits : {false, true}) {
    auto joined = AtomicFile::Create(Posix(), path_, 2, {.joins = true});
    ASSERT_TRUE(joined.ok()) << joined.status();
    ASSERT_TRUE((*joined)->file().WriteAt(1, absl::MakeConstSpan(&bytes[1], 1)).ok());
    if (commits) {
      EXPECT_TRUE((*joined)->Commit().ok());
    }
    EXPECT_FALSE(fs::exists(path_));
  }
  EXPECT_TRUE(fs::exists(part_));
  ASSERT_TRUE((*output)->file().WriteAt(0, absl::MakeConstSpan(&bytes[0], 1)).ok());
  ASSERT_TRUE((*output)->Commit().ok());
  EXPECT_EQ(Get(path_), "ab");
}

TEST_F(AtomicFileTest, ReplacesOnlyWithForce) {
  Put(path_, "old");
  const absl::Status status = Write(Posix(), {});
  EXPECT_EQ(status.code(), absl::StatusCode::kAlreadyExists) << status;
  EXPECT_THAT(std::string(status.message()), HasSubstr(path_));
  EXPECT_EQ(Get(path_), "old");
  EXPECT_TRUE(Write(Posix(), {.force = true}).ok());
  EXPECT_EQ(Get(path_), "new!");
  EXPECT_FALSE(fs::exists(part_));
}

TEST_F(AtomicFileTest, WhatAppearsDuringTheRunIsNotReplacedWithoutForce) {
  auto output = AtomicFile::Create(Posix(), path_, 3, {});
  ASSERT_TRUE(output.ok());
  Put(path_, "old");
  EXPECT_EQ((*output)->Commit().code(), absl::StatusCode::kAlreadyExists);
  output->reset();
  EXPECT_EQ(Get(path_), "old");
  EXPECT_FALSE(fs::exists(part_));
}

TEST_F(AtomicFileTest, AnInputIsNeverTheOutput) {
  const std::string input = directory_ + "/input";
  Put(input, "input");
  struct {
    const char* name;
    void (*link)(const std::string& input, const std::string& path);
  } const kWays[] = {
      {"symbolic link", [](const std::string& from, const std::string& to) { fs::create_symlink(from, to); }},
      {"hard link", [](const std::string& from, const std::string& to) { fs::create_hard_link(from, to); }},
  };
  for (const auto& way : kWays) {
    for (const std::string& output : {path_, part_}) {  // the temporary name is removed if it is in the way
      SCOPED_TRACE(absl::StrCat(way.name, " ", output));
      way.link(input, output);
      const absl::Status status = Write(Posix(), {.force = true, .inputs = {Identity(input)}});
      EXPECT_EQ(status.code(), absl::StatusCode::kPermissionDenied) << status;
      EXPECT_EQ(Get(input), "input");
      EXPECT_EQ(Get(output), "input");
      fs::remove(output);
    }
  }
}

TEST_F(AtomicFileTest, AnInputThatTakesTheNameDuringTheRunIsKept) {
  const std::string input = directory_ + "/input";
  Put(input, "input");
  auto output = AtomicFile::Create(Posix(), path_, 3, {.force = true, .inputs = {Identity(input)}});
  ASSERT_TRUE(output.ok());
  fs::create_hard_link(input, path_);
  EXPECT_EQ((*output)->Commit().code(), absl::StatusCode::kPermissionDenied);
  EXPECT_EQ(Get(path_), "input");
}

TEST_F(AtomicFileTest, OnlyFilesAndLinksAreReplaced) {
  fs::create_directory(path_);
  EXPECT_EQ(Write(Posix(), {.force = true}).code(), absl::StatusCode::kPermissionDenied);
  fs::remove(path_);
  ASSERT_EQ(::mkfifo(path_.c_str(), 0600), 0);
  EXPECT_EQ(Write(Posix(), {.force = true}).code(), absl::StatusCode::kPermissionDenied);
  fs::remove(path_);
  fs::create_symlink("nowhere", path_);
  EXPECT_EQ(Write(Posix(), {}).code(), absl::StatusCode::kAlreadyExists);
  EXPECT_TRUE(Write(Posix(), {.force = true}).ok());
  EXPECT_EQ(Get(path_), "new!");
}

TEST_F(AtomicFileTest, OfALinkThatIsReplacedNothingStays) {
  const std::string dear = directory_ + "/dear";
  Put(dear, "diary");
  fs::remove(path_);
  fs::create_symlink(dear, path_);
  EXPECT_TRUE(Write(Posix(), {.force = true}).ok());
  EXPECT_FALSE(fs::exists(fs::symlink_status(part_)));
  EXPECT_TRUE(Write(Posix(), {.force = true}).ok());
  EXPECT_EQ(Get(path_), "new!");
  EXPECT_EQ(Get(dear), "diary");
}

TEST_F(AtomicFileTest, TheSecondWriterIsTold) {
  auto first = AtomicFile::Create(Posix(), path_, 3, {});
  ASSERT_TRUE(first.ok());
  const absl::Status status = Write(Posix(), {});
  EXPECT_EQ(status.code(), absl::StatusCode::kAborted) << status;
  EXPECT_THAT(std::string(status.message()), HasSubstr("another nibble"));
  EXPECT_TRUE((*first)->Commit().ok());
}

TEST_F(AtomicFileTest, WhatAKilledWriterLeftIsReplaced) {
  Put(part_, "half of something");
  EXPECT_TRUE(Write(Posix(), {}).ok());
  EXPECT_EQ(Get(path_), "new!");
  EXPECT_FALSE(fs::exists(part_));
}

// A stale temporary name may be a hard link to something dear: it is unlinked, never truncated.
TEST_F(AtomicFileTest, AStaleTemporaryIsNotWrittenThrough) {
  Put(directory_ + "/dear", "dear");
  fs::create_hard_link(directory_ + "/dear", part_);
  EXPECT_TRUE(Write(Posix(), {}).ok());
  EXPECT_EQ(Get(directory_ + "/dear"), "dear");
}

TEST_F(AtomicFileTest, WhatIsKeptIsTakenUpByResume) {
  {
    auto first = AtomicFile::Create(Posix(), path_, 4, {});
    ASSERT_TRUE(first.ok());
    const std::byte byte{'n'};
    ASSERT_TRUE((*first)->file().WriteAt(0, absl::MakeConstSpan(&byte, 1)).ok());
    (*first)->Keep(true);
  }
  EXPECT_EQ(Get(part_), std::string("n\0\0\0", 4));
  // What was taken up stays, unless it is given up.
  { EXPECT_TRUE(AtomicFile::Create(Posix(), path_, 4, {.resume = true}).ok()); }
  EXPECT_EQ(Get(part_), std::string("n\0\0\0", 4));
  {
    auto second = AtomicFile::Create(Posix(), path_, 4, {.resume = true});
    ASSERT_TRUE(second.ok());
    const std::string rest = "ew!";
    ASSERT_TRUE((*second)
                    ->file()
                    .WriteAt(1, absl::MakeConstSpan(reinterpret_cast<const std::byte*>(rest.data()), rest.size()))
                    .ok());
    EXPECT_EQ(AtomicFile::Create(Posix(), path_, 4, {.resume = true}).status().code(), absl::StatusCode::kAborted);
    ASSERT_TRUE((*second)->Commit().ok());
  }
  EXPECT_EQ(Get(path_), "new!");
  EXPECT_FALSE(fs::exists(part_));
}

TEST_F(AtomicFileTest, ResumeIsNoWayToWriteThroughAnotherName) {
  Put(directory_ + "/dear", "dear");
  fs::create_hard_link(directory_ + "/dear", part_);
  EXPECT_TRUE(Write(Posix(), {.resume = true}).ok());
  EXPECT_EQ(Get(directory_ + "/dear"), "dear");
  EXPECT_EQ(Get(path_), "new!");
}

TEST_F(AtomicFileTest, AFolderOrLinkAtTheTemporaryNameIsNotTouched) {
  fs::create_directory(part_);
  EXPECT_EQ(Write(Posix(), {}).code(), absl::StatusCode::kPermissionDenied);
  fs::remove(part_);
  Put(directory_ + "/dear", "dear");
  fs::create_symlink(directory_ + "/dear", part_);
  EXPECT_EQ(Write(Posix(), {}).code(), absl::StatusCode::kPermissionDenied);
  EXPECT_EQ(Get(directory_ + "/dear"), "dear");
}

TEST_F(AtomicFileTest, MissingAndReadOnlyFoldersAreNamed) {
  const std::string missing = directory_ + "/missing";
  absl::Status status = AtomicFile::Create(Posix(), missing + "/x", 1, {}).status();
  EXPECT_EQ(status.code(), absl::StatusCode::kPermissionDenied) << status;
  EXPECT_THAT(std::string(status.message()), HasSubstr(missing + ": "));
  if (::geteuid() == 0) GTEST_SKIP() << "root may write anywhere";
  const std::string read_only = directory_ + "/read-only";
  fs::create_directory(read_only);
  fs::permissions(read_only, fs::perms::owner_read | fs::perms::owner_exec);
  status = AtomicFile::Create(Posix(), read_only + "/x", 1, {}).status();
  EXPECT_EQ(status.code(), absl::StatusCode::kPermissionDenied) << status;
  EXPECT_THAT(std::string(status.message()), HasSubstr(read_only + ": "));
}

TEST_F(AtomicFileTest, MoreThanTheDiskHoldsIsRefusedBeforeTheFirstWrite) {
  const absl::Status status = AtomicFile::Create(Posix(), path_, uint64_t{1} << 60, {}).status();
  EXPECT_EQ(status.code(), absl::StatusCode::kUnavailable) << status;
  EXPECT_TRUE(fs::is_empty(directory_));
}

// Every call of a whole output fails once, in every situation: the final path is as it was, and the error arrives.
TEST_F(AtomicFileTest, NoFaultTouchesTheFinalPath) {
  constexpr Call kSilent[] = {Call::kRemove, Call::kRemoveAbandoned};  // cleaning up: the output itself is good
  for (const bool exists : {false, true}) {
    for (int kind = 0; kind < kCalls; ++kind) {
      const Call call = static_cast<Call>(kind);
      for (int n = 1;; ++n) {
        SCOPED_TRACE(absl::StrCat("existing output ", exists, ", kind ", kind, ", call ", n));
        SetUp();
        if (exists) Put(path_, "old");
        FaultyFileSystem files(Posix());
        files.FailNth(call, n, absl::UnavailableError("injected"));
        const absl::Status status = Write(files, {.force = exists});
        const bool silent = std::find(std::begin(kSilent), std::end(kSilent), call) != std::end(kSilent);
        if (files.calls(call) < n || silent) {
          EXPECT_TRUE(status.ok()) << status;
          EXPECT_EQ(Get(path_), "new!");
          if (files.calls(call) < n) break;
        } else {
          EXPECT_EQ(status, absl::UnavailableError("injected"));
          EXPECT_EQ(fs::exists(path_), exists);
          EXPECT_EQ(Get(path_), exists ? "old" : "");
          EXPECT_FALSE(fs::exists(part_));
        }
      }
    }
  }
}

// As on file systems without RENAME_EXCHANGE.
TEST_F(AtomicFileTest, ReplacesWhereNamesCannotBeExchanged) {
  Put(path_, "old");
  FaultyFileSystem files(Posix());
  files.FailNth(Call::kRename, 1, absl::UnimplementedError("no exchange"));
  EXPECT_TRUE(Write(files, {.force = true}).ok());
  EXPECT_EQ(Get(path_), "new!");
  EXPECT_FALSE(fs::exists(part_));
}

}  // namespace
}  // namespace nibble::io
