#include "formats/tokenizer/token_matcher.h"

namespace nibble::tokenizer {

void TokenMatcher::Add(absl::string_view token, uint32_t id) {
  if (token.empty()) return;
  starts_[static_cast<uint8_t>(token[0])] = true;
  uint32_t node = 0;
  for (const char byte : token) {
    const uint32_t fresh = static_cast<uint32_t>(edges_.size()) + 1;
    node = edges_.try_emplace({node, static_cast<uint8_t>(byte)}, fresh).first->second;
  }
  ends_.try_emplace(node, id);
}

std::optional<TokenMatcher::Match> TokenMatcher::Find(absl::string_view text, size_t from) const {
  for (size_t begin = from; begin < text.size(); ++begin) {
    if (!starts_[static_cast<uint8_t>(text[begin])]) continue;
    if (const std::optional<Match> match = LongestAt(text, begin)) return match;
  }
  return std::nullopt;
}

std::optional<TokenMatcher::Match> TokenMatcher::LongestAt(absl::string_view text, size_t begin) const {
  std::optional<Match> longest;
  uint32_t node = 0;
  for (size_t at = begin; at < text.size(); ++at) {
    const auto edge = edges_.find({node, static_cast<uint8_t>(text[at])});
    if (edge == edges_.end()) break;
    node = edge->second;
    if (const auto end = ends_.find(node); end != ends_.end()) longest = Match{begin, at + 1 - begin, end->second};
  }
  return longest;
}

}  // namespace nibble::tokenizer
