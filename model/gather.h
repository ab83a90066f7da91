// How rows of a strided view are fetched in few reads: the elements wanted, as runs of equal steps through the stored
// tensor, and runs that lie close together joined into one read.
#ifndef NIBBLE_MODEL_GATHER_H_
#define NIBBLE_MODEL_GATHER_H_

#include <cstdint>
#include <vector>

#include "model/logical_tensor.h"

namespace nibble {

// Stored elements  stored + i * step  go to  out + i * out_step,  i < count. Steps are not negative.
struct Run {
  int64_t stored = 0;
  int64_t step = 1;
  int64_t count = 0;
  int64_t out = 0;
  int64_t out_step = 1;

  int64_t last() const { return stored + (count - 1) * step; }
  friend bool operator==(const Run&, const Run&) = default;
};

// The stored element that a view's element (row, col) is.
int64_t StoredElement(const StridedView& view, int64_t row, int64_t col);

// Whether neighbours of a column lie nearer to one another than those of a row: a transposed matrix.
bool IsAgainstGrain(const StridedView& view);

// What rows [begin, end) consist of, by ascending `stored`, with `out` counted from the first element of row `begin`.
std::vector<Run> RunsOf(const StridedView& view, int64_t begin, int64_t end);

// Stored elements [begin, end), whole blocks, serve runs [first_run, last_run).
struct Fetch {
  int64_t begin = 0;
  int64_t end = 0;
  size_t first_run = 0;
  size_t last_run = 0;
};

// Joins runs as long as no gap between two is longer than `max_gap` elements and the fetch no longer than `max_fetch`.
std::vector<Fetch> FetchesOf(const std::vector<Run>& runs, int64_t block_elements, int64_t max_gap, int64_t max_fetch);

}  // namespace nibble

#endif  // NIBBLE_MODEL_GATHER_H_
