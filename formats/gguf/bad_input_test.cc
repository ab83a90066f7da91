// Damaged and hostile files. A case's name begins with the number of its class of damage: 82 header, 85 trailing bytes,
// 87 UTF-8, 88 NUL, 89 arrays, 92 byte order, 94 removed types (split_test.cc: 93 splits).
#include <cstdint>
#include <ctime>

#include "formats/gguf/gguf.h"
#include "formats/gguf/test_files.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace nibble::gguf {
namespace {

using ::testing::HasSubstr;

constexpr uint32_t kF32 = 0;
constexpr uint32_t kQ4_0 = 2;

Bytes OneTensor(const std::vector<int64_t>& dims, uint32_t type, uint64_t offset = 0, size_t data = 64) {
  Bytes bytes;
  return bytes.Header(1, 0).Tensor("t", dims, type, offset).PadTo(32).Zeros(data);
}

struct Case {
  const char* name;
  Bytes bytes;
  const char* message;
};

std::vector<Case> Cases() {
  return {
      {"82_empty", Bytes(), "header, byte 0: expected 4 more bytes, found the end of the file after 0"},
      {"82_magic", Bytes().Raw("GGML").Zeros(20), "expected \"GGUF\", found \"GGML\""},
      {"82_git_lfs_pointer", Bytes().Raw("version https://git-lfs.github.com/spec/v1\n"), "a Git LFS pointer?"},
      {"82_version_0", Bytes().Header(0, 0, 0), "expected GGUF version 2 or 3, little-endian, found version 0"},
      {"82_version_1", Bytes().Header(0, 0, 1), "found version 1"},
      {"82_version_future", Bytes().Header(0, 0, 4), "found version 4"},
      {"92_big_endian", Bytes().Header(0, 0, 0x03000000), "found a big-endian file"},
      {"82_tensor_count_negative", Bytes().Header(-1, 0), "expected at most 0 tensors in 24 bytes"},
      {"82_tensor_count", Bytes().Header(1'000'000'000, 0).Zeros(640), "expected at most 19 tensors in 664 bytes"},
      {"82_key_count", Bytes().Header(0, 1'000'000'000).Zeros(640), "expected at most 45 keys in 664 bytes"},
      {"82_key_count_negative", Bytes().Header(0, INT64_MIN).Zeros(64), "keys in 88 bytes"},
      {"82_key_size", Bytes().Header(0, 1).Number(UINT64_MAX).Zeros(64),
       "key 0, byte 24: expected a length of at most"},
      {"82_key_empty", Bytes().Header(0, 1).Key("", ValueType::kUint8).Zeros(8), "key 0, byte 32: expected a name"},
      {"82_value_type", Bytes().Header(0, 1).Text("k").Number(uint32_t{13}).Zeros(8),
       "key 'k', byte 33: expected a value type in [0, 12], found 13"},
      {"82_duplicate_key",
       Bytes().Header(0, 2).Key("k", ValueType::kBool).Raw("\1").Key("k", ValueType::kBool).Raw("\1"),
       "key 'k', byte 46: expected every key once"},
      {"82_bool", Bytes().Header(0, 1).Key("k", ValueType::kBool).Raw("\2"), "expected a bool (0 or 1), found 2"},
      {"82_string_size", Bytes().Header(0, 1).Key("k", ValueType::kString).Number(uint64_t{1} << 40).Zeros(8),
       "key 'k', byte 37: expected a length of at most 8, found 1099511627776"},
      {"82_value_cut", Bytes().Header(0, 1).Key("k", ValueType::kUint64).Zeros(7), "expected 8 more bytes"},
      {"82_alignment_0", Bytes().Header(0, 1).Key("general.alignment", ValueType::kUint32).Number(uint32_t{0}),
       "key 'general.alignment': expected a uint32, a power of two from 8 on, found 0"},
      {"82_alignment_48", Bytes().Header(0, 1).Key("general.alignment", ValueType::kUint32).Number(uint32_t{48}),
       "found 48"},
      {"82_alignment_4", Bytes().Header(0, 1).Key("general.alignment", ValueType::kUint32).Number(uint32_t{4}),
       "found 4"},
      {"82_alignment_type", Bytes().Header(0, 1).Key("general.alignment", ValueType::kUint64).Number(uint64_t{32}),
       "found another type"},
      {"82_alignment_beyond_the_file",
       Bytes()
           .Header(1, 1)
           .Key("general.alignment", ValueType::kUint32)
           .Number(uint32_t{1} << 31)
           .Tensor("t", {1}, kF32, 0)
           .PadTo(32)
           .Zeros(32),
       "tensor 't': expected its data to end at byte 2147483652"},
      {"87_key_utf8", Bytes().Header(0, 1).Key("a\xff", ValueType::kBool).Raw("\1"),
       "expected text in UTF-8, found \"a"},
      {"87_string_utf8", Bytes().Header(0, 1).Key("k", ValueType::kString).Text("\xc3"),
       "key 'k', byte 45: expected text"},
      {"87_tensor_name_utf8", Bytes().Header(1, 0).Tensor("\xed\xa0\x80", {1}, kF32, 0).PadTo(32).Zeros(32),
       "tensor 0, byte 32: expected text in UTF-8"},
      {"88_key_nul", Bytes().Header(0, 1).Key(absl::string_view("a\0b", 3), ValueType::kBool).Raw("\1"),
       "expected a name without NUL, found \"a\\x00"},
      {"88_tensor_name_nul", Bytes().Header(1, 0).Tensor(absl::string_view("\0", 1), {1}, kF32, 0).PadTo(32).Zeros(32),
       "without NUL"},
      {"89_array_type", Bytes().Header(0, 1).Key("k", ValueType::kArray).Number(uint32_t{99}).Number(uint64_t{0}),
       "expected an array's element type in [0, 12], found 99"},
      {"89_array_of_arrays", Bytes().Header(0, 1).Key("k", ValueType::kArray).Number(uint32_t{9}).Number(uint64_t{0}),
       "found an array of arrays"},
      {"89_array_length",
       Bytes().Header(0, 1).Key("k", ValueType::kArray).Number(uint32_t{10}).Number(uint64_t{1} << 61).Zeros(80),
       "key 'k', byte 41: expected a length of at most 10, found"},
      {"89_array_of_strings_length",
       Bytes().Header(0, 1).Key("k", ValueType::kArray).Number(uint32_t{8}).Number(UINT64_MAX).Zeros(80),
       "expected a length of at most 10, found"},
      {"89_array_cut",
       Bytes().Header(0, 1).Key("k", ValueType::kArray).Number(uint32_t{8}).Number(uint64_t{2}).Text("a").Zeros(7),
       "expected 8 more bytes, found the end of the file after 7"},
      {"82_tensor_name_empty", Bytes().Header(1, 0).Tensor("", {1, 1}, kF32, 0).PadTo(32).Zeros(32), "an empty one"},
      {"82_tensor_name_64_bytes", Bytes().Header(1, 0).Tensor(std::string(64, 'x'), {1}, kF32, 0).PadTo(32).Zeros(32),
       "at most 63 bytes, found 64"},
      {"82_duplicate_tensor",
       Bytes().Header(2, 0).Tensor("t", {1}, kF32, 0).Tensor("t", {1}, kF32, 32).PadTo(32).Zeros(64), "'t'"},
      {"82_dimensions_0", OneTensor({}, kF32), "expected 1 to 4 dimensions, found 0"},
      {"82_dimensions_5", OneTensor({1, 1, 1, 1, 1}, kF32), "expected 1 to 4 dimensions, found 5"},
      {"82_dimension_negative", OneTensor({-1}, kF32), "found -1"},
      {"82_element_count_overflow", OneTensor({int64_t{1} << 32, int64_t{1} << 31}, kF32), "a product below 2^63"},
      {"82_element_count_overflow_beside_0", OneTensor({0, int64_t{1} << 32, int64_t{1} << 31}, kF32),
       "a product below 2^63"},
      {"82_byte_count_overflow", OneTensor({int64_t{1} << 62}, kF32), "tensor 't', byte 45: expected a tensor smaller"},
      {"82_byte_count_beyond_the_file", OneTensor({1000}, kF32), "than the file of 128 bytes, found F32 [1000]"},
      {"82_row_not_in_blocks", OneTensor({48}, kQ4_0), "expected rows of Q4_0 in multiples of 32, found 48"},
      {"82_type_unknown", OneTensor({1}, 4242), "expected a tensor type that can be read, found type 4242"},
      {"82_type_negative", OneTensor({1}, UINT32_MAX), "found type 4294967295"},
      {"82_type_not_supported", OneTensor({256}, 16), "found type 16 (IQ2_XXS)"},
      {"94_type_removed", OneTensor({32}, 4), "found type 4 (Q4_2, removed)"},
      {"94_type_removed_repacked", OneTensor({32}, 31), "found type 31 (Q4_0_4_4, removed)"},
      {"82_first_offset", OneTensor({1}, kF32, 32), "tensor 't': expected offset 0, found 32"},
      {"82_offset_misaligned",
       Bytes().Header(2, 0).Tensor("t", {1}, kF32, 0).Tensor("u", {1}, kF32, 4).PadTo(32).Zeros(64),
       "tensor 'u': expected offset 32, found 4"},
      {"82_offset_hole", Bytes().Header(2, 0).Tensor("t", {1}, kF32, 0).Tensor("u", {1}, kF32, 64).PadTo(32).Zeros(128),
       "tensor 'u': expected offset 32, found 64"},
      {"82_not_enough_data", OneTensor({17}, kF32), "expected its data to end at byte 132, found the end of the file"},
      {"82_infos_cut", Bytes().Header(1, 0).Tensor("t", {1, 1, 1, 1}, kF32, 0).Zeros(0),
       "tensor 't': expected its data"},
      {"85_trailing_bytes", OneTensor({1}, kF32, 0, 33),
       "expected the end of the file at byte 68, found 29 more bytes"},
      {"85_trailing_bytes_without_tensors", Bytes().Header(0, 0).Zeros(9), "end of the file at byte 24"},
  };
}

TEST(BadInputTest, IsRefusedWithItsPlace) {
  for (const Case& c : Cases()) {
    SCOPED_TRACE(c.name);
    const std::string path = WriteTestFile("bad.gguf", c.bytes.str());
    const absl::Status status = Open(io::Posix(), path).status();
    EXPECT_TRUE(absl::IsDataLoss(status) || absl::IsUnimplemented(status)) << status;
    EXPECT_THAT(std::string(status.message()), HasSubstr(c.message));
    EXPECT_THAT(std::string(status.message()), HasSubstr(path));
    EXPECT_EQ(status.message().find('\n'), absl::string_view::npos);
  }
}

TEST(BadInputTest, OddButLegalIsRead) {
  const Case cases[] = {
      {"no key, no tensor", Bytes().Header(0, 0), ""},
      {"version 2", Bytes().Header(0, 0, 2), ""},
      {"last padding missing", OneTensor({1}, kF32, 0, 4), ""},
      {"padding that is not zero", OneTensor({1}, kF32, 0, 4).Raw("0123456789012345678901234567"), ""},
      {"no elements", OneTensor({0, 3}, kF32, 0, 0), ""},
      {"name of 63 bytes", Bytes().Header(1, 0).Tensor(std::string(63, 'x'), {1}, kF32, 0).PadTo(32).Zeros(4), ""},
      {"empty array", Bytes().Header(0, 1).Key("k", ValueType::kArray).Number(uint32_t{8}).Number(uint64_t{0}), ""},
      {"alignment 8",
       Bytes()
           .Header(2, 1)
           .Key("general.alignment", ValueType::kUint32)
           .Number(uint32_t{8})
           .Tensor("t", {1}, kF32, 0)
           .Tensor("u", {1}, kF32, 8)
           .PadTo(8)
           .Zeros(12),
       ""},
  };
  for (const Case& c : cases) {
    EXPECT_TRUE(Open(io::Posix(), WriteTestFile("odd.gguf", c.bytes.str())).ok()) << c.name;
  }
}

std::string SmallFile() {
  Metadata metadata;
  metadata.Set("general.architecture", std::string("llama"));
  metadata.Set("general.alignment", uint32_t{32});
  metadata.Set("tokens", Array(std::vector<std::string>{"a", "b"}));
  metadata.Set("scores", Array(std::vector<float>{1, 2}));
  metadata.Set("flags", Array(std::vector<bool>{true}));
  return MakeTestFile(metadata, {{"t", DType::kF32, {2, 3}}, {"u", DType::kQ4_0, {1, 32}}});
}

void ExpectOkOrRefused(const std::string& bytes, const std::string& what) {
  const absl::Status status = Open(io::Posix(), WriteTestFile("damaged.gguf", bytes)).status();
  EXPECT_TRUE(status.ok() || absl::IsDataLoss(status) || absl::IsUnimplemented(status)) << what << ": " << status;
}

TEST(BadInputTest, TruncatedAnywhere) {
  const std::string whole = SmallFile();
  const size_t data_end = whole.size() - 14;  // the last block of 18 bytes is padded to 32
  for (size_t size = 0; size < whole.size(); ++size) {
    const absl::Status status = Open(io::Posix(), WriteTestFile("cut.gguf", whole.substr(0, size))).status();
    EXPECT_EQ(absl::IsDataLoss(status), size < data_end) << size << ": " << status;
  }
}

TEST(BadInputTest, EveryByteDamaged) {
  const std::string whole = SmallFile();
  for (size_t i = 0; i < whole.size(); ++i) {
    for (const int flip : {0x01, 0x80, 0xff}) {
      std::string damaged = whole;
      damaged[i] = static_cast<char>(damaged[i] ^ flip);
      ExpectOkOrRefused(damaged, absl::StrCat("byte ", i, " ^ ", flip));
    }
  }
}

TEST(BadInputTest, MissingFileIsNotFound) {
  EXPECT_TRUE(absl::IsNotFound(Open(io::Posix(), ::testing::TempDir() + "/absent.gguf").status()));
}

TEST(BadInputTest, ManyTensorsAndLongVocabularyAreFast) {
  constexpr int kTensors = 200'000;
  Metadata metadata;
  std::vector<std::string> tokens;
  for (int i = 0; i < kTensors; ++i) tokens.push_back(absl::StrCat("token", i));
  metadata.Set("tokens", Array(std::move(tokens)));
  std::vector<TensorInfo> tensors;
  for (int i = 0; i < kTensors; ++i) tensors.push_back({absl::StrCat("blk.", i, ".weight"), DType::kF32, {1}});
  const std::string path = WriteTestFile("many.gguf", MakeTestFile(metadata, tensors));
  const std::clock_t begin = std::clock();
  auto file = Open(io::Posix(), path);
  const double seconds = static_cast<double>(std::clock() - begin) / CLOCKS_PER_SEC;
  ASSERT_TRUE(file.ok()) << file.status();
  EXPECT_EQ(file->tensors.tensors().size(), kTensors);
  EXPECT_LT(seconds, 5) << "far above what a linear reader needs";
}

}  // namespace
}  // namespace nibble::gguf
