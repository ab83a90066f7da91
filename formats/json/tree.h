// The parsed tree behind json::Document. Internal to formats/json.
#ifndef NIBBLE_FORMATS_JSON_TREE_H_
#define NIBBLE_FORMATS_JSON_TREE_H_

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace nibble::json {

enum class Kind : uint8_t { kNull, kBool, kInt, kDouble, kString, kArray, kObject };

struct Node {
  absl::string_view key;  // in its parent, if that is an object
  union {
    bool boolean;
    int64_t integer;
    double real;
    const char* text;  // of kString
    uint32_t first;    // of kArray and kObject: their children are nodes first ... first + size - 1
  };
  uint32_t size = 0;    // of a string (bytes), an array or an object
  uint32_t parent = 0;  // the root is its own
  Kind kind = Kind::kNull;

  Node() : integer(0) {}
  absl::string_view string() const { return absl::string_view(text, size); }
};

struct Tree {
  std::string file;
  std::unique_ptr<char[]> strings;
  std::vector<Node> nodes;  // the root is the last
  // For objects of more than kIndexed members: from key to node.
  absl::flat_hash_map<uint32_t, absl::flat_hash_map<absl::string_view, uint32_t>> index;

  static constexpr uint32_t kIndexed = 16;

  const Node* Find(const Node& object, absl::string_view key) const;  // null if there is none
  std::string PathOf(const Node& node) const;                         // "$.a.b[3]"
};

// ".key", or "[\"odd key\"]".
std::string KeyStep(absl::string_view key);

// The whole text, checked as json::Document::Parse promises.
absl::StatusOr<std::unique_ptr<Tree>> ParseTree(std::string text, std::string file);

}  // namespace nibble::json

#endif  // NIBBLE_FORMATS_JSON_TREE_H_
