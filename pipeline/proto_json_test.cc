#include "pipeline/proto_json.h"

#include <string>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "pipeline/check/check.pb.h"
#include "pipeline/output/manifest.pb.h"

namespace nibble {
namespace {

Manifest Example() {
  Manifest manifest;
  manifest.set_nibble("1");
  JobRecipe& recipe = *manifest.mutable_recipe();
  recipe.set_job("quantize");
  recipe.set_pure(true);
  recipe.mutable_fit()->set_bytes(uint64_t{5} << 32);
  recipe.mutable_calibration()->set_ctx(512);
  for (const char* name : {"a\"b", "c"}) manifest.add_tensors()->set_name(name);
  return manifest;
}

constexpr char kText[] = R"({
  "nibble": "1",
  "recipe": {"job": "quantize", "pure": true, "fit": {"bytes": 21474836480}, "calibration": {"ctx": 512}},
  "tensors": [
    {"name": "a\"b"},
    {"name": "c"}
  ]
})";

absl::Status Parse(const std::string& text, google::protobuf::Message& message) {
  const absl::StatusOr<json::Document> document = json::Document::Parse(text, "x.json");
  if (!document.ok()) return document.status();
  return JsonToProto(document->root(), message);
}

TEST(ProtoJsonTest, TextAndBack) {
  EXPECT_EQ(ProtoToJson(Example()), kText);
  Manifest read;
  ASSERT_EQ(Parse(kText, read), absl::OkStatus());
  EXPECT_EQ(read.DebugString(), Example().DebugString());
}

TEST(ProtoJsonTest, NumbersOfZeroThatAreSetStay) {
  TensorDifference difference;
  difference.set_relative_error(0);
  EXPECT_EQ(ProtoToJson(difference), "{\n  \"relative_error\": 0\n}");
}

TEST(ProtoJsonTest, WhatIsNotUtf8IsEscaped) {
  Manifest manifest;
  manifest.set_nibble("\xff");
  EXPECT_EQ(ProtoToJson(manifest), "{\n  \"nibble\": \"\\\\xff\"\n}");
}

TEST(ProtoJsonTest, MembersOfLaterVersionsAreIgnored) {
  Manifest manifest;
  EXPECT_EQ(Parse(R"({"new": [1], "recipe": {"newer": 1, "job": "convert"}})", manifest), absl::OkStatus());
  EXPECT_EQ(manifest.recipe().job(), "convert");
}

TEST(ProtoJsonTest, OtherKindsAreNamed) {
  constexpr struct {
    const char* text;
    const char* place;
  } kCases[] = {
      {"[]", "$: expected an object"},
      {R"({"nibble": 1})", "$.nibble: expected"},
      {R"({"recipe": "x"})", "$.recipe: expected an object"},
      {R"({"recipe": {"pure": 1}})", "$.recipe.pure: expected"},
      {R"({"recipe": {"calibration": {"ctx": 4294967296}}})", "$.recipe.calibration.ctx: expected"},
      {R"({"sources": {}})", "$.sources: expected an array"},
      {R"({"sources": [{"bytes": -1}]})", "$.sources[0].bytes: expected"},
  };
  for (const auto& [text, place] : kCases) {
    Manifest manifest;
    const absl::Status status = Parse(text, manifest);
    EXPECT_TRUE(absl::IsDataLoss(status)) << text;
    EXPECT_THAT(std::string(status.message()), testing::HasSubstr(place));
  }
}

}  // namespace
}  // namespace nibble
