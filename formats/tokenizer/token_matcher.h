// Finds literal tokens in text: the leftmost, and of those that begin there the longest.
#ifndef NIBBLE_FORMATS_TOKENIZER_TOKEN_MATCHER_H_
#define NIBBLE_FORMATS_TOKENIZER_TOKEN_MATCHER_H_

#include <cstdint>
#include <optional>

#include "absl/container/flat_hash_map.h"
#include "absl/strings/string_view.h"

namespace nibble::tokenizer {

// Thread-safe once it is filled.
class TokenMatcher {
 public:
  struct Match {
    size_t begin, length;
    uint32_t id;
  };

  // Empty texts are never found; of two equal ones the first counts.
  void Add(absl::string_view token, uint32_t id);
  // The first match that begins at `from` or later.
  std::optional<Match> Find(absl::string_view text, size_t from) const;

  // Calls `on_text(piece)` for what lies between matches, where it is not empty, and `on_token(id)`, in order, until
  // one of them returns an error.
  template <typename OnText, typename OnToken>
  auto Split(absl::string_view text, const OnText& on_text, const OnToken& on_token) const -> decltype(on_text(text)) {
    size_t begin = 0;
    while (begin < text.size()) {
      const std::optional<Match> match = Find(text, begin);
      const size_t end = match ? match->begin : text.size();
      if (end > begin) {
        if (auto status = on_text(text.substr(begin, end - begin)); !status.ok()) return status;
      }
      if (!match) break;
      on_token(match->id);
      begin = match->begin + match->length;
    }
    return {};
  }

 private:
  std::optional<Match> LongestAt(absl::string_view text, size_t begin) const;

  // A trie: node 0 is the root; (node, byte) leads to a node; some nodes are the end of a token.
  absl::flat_hash_map<std::pair<uint32_t, uint8_t>, uint32_t> edges_;
  absl::flat_hash_map<uint32_t, uint32_t> ends_;
  bool starts_[256] = {};  // bytes that lead away from the root: nearly all text is passed over by this alone
};

}  // namespace nibble::tokenizer

#endif  // NIBBLE_FORMATS_TOKENIZER_TOKEN_MATCHER_H_
