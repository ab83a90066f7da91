#include "cli/json_writer.h"

#include <gtest/gtest.h>

#include <cstdlib>
#include <limits>

namespace nibble::cli {
namespace {

std::string OneNumber(double value) {
  JsonWriter json;
  json.Number(value);
  return json.Take();
}

std::string OneString(absl::string_view value) {
  JsonWriter json;
  json.String(value);
  return json.Take();
}

TEST(JsonWriter, Nests) {
  JsonWriter json(JsonWriter::Layout::kOneLine);
  json.BeginObject();
  json.Key("ids").BeginArray().Number(uint64_t{1}).Number(uint64_t{18446744073709551615u}).EndArray();
  json.Key("empty").BeginObject().EndObject();
  json.Key("ok").Bool(true);
  json.EndObject();
  EXPECT_EQ(json.Take(), R"({"ids": [1, 18446744073709551615], "empty": {}, "ok": true})");
}

TEST(JsonWriter, Indents) {
  JsonWriter json;
  json.BeginObject();
  json.Key("a").BeginArray().Bool(false).EndArray();
  json.EndObject();
  EXPECT_EQ(json.Take(), "{\n  \"a\": [\n    false\n  ]\n}");
}

TEST(JsonWriter, NumbersReadBackAsTheyWere) {
  const double values[] = {0.1, 1.0 / 3, 5e-324, 1.7976931348623157e308, -2.5e-7, 123456789.125};
  for (const double value : values) EXPECT_EQ(std::strtod(OneNumber(value).c_str(), nullptr), value);
}

TEST(JsonWriter, HasNoNaN) {
  EXPECT_EQ(OneNumber(std::numeric_limits<double>::quiet_NaN()), "null");
  EXPECT_EQ(OneNumber(-std::numeric_limits<double>::infinity()), "null");
}

TEST(JsonWriter, EscapesStrings) {
  EXPECT_EQ(OneString("a\"b\\c\n\x01"), R"("a\"b\\c\u000a\u0001")");
  EXPECT_EQ(OneString("Δ 模"), "\"Δ 模\"");
  EXPECT_EQ(OneString("caf\xe9!"), "\"caf\uFFFD!\"");
}

}  // namespace
}  // namespace nibble::cli
