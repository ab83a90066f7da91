#include "formats/json/json.h"

#include <string>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace nibble::json {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

Document ParseOk(std::string text) {
  absl::StatusOr<Document> document = Document::Parse(std::move(text), "f.json");
  EXPECT_TRUE(document.ok()) << document.status();
  return *std::move(document);
}

struct BadText {
  const char* name;
  std::string text;
  const char* message;  // a part of it
};

class BadJson : public ::testing::TestWithParam<BadText> {};

TEST_P(BadJson, IsRefusedWithItsPlace) {
  const absl::Status status = Document::Parse(GetParam().text, "f.json").status();
  EXPECT_EQ(status.code(), absl::StatusCode::kDataLoss) << status;
  EXPECT_THAT(std::string(status.message()), HasSubstr(GetParam().message));
  EXPECT_TRUE(absl::StartsWith(status.message(), "f.json: ")) << status;
  EXPECT_FALSE(absl::StrContains(status.message(), "\n")) << status;
}

std::string Nested(int depth) { return std::string(depth, '[') + std::string(depth, ']'); }

INSTANTIATE_TEST_SUITE_P(
    Cases, BadJson,
    ::testing::Values(
        BadText{"Empty", "", "byte 0: expected JSON, found nothing"},
        BadText{"WhiteSpace", " \n", "byte 0: expected JSON, found nothing"},
        BadText{"Scalar", "42", "byte 0: expected a JSON object or array"},
        BadText{"Word", "hello", "byte 0: expected"}, BadText{"ByteOrderMark", "\xEF\xBB\xBF{}", "byte order mark"},
        BadText{"Utf16", std::string("\xFF\xFE{\0}\0", 6), "byte 0: expected JSON in UTF-8, found UTF-16's"},
        BadText{"Utf16BigEndian", std::string("\xFE\xFF\0{\0}", 6), "byte 0: expected JSON in UTF-8, found UTF-16's"},
        BadText{"BadUtf8", "{\"a\": \"\xFF\"}", "byte 7: expected UTF-8"},
        BadText{"Utf8CutAtTheEnd", "{\"a\": \"\xE2\x82", "f.json: expected JSON"},
        BadText{"SurrogateInUtf8", "{\"a\": \"\xED\xA0\x80\"}", "byte 7: expected UTF-8"},
        BadText{"LoneSurrogateEscape", R"({"a": "\ud800"})", "expected JSON"},
        BadText{"BadEscape", R"({"a": "\q"})", "expected JSON"},
        BadText{"BadEscapeInKey", R"({"\q": 1})", "expected JSON"},
        BadText{"ControlCharacter", "{\"a\": \"\n\"}", "expected JSON"},
        BadText{"UnclosedString", R"({"a": "b)", "expected JSON"}, BadText{"UnclosedObject", R"({"a": 1)", "expected"},
        BadText{"UnclosedInner", R"({"a": {"b": 1})", "expected JSON"},
        BadText{"UnclosedArray", R"({"a": [1, 2})", "expected JSON"},
        BadText{"MissingColon", R"({"a" 1})", "byte 5: expected JSON"},
        BadText{"MissingComma", R"({"a": [1 2]})", "byte 9: expected JSON"},
        BadText{"CommaAtTheEnd", R"({"a": [1,]})", "byte 9: expected JSON"},
        BadText{"CommaAtTheEndOfAnObject", R"({"a": 1,})", "byte 8: expected JSON"},
        BadText{"KeyIsNoString", R"({1: 1})", "expected JSON"}, BadText{"NaN", R"({"a": NaN})", "expected JSON"},
        BadText{"MisspeltNull", R"({"a": nul})", "expected JSON"},
        BadText{"MisspeltTrue", R"({"a": truee})", "expected JSON"},
        BadText{"LeadingZero", R"({"a": 01})", "expected JSON"}, BadText{"Plus", R"({"a": +1})", "expected JSON"},
        BadText{"HugeLeadingZero", R"({"a": 00000000000000000000000000})", "expected JSON"},
        BadText{"HugeNumberWithLetters", R"({"a": 1000000000000000000000000x})", "expected JSON"},
        BadText{"PastDouble", R"({"a": 1e999})", "expected JSON"},
        BadText{"PastDoubleInDigits", absl::StrCat("{\"a\": 1", std::string(400, '0'), "}"), "expected JSON"},
        BadText{"Comment", "{\"a\": 1 /* one */}", "expected JSON"}, BadText{"SingleQuotes", "{'a': 1}", "expected"},
        // From 3.2 on simdjson looks for the closing brace before the first value.
        BadText{"TextBehind", R"({"a": 1} x)", "expected"},
        BadText{"TwoValues", "{}{}", "byte 2: expected the end of the JSON"},
        BadText{"BracketBehind", R"({"a": 1}})", "byte 8: expected the end of the JSON"},
        BadText{"DuplicateKey", R"({"a": {"b": 1, "c": 2, "b": 3}})", "f.json: $.a.b: expected one member"},
        BadText{"DuplicateKeyByEscape", R"({"a": 1, "\u0061": 2})", "f.json: $.a: expected one member"},
        BadText{"TooDeep", Nested(65), "byte 64: expected nesting of at most 64"},
        BadText{"MuchTooDeep", Nested(100000), "expected nesting of at most 64"}),
    [](const auto& info) { return info.param.name; });

TEST(Json, DuplicateAmongManyMembersIsSeen) {
  std::string text = "{";
  for (int i = 0; i < 1000; ++i) absl::StrAppend(&text, "\"k", i, "\": 0, ");
  const absl::Status status = Document::Parse(text + "\"k500\": 1}", "f.json").status();
  EXPECT_THAT(std::string(status.message()), HasSubstr("$.k500: expected one member of this name"));
}

// Whatever is cut off or changed, the parser says no or gives a tree: no crash, no read outside.
TEST(Json, EveryCutIsRefusedAndNoFlippedByteCrashes) {
  const std::string text =
      R"({"a": [1, -2.5e3, "x\u00e9\n", null, true, {}], "b": {"c": [[]], "d": 18446744073709551616}})";
  ASSERT_TRUE(Document::Parse(text, "f").ok());
  for (size_t size = 0; size < text.size(); ++size) {
    EXPECT_FALSE(Document::Parse(text.substr(0, size), "f").ok()) << size;
  }
  for (size_t i = 0; i < text.size(); ++i) {
    for (int value = 0; value < 256; ++value) {
      std::string changed = text;
      changed[i] = static_cast<char>(value);
      const auto document = Document::Parse(changed, "f");
      if (document.ok()) document->root().Found();
    }
  }
}

TEST(Json, DepthOfSixtyFourIsRead) { EXPECT_TRUE(Document::Parse(Nested(64), "f").ok()); }

TEST(Json, ScalarsKeepTheirValues) {
  const Document document = ParseOk(
      R"({"min": -9223372036854775808, "max": 9223372036854775807, "past": 9223372036854775808,
          "huge": 1000000000000000019884624838656, "minus": -100000000000000000000, "float": 4.0, "s": "\u00e9\u0000x",
          "t": true, "n": null})");
  const Value root = document.root();
  EXPECT_EQ(root.Get("min").Int(INT64_MIN, INT64_MAX).value(), INT64_MIN);
  EXPECT_EQ(root.Get("max").Int(INT64_MIN, INT64_MAX).value(), INT64_MAX);
  EXPECT_EQ(root.Get("past").Number().value(), 9223372036854775808.0);
  EXPECT_FALSE(root.Get("past").Int(INT64_MIN, INT64_MAX).ok());
  EXPECT_EQ(root.Get("huge").Number().value(), 1e30);
  EXPECT_EQ(root.Get("minus").Number().value(), -1e20);
  EXPECT_EQ(root.Get("float").Number().value(), 4.0);
  EXPECT_FALSE(root.Get("float").Int(0, 10).ok());
  EXPECT_EQ(root.Get("s").String().value(), absl::string_view("\xC3\xA9\0x", 4));
  EXPECT_TRUE(root.Get("t").Bool().value());
  EXPECT_TRUE(root.Get("n").is_null());
}

TEST(Json, AbsentAndNullTakeTheDefaultAndWrongTypesDoNot) {
  const Document document = ParseOk(R"({"null": null, "text": "x"})");
  const Value root = document.root();
  for (const char* key : {"null", "missing"}) {
    EXPECT_EQ(root.Get(key).IntOr(7, 0, 9).value(), 7);
    EXPECT_EQ(root.Get(key).NumberOr(0.5).value(), 0.5);
    EXPECT_EQ(root.Get(key).BoolOr(true).value(), true);
    EXPECT_EQ(root.Get(key).StringOr("d").value(), "d");
  }
  EXPECT_FALSE(root.Get("text").IntOr(7, 0, 9).ok());
  EXPECT_FALSE(root.Get("text").NumberOr(0.5).ok());
  EXPECT_FALSE(root.Get("text").BoolOr(true).ok());
  EXPECT_EQ(root.Get("text").StringOr("d").value(), "x");
}

TEST(Json, ErrorsNamePathExpectedAndFound) {
  const Document document = ParseOk(R"({"layers": "four", "list": [{"a b": [1, 2]}], "big": 12})");
  const Value root = document.root();
  EXPECT_EQ(root.Get("layers").Int(1, 100).status().message(),
            "f.json: $.layers: expected an integer in [1, 100], found \"four\"");
  EXPECT_EQ(root.Get("big").Int(1, 10).status().message(), "f.json: $.big: expected an integer in [1, 10], found 12");
  EXPECT_EQ(root.Get("x").Get("y").At(3).Bool().status().message(),
            "f.json: $.x.y[3]: expected true or false, found nothing");
  EXPECT_EQ(root.Get("list").At(0).Get("a b").At(1).String().status().message(),
            "f.json: $.list[0][\"a b\"][1]: expected a string, found 2");
  EXPECT_EQ(root.Get("list").Number().status().message(), "f.json: $.list: expected a number, found [{\"a b\":[1,2]}]");
}

TEST(Json, FoundIsShortOneLineAndWholeCharacters) {
  std::string text = "{\"s\": \"\\n";
  for (int i = 0; i < 100; ++i) text += "\xC3\xA9";
  const Document document = ParseOk(text + "\"}");
  const std::string found = document.root().Get("s").Found();
  EXPECT_LE(found.size(), 63);
  EXPECT_TRUE(absl::EndsWith(found, "\xC3\xA9...")) << found;
  EXPECT_TRUE(absl::StartsWith(found, "\"\\u000a")) << found;
}

TEST(Json, MembersAndElementsKeepTheOrder) {
  const Document document = ParseOk(R"({"b": [3, 1, 2], "a": {}, "c": []})");
  std::vector<std::string> keys;
  for (const auto& [key, value] : document.root().Members()) {
    keys.emplace_back(key);
    EXPECT_EQ(value.Place(), absl::StrCat("f.json: $.", key));
  }
  EXPECT_THAT(keys, ElementsAre("b", "a", "c"));
  std::vector<int64_t> numbers;
  for (const Value& value : document.root().Get("b").Elements()) numbers.push_back(value.Int(0, 9).value());
  EXPECT_THAT(numbers, ElementsAre(3, 1, 2));
  EXPECT_TRUE(document.root().Get("a").Elements().empty());
  EXPECT_TRUE(document.root().Get("b").Members().empty());
  EXPECT_EQ(document.root().Get("b").size(), 3);
}

TEST(Json, GetFindsAmongManyMembers) {
  std::string text = "{\"k\": {";
  for (int i = 0; i < 5000; ++i) absl::StrAppend(&text, i ? "," : "", "\"", i, "\": ", i);
  const Document document = ParseOk(text + "}}");
  const Value many = document.root().Get("k");
  for (int i = 0; i < 5000; ++i) EXPECT_EQ(many.Get(absl::StrCat(i)).Int(0, 5000).value(), i);
  EXPECT_FALSE(many.Get("5000").exists());
}

}  // namespace
}  // namespace nibble::json
