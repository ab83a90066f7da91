#include "formats/json/write.h"

#include <string>

#include "formats/json/json.h"
#include "gtest/gtest.h"

namespace nibble::json {
namespace {

Document Parse(const std::string& text) { return Document::Parse(text, "t.json").value(); }

TEST(Write, KeepsKindsAndOrder) {
  const char* const text = R"({
  "z": 10000.0,
  "a": 10000,
  "tiny": 1e-05,
  "big": -9007199254740993,
  "quoted \"\u000a": "é\\",
  "none": null,
  "flags": [
    true,
    false,
    []
  ],
  "nested": {
    "empty": {}
  }
})";
  EXPECT_EQ(Text(Parse(text).root()), text);
}

TEST(Write, ReplacesMembers) {
  const Document document = Parse(R"({"a": 1, "q": {"old": 2}, "b": 3})");
  EXPECT_EQ(TextWith(document.root(), {"b"}, "q", "{}"), "{\n  \"a\": 1,\n  \"q\": {}\n}");
  EXPECT_EQ(TextWith(Parse("{}").root(), {}, "q", "1"), "{\n  \"q\": 1\n}");
}

}  // namespace
}  // namespace nibble::json
