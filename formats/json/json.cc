#include "formats/json/json.h"

#include <charconv>
#include <cmath>
#include <utility>

#include "absl/strings/str_cat.h"
#include "base/status.h"
#include "formats/json/quote.h"
#include "formats/json/tree.h"

namespace nibble::json {
namespace {

constexpr size_t kFoundBytes = 60;

std::string DoubleText(double value) {
  char text[32];
  const std::to_chars_result result = std::to_chars(text, text + sizeof(text), value);
  return std::string(text, result.ptr);
}

// Appends `node` as JSON, and stops soon after `out` is longer than kFoundBytes.
void AppendText(const Tree& tree, const Node& node, std::string& out) {
  switch (node.kind) {
    case Kind::kNull:
      out += "null";
      break;
    case Kind::kBool:
      out += node.boolean ? "true" : "false";
      break;
    case Kind::kInt:
      absl::StrAppend(&out, node.integer);
      break;
    case Kind::kDouble:
      out += DoubleText(node.real);
      break;
    case Kind::kString:
      out += Quote(node.string().substr(0, kFoundBytes));
      break;
    case Kind::kArray:
    case Kind::kObject: {
      const bool object = node.kind == Kind::kObject;
      out += object ? '{' : '[';
      for (uint32_t i = 0; i < node.size && out.size() <= kFoundBytes; ++i) {
        const Node& child = tree.nodes[node.first + i];
        if (i > 0) out += ',';
        if (object) absl::StrAppend(&out, Quote(child.key.substr(0, kFoundBytes)), ":");
        AppendText(tree, child, out);
      }
      out += object ? '}' : ']';
      break;
    }
  }
}

}  // namespace

Value::Value(const Tree* tree, const Node* node, std::string absent)
    : tree_(tree), node_(node), absent_(std::move(absent)) {}

Value Value::Absent(absl::string_view step) const { return Value(tree_, node_, absl::StrCat(absent_, step)); }

bool Value::exists() const { return absent_.empty(); }
bool Value::is_null() const { return exists() && node_->kind == Kind::kNull; }
bool Value::is_object() const { return exists() && node_->kind == Kind::kObject; }
bool Value::is_array() const { return exists() && node_->kind == Kind::kArray; }
bool Value::is_string() const { return exists() && node_->kind == Kind::kString; }
bool Value::is_number() const { return exists() && (node_->kind == Kind::kInt || node_->kind == Kind::kDouble); }
bool Value::is_bool() const { return exists() && node_->kind == Kind::kBool; }

Value Value::Get(absl::string_view key) const {
  const Node* const member = exists() ? tree_->Find(*node_, key) : nullptr;
  return member ? Value(tree_, member, "") : Absent(KeyStep(key));
}

Value Value::At(size_t index) const {
  if (is_array() && index < node_->size) return Value(tree_, &tree_->nodes[node_->first + index], "");
  return Absent(absl::StrCat("[", index, "]"));
}

size_t Value::size() const { return is_array() || is_object() ? node_->size : 0; }

absl::StatusOr<int64_t> Value::Int(int64_t min, int64_t max) const {
  if (exists() && node_->kind == Kind::kInt && node_->integer >= min && node_->integer <= max) return node_->integer;
  return Error(absl::StrCat("an integer in [", min, ", ", max, "]"));
}

absl::StatusOr<double> Value::Number() const {
  if (!is_number()) return Error("a number");
  return node_->kind == Kind::kInt ? static_cast<double>(node_->integer) : node_->real;
}

absl::StatusOr<bool> Value::Bool() const {
  if (!is_bool()) return Error("true or false");
  return node_->boolean;
}

absl::StatusOr<absl::string_view> Value::String() const {
  if (!is_string()) return Error("a string");
  return node_->string();
}

absl::StatusOr<int64_t> Value::IntOr(int64_t absent, int64_t min, int64_t max) const {
  if (!exists() || is_null()) return absent;
  return Int(min, max);
}

absl::StatusOr<double> Value::NumberOr(double absent) const {
  if (!exists() || is_null()) return absent;
  return Number();
}

absl::StatusOr<bool> Value::BoolOr(bool absent) const {
  if (!exists() || is_null()) return absent;
  return Bool();
}

absl::StatusOr<absl::string_view> Value::StringOr(absl::string_view absent) const {
  if (!exists() || is_null()) return absent;
  return String();
}

std::vector<std::pair<absl::string_view, Value>> Value::Members() const {
  std::vector<std::pair<absl::string_view, Value>> members;
  if (!is_object()) return members;
  members.reserve(node_->size);
  for (uint32_t i = 0; i < node_->size; ++i) {
    const Node& member = tree_->nodes[node_->first + i];
    members.emplace_back(member.key, Value(tree_, &member, ""));
  }
  return members;
}

std::vector<Value> Value::Elements() const {
  std::vector<Value> elements;
  if (!is_array()) return elements;
  elements.reserve(node_->size);
  for (uint32_t i = 0; i < node_->size; ++i) elements.push_back(Value(tree_, &tree_->nodes[node_->first + i], ""));
  return elements;
}

std::string Value::Place() const { return absl::StrCat(tree_->file, ": ", tree_->PathOf(*node_), absent_); }

std::string Value::Found() const {
  if (!exists()) return "nothing";
  std::string text;
  AppendText(*tree_, *node_, text);
  if (text.size() <= kFoundBytes) return text;
  size_t cut = kFoundBytes;
  while (cut > 0 && (static_cast<unsigned char>(text[cut]) & 0xC0) == 0x80) --cut;  // never within a character
  return absl::StrCat(text.substr(0, cut), "...");
}

absl::Status Value::Error(absl::string_view expected) const { return BadData(Place(), expected, Found()); }

absl::StatusOr<Document> Document::Parse(std::string text, std::string file) {
  NIBBLE_ASSIGN_OR_RETURN(std::unique_ptr<Tree> tree, ParseTree(std::move(text), std::move(file)));
  return Document(std::move(tree));
}

Value Document::root() const { return Value(tree_.get(), &tree_->nodes.back(), ""); }
const std::string& Document::file() const { return tree_->file; }

Document::Document(std::unique_ptr<Tree> tree) : tree_(std::move(tree)) {}
Document::Document(Document&&) noexcept = default;
Document& Document::operator=(Document&&) noexcept = default;
Document::~Document() = default;

}  // namespace nibble::json
