#include "pipeline/proto_json.h"

#include <cstdint>
#include <limits>
#include <vector>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "base/status.h"
#include "formats/json/quote.h"
#include "google/protobuf/descriptor.h"
#include "simdjson.h"

namespace nibble {
namespace {

using google::protobuf::FieldDescriptor;
using google::protobuf::Message;
using google::protobuf::Reflection;

// A string of JSON: what is no UTF-8 (a file's name may be) is escaped.
std::string QuotedText(const std::string& text) {
  return json::Quote(simdjson::validate_utf8(text) ? text : absl::CHexEscape(text));
}

std::string MessageText(const Message& message, const char* separator);

// The one value of a field, or its element `index`.
std::string ValueText(const Message& message, const FieldDescriptor& field, int index) {
  const Reflection& in = *message.GetReflection();
  const bool many = field.is_repeated();
  switch (field.cpp_type()) {
    case FieldDescriptor::CPPTYPE_STRING:
      return QuotedText(many ? in.GetRepeatedString(message, &field, index) : in.GetString(message, &field));
    case FieldDescriptor::CPPTYPE_UINT64:
      return absl::StrCat(many ? in.GetRepeatedUInt64(message, &field, index) : in.GetUInt64(message, &field));
    case FieldDescriptor::CPPTYPE_INT64:
      return absl::StrCat(many ? in.GetRepeatedInt64(message, &field, index) : in.GetInt64(message, &field));
    case FieldDescriptor::CPPTYPE_UINT32:
      return absl::StrCat(many ? in.GetRepeatedUInt32(message, &field, index) : in.GetUInt32(message, &field));
    case FieldDescriptor::CPPTYPE_DOUBLE:
      return absl::StrFormat("%.9g",
                             many ? in.GetRepeatedDouble(message, &field, index) : in.GetDouble(message, &field));
    case FieldDescriptor::CPPTYPE_BOOL:
      return (many ? in.GetRepeatedBool(message, &field, index) : in.GetBool(message, &field)) ? "true" : "false";
    case FieldDescriptor::CPPTYPE_MESSAGE:
      return MessageText(many ? in.GetRepeatedMessage(message, &field, index) : in.GetMessage(message, &field), ", ");
    default:
      return "null";
  }
}

std::string FieldText(const Message& message, const FieldDescriptor& field, bool is_top) {
  if (!field.is_repeated()) return ValueText(message, field, -1);
  const int size = message.GetReflection()->FieldSize(message, &field);
  const bool lines = is_top && field.cpp_type() == FieldDescriptor::CPPTYPE_MESSAGE;
  std::string text = "[";
  for (int i = 0; i < size; ++i) {
    absl::StrAppend(&text, i > 0 ? "," : "", lines ? "\n    " : i > 0 ? " " : "", ValueText(message, field, i));
  }
  return absl::StrCat(text, lines ? "\n  ]" : "]");
}

// The members of the top stand on lines of their own.
std::string MessageText(const Message& message, const char* separator) {
  const bool is_top = separator[1] == '\n';
  std::vector<const FieldDescriptor*> fields;
  message.GetReflection()->ListFields(message, &fields);
  std::string text = is_top ? "{\n  " : "{";
  for (size_t i = 0; i < fields.size(); ++i) {
    absl::StrAppend(&text, i > 0 ? separator : "", json::Quote(std::string(fields[i]->name())), ": ",
                    FieldText(message, *fields[i], is_top));
  }
  return absl::StrCat(text, is_top ? "\n}" : "}");
}

// Sets the field, or adds an element to it.
absl::Status SetValue(const json::Value& value, const FieldDescriptor& field, Message& message) {
  constexpr int64_t kMost = std::numeric_limits<int64_t>::max(), kMost32 = std::numeric_limits<uint32_t>::max();
  const Reflection& in = *message.GetReflection();
  const bool many = field.is_repeated();
  switch (field.cpp_type()) {
    case FieldDescriptor::CPPTYPE_STRING: {
      NIBBLE_ASSIGN_OR_RETURN(const absl::string_view text, value.String());
      many ? in.AddString(&message, &field, std::string(text)) : in.SetString(&message, &field, std::string(text));
      return absl::OkStatus();
    }
    case FieldDescriptor::CPPTYPE_UINT64: {
      NIBBLE_ASSIGN_OR_RETURN(const int64_t number, value.Int(0, kMost));
      many ? in.AddUInt64(&message, &field, number) : in.SetUInt64(&message, &field, number);
      return absl::OkStatus();
    }
    case FieldDescriptor::CPPTYPE_INT64: {
      NIBBLE_ASSIGN_OR_RETURN(const int64_t number, value.Int(-kMost, kMost));
      many ? in.AddInt64(&message, &field, number) : in.SetInt64(&message, &field, number);
      return absl::OkStatus();
    }
    case FieldDescriptor::CPPTYPE_UINT32: {
      NIBBLE_ASSIGN_OR_RETURN(const int64_t number, value.Int(0, kMost32));
      many ? in.AddUInt32(&message, &field, number) : in.SetUInt32(&message, &field, number);
      return absl::OkStatus();
    }
    case FieldDescriptor::CPPTYPE_DOUBLE: {
      NIBBLE_ASSIGN_OR_RETURN(const double number, value.Number());
      many ? in.AddDouble(&message, &field, number) : in.SetDouble(&message, &field, number);
      return absl::OkStatus();
    }
    case FieldDescriptor::CPPTYPE_BOOL: {
      NIBBLE_ASSIGN_OR_RETURN(const bool flag, value.Bool());
      many ? in.AddBool(&message, &field, flag) : in.SetBool(&message, &field, flag);
      return absl::OkStatus();
    }
    case FieldDescriptor::CPPTYPE_MESSAGE:
      return JsonToProto(value, many ? *in.AddMessage(&message, &field) : *in.MutableMessage(&message, &field));
    default:
      return absl::OkStatus();
  }
}

}  // namespace

std::string ProtoToJson(const Message& message) { return MessageText(message, ",\n  "); }

absl::Status JsonToProto(const json::Value& value, Message& message) {
  if (!value.is_object()) return value.Error("an object");
  for (const auto& [name, member] : value.Members()) {
    const FieldDescriptor* field = message.GetDescriptor()->FindFieldByName(std::string(name));
    if (field == nullptr) continue;
    if (!field->is_repeated()) {
      NIBBLE_RETURN_IF_ERROR(SetValue(member, *field, message));
      continue;
    }
    if (!member.is_array()) return member.Error("an array");
    for (const json::Value& element : member.Elements()) {
      NIBBLE_RETURN_IF_ERROR(SetValue(element, *field, message));
    }
  }
  return absl::OkStatus();
}

}  // namespace nibble
