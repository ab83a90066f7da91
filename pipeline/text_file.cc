#include "pipeline/text_file.h"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_split.h"
#include "base/status.h"
#include "base/utf8.h"
#include "formats/json/json.h"

namespace nibble {
namespace {

// A form of conversation: the member that lists its turns, and what a turn's members are called.
struct ConversationForm {
  absl::string_view turns, role, content;
};

constexpr ConversationForm kConversationForms[] = {
    {"messages", "role", "content"},
    {"conversations", "from", "value"},
};

absl::StatusOr<std::string> ReadContent(const json::Value& content) {
  if (!content.is_array()) {
    NIBBLE_ASSIGN_OR_RETURN(const absl::string_view text, content.String());
    return std::string(text);
  }
  std::string all;
  for (const json::Value& part : content.Elements()) {
    NIBBLE_ASSIGN_OR_RETURN(const absl::string_view text, part.Get("text").String());
    absl::StrAppend(&all, text);
  }
  return all;
}

absl::StatusOr<std::string> ReadConversation(const json::Value& turns, const ConversationForm& form) {
  if (!turns.is_array()) return turns.Error("an array of turns");
  std::string all;
  for (const json::Value& turn : turns.Elements()) {
    NIBBLE_ASSIGN_OR_RETURN(const absl::string_view role, turn.Get(form.role).String());
    const json::Value content = turn.Get(form.content);
    if (content.is_null()) continue;
    NIBBLE_ASSIGN_OR_RETURN(const std::string text, ReadContent(content));
    absl::StrAppend(&all, all.empty() ? "" : "\n", role, ": ", text);
  }
  return all;
}

absl::StatusOr<std::string> ReadRecord(const json::Value& record) {
  if (const json::Value text = record.Get("text"); text.exists()) {
    NIBBLE_ASSIGN_OR_RETURN(const absl::string_view all, text.String());
    return std::string(all);
  }
  for (const ConversationForm& form : kConversationForms) {
    if (const json::Value turns = record.Get(form.turns); turns.exists()) return ReadConversation(turns, form);
  }
  return record.Error("an object with \"text\", \"messages\" or \"conversations\"");
}

absl::Status CheckPlainText(const TextFile& file) {
  const size_t bad = std::min(FindInvalidUtf8(file.content), file.content.find('\0'));
  if (bad == std::string::npos) return absl::OkStatus();
  return BadData(absl::StrCat(file.path, ": byte ", bad), "text in UTF-8",
                 absl::StrFormat("0x%02x", static_cast<unsigned char>(file.content[bad])));
}

absl::StatusOr<std::string> ReadRecords(const TextFile& file) {
  std::string all;
  int64_t number = 0;
  for (const absl::string_view line : absl::StrSplit(file.content, '\n')) {
    ++number;
    if (absl::StripAsciiWhitespace(line).empty()) continue;
    NIBBLE_ASSIGN_OR_RETURN(const json::Document record,
                            json::Document::Parse(std::string(line), absl::StrCat(file.path, ": line ", number)));
    NIBBLE_ASSIGN_OR_RETURN(const std::string text, ReadRecord(record.root()));
    if (!text.empty()) absl::StrAppend(&all, all.empty() ? "" : "\n\n", text);
  }
  return all;
}

}  // namespace

absl::StatusOr<std::string> ReadText(const TextFile& file) {
  std::string text = file.content;
  if (absl::EndsWithIgnoreCase(file.path, ".jsonl")) {
    NIBBLE_ASSIGN_OR_RETURN(text, ReadRecords(file));
  } else {
    NIBBLE_RETURN_IF_ERROR(CheckPlainText(file));
  }
  if (text.empty()) return BadData(file.path, "text", "none");
  return text;
}

}  // namespace nibble
