#include "cli/json_writer.h"

#include <utf8proc.h>

#include <cassert>
#include <charconv>
#include <cmath>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"

namespace nibble::cli {
namespace {

void AppendQuoted(absl::string_view text, std::string& out) {
  out += '"';
  while (!text.empty()) {
    utf8proc_int32_t code_point;
    const utf8proc_ssize_t length =
        utf8proc_iterate(reinterpret_cast<const utf8proc_uint8_t*>(text.data()), text.size(), &code_point);
    if (length <= 0) {
      out += "\uFFFD";
      text.remove_prefix(1);
      continue;
    }
    if (code_point == '"' || code_point == '\\') {
      out += '\\';
      out += static_cast<char>(code_point);
    } else if (code_point < 0x20) {
      absl::StrAppendFormat(&out, "\\u%04x", static_cast<unsigned>(code_point));
    } else {
      absl::StrAppend(&out, text.substr(0, length));
    }
    text.remove_prefix(length);
  }
  out += '"';
}

}  // namespace

std::string JsonNumber(double value) {
  if (!std::isfinite(value)) return "null";
  char buffer[32];  // the longest shortest double has 24 characters
  const std::to_chars_result end = std::to_chars(buffer, buffer + sizeof(buffer), value);
  return std::string(buffer, end.ptr);
}

JsonWriter& JsonWriter::BeginObject() {
  Begin('{', true);
  return *this;
}

JsonWriter& JsonWriter::EndObject() {
  End('}', true);
  return *this;
}

JsonWriter& JsonWriter::BeginArray() {
  Begin('[', false);
  return *this;
}

JsonWriter& JsonWriter::EndArray() {
  End(']', false);
  return *this;
}

JsonWriter& JsonWriter::Key(absl::string_view key) {
  assert(!scopes_.empty() && scopes_.back().is_object && !after_key_);
  Separate();
  AppendQuoted(key, out_);
  out_ += ": ";
  after_key_ = true;
  return *this;
}

JsonWriter& JsonWriter::String(absl::string_view value) {
  BeforeValue();
  AppendQuoted(value, out_);
  return *this;
}

JsonWriter& JsonWriter::Number(uint64_t value) {
  BeforeValue();
  absl::StrAppend(&out_, value);
  return *this;
}

JsonWriter& JsonWriter::Number(double value) {
  BeforeValue();
  out_ += JsonNumber(value);
  return *this;
}

JsonWriter& JsonWriter::Bool(bool value) {
  BeforeValue();
  out_ += value ? "true" : "false";
  return *this;
}

std::string JsonWriter::Take() {
  assert(scopes_.empty() && !after_key_);
  return std::move(out_);
}

void JsonWriter::Begin(char open, bool is_object) {
  BeforeValue();
  out_ += open;
  scopes_.push_back({is_object, /*is_empty=*/true});
}

void JsonWriter::End(char close, [[maybe_unused]] bool is_object) {
  assert(!scopes_.empty() && scopes_.back().is_object == is_object && !after_key_);
  const bool is_empty = scopes_.back().is_empty;
  scopes_.pop_back();
  if (!is_empty) NewLine();
  out_ += close;
}

void JsonWriter::Separate() {
  if (scopes_.empty()) return;
  if (!scopes_.back().is_empty) out_ += layout_ == Layout::kOneLine ? ", " : ",";
  scopes_.back().is_empty = false;
  NewLine();
}

void JsonWriter::BeforeValue() {
  assert(after_key_ || scopes_.empty() || !scopes_.back().is_object);
  if (!after_key_) Separate();
  after_key_ = false;
}

void JsonWriter::NewLine() {
  if (layout_ == Layout::kOneLine) return;
  out_ += '\n';
  out_.append(2 * scopes_.size(), ' ');
}

}  // namespace nibble::cli
