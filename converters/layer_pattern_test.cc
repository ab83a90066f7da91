#include "converters/layer_pattern.h"

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "formats/gguf/gguf.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace nibble {
namespace {

using ::testing::HasSubstr;

constexpr char kKey[] = "x.attention.sliding_window_pattern";

absl::StatusOr<LayerPattern> Read(const gguf::Value& value) {
  gguf::Metadata metadata("x.gguf");
  metadata.Set(kKey, value);
  return PatternFromGguf(metadata, "x", 4, 2);
}

TEST(LayerPattern, EveryNthLayerIsGlobal) {
  EXPECT_EQ(EveryNthGlobal(5, 2), (LayerPattern{true, false, true, false, true}));
  EXPECT_EQ(EveryNthGlobal(2, 1), (LayerPattern{false, false}));
  EXPECT_EQ(EveryNthGlobal(2, 0), (LayerPattern{true, true}));
}

TEST(LayerPattern, AGgufHasAPeriodOrAListOrNothing) {
  EXPECT_EQ(PatternFromGguf(gguf::Metadata(), "x", 4, 2).value(), EveryNthGlobal(4, 2));
  EXPECT_EQ(Read(uint32_t{3}).value(), EveryNthGlobal(4, 3));
  const LayerPattern expected = {true, true, false, false};
  EXPECT_EQ(Read(gguf::Array(std::vector<bool>{true, true, false, false})).value(), expected);
  EXPECT_EQ(Read(gguf::Array(std::vector<uint32_t>{1, 1, 0, 0})).value(), expected);
}

TEST(LayerPattern, IsWrittenWhereItIsNotLlamaCpps) {
  gguf::Metadata metadata;
  PatternToGguf(EveryNthGlobal(4, 2), "x", 2, metadata);
  EXPECT_EQ(metadata.Find(kKey), nullptr);
  PatternToGguf(EveryNthGlobal(4, 2), "x", 6, metadata);
  EXPECT_EQ(PatternFromGguf(metadata, "x", 4, 6).value(), EveryNthGlobal(4, 2));
}

TEST(LayerPattern, BadKeysAreNamed) {
  for (const gguf::Value& value :
       {gguf::Value(gguf::Array(std::vector<bool>{true})), gguf::Value(gguf::Array(std::vector<std::string>(4))),
        gguf::Value(uint32_t{1 << 30}), gguf::Value(std::string("all"))}) {
    const absl::Status status = Read(value).status();
    EXPECT_EQ(status.code(), absl::StatusCode::kDataLoss);
    EXPECT_THAT(std::string(status.message()), HasSubstr("x.attention.sliding_window_pattern': expected"));
  }
}

}  // namespace
}  // namespace nibble
