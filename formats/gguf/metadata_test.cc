#include <cmath>
#include <limits>

#include "formats/gguf/gguf.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace nibble::gguf {
namespace {

using ::testing::HasSubstr;

TEST(MetadataTest, SetAppendsOrReplacesWhereTheKeyStands) {
  Metadata metadata("f");
  metadata.Set("a", uint8_t{1});
  metadata.Set("b", true);
  metadata.Set("a", std::string("x"));
  ASSERT_EQ(metadata.entries().size(), 2);
  EXPECT_EQ(metadata.entries()[0].first, "a");
  EXPECT_EQ(std::get<std::string>(*metadata.Find("a")), "x");
  EXPECT_EQ(metadata.Find("c"), nullptr);
}

TEST(MetadataTest, EveryIntegerTypeServesUint) {
  for (const Value& value : {Value(uint8_t{7}), Value(int8_t{7}), Value(uint16_t{7}), Value(int16_t{7}),
                             Value(uint32_t{7}), Value(int32_t{7}), Value(uint64_t{7}), Value(int64_t{7})}) {
    Metadata metadata;
    metadata.Set("k", value);
    auto number = metadata.Uint("k", 7, 7);
    ASSERT_TRUE(number.ok()) << number.status();
    EXPECT_EQ(*number, 7);
  }
}

TEST(MetadataTest, GettersRefuseOtherTypesAndRanges) {
  Metadata metadata("dir/x.gguf");
  metadata.Set("negative", int32_t{-1});
  metadata.Set("huge", std::numeric_limits<uint64_t>::max());
  metadata.Set("flag", true);
  metadata.Set("float", 0.5f);
  metadata.Set("double", 0.1);
  metadata.Set("nan", std::nanf(""));
  metadata.Set("text", std::string("line\nbreak"));
  metadata.Set("list", Array(std::vector<int32_t>{1, 2}));
  struct Case {
    absl::Status status;
    const char* message;
  } const cases[] = {
      {metadata.Uint("absent", 0, 9).status(),
       "dir/x.gguf: key 'absent': expected an integer in [0, 9], found no such"},
      {metadata.Uint("negative", 0, 9).status(), "found -1"},
      {metadata.Uint("huge", 0, 9).status(), "found 18446744073709551615"},
      {metadata.Uint("flag", 0, 9).status(), "found true"},
      {metadata.Uint("float", 0, 9).status(), "found the float 0.5"},
      {metadata.Uint("text", 0, 9).status(), "found \"line\\nbreak\""},
      {metadata.Uint("list", 0, 9).status(), "found an array of 2"},
      {metadata.Float("nan").status(), "expected a finite float, found the float nan"},
      {metadata.Float("negative").status(), "found -1"},
      {metadata.Bool("negative").status(), "expected a bool, found -1"},
      {metadata.String("flag").status(), "expected a string, found true"},
  };
  for (const Case& c : cases) {
    EXPECT_EQ(c.status.code(), absl::StatusCode::kDataLoss);
    EXPECT_THAT(std::string(c.status.message()), HasSubstr(c.message));
  }
  EXPECT_EQ(*metadata.Float("float"), 0.5);
  EXPECT_EQ(*metadata.Float("double"), 0.1);
  EXPECT_TRUE(*metadata.Bool("flag"));
  EXPECT_EQ(*metadata.String("text"), "line\nbreak");
  EXPECT_EQ(*metadata.Uint("huge", 0, std::numeric_limits<uint64_t>::max()), std::numeric_limits<uint64_t>::max());
}

}  // namespace
}  // namespace nibble::gguf
