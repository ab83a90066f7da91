// Files split in parts: what belongs together opens as one, and whatever does not is named.
#include <filesystem>

#include "absl/strings/str_format.h"
#include "formats/gguf/gguf.h"
#include "formats/gguf/test_files.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace nibble::gguf {
namespace {

using ::testing::HasSubstr;

struct PartSpec {
  int name_number;  // as in the name, counted from 1
  int number;       // as in split.no, counted from 0
  std::vector<std::string> tensors;
  int count = 3;
  int tensor_count = 3;
};

std::string PartPath(int number) {
  return absl::StrFormat("%s/split/model-%05d-of-00003.gguf", ::testing::TempDir(), number);
}

absl::StatusOr<File> OpenParts(const std::vector<PartSpec>& parts, int opened = 1) {
  const std::string folder = ::testing::TempDir() + "/split";
  std::filesystem::remove_all(folder);
  std::filesystem::create_directory(folder);
  for (const PartSpec& part : parts) {
    Metadata metadata;
    if (part.number == 0) metadata.Set("general.architecture", std::string("llama"));
    metadata.Set("split.no", static_cast<uint16_t>(part.number));
    metadata.Set("split.count", static_cast<uint16_t>(part.count));
    metadata.Set("split.tensors.count", int32_t{part.tensor_count});
    std::vector<TensorInfo> tensors;
    for (const std::string& name : part.tensors) tensors.push_back({name, DType::kF32, {4}});
    WriteTestFile("split/" + std::filesystem::path(PartPath(part.name_number)).filename().string(),
                  MakeTestFile(metadata, tensors));
  }
  return Open(io::Posix(), PartPath(opened));
}

TEST(SplitTest, PartsOpenAsOneModel) {
  auto file = OpenParts({{1, 0, {}}, {2, 1, {"a", "b"}}, {3, 2, {"c"}}});
  ASSERT_TRUE(file.ok()) << file.status();
  EXPECT_EQ(*file->metadata.String("general.architecture"), "llama");
  ASSERT_EQ(file->tensors.tensors().size(), 3);
  const StoredTensor* b = file->tensors.Find("b");
  ASSERT_NE(b, nullptr);
  EXPECT_EQ(b->file, 1);
  std::vector<std::byte> bytes(b->bytes);
  ASSERT_TRUE(file->tensors.Read(*b, 0, absl::MakeSpan(bytes)).ok());
  EXPECT_EQ(bytes[1], std::byte{2});  // the second tensor of its part
}

TEST(SplitTest, MergedFileHasCountZero) {
  Metadata metadata;
  metadata.Set("split.count", uint16_t{0});
  EXPECT_TRUE(Open(io::Posix(), WriteTestFile("merged.gguf", MakeTestFile(metadata, {}))).ok());
}

TEST(SplitTest, WhatDoesNotBelongTogetherIsNamed) {
  const PartSpec first{1, 0, {"a"}}, second{2, 1, {"b"}}, third{3, 2, {"c"}};
  struct Case {
    const char* name;
    std::vector<PartSpec> parts;
    int opened;
    absl::StatusCode code;
    std::vector<std::string> messages;
  } const cases[] = {
      {"93_missing", {first, second}, 1, absl::StatusCode::kNotFound, {"missing " + PartPath(3)}},
      {"93_two_missing", {first}, 1, absl::StatusCode::kNotFound, {PartPath(2) + ", " + PartPath(3)}},
      {"93_duplicated",
       {first, second, {3, 1, {"b"}}},
       1,
       absl::StatusCode::kDataLoss,
       {PartPath(3) + ": key 'split.no': expected 2, found 1"}},
      {"93_other_count",
       {first, {2, 1, {"b"}, 4}, third},
       1,
       absl::StatusCode::kDataLoss,
       {PartPath(2) + ": key 'split.count': expected 3, found 4"}},
      {"93_other_model",
       {first, second, {3, 2, {"c"}, 3, 9}},
       1,
       absl::StatusCode::kDataLoss,
       {PartPath(3) + ": key 'split.tensors.count': expected 3, found 9"}},
      {"93_tensor_in_two_parts", {first, {2, 1, {"a"}}, third}, 1, absl::StatusCode::kDataLoss, {PartPath(2), "'a'"}},
      {"93_tensors_missing",
       {first, second, {3, 2, {}}},
       1,
       absl::StatusCode::kDataLoss,
       {"expected 3 tensors in all parts, found 2"}},
      {"93_not_the_first_part",
       {first, second, third},
       2,
       absl::StatusCode::kDataLoss,
       {PartPath(2) + ": key 'split.no': expected 0, of the first part, which opens them all, found 1"}},
      {"93_name_of_another_count",
       {{1, 0, {"a"}, 2}},
       1,
       absl::StatusCode::kDataLoss,
       {"expected a name that ends in -00001-of-00002.gguf"}},
  };
  for (const Case& c : cases) {
    SCOPED_TRACE(c.name);
    const absl::Status status = OpenParts(c.parts, c.opened).status();
    EXPECT_EQ(status.code(), c.code) << status;
    for (const std::string& message : c.messages) EXPECT_THAT(std::string(status.message()), HasSubstr(message));
  }
}

TEST(SplitTest, KeysOfAnotherTypeAreRefused) {
  Metadata metadata;
  metadata.Set("split.count", std::string("3"));
  const absl::Status status = Open(io::Posix(), WriteTestFile("text.gguf", MakeTestFile(metadata, {}))).status();
  EXPECT_THAT(std::string(status.message()), HasSubstr("key 'split.count': expected an integer"));
}

}  // namespace
}  // namespace nibble::gguf
