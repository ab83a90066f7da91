// Rows of matrices, of which each of several peers makes some.
#ifndef NIBBLE_QUANT_GPTQ_SHARED_ROWS_H_
#define NIBBLE_QUANT_GPTQ_SHARED_ROWS_H_

#include <cstddef>
#include <cstdint>
#include <vector>

#include "absl/status/status.h"
#include "absl/types/span.h"
#include "base/peers.h"

namespace nibble {

// All rows stand in one line, which is cut into a stretch for each peer, between units of rows: as even as these let
// it be. A function of its arguments alone.
class SharedRows {
 public:
  struct Range {
    int64_t first = 0, last = 0;
    int64_t count() const { return last - first; }
  };

  // `rows` of each matrix; units are of `together` of them, but for a matrix's last one; 0: whole matrices. `peers`
  // null: there are none. Outlives it.
  SharedRows(Peers* peers, std::vector<int64_t> rows, int64_t together);

  Range mine(size_t matrix) const {
    return peers_ == nullptr ? Range{0, rows_[matrix]} : ranges_[peers_->place()][matrix];
  }

  // `values` of each matrix, as many bytes of each row, where this one's rows are made: the others' come to it.
  // Collective.
  absl::Status Complete(absl::Span<const absl::Span<std::byte>> values) const;

 private:
  Peers* peers_;
  std::vector<int64_t> rows_;
  std::vector<std::vector<Range>> ranges_;  // by place, by matrix
};

}  // namespace nibble

#endif  // NIBBLE_QUANT_GPTQ_SHARED_ROWS_H_
