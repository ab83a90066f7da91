#include "formats/json/object.h"

#include <gtest/gtest.h>

#include <cstdlib>
#include <string>

namespace nibble::json {
namespace {

TEST(ObjectTest, HasItsMembersInTheirOrder) {
  Object inner;
  inner.SetString("text", "a \"b\"\n");
  Object object;
  object.SetInt("z", -1);
  object.SetBool("a", true);
  object.SetNull("none");
  object.SetObject("inner", inner);
  object.SetArray("list", {"1", "[]"});
  object.SetArray("empty", {});
  object.SetObject("nothing", Object());
  object.SetInt("z", 2);
  EXPECT_EQ(
      object.Text(),
      "{\n  \"z\": 2,\n  \"a\": true,\n  \"none\": null,\n  \"inner\": {\n    \"text\": \"a \\\"b\\\"\\u000a\"\n  },\n"
      "  \"list\": [\n    1,\n    []\n  ],\n  \"empty\": [],\n  \"nothing\": {}\n}");
}

TEST(ObjectTest, FloatsAreShortAndReadBack) {
  const struct {
    float value;
    const char* text;
  } kCases[] = {{1e-5f, "1e-05"}, {1e-6f, "1e-06"}, {500000, "500000.0"}, {0.1f, "0.1"},           {1e7f, "1e+07"},
                {7, "7.0"},       {0, "0.0"},       {2.827f, "2.827"},    {16777215, "16777215.0"}};
  for (const auto& [value, text] : kCases) {
    Object object;
    object.SetFloat("x", value);
    EXPECT_EQ(object.Text(), std::string("{\n  \"x\": ") + text + "\n}");
    EXPECT_EQ(std::strtof(text, nullptr), value);
  }
}

}  // namespace
}  // namespace nibble::json
