// The loop at the heart of BPE: neighbours are joined, best pair first, until no pair can be.
#ifndef NIBBLE_FORMATS_TOKENIZER_MERGE_PAIRS_H_
#define NIBBLE_FORMATS_TOKENIZER_MERGE_PAIRS_H_

#include <cstdint>
#include <optional>
#include <queue>
#include <vector>

namespace nibble::tokenizer {

// A stretch of the text, linked to its neighbours. After merging, symbols of length 0 are gone.
struct Symbol {
  uint32_t begin = 0;
  uint32_t length = 0;
  uint32_t id = 0;  // meaning is the caller's
  int32_t previous = -1;
  int32_t next = -1;
};

struct Merge {
  double priority;  // lower goes first; equal ones from left to right
  uint32_t id;      // of the joined symbol
};

// Appends a symbol behind the others.
inline void Append(std::vector<Symbol>& symbols, uint32_t begin, uint32_t length, uint32_t id) {
  const int32_t index = static_cast<int32_t>(symbols.size());
  if (index > 0) symbols.back().next = index;
  symbols.push_back({begin, length, id, index - 1, -1});
}

// `find_merge(left, right)` gives a std::optional<Merge>. Time n log n in the number of symbols.
template <typename FindMerge>
void MergePairs(std::vector<Symbol>& symbols, const FindMerge& find_merge) {
  struct Candidate {
    double priority;
    int32_t left, right;
    uint32_t length;  // of both together: tells a candidate that a merge since has made stale
    uint32_t id;
    bool operator<(const Candidate& other) const {  // of two, the queue puts the greater first
      return priority != other.priority ? priority > other.priority : left > other.left;
    }
  };
  std::priority_queue<Candidate> queue;
  const auto consider = [&](int32_t left, int32_t right) {
    if (left < 0 || right < 0) return;
    const std::optional<Merge> merge = find_merge(symbols[left], symbols[right]);
    if (merge) queue.push({merge->priority, left, right, symbols[left].length + symbols[right].length, merge->id});
  };
  for (int32_t i = 1; i < static_cast<int32_t>(symbols.size()); ++i) consider(i - 1, i);
  while (!queue.empty()) {
    const Candidate best = queue.top();
    queue.pop();
    Symbol& left = symbols[best.left];
    Symbol& right = symbols[best.right];
    if (left.length == 0 || right.length == 0 || left.length + right.length != best.length) continue;
    left.length = best.length;
    left.id = best.id;
    left.next = right.next;
    right.length = 0;
    if (left.next >= 0) symbols[left.next].previous = best.left;
    consider(left.previous, best.left);
    consider(best.left, left.next);
  }
}

}  // namespace nibble::tokenizer

#endif  // NIBBLE_FORMATS_TOKENIZER_MERGE_PAIRS_H_
