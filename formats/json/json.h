// JSON as bad input: strict (simdjson), with duplicates seen, and every error naming file and JSON path.
//
//   NIBBLE_ASSIGN_OR_RETURN(json::Document config, json::Document::Parse(text, "dir/config.json"));
//   NIBBLE_ASSIGN_OR_RETURN(int64_t layers, config.root().Get("num_hidden_layers").Int(1, 100000));
//   -> dir/config.json: $.num_hidden_layers: expected an integer in [1, 100000], found "four"
//
// For documents that fit in memory many times over (config, index, tokenizer). The safetensors header, which may have
// a million entries, has its own single-pass reader.
#ifndef NIBBLE_FORMATS_JSON_JSON_H_
#define NIBBLE_FORMATS_JSON_JSON_H_

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace nibble::json {

struct Node;  // the parsed tree; internal
struct Tree;

// A value inside a Document, or the absence of one, with the path that led there. Cheap to copy; lives no longer than
// its Document. Asking an absent value for anything is an error that names the path, so look-ups chain without checks.
class Value {
 public:
  bool exists() const;   // false also if any step of the path was absent
  bool is_null() const;  // present and null
  bool is_object() const;
  bool is_array() const;
  bool is_string() const;
  bool is_number() const;
  bool is_bool() const;

  Value Get(absl::string_view key) const;  // absent if this is not an object, or has no such key; constant time
  Value At(size_t index) const;
  size_t size() const;  // of an array or object; else 0

  absl::StatusOr<int64_t> Int(int64_t min, int64_t max) const;  // 4.0 is not an integer
  absl::StatusOr<double> Number() const;                        // finite
  absl::StatusOr<bool> Bool() const;
  absl::StatusOr<absl::string_view> String() const;
  // The same, with a default where the value is absent or null.
  absl::StatusOr<int64_t> IntOr(int64_t absent, int64_t min, int64_t max) const;
  absl::StatusOr<double> NumberOr(double absent) const;
  absl::StatusOr<bool> BoolOr(bool absent) const;
  absl::StatusOr<absl::string_view> StringOr(absl::string_view absent) const;

  // An object's members in the file's order; empty if this is not an object. Made anew by every call, as Elements() is.
  std::vector<std::pair<absl::string_view, Value>> Members() const;
  // An array's elements; empty if this is not an array.
  std::vector<Value> Elements() const;

  // "<file>: $.a.b[3]", for errors.
  std::string Place() const;
  // The value as JSON text, cut at 60 characters, for errors; "nothing" if absent.
  std::string Found() const;
  // kDataLoss: "<place>: expected <expected>, found <found>".
  absl::Status Error(absl::string_view expected) const;

 private:
  friend class Document;
  Value(const Tree* tree, const Node* node, std::string absent);
  Value Absent(absl::string_view step) const;

  const Tree* tree_;
  const Node* node_;    // this value, or the last that exists on the way to it
  std::string absent_;  // the way from there on; empty if this value exists
};

class Document {
 public:
  // kDataLoss on anything that is not one JSON object or array in UTF-8 without a byte order mark, on a duplicate key
  // (with its path), on nesting deeper than 64, on a number past the range of a double.
  static absl::StatusOr<Document> Parse(std::string text, std::string file);

  Value root() const;
  const std::string& file() const;

  Document(Document&&) noexcept;
  Document& operator=(Document&&) noexcept;
  ~Document();

 private:
  explicit Document(std::unique_ptr<Tree> tree);

  std::unique_ptr<Tree> tree_;
};

}  // namespace nibble::json

#endif  // NIBBLE_FORMATS_JSON_JSON_H_
