#include "formats/tensor_source.h"

#include <filesystem>
#include <fstream>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/types/span.h"
#include "formats/dtype.h"
#include "formats/io/file.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace nibble {
namespace {

using ::testing::EndsWith;
using ::testing::HasSubstr;

class TensorSourceTest : public ::testing::Test {
 protected:
  std::unique_ptr<io::ReadableFile> File(const std::string& name, const std::string& bytes) {
    const std::string path = ::testing::TempDir() + "/" + name;
    std::ofstream(path) << bytes;
    return io::Posix().Open(path).value();
  }
};

StoredTensor Tensor(std::string name, uint32_t file, uint64_t offset, int64_t elements) {
  return {.name = std::move(name),
          .dtype = DType::kU8,
          .shape = {elements},
          .file = file,
          .offset = offset,
          .bytes = static_cast<uint64_t>(elements)};
}

TEST_F(TensorSourceTest, FindsAndReadsRanges) {
  std::vector<std::unique_ptr<io::ReadableFile>> files;
  files.push_back(File("a", "..0123"));
  files.push_back(File("b", "abc"));
  absl::StatusOr<TensorSource> source =
      TensorSource::Create(std::move(files), {Tensor("x", 0, 2, 4), Tensor("y", 1, 0, 3), Tensor("none", 1, 3, 0)});
  ASSERT_TRUE(source.ok()) << source.status();
  const TensorSource moved = *std::move(source);  // the names' index must survive it
  ASSERT_NE(moved.Find("x"), nullptr);
  EXPECT_EQ(moved.Find("z"), nullptr);
  std::string text(2, '?');
  const auto out = absl::MakeSpan(reinterpret_cast<std::byte*>(text.data()), text.size());
  EXPECT_TRUE(moved.Read(*moved.Find("x"), 2, out).ok());
  EXPECT_EQ(text, "23");
  EXPECT_TRUE(moved.Read(*moved.Find("y"), 1, out).ok());
  EXPECT_EQ(text, "bc");
  EXPECT_TRUE(moved.Read(*moved.Find("none"), 0, {}).ok());
  EXPECT_THAT(moved.Place(*moved.Find("y")), EndsWith("/b: tensor 'y'"));
}

TEST_F(TensorSourceTest, AFailingReadNamesTheTensor) {
  std::vector<std::unique_ptr<io::ReadableFile>> files;
  files.push_back(File("cut", "0123"));
  std::filesystem::resize_file(files[0]->path(), 1);
  const auto source = TensorSource::Create(std::move(files), {Tensor("a\nb", 0, 0, 4)});
  std::byte out[4];
  const absl::Status status = source->Read(source->tensors()[0], 0, absl::MakeSpan(out));
  EXPECT_EQ(status.code(), absl::StatusCode::kDataLoss);
  EXPECT_THAT(std::string(status.message()), HasSubstr("/cut: byte 0"));
  EXPECT_THAT(std::string(status.message()), HasSubstr("tensor 'a\\nb'"));
}

TEST_F(TensorSourceTest, TwoTensorsOfOneNameAreRefused) {
  std::vector<std::unique_ptr<io::ReadableFile>> files;
  files.push_back(File("first", "0"));
  files.push_back(File("second", "0"));
  const absl::Status status =
      TensorSource::Create(std::move(files), {Tensor("x", 0, 0, 1), Tensor("x", 1, 0, 1)}).status();
  EXPECT_EQ(status.code(), absl::StatusCode::kDataLoss);
  EXPECT_THAT(std::string(status.message()), HasSubstr("/second: tensor 'x'"));
  EXPECT_THAT(std::string(status.message()), HasSubstr("/first"));
}

TEST(StoredTensor, Elements) {
  EXPECT_EQ((StoredTensor{.shape = {}}).elements(), 1);
  EXPECT_EQ((StoredTensor{.shape = {2, 3}}).elements(), 6);
  EXPECT_EQ((StoredTensor{.shape = {2, 0, 3}}).elements(), 0);
  const int64_t shape[] = {2, 3};
  EXPECT_EQ(ShapeText(shape), "[2, 3]");
  EXPECT_EQ(ShapeText({}), "[]");
}

}  // namespace
}  // namespace nibble
