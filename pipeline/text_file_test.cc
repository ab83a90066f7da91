#include "pipeline/text_file.h"

#include <string>

#include "absl/status/status.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace nibble {
namespace {

using ::testing::HasSubstr;

TEST(TextFileTest, Texts) {
  struct Case {
    const char* what;
    const char* path;
    std::string content;
    std::string text;
  };
  for (const Case& c : {
           Case{"plain text is taken as it is", "a.txt", "{\"text\": 1}\n\n\xC3\xA9", "{\"text\": 1}\n\n\xC3\xA9"},
           {"a text per line", "a.jsonl", "{\"text\": \"one\\n\"}\n{\"text\": \"two\"}\n", "one\n\n\ntwo"},
           {"in any case, blank lines, no last newline, line ends of Windows", "a.JsonL",
            "\n{\"text\": \"one\"}\r\n \r\n{\"text\": \"two\"}", "one\n\ntwo"},
           {"empty texts leave no trace", "a.jsonl", "{\"text\": \"\"}\n{\"text\": \"a\"}\n{\"text\": \"\"}", "a"},
           {"other members do not count", "a.jsonl", R"({"id": 7, "text": "a", "messages": 3})", "a"},
           {"messages", "a.jsonl",
            R"({"messages": [{"role": "user", "content": "Hi"}, {"role": "assistant", "content": "Ho\nHum"}]})"
            "\n"
            R"({"messages": [{"role": "user", "content": "Bye"}]})",
            "user: Hi\nassistant: Ho\nHum\n\nuser: Bye"},
           {"conversations", "a.jsonl",
            R"({"conversations": [{"from": "human", "value": "Hi"}, {"from": "gpt", "value": "Ho"}]})",
            "human: Hi\ngpt: Ho"},
           {"content in parts", "a.jsonl",
            R"({"messages": [{"role": "u", "content": [{"type": "text", "text": "a"}, {"text": "b"}]}]})", "u: ab"},
           {"a turn without content", "a.jsonl",
            R"({"messages": [{"role": "a", "content": null, "tool_calls": []}, {"role": "b", "content": "c"}]})",
            "b: c"},
           {"special tokens are text", "a.jsonl", R"({"text": "<|im_start|>\u00e9"})", "<|im_start|>\xC3\xA9"},
       }) {
    const absl::StatusOr<std::string> text = ReadText({c.path, c.content});
    ASSERT_TRUE(text.ok()) << c.what << ": " << text.status();
    EXPECT_EQ(*text, c.text) << c.what;
  }
}

TEST(TextFileTest, MalformedLinesAreNamed) {
  struct Case {
    const char* content;
    const char* message;
  };
  for (const Case& c : {
           Case{"{\"text\": \"a\"}\n{\"text\": \"b\"", "a.jsonl: line 2: "},
           {"\n\nhello", "a.jsonl: line 3: byte 0: expected a JSON object or array"},
           {"\"text\"", "a.jsonl: line 1: byte 0: expected a JSON object or array"},
           {"[1]", "line 1: $: expected an object with \"text\", \"messages\" or \"conversations\", found [1]"},
           {"{\"prompt\": \"a\"}", "line 1: $: expected an object with \"text\""},
           {"{\"text\": 3}", "line 1: $.text: expected a string, found 3"},
           {"{\"text\": \"\xFF\"}", "line 1: byte 10: expected UTF-8"},
           {"{\"text\": \"\\ud800\"}", "line 1: "},
           {"{\"text\": \"a\", \"text\": \"b\"}", "line 1: $.text: expected one member of this name"},
           {"{\"messages\": {}}", "line 1: $.messages: expected an array of turns, found {}"},
           {"{\"messages\": [\"a\"]}", "line 1: $.messages[0].role: expected a string, found nothing"},
           {"{\"messages\": [{\"role\": \"a\"}]}", "$.messages[0].content: expected a string, found nothing"},
           {"{\"messages\": [{\"role\": 1, \"content\": \"a\"}]}", "$.messages[0].role: expected a string, found 1"},
           {"{\"messages\": [{\"role\": \"a\", \"content\": [{\"type\": \"image\"}]}]}",
            "$.messages[0].content[0].text: expected a string, found nothing"},
           {"{\"conversations\": [{\"from\": \"a\", \"value\": 1}]}",
            "$.conversations[0].value: expected a string, found 1"},
       }) {
    const absl::Status status = ReadText({"a.jsonl", c.content}).status();
    EXPECT_EQ(status.code(), absl::StatusCode::kDataLoss) << c.content << ": " << status;
    EXPECT_THAT(std::string(status.message()), HasSubstr(c.message)) << c.content;
  }
}

TEST(TextFileTest, WhatIsNoTextIsNamed) {
  const struct {
    const char* path;
    std::string content;
    const char* message;
  } cases[] = {
      {"a.txt", "", "a.txt: expected text, found none"},
      {"a.jsonl", "\n\n", "a.jsonl: expected text, found none"},
      {"a.jsonl", "{\"text\": \"\"}", "a.jsonl: expected text, found none"},
      {"a.txt", "abc\xFFz", "a.txt: byte 3: expected text in UTF-8, found 0xff"},
      {"a.txt", std::string("T\0h\0e\0", 6), "a.txt: byte 1: expected text in UTF-8, found 0x00"},
      {"a.txt", "caf\xe9", "a.txt: byte 3: expected text in UTF-8, found 0xe9"},
  };
  for (const auto& c : cases) {
    EXPECT_EQ(ReadText({c.path, c.content}).status(), absl::DataLossError(c.message));
  }
}

}  // namespace
}  // namespace nibble
