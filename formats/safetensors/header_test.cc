// The safetensors header class of bad input, one named case a line; the numbers are the catalogue's.
#include "formats/safetensors/header.h"

#include <algorithm>
#include <cstring>
#include <memory>
#include <random>
#include <string>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_join.h"
#include "base/status.h"
#include "formats/dtype.h"
#include "formats/io/file.h"
#include "formats/tensor_source.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace nibble::safetensors {
namespace {

using ::testing::HasSubstr;

class MemoryFile : public io::ReadableFile {
 public:
  explicit MemoryFile(std::string bytes) : bytes_(std::move(bytes)) {
    info_.kind = io::FileKind::kRegular;
    info_.size = bytes_.size();
  }

  absl::Status ReadAt(uint64_t offset, absl::Span<std::byte> out) const override {
    if (offset > bytes_.size() || out.size() > bytes_.size() - offset) return absl::InternalError("read past the end");
    std::memcpy(out.data(), bytes_.data() + offset, out.size());
    return absl::OkStatus();
  }
  const std::string& path() const override { return path_; }
  const io::FileInfo& info() const override { return info_; }

 private:
  const std::string bytes_;
  const std::string path_ = "f.safetensors";
  io::FileInfo info_;
};

absl::StatusOr<Header> Read(std::string bytes) { return ReadHeader(MemoryFile(std::move(bytes))); }

std::string Length(uint64_t length) {
  std::string bytes(8, '\0');
  for (char& byte : bytes) byte = static_cast<char>(std::exchange(length, length >> 8));
  return bytes;
}

// A file with this JSON and `data_bytes` bytes of data.
std::string File(const std::string& json, size_t data_bytes) {
  return absl::StrCat(Length(json.size()), json, std::string(data_bytes, 'd'));
}

// A member of the header.
std::string Tensor(const std::string& name, const std::string& dtype, const std::string& shape,
                   const std::string& offsets) {
  return absl::StrFormat(R"("%s":{"dtype":"%s","shape":[%s],"data_offsets":[%s]})", name, dtype, shape, offsets);
}

// A file with one U8 tensor "w" of 2 bytes, of which one part is another.
std::string With(const std::string& shape, const std::string& offsets, const std::string& dtype = "U8") {
  return File("{" + Tensor("w", dtype, shape, offsets) + "}", 2);
}

// So many sizes with a product of 2.
std::string Sizes(int count) { return absl::StrCat("2", absl::StrJoin(std::vector<std::string>(count, ""), ",1")); }

std::string Nested(const std::string& before, int depth, const std::string& after) {
  return before + std::string(depth, '[') + std::string(depth, ']') + after;
}

const std::string kW = Tensor("w", "U8", "2", "0,2");

struct Case {
  const char* name;
  std::string bytes;
  const char* message;  // a part of it
};

class BadHeader : public ::testing::TestWithParam<Case> {};

TEST_P(BadHeader, IsRefusedWithItsPlace) {
  const absl::Status status = Read(GetParam().bytes).status();
  EXPECT_EQ(ExitCode(status), 65) << status;
  EXPECT_THAT(std::string(status.message()), HasSubstr(GetParam().message));
  EXPECT_TRUE(absl::StartsWith(status.message(), "f.safetensors: ")) << status;
  EXPECT_THAT(std::string(status.message()), HasSubstr("expected"));
  EXPECT_TRUE(std::none_of(status.message().begin(), status.message().end(), [](char c) { return c >= 0 && c < ' '; }))
      << status;
}

const Case kBadHeaders[] = {
    {"01_EmptyFile", "", "byte 0: expected a header length of 8 bytes, found 0 bytes"},
    {"02_UnderEightBytes", "1234567", "byte 0: expected a header length of 8 bytes, found 7 bytes"},
    {"03_LengthZero", Length(0), "byte 8: expected '{', found an empty header"},
    {"03_LengthZeroWithData", Length(0) + "data", "byte 8: expected '{', found an empty header"},
    {"04_LengthPastTheFile", Length(3) + "{}", "byte 0: expected a header of at most 2 bytes"},
    {"05_LengthPast100MB", Length(100'000'001) + "{}", "found a length of 100000001"},
    {"06_LengthAllOnes", Length(UINT64_MAX) + "{}", "found a length of 18446744073709551615"},
    {"07_ZeroedHeader", Length(16) + std::string(16, '\0'), "byte 8: expected '{', found '\\x00'"},
    {"07_ZeroedFile", std::string(64, '\0'), "byte 8: expected '{'"},
    {"08_GitLfsPointer", "version https://git-lfs.github.com/spec/v1\noid sha256:4cac19622fc3ada9\nsize 1\n",
     "a Git-LFS pointer"},
    {"09_HtmlPage", "<!DOCTYPE html>\n<html><head><title>404</title></head></html>", "an HTML page"},
    {"09_HtmlPageAfterBlankLines", "\n\n  <HTML lang=\"en\"></HTML>", "an HTML page"},
    {"10_BadUtf8", File("{\"\xFF\":1}", 0), "byte 10: expected UTF-8"},
    {"10_Utf8Surrogate", File("{\"\xED\xA0\x80\":1}", 0), "byte 10: expected UTF-8"},
    {"10_LoneSurrogateEscape", File("{" + Tensor("\\ud800", "U8", "2", "0,2") + "}", 2), "expected JSON"},
    {"11_TruncatedJson", File("{" + kW, 2), "expected JSON"},
    {"11_UnclosedString", File("{\"w", 2), "expected JSON"},
    {"12_BytesAfterTheJson", File("{" + kW + "}x", 2), "expected"},
    {"12_SecondValue", File("{" + kW + "}{}", 2), "byte 61: expected the end of the JSON"},
    {"12_ZeroBytesAfterTheJson", File("{" + kW + "}" + std::string(3, '\0'), 2), "expected"},
    {"13_NestedMetadata", File(Nested(R"({"__metadata__":{"a":)", 100'000, "}}"), 0),
     "__metadata__: a: expected a string, found ["},
    {"13_NestedTensor", File(Nested(R"({"w":)", 100'000, "}"), 0), "tensor 'w': expected a JSON object, found ["},
    {"13_NestedShape", File(Nested(R"({"w":{"shape":)", 100'000, "}}"), 0), "tensor 'w': shape: expected integers"},
    {"13_NestedDType", File(Nested(R"({"w":{"dtype":)", 100'000, "}}"), 0), "tensor 'w': dtype: expected a string"},
    {"14_DuplicateTensor", File("{" + kW + "," + kW + "}", 2), "expected one tensor of each name, found a second 'w'"},
    {"14_DuplicateTensorByEscape", File("{" + kW + "," + Tensor("\\u0077", "U8", "2", "2,4") + "}", 4), "a second 'w'"},
    {"14_DuplicateMetadata", File(R"({"__metadata__":{},"__metadata__":{}})", 0), "a second '__metadata__'"},
    {"14_DuplicateMetadataEntry", File(R"({"__metadata__":{"a":"1","a":"2"}})", 0), "__metadata__: a: expected one"},
    {"15_DuplicateDType", File(R"({"w":{"dtype":"U8","dtype":"U8","shape":[2],"data_offsets":[0,2]}})", 2),
     "tensor 'w': dtype: expected one field"},
    {"15_DuplicateShape", File(R"({"w":{"dtype":"U8","shape":[2],"shape":[2],"data_offsets":[0,2]}})", 2),
     "tensor 'w': shape: expected one field"},
    {"15_DuplicateOffsets", File(R"({"w":{"dtype":"U8","shape":[2],"data_offsets":[0,2],"data_offsets":[0,2]}})", 2),
     "tensor 'w': data_offsets: expected one field"},
    {"16_MissingDType", File(R"({"w":{"shape":[2],"data_offsets":[0,2]}})", 2), "tensor 'w': dtype: expected a value"},
    {"16_MissingShape", File(R"({"w":{"dtype":"U8","data_offsets":[0,2]}})", 2), "tensor 'w': shape: expected a value"},
    {"16_MissingOffsets", File(R"({"w":{"dtype":"U8","shape":[2]}})", 2), "tensor 'w': data_offsets: expected a value"},
    {"16_UnknownField", File(R"({"w":{"dtype":"U8","shape":[2],"data_offsets":[0,2],"strides":[1]}})", 2),
     "tensor 'w': strides: expected dtype, shape and data_offsets only"},
    {"17_UnknownDType", With("2", "0,2", "U9"), "tensor 'w': dtype: expected a dtype of the format, found U9"},
    {"17_LowerCaseDType", With("2", "0,2", "u8"), "found u8"},
    {"17_GgufDType", With("2", "0,2", "Q4_K"), "found Q4_K"},
    {"17_DTypeIsNoString", File(R"({"w":{"dtype":8,"shape":[2],"data_offsets":[0,2]}})", 2),
     "tensor 'w': dtype: expected a string, found 8"},
    {"18_NegativeSize", With("-2", "0,2"), "tensor 'w': shape: expected integers in [0, 2^53], found -2"},
    {"18_MinusZero", With("-0", "0,0"), "tensor 'w': shape: expected integers in [0, 2^53], found -0"},
    {"18_FloatSize", With("2.0", "0,2"), "tensor 'w': shape: expected integers in [0, 2^53], found 2.0"},
    {"18_Exponent", With("2e0", "0,2"), "found 2e0"},
    {"18_SizePast2To53", With("9007199254740993", "0,2"), "found 9007199254740993"},
    {"18_SizePast2To64", With("18446744073709551618", "0,2"), "found 18446744073709551618"},
    {"18_OffsetPast2To53", With("2", "0,9007199254740993"), "tensor 'w': data_offsets: expected integers"},
    {"18_NegativeOffset", With("2", "-2,0"), "tensor 'w': data_offsets: expected integers"},
    {"18_StringSize", With("\"2\"", "0,2"), "tensor 'w': shape: expected integers"},
    {"18_NullSize", With("null", "0,2"), "tensor 'w': shape: expected integers"},
    {"18_ShapeIsNoArray", File(R"({"w":{"dtype":"U8","shape":2,"data_offsets":[0,2]}})", 2),
     "tensor 'w': shape: expected a JSON array, found 2"},
    {"18_OneOffset", With("2", "2"), "tensor 'w': data_offsets: expected 2 numbers, found 1"},
    {"18_ThreeOffsets", With("2", "0,1,2"), "tensor 'w': data_offsets: expected 2 numbers, found 3"},
    {"18_NoOffsets", With("2", ""), "tensor 'w': data_offsets: expected 2 numbers, found 0"},
    {"19_ShapeProductOverflow", With("4294967296,4294967296", "0,2"), "tensor 'w': shape: expected a whole number"},
    {"19_ShapeProductWrapsToTheSize", With("4294967296,4294967296,2", "0,2"), "tensor 'w': shape: expected"},
    {"19_ShapeProductPastSigned", With("4294967296,2147483648", "0,2"), "tensor 'w': shape: expected"},
    {"20_BitCountOverflow", With("4294967296,536870912", "0,0", "F64"), "tensor 'w': shape: expected a whole number"},
    {"21_ShapeIsNotTheBytes", With("3", "0,2"), "tensor 'w': data_offsets: expected 3 bytes for U8 [3], found 2"},
    {"21_DTypeIsNotTheBytes", With("2", "0,2", "F32"), "expected 8 bytes for F32 [2], found 2"},
    {"22_ReversedOffsets", With("2", "2,0"), "tensor 'w': data_offsets: expected begin <= end, found [2, 0]"},
    {"23_Overlap", File("{" + kW + "," + Tensor("x", "U8", "2", "1,3") + "}", 3),
     "tensor 'x': data_offsets: expected to begin at 2, where the data before it ends, found 1 (an overlap)"},
    {"23_SameBytesTwice", File("{" + kW + "," + Tensor("x", "U8", "2", "0,2") + "}", 2),
     "tensor 'x': data_offsets: expected to begin at 2"},
    {"24_Hole", File("{" + kW + "," + Tensor("x", "U8", "2", "3,5") + "}", 5),
     "tensor 'x': data_offsets: expected to begin at 2, where the data before it ends, found 3 (a hole)"},
    {"24_HoleAtTheStart", File("{" + Tensor("w", "U8", "2", "1,3") + "}", 3), "expected to begin at 0"},
    {"24_ZeroSizedTensorFarAway", With("0", "7,7"), "expected to begin at 0"},
    {"25_TrailingBytes", File("{" + kW + "}", 3),
     "byte 63: expected the end of the file behind the last tensor, found 1"},
    {"25_TrailingBytesWithoutTensors", File("{}", 1), "byte 10: expected the end of the file"},
    {"26_DataShortByOneByte", File("{" + kW + "}", 1), "tensor 'w': byte 61: expected a file of 63 bytes, found 62"},
    {"26_NoDataAtAll", File("{" + kW + "}", 0), "tensor 'w': byte 61: expected a file of 63 bytes, found 61"},
    {"27_OddCountF4", With("3", "0,2", "F4"), "tensor 'w': shape: expected a whole number of bytes"},
    {"27_OddCountF6", With("2", "0,2", "F6_E2M3"), "tensor 'w': shape: expected a whole number of bytes"},
    {"28_NumberInMetadata", File(R"({"__metadata__":{"n":1}})", 0), "__metadata__: n: expected a string, found 1"},
    {"28_NullInMetadata", File(R"({"__metadata__":{"n":null}})", 0), "__metadata__: n: expected a string, found null"},
    {"28_ObjectInMetadata", File(R"({"__metadata__":{"n":{}}})", 0), "__metadata__: n: expected a string"},
    {"28_MetadataIsNoObject", File(R"({"__metadata__":"pt"})", 0), "__metadata__: expected a JSON object"},
    {"29_NulInName", File("{" + Tensor("a\\u0000b", "U8", "2", "0,2") + "}", 2), "tensor 'a\\000b': expected a name"},
    {"29_NewlineInName", File("{" + Tensor("a\\nb", "U8", "2", "0,2") + "}", 2), "tensor 'a\\nb': expected a name"},
    {"29_WayUpInName", File("{" + Tensor("../w", "U8", "2", "0,2") + "}", 2), "tensor '../w': expected a name"},
    {"29_WayUpInsideName", File("{" + Tensor("a/../w", "U8", "2", "0,2") + "}", 2), "tensor 'a/../w': expected a name"},
    {"29_WayUpByBackslash", File("{" + Tensor("a\\\\..\\\\w", "U8", "2", "0,2") + "}", 2), "expected a name"},
    {"29_NameTooLong", File("{" + Tensor(std::string(1001, 'n'), "U8", "2", "0,2") + "}", 2),
     "expected a name of at most 1000 bytes, found 1001"},
    {"19_TooManySizes", With(Sizes(65), "0,2"), "tensor 'w': shape: expected at most 64 sizes, found 65"},
    {"17_LongDType", With("2", "0,2", std::string(100, 'F')),
     "found FFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFF..."},
    {"31_LeadingSpace", File(" {" + kW + "}", 2), "byte 8: expected '{', found ' '"},
    {"31_LeadingNewline", File("\n{" + kW + "}", 2), "byte 8: expected '{', found '\\n'"},
    {"31_ByteOrderMark", File("\xEF\xBB\xBF{" + kW + "}", 2), "byte 8: expected '{', found '\\xef'"},
    {"33_RootIsAnArray", File("[" + kW + "]", 2), "byte 8: expected '{', found '['"},
    {"33_MemberIsNoObject", File(R"({"w":1})", 0), "tensor 'w': expected a JSON object, found 1"},
};

INSTANTIATE_TEST_SUITE_P(Catalogue, BadHeader, ::testing::ValuesIn(kBadHeaders),
                         [](const auto& info) { return info.param.name; });

class GoodHeader : public ::testing::TestWithParam<Case> {};

TEST_P(GoodHeader, IsRead) {
  const absl::StatusOr<Header> header = Read(GetParam().bytes);
  EXPECT_TRUE(header.ok()) << header.status();
}

const Case kGoodHeaders[] = {
    {"NoTensors", File("{}", 0)},
    {"Plain", File("{" + kW + "}", 2)},
    {"12_TrailingSpaces", File("{" + kW + "}   ", 2)},
    {"12_TrailingWhiteSpace", File("{" + kW + "}\n\t \r", 2)},
    {"18_NumberAt2To53", File("{" + Tensor("w", "U8", "0,9007199254740992", "0,0") + "}", 0)},
    {"29_LongestName", File("{" + Tensor(std::string(1000, 'n'), "U8", "2", "0,2") + "}", 2)},
    {"19_MostSizes", With(Sizes(64), "0,2")},
    {"30_ZeroDimension", File("{" + Tensor("z", "F32", "2,0,3", "0,0") + "}", 0)},
    {"30_RankZero", File("{" + Tensor("s", "F32", "", "0,4") + "}", 4)},
    {"30_ZeroDimensionBetween",
     File("{" + kW + "," + Tensor("z", "F32", "0", "2,2") + "," + Tensor("x", "U8", "1", "2,3") + "}", 3)},
    {"AnyOrderOfMembers", File("{" + Tensor("x", "U8", "1", "2,3") + "," + kW + "}", 3)},
    {"AnyOrderOfFields", File(R"({"w":{"data_offsets":[0,2],"shape":[2],"dtype":"U8"}})", 2)},
    {"WhiteSpaceInside", File("{ \"w\" : { \"dtype\" : \"U8\" ,\n\"shape\":[ 2 ], \"data_offsets\":[0, 2] } }", 2)},
    {"EvenCountF4", With("4", "0,2", "F4")},
    {"FourF6", File("{" + Tensor("w", "F6_E3M2", "4", "0,3") + "}", 3)},
    {"DotsInName", File("{" + Tensor("a..b/c.", "U8", "2", "0,2") + "}", 2)},
    {"MetadataValuesAreFree", File(R"({"__metadata__":{"a":"\u0000../\n","":""}})", 0)},
};

INSTANTIATE_TEST_SUITE_P(Catalogue, GoodHeader, ::testing::ValuesIn(kGoodHeaders),
                         [](const auto& info) { return info.param.name; });

TEST(Header, TellsWhatItHolds) {
  const std::string json = "{\"__metadata__\":{\"format\":\"pt\"}," + Tensor("b\\u00e9", "BF16", "2,3", "4,16") + "," +
                           Tensor("a", "F32", "", "0,4") + "}";
  const absl::StatusOr<Header> header = Read(File(json, 16));
  ASSERT_TRUE(header.ok()) << header.status();
  EXPECT_THAT(header->metadata, ::testing::ElementsAre(::testing::Pair("format", "pt")));
  ASSERT_EQ(header->tensors.size(), 2);
  const StoredTensor &a = header->tensors[0], &b = header->tensors[1];  // in the order of their bytes
  EXPECT_EQ(a.name, "a");
  EXPECT_EQ(a.dtype, DType::kF32);
  EXPECT_TRUE(a.shape.empty());
  EXPECT_EQ(a.offset, 8 + json.size());
  EXPECT_EQ(a.bytes, 4);
  EXPECT_EQ(b.name, "b\xC3\xA9");
  EXPECT_EQ(b.dtype, DType::kBF16);
  EXPECT_THAT(b.shape, ::testing::ElementsAre(2, 3));
  EXPECT_EQ(b.offset, 8 + json.size() + 4);
  EXPECT_EQ(b.bytes, 12);
}

TEST(Header, AllDTypesOfTheFormatAreRead) {
  for (const char* name : {"BOOL",    "F4",          "F6_E2M3",     "F6_E3M2", "U8",  "I8",  "F8_E5M2", "F8_E4M3",
                           "F8_E8M0", "F8_E4M3FNUZ", "F8_E5M2FNUZ", "I16",     "U16", "F16", "BF16",    "I32",
                           "U32",     "F32",         "C64",         "F64",     "I64", "U64"}) {
    const DTypeInfo& info = *FindSafetensorsDType(name);
    const std::string bytes = absl::StrCat(info.block_bits);  // of 8 elements
    const absl::StatusOr<Header> header = Read(File("{" + Tensor("w", name, "8", "0," + bytes) + "}", info.block_bits));
    ASSERT_TRUE(header.ok()) << header.status();
    EXPECT_EQ(header->tensors[0].dtype, info.id);
  }
}

const std::string kSmallFile =
    File("{\"__metadata__\":{\"k\":\"v\\n\"}," + kW + "," + Tensor("x", "F16", "1,0", "2,2") + "}", 2);

TEST(Header, EveryCutOfAFileIsRefused) {
  ASSERT_TRUE(Read(kSmallFile).ok());
  for (size_t size = 0; size < kSmallFile.size(); ++size) {
    EXPECT_EQ(Read(kSmallFile.substr(0, size)).status().code(), absl::StatusCode::kDataLoss) << size;
  }
}

TEST(Header, EveryCutOfTheJsonIsRefused) {
  const size_t json_bytes = kSmallFile.size() - 8 - 2;
  for (size_t size = 0; size < json_bytes; ++size) {
    EXPECT_EQ(Read(File(kSmallFile.substr(8, size), 2)).status().code(), absl::StatusCode::kDataLoss) << size;
  }
}

// Whatever a byte becomes, the answer is the header or an error of the data: never a crash, a giant allocation, a read
// outside.
TEST(Header, AnyOneByteMayBeAnything) {
  for (size_t i = 0; i < kSmallFile.size(); ++i) {
    for (int value = 0; value < 256; ++value) {
      std::string changed = kSmallFile;
      changed[i] = static_cast<char>(value);
      const absl::Status status = Read(changed).status();
      EXPECT_TRUE(status.ok() || absl::IsDataLoss(status)) << i << " = " << value << ": " << status;
    }
  }
}

// The same for pieces of JSON in the wrong places.
TEST(Header, ShuffledJsonNeverCrashes) {
  const std::string kPieces[] = {"{",
                                 "}",
                                 "[",
                                 "]",
                                 ",",
                                 ":",
                                 "\"w\"",
                                 "\"dtype\"",
                                 "\"U8\"",
                                 "\"shape\"",
                                 "\"data_offsets\"",
                                 "\"__metadata__\"",
                                 "0",
                                 "2",
                                 "-1",
                                 "1e9",
                                 "null",
                                 "tru",
                                 "\\",
                                 "\"",
                                 " ",
                                 "[2]",
                                 "[0,2]",
                                 kW};
  std::mt19937 random(1);
  for (int round = 0; round < 20'000; ++round) {
    std::string json = "{";
    const int pieces = static_cast<int>(random() % 12);
    for (int i = 0; i < pieces; ++i) json += kPieces[random() % std::size(kPieces)];
    if (random() % 2) json += "}";
    const absl::Status status = Read(File(json, 2)).status();
    EXPECT_TRUE(status.ok() || absl::IsDataLoss(status)) << json << ": " << status;
  }
}

}  // namespace
}  // namespace nibble::safetensors
