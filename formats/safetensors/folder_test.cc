// The index.json and folder class of bad input, one named case each; the numbers are the catalogue's.
#include <sys/stat.h>

#include <cstddef>
#include <filesystem>
#include <fstream>
#include <functional>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "base/status.h"
#include "formats/dtype.h"
#include "formats/io/faulty_file_system.h"
#include "formats/io/file.h"
#include "formats/safetensors/safetensors.h"
#include "formats/tensor_source.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace nibble::safetensors {
namespace {

namespace fs = std::filesystem;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

constexpr char kIndex[] = "model.safetensors.index.json";
constexpr char kFirst[] = "model-00001-of-00002.safetensors";
constexpr char kSecond[] = "model-00002-of-00002.safetensors";

// A checkpoint of two shards: tensors "a" and "b" in the first, "c" in the second, 2 bytes each.
class FolderTest : public ::testing::Test {
 protected:
  void SetUp() override {
    fs::remove_all(directory_);
    fs::create_directories(directory_);
    Shard(kFirst, {"a", "b"});
    Shard(kSecond, {"c"});
    Index(Entry("a", kFirst) + "," + Entry("b", kFirst) + "," + Entry("c", kSecond), "6");
  }
  void TearDown() override { fs::remove_all(directory_); }

  std::string Path(const std::string& name) const { return io::JoinPath(directory_, name); }
  void Put(const std::string& name, const std::string& text) { std::ofstream(Path(name)) << text; }
  void Shard(const std::string& name, const std::vector<std::string>& tensors) {
    std::vector<TensorInfo> infos;
    const std::vector<std::byte> bytes(2);
    for (const std::string& tensor : tensors) infos.push_back({tensor, DType::kU8, {2}});
    const std::vector<absl::Span<const std::byte>> data(tensors.size(), bytes);
    const absl::Status status = WriteFile(io::Posix(), Path(name), infos, data, {{"shard", name}}, /*force=*/true);
    ASSERT_TRUE(status.ok()) << status;
  }
  static std::string Entry(const std::string& tensor, const std::string& file) {
    return absl::StrCat("\"", tensor, "\":\"", file, "\"");
  }
  void Index(const std::string& weight_map, const std::string& total_size) {
    Put(kIndex, absl::StrCat("{\"metadata\":{\"total_size\":", total_size, "},\"weight_map\":{", weight_map, "}}"));
  }
  // An index that puts "c" into `file` (written as in JSON), and the others where they are.
  void IndexC(const std::string& file) {
    Index(Entry("a", kFirst) + "," + Entry("b", kFirst) + "," + Entry("c", file), "6");
  }
  absl::StatusOr<Checkpoint> Open() { return OpenFolder(io::Posix(), directory_); }

  const std::string directory_ = ::testing::TempDir() + "/folder";
};

std::vector<std::string> Names(const Checkpoint& checkpoint) {
  std::vector<std::string> names;
  for (const StoredTensor& tensor : checkpoint.tensors.tensors()) names.push_back(tensor.name);
  return names;
}

TEST_F(FolderTest, ShardsMakeOneCheckpoint) {
  const absl::StatusOr<Checkpoint> checkpoint = Open();
  ASSERT_TRUE(checkpoint.ok()) << checkpoint.status();
  EXPECT_THAT(Names(*checkpoint), ElementsAre("a", "b", "c"));
  EXPECT_THAT(checkpoint->warnings, IsEmpty());
  EXPECT_EQ(checkpoint->metadata.at("shard"), kFirst);
  EXPECT_EQ(checkpoint->tensors.Place(*checkpoint->tensors.Find("c")), Path(kSecond) + ": tensor 'c'");
}

TEST_F(FolderTest, BadFoldersAreRefusedWithTheirPlace) {
  const struct {
    const char* name;
    std::function<void()> make;
    int exit_code;
    std::string message;
  } kCases[] = {
      {"34 way up", [&] { IndexC("../model.safetensors"); }, 65, "$.weight_map.c: expected the name of a file"},
      {"34 the folder above", [&] { IndexC(".."); }, 65, "$.weight_map.c: expected the name of a file"},
      {"34 the folder itself", [&] { IndexC("."); }, 65, "$.weight_map.c: expected the name of a file"},
      {"35 absolute path", [&] { IndexC("/etc/passwd"); }, 65, "$.weight_map.c: expected the name of a file"},
      {"36 backslash", [&] { IndexC("x\\\\y.safetensors"); }, 65, "$.weight_map.c: expected the name of a file"},
      {"36 NUL", [&] { IndexC("model\\u0000.safetensors"); }, 65, "$.weight_map.c: expected the name of a file"},
      {"36 subdirectory", [&] { IndexC("sub/model.safetensors"); }, 65, "$.weight_map.c: expected the name of a file"},
      {"36 empty name", [&] { IndexC(""); }, 65, "$.weight_map.c: expected the name of a file"},
      {"37 link to a FIFO",
       [&] {
         ASSERT_EQ(::mkfifo(Path("fifo").c_str(), 0600), 0);
         fs::remove(Path(kSecond));
         fs::create_symlink("fifo", Path(kSecond));
       },
       65, std::string(kSecond) + ": expected a regular file, found a FIFO"},
      {"37 link to a device",
       [&] {
         fs::remove(Path(kSecond));
         fs::create_symlink("/dev/zero", Path(kSecond));
       },
       65, std::string(kSecond) + ": expected a regular file, found a FIFO, a device"},
      {"37 link to a folder",
       [&] {
         fs::remove(Path(kSecond));
         fs::create_symlink(".", Path(kSecond));
       },
       65, std::string(kSecond) + ": expected a regular file, found a folder"},
      {"39 one shard missing", [&] { fs::remove(Path(kSecond)); }, 66, "1 missing: " + Path(kSecond)},
      {"39 all missing shards are listed",
       [&] {
         fs::remove(Path(kFirst));
         fs::remove(Path(kSecond));
         fs::create_symlink("nowhere", Path(kSecond));
       },
       66, absl::StrCat("$.weight_map: expected all 2 files, found 2 missing: ", Path(kFirst), ", ", Path(kSecond))},
      {"40 indexed tensor absent", [&] { Shard(kSecond, {"other"}); }, 65, "$.weight_map.c: expected this tensor in"},
      {"40 indexed tensor in another shard",
       [&] {
         Shard(kFirst, {"a"});
         Shard(kSecond, {"b", "c"});
       },
       65, absl::StrCat("$.weight_map.b: expected this tensor in ", kFirst, ", found it in ", Path(kSecond))},
      {"41 unindexed tensor present",
       [&] {
         Shard(kSecond, {"c", "d"});
       },
       65, std::string(kSecond) + ": tensor 'd': expected an entry in"},
      {"42 tensor in two shards",
       [&] {
         Shard(kSecond, {"b", "c"});
       },
       65, std::string(kSecond) + ": tensor 'b': expected one tensor of this name, found one more in " + Path(kFirst)},
      {"44 no JSON", [&] { Put(kIndex, "weight_map"); }, 65, std::string(kIndex) + ": "},
      {"44 truncated JSON", [&] { Put(kIndex, "{\"weight_map\":{\"a\":"); }, 65, std::string(kIndex) + ": "},
      {"44 empty", [&] { Put(kIndex, ""); }, 65, std::string(kIndex) + ": byte 0: expected JSON, found nothing"},
      {"44 HTML page", [&] { Put(kIndex, "<!doctype html><html></html>"); }, 65, "an HTML page"},
      {"44 Git-LFS pointer", [&] { Put(kIndex, "version https://git-lfs.github.com/spec/v1\n"); }, 65, "Git-LFS"},
      {"44 no weight_map", [&] { Put(kIndex, "{}"); }, 65, "$.weight_map: expected an object"},
      {"44 weight_map is a list", [&] { Put(kIndex, "{\"weight_map\":[]}"); }, 65, "$.weight_map: expected an object"},
      {"44 weight_map is empty", [&] { Put(kIndex, "{\"weight_map\":{}}"); }, 65, "$.weight_map: expected an object"},
      {"44 file name is a number", [&] { Put(kIndex, "{\"weight_map\":{\"a\":1}}"); }, 65,
       "$.weight_map.a: expected a string, found 1"},
      {"44 a tensor twice", [&] { Index(Entry("a", kFirst) + "," + Entry("a", kSecond), "6"); }, 65,
       "$.weight_map.a: expected one member of this name"},
      {"45 only .bin",
       [&] {
         for (const char* name : {kIndex, kFirst, kSecond}) fs::remove(Path(name));
         Put("pytorch_model.bin", "x");
       },
       65, "pytorch_model.bin: expected .safetensors files, found only pickled weights"},
      {"45 only .pth",
       [&] {
         for (const char* name : {kIndex, kFirst, kSecond}) fs::remove(Path(name));
         Put("consolidated.00.pth", "x");
       },
       65, "consolidated.00.pth: expected"},
      {"46 nothing",
       [&] {
         for (const char* name : {kIndex, kFirst, kSecond}) fs::remove(Path(name));
         Put("config.json", "{}");
       },
       66, ": expected .safetensors files, found none"},
      {"46 no folder", [&] { fs::remove_all(directory_); }, 66, "expected a folder that can be read"},
      {"a bad shard", [&] { Put(kSecond, "x"); }, 65, std::string(kSecond) + ": byte 0: expected a header"},
      {"the index is a folder",
       [&] {
         fs::remove(Path(kIndex));
         fs::create_directory(Path(kIndex));
       },
       65, std::string(kIndex) + ": expected a regular file"},
  };
  for (const auto& test : kCases) {
    SCOPED_TRACE(test.name);
    SetUp();
    test.make();
    const absl::Status status = Open().status();
    EXPECT_EQ(ExitCode(status), test.exit_code) << status;
    EXPECT_THAT(std::string(status.message()), HasSubstr(test.message));
    EXPECT_TRUE(absl::StartsWith(status.message(), directory_)) << status;
    EXPECT_FALSE(absl::StrContains(status.message(), "\n")) << status;
  }
}

TEST_F(FolderTest, OddButGoodFolders) {
  const std::string long_name = std::string(243, 'x') + ".safetensors";  // 255 bytes
  const struct {
    const char* name;
    std::function<void()> make;
  } kCases[] = {
      {"38 hub cache: links into a folder of blobs",
       [&] {
         const std::string blobs = directory_ + "/blobs";
         fs::create_directory(blobs);
         for (const char* name : {kIndex, kFirst, kSecond}) {
           fs::rename(Path(name), blobs + "/" + name);
           fs::create_symlink(std::string("blobs/") + name, Path(name));
         }
       }},
      {"47 spaces and unicode",
       [&] {
         fs::rename(Path(kSecond), Path("my shard \xC3\xA9\xF0\x9F\x8E\x89.safetensors"));
         IndexC("my shard \xC3\xA9\xF0\x9F\x8E\x89.safetensors");
       }},
      {"47 a name of 255 bytes",
       [&] {
         fs::rename(Path(kSecond), Path(long_name));
         IndexC(long_name);
       }},
      {"no total_size",
       [&] {
         Put(kIndex, absl::StrCat("{\"weight_map\":{", Entry("a", kFirst), ",", Entry("b", kFirst), ",",
                                  Entry("c", kSecond), "}}"));
       }},
      {"no index: all shards", [&] { fs::remove(Path(kIndex)); }},
      {"no index: hidden files do not count",
       [&] {
         fs::remove(Path(kIndex));
         Put("._model.safetensors", "x");
       }},
      {"consolidated beside model does not count", [&] { Shard("consolidated.safetensors", {"x"}); }},
  };
  for (const auto& test : kCases) {
    SCOPED_TRACE(test.name);
    SetUp();
    test.make();
    const absl::StatusOr<Checkpoint> checkpoint = Open();
    ASSERT_TRUE(checkpoint.ok()) << checkpoint.status();
    EXPECT_THAT(Names(*checkpoint), ElementsAre("a", "b", "c"));
    EXPECT_THAT(checkpoint->warnings, IsEmpty());
  }
}

TEST_F(FolderTest, WrongTotalSizeIsAWarning) {  // 43
  for (const char* total_size : {"7", "\"six\"", "-1", "6.5", "1e30"}) {
    Index(Entry("a", kFirst) + "," + Entry("b", kFirst) + "," + Entry("c", kSecond), total_size);
    const absl::StatusOr<Checkpoint> checkpoint = Open();
    ASSERT_TRUE(checkpoint.ok()) << checkpoint.status();
    ASSERT_EQ(checkpoint->warnings.size(), 1) << total_size;
    EXPECT_THAT(checkpoint->warnings[0], HasSubstr("$.metadata.total_size: expected 6, found "));
  }
  Index(Entry("a", kFirst) + "," + Entry("b", kFirst) + "," + Entry("c", kSecond), "6.0");
  EXPECT_THAT(Open()->warnings, IsEmpty());
}

TEST_F(FolderTest, TheStemDecides) {
  fs::remove(Path(kIndex));
  Shard("consolidated.safetensors", {"mistral"});
  EXPECT_THAT(Names(*Open()), ElementsAre("mistral"));
  Shard("model.safetensors", {"single"});
  EXPECT_THAT(Names(*Open()), ElementsAre("single"));
}

// A fault of the system at any call is that fault, whatever was read so far, and never a checkpoint.
TEST_F(FolderTest, EveryFaultIsReported) {
  for (int kind = 0; kind < io::kCalls; ++kind) {
    const io::Call call = static_cast<io::Call>(kind);
    for (int n = 1;; ++n) {
      SCOPED_TRACE(absl::StrCat("kind ", kind, ", call ", n));
      io::FaultyFileSystem files(io::Posix());
      files.FailNth(call, n, absl::ResourceExhaustedError("injected"));
      const absl::Status status = OpenFolder(files, directory_).status();
      if (files.calls(call) < n) {
        EXPECT_TRUE(status.ok()) << status;
        break;
      }
      EXPECT_EQ(status, absl::ResourceExhaustedError("injected"));
    }
  }
}

}  // namespace
}  // namespace nibble::safetensors
