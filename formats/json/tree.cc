#include "formats/json/tree.h"

#include <algorithm>
#include <charconv>
#include <cstring>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "base/status.h"
#include "formats/json/quote.h"
#include "formats/json/stream.h"
#include "simdjson.h"

namespace nibble::json {
namespace {

namespace ondemand = simdjson::ondemand;

constexpr int kMaxDepth = 64;

// Walks the stream once. A container's children wait on a stack until it ends, and then move to the tree together.
class Builder {
 public:
  Builder(Stream& stream, Tree& tree, size_t text_bytes) : stream_(stream), tree_(tree) {
    // No unescaped string is longer than its source.
    tree_.strings = std::make_unique<char[]>(text_bytes);
    free_ = tree_.strings.get();
  }

  absl::Status Build() {
    ondemand::value root;
    NIBBLE_RETURN_IF_ERROR(stream_.Begin(root));
    NIBBLE_RETURN_IF_ERROR(Add(absl::string_view(), root, 1));
    NIBBLE_RETURN_IF_ERROR(stream_.End());
    Settle(0);
    tree_.nodes.back().parent = tree_.nodes.size() - 1;
    return absl::OkStatus();
  }

 private:
  absl::Status Add(absl::string_view key, ondemand::value value, int depth) {
    ondemand::json_type type = ondemand::json_type::null;
    NIBBLE_RETURN_IF_ERROR(stream_.Check(value.type().get(type)));
    Node node;
    node.key = key;
    switch (type) {
      case ondemand::json_type::object:
      case ondemand::json_type::array:
        if (depth > kMaxDepth) return stream_.Error(absl::StrCat("nesting of at most ", kMaxDepth), "more");
        return type == ondemand::json_type::object ? AddObject(node, value, depth) : AddArray(node, value, depth);
      case ondemand::json_type::string: {
        std::string_view text;
        NIBBLE_RETURN_IF_ERROR(stream_.Check(value.get_string().get(text)));
        const absl::string_view kept = Keep(View(text));
        node.kind = Kind::kString;
        node.text = kept.data();
        node.size = kept.size();
        break;
      }
      case ondemand::json_type::number:
        NIBBLE_RETURN_IF_ERROR(ReadNumber(value, node));
        break;
      case ondemand::json_type::boolean:
        node.kind = Kind::kBool;
        NIBBLE_RETURN_IF_ERROR(stream_.Check(value.get_bool().get(node.boolean)));
        break;
      case ondemand::json_type::null: {
        bool is_null = false;
        NIBBLE_RETURN_IF_ERROR(stream_.Check(value.is_null().get(is_null)));
        if (!is_null) return stream_.Error("JSON", "text that is not: a misspelt null");
        break;
      }
    }
    stack_.push_back(node);
    return absl::OkStatus();
  }

  absl::Status AddObject(Node node, ondemand::value& value, int depth) {
    ondemand::object object;
    NIBBLE_RETURN_IF_ERROR(stream_.Check(value.get_object().get(object)));
    const size_t bottom = stack_.size();
    for (simdjson::simdjson_result<ondemand::field> result : object) {
      ondemand::field field;
      NIBBLE_RETURN_IF_ERROR(stream_.Check(std::move(result).get(field)));
      std::string_view key;
      NIBBLE_RETURN_IF_ERROR(stream_.Check(KeyOf(field).get(key)));
      NIBBLE_RETURN_IF_ERROR(Add(Keep(View(key)), field.value(), depth + 1));
    }
    node.kind = Kind::kObject;
    return EndContainer(node, bottom);
  }

  absl::Status AddArray(Node node, ondemand::value& value, int depth) {
    ondemand::array array;
    NIBBLE_RETURN_IF_ERROR(stream_.Check(value.get_array().get(array)));
    const size_t bottom = stack_.size();
    for (simdjson::simdjson_result<ondemand::value> result : array) {
      ondemand::value element;
      NIBBLE_RETURN_IF_ERROR(stream_.Check(std::move(result).get(element)));
      NIBBLE_RETURN_IF_ERROR(Add(absl::string_view(), element, depth + 1));
    }
    node.kind = Kind::kArray;
    return EndContainer(node, bottom);
  }

  absl::Status EndContainer(Node node, size_t bottom) {
    node.first = tree_.nodes.size();
    node.size = stack_.size() - bottom;
    Settle(bottom);
    stack_.push_back(node);
    return absl::OkStatus();
  }

  // Moves the stack from `bottom` on to the tree; there the nodes have indices, which their own children now learn.
  void Settle(size_t bottom) {
    for (size_t i = bottom; i < stack_.size(); ++i) {
      const Node& node = stack_[i];
      if (node.kind == Kind::kArray || node.kind == Kind::kObject) {
        for (uint32_t child = 0; child < node.size; ++child)
          tree_.nodes[node.first + child].parent = tree_.nodes.size();
      }
      tree_.nodes.push_back(node);
    }
    stack_.resize(bottom);
  }

  absl::Status ReadNumber(ondemand::value& value, Node& node) {
    ondemand::number number;
    const simdjson::error_code error = value.get_number().get(number);
    if (error == simdjson::NUMBER_ERROR && ReadHugeInteger(View(value.raw_json_token()), node)) {
      return absl::OkStatus();
    }
    NIBBLE_RETURN_IF_ERROR(stream_.Check(error));
    node.kind = number.is_int64() ? Kind::kInt : Kind::kDouble;
    if (number.is_int64()) {
      node.integer = number.get_int64();
    } else {
      node.real = number.as_double();
    }
    return absl::OkStatus();
  }

  // An integer past 64 bits, which simdjson refuses and published files have (model_max_length 10^30), as a double.
  static bool ReadHugeInteger(absl::string_view token, Node& node) {
    token = absl::StripTrailingAsciiWhitespace(token);
    const absl::string_view digits = token.substr(token.front() == '-' ? 1 : 0);
    if (digits.empty() || digits[0] == '0' || !std::all_of(digits.begin(), digits.end(), absl::ascii_isdigit)) {
      return false;
    }
    node.kind = Kind::kDouble;
    return std::from_chars(token.data(), token.data() + token.size(), node.real).ec == std::errc();
  }

  absl::string_view Keep(absl::string_view text) {
    char* const kept = free_;
    if (!text.empty()) std::memcpy(kept, text.data(), text.size());
    free_ += text.size();
    return absl::string_view(kept, text.size());
  }

  Stream& stream_;
  Tree& tree_;
  std::vector<Node> stack_;
  char* free_;
};

// About as many nodes as a text has: each but the root follows a comma or opens a container. A text that is no JSON, or
// full of commas in strings, must not make us ask for much.
size_t NodesIn(absl::string_view text) {
  const auto starts_value = [](char c) { return c == ',' || c == '{' || c == '['; };
  return std::min<size_t>(1 + std::count_if(text.begin(), text.end(), starts_value), text.size() / 8);
}

absl::Status DuplicateKey(const Tree& tree, const Node& member) {
  return BadData(absl::StrCat(tree.file, ": ", tree.PathOf(member)), "one member of this name", "two");
}

// Builds the index of one object, or compares all pairs of a small one.
absl::Status IndexMembers(Tree& tree, uint32_t object) {
  const uint32_t first = tree.nodes[object].first, end = first + tree.nodes[object].size;
  if (end - first <= Tree::kIndexed) {
    for (uint32_t i = first; i < end; ++i) {
      for (uint32_t j = first; j < i; ++j) {
        if (tree.nodes[i].key == tree.nodes[j].key) return DuplicateKey(tree, tree.nodes[i]);
      }
    }
    return absl::OkStatus();
  }
  absl::flat_hash_map<absl::string_view, uint32_t>& by_key = tree.index[object];
  by_key.reserve(end - first);
  for (uint32_t i = first; i < end; ++i) {
    if (!by_key.emplace(tree.nodes[i].key, i).second) return DuplicateKey(tree, tree.nodes[i]);
  }
  return absl::OkStatus();
}

}  // namespace

const Node* Tree::Find(const Node& object, absl::string_view key) const {
  if (object.kind != Kind::kObject) return nullptr;
  if (object.size > kIndexed) {
    const auto& by_key = index.at(&object - nodes.data());
    const auto found = by_key.find(key);
    return found == by_key.end() ? nullptr : &nodes[found->second];
  }
  const Node* const end = nodes.data() + object.first + object.size;
  const Node* const found = std::find_if(end - object.size, end, [&](const Node& node) { return node.key == key; });
  return found == end ? nullptr : found;
}

std::string Tree::PathOf(const Node& node) const {
  const Node& parent = nodes[node.parent];
  if (&parent == &node) return "$";
  const std::string step =
      parent.kind == Kind::kObject ? KeyStep(node.key) : absl::StrCat("[", &node - nodes.data() - parent.first, "]");
  return absl::StrCat(PathOf(parent), step);
}

std::string KeyStep(absl::string_view key) {
  const bool plain = !key.empty() && std::all_of(key.begin(), key.end(), [](unsigned char c) {
    return absl::ascii_isalnum(c) || c == '_' || c == '-';
  });
  return plain ? absl::StrCat(".", key) : absl::StrCat("[", Quote(key), "]");
}

absl::StatusOr<std::unique_ptr<Tree>> ParseTree(std::string text, std::string file) {
  auto tree = std::make_unique<Tree>();
  tree->file = std::move(file);
  const size_t size = text.size();
  tree->nodes.reserve(NodesIn(text));  // growing by doubling would hold all of them twice
  Stream stream(std::move(text), tree->file, 0);
  NIBBLE_RETURN_IF_ERROR(Builder(stream, *tree, size).Build());
  for (uint32_t i = 0; i < tree->nodes.size(); ++i) {
    if (tree->nodes[i].kind == Kind::kObject) NIBBLE_RETURN_IF_ERROR(IndexMembers(*tree, i));
  }
  return tree;
}

}  // namespace nibble::json
