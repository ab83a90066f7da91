// Programs that share one piece of work, each with a part of its own: of a text that they run through the same layers,
// of the rows of a matrix.
#ifndef NIBBLE_BASE_PEERS_H_
#define NIBBLE_BASE_PEERS_H_

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/types/span.h"

namespace nibble {

// Both calls are collective: all make them in the same order, and what one fails of all fail of. The first has the
// first part.
class Peers {
 public:
  virtual ~Peers() = default;

  virtual int count() const = 0;
  virtual int place() const = 0;  // 0 ... count() - 1

  virtual absl::StatusOr<std::vector<std::string>> AllGather(const std::string& mine) = 0;  // by place
  // parts[p] goes to the one at place p: what each had for this one, by place.
  virtual absl::StatusOr<std::vector<std::string>> AllToAll(absl::Span<const absl::Span<const char>> parts) = 0;
};

}  // namespace nibble

#endif  // NIBBLE_BASE_PEERS_H_
