// What is folded into a tensor behind its recipe: a linear map of its rows and one of its columns, W' = L W R^T, each
// in steps. A transform of a model (pipeline/transform/transform.h) is such maps that cancel between one tensor and the
// next.
#ifndef NIBBLE_MODEL_FOLD_H_
#define NIBBLE_MODEL_FOLD_H_

#include <cstdint>
#include <memory>
#include <utility>
#include <variant>
#include <vector>

#include "absl/types/span.h"

namespace nibble {

// Row (or column) begin + i is multiplied, or divided, by factors[i]; others stay. Factors may be shared by many.
struct FoldScales {
  std::shared_ptr<const std::vector<float>> factors;  // finite, not 0 if they divide
  bool divide = false;
  int64_t begin = 0;
};

// From `begin` on, every `block` rows (or columns) are rotated by a normalized Walsh-Hadamard matrix. `block` is a
// power of two and divides the number of those rows.
struct FoldHadamard {
  int64_t block = 1;
  int64_t begin = 0;
};

using FoldStep = std::variant<FoldScales, FoldHadamard>;

// Of a vector, which is one row: columns alone.
struct Fold {
  std::vector<FoldStep> rows;
  std::vector<FoldStep> cols;
};

// Of how many rows a whole number should be evaluated at once: others of their blocks are needed for each.
int64_t FoldedRowsAtOnce(const Fold& fold);

// The unfolded rows on which folded rows [begin, end) depend.
std::pair<int64_t, int64_t> RowsBehind(const Fold& fold, int64_t begin, int64_t end);

// `values` [n, cols] are unfolded rows from `first` on, and become folded ones, but for those on which rows elsewhere
// have a bearing. Each step is computed in double precision, and columns are rounded to float once before rows are
// mapped; a row comes out the same whatever rows are beside it.
void ApplyFold(const Fold& fold, int64_t first, int64_t cols, absl::Span<float> values);

}  // namespace nibble

#endif  // NIBBLE_MODEL_FOLD_H_
