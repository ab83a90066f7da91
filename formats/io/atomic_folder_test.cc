#include "formats/io/atomic_folder.h"

#include <filesystem>
#include <fstream>
#include <string>

#include "absl/strings/str_cat.h"
#include "formats/io/faulty_file_system.h"
#include "gtest/gtest.h"

namespace nibble::io {
namespace {

namespace fs = std::filesystem;

class AtomicFolderTest : public testing::Test {
 protected:
  void SetUp() override {
    root_ = fs::path(testing::TempDir()) / testing::UnitTest::GetInstance()->current_test_info()->name();
    fs::remove_all(root_);
    fs::create_directories(root_);
  }

  std::string Path(const std::string& name = "out") const { return (root_ / name).string(); }

  void Put(const std::string& name, const std::string& text) const {
    fs::create_directories((root_ / name).parent_path());
    std::ofstream(root_ / name) << text;
  }

  std::string Get(const std::string& name) const {
    std::ifstream file(root_ / name);
    return std::string((std::istreambuf_iterator<char>(file)), std::istreambuf_iterator<char>());
  }

  // A folder with config.json and "a", of this content.
  static absl::Status Write(FileSystem& files, const std::string& path, const std::string& content, bool force = false,
                            std::vector<FileIdentity> inputs = {}) {
    auto folder = AtomicFolder::Create(files, path, {.force = force, .inputs = std::move(inputs)});
    if (!folder.ok()) return folder.status();
    for (const char* name : {"config.json", "a"}) {
      const auto file = (*folder)->Add(name, content.size());
      if (!file.ok()) return file.status();
      const auto* bytes = reinterpret_cast<const std::byte*>(content.data());
      const absl::Status status = (*file)->WriteAt(0, absl::MakeConstSpan(bytes, content.size()));
      if (!status.ok()) return status;
    }
    return (*folder)->Commit();
  }

  fs::path root_;
};

TEST_F(AtomicFolderTest, AppearsWhenCommitted) {
  ASSERT_EQ(Write(Posix(), Path() + "/", "new"), absl::OkStatus());
  EXPECT_EQ(Get("out/a"), "new");
  EXPECT_FALSE(fs::exists(Path("out.part")));
}

TEST_F(AtomicFolderTest, IsGoneWithoutCommit) {
  {
    const auto folder = AtomicFolder::Create(Posix(), Path(), {});
    ASSERT_TRUE((*folder)->Add("a", 10).ok());
    EXPECT_TRUE(fs::exists(Path("out.part/a")));
  }
  EXPECT_TRUE(fs::is_empty(root_));
}

TEST_F(AtomicFolderTest, WhoJoinsWritesAndChangesNothingElse) {
  auto folder = AtomicFolder::Create(Posix(), Path(), {});
  ASSERT_TRUE(folder.ok()) << folder.status();
  const auto file = (*folder)->Add("a", 2);
  ASSERT_TRUE(file.ok()) << file.status();
  const std::byte bytes[] = {std::byte{'a'}, std::byte{'b'}};
  for (const bool commits : {false, true}) {
    auto joined = AtomicFolder::Create(Posix(), Path(), {.joins = true});
    ASSERT_TRUE(joined.ok()) << joined.status();
    EXPECT_EQ((*joined)->Add("none", 2).status().code(), absl::StatusCode::kNotFound);
    const auto its = (*joined)->Add("a", 2);
    ASSERT_TRUE(its.ok()) << its.status();
    EXPECT_EQ((*its)->WriteAt(1, absl::MakeConstSpan(&bytes[1], 1)), absl::OkStatus());
    if (commits) {
      EXPECT_EQ((*joined)->Commit(), absl::OkStatus());
    }
    EXPECT_FALSE(fs::exists(Path()));
  }
  EXPECT_EQ((*file)->WriteAt(0, absl::MakeConstSpan(&bytes[0], 1)), absl::OkStatus());
  EXPECT_EQ((*folder)->Commit(), absl::OkStatus());
  EXPECT_EQ(Get("out/a"), "ab");
}

TEST_F(AtomicFolderTest, ReplacesAModelAloneAndOnlyWithForce) {
  Put("out/config.json", "old");
  Put("out/rest", "old");
  EXPECT_EQ(Write(Posix(), Path(), "new").code(), absl::StatusCode::kAlreadyExists);
  EXPECT_EQ(Get("out/config.json"), "old");
  EXPECT_EQ(Write(Posix(), Path(), "new", true), absl::OkStatus());
  EXPECT_EQ(Get("out/config.json"), "new");
  EXPECT_FALSE(fs::exists(Path("out/rest")));
  EXPECT_FALSE(fs::exists(Path("out.part")));
}

TEST_F(AtomicFolderTest, ReplacesNothingElse) {
  Put("empty/x", "");
  Put("deep/config.json", "");
  Put("deep/folder/x", "");
  Put("file", "");
  for (const char* name : {"empty", "deep", "file"}) {
    EXPECT_EQ(Write(Posix(), Path(name), "new", true).code(), absl::StatusCode::kPermissionDenied) << name;
  }
  Put("source/config.json", "");
  const FileIdentity input = Posix().Stat(Path("source/config.json"))->identity;
  EXPECT_EQ(Write(Posix(), Path("source"), "new", true, {input}).code(), absl::StatusCode::kPermissionDenied);
  EXPECT_EQ(Get("source/config.json"), "");
}

TEST_F(AtomicFolderTest, ASecondWriterIsToldAndADeadOneIsReplaced) {
  Put("out.part/a", "left by a killed program");
  {
    const auto first = AtomicFolder::Create(Posix(), Path(), {});
    ASSERT_EQ(first.status(), absl::OkStatus());
    ASSERT_TRUE((*first)->Add("a", 10).ok());
    EXPECT_EQ(AtomicFolder::Create(Posix(), Path(), {}).status().code(), absl::StatusCode::kAborted);
    EXPECT_TRUE(fs::exists(Path("out.part/a")));
  }
  EXPECT_EQ(Write(Posix(), Path(), "new"), absl::OkStatus());
}

TEST_F(AtomicFolderTest, WhatIsKeptIsTakenUpByResume) {
  {
    const auto first = AtomicFolder::Create(Posix(), Path(), {});
    ASSERT_TRUE((*first)->Add("config.json", 3).ok());
    ASSERT_TRUE((*first)->Add("another", 3).ok());
    (*first)->Keep(true);
  }
  Put("out.part/config.json", "old");
  {
    const auto second = AtomicFolder::Create(Posix(), Path(), {.resume = true});
    ASSERT_TRUE((*second)->Add("config.json", 3).ok());
    EXPECT_EQ(Get("out.part/config.json"), "old");
    ASSERT_TRUE((*second)->Commit().ok());
  }
  EXPECT_EQ(Get("out/config.json"), "old");
  EXPECT_FALSE(fs::exists(Path("out/another")));
}

// Whatever call fails, the old folder stays whole and nothing else stays behind.
TEST_F(AtomicFolderTest, FaultsLeaveThePathAsItWas) {
  for (const Call call : {Call::kCreate, Call::kWrite, Call::kPreallocate, Call::kSync, Call::kClose, Call::kRename,
                          Call::kMakeDirectory, Call::kSyncDirectory, Call::kList, Call::kStat}) {
    for (int n = 1; n < 20; ++n) {
      SCOPED_TRACE(absl::StrCat(static_cast<int>(call), " ", n));
      fs::remove_all(root_);
      Put("out/config.json", "old");
      FaultyFileSystem files(Posix());
      files.FailNth(call, n, absl::UnavailableError("fault"));
      const absl::Status status = Write(files, Path(), "new", true);
      if (files.calls(call) < n) break;
      // Removing what was replaced is tried, not promised.
      if (status.ok()) continue;
      EXPECT_EQ(Get("out/config.json"), "old");
      EXPECT_FALSE(fs::exists(Path("out.part")));
    }
  }
}

}  // namespace
}  // namespace nibble::io
