// Importance matrices: for each linear of a model, the mean square of what each column of its weights is multiplied
// with. llama.cpp's format: a GGUF with two tensors for each linear, "<name>.in_sum2" [matrices, columns], sums of
// squares, and "<name>.counts" [matrices, 1], the inputs that they were summed over; and the older binary form.
#ifndef NIBBLE_FORMATS_IMATRIX_IMATRIX_H_
#define NIBBLE_FORMATS_IMATRIX_IMATRIX_H_

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "formats/io/file.h"

namespace nibble::imatrix {

struct Entry {
  std::string name;           // the linear's GGUF name, "blk.0.attn_q.weight"
  std::vector<float> sums;    // of squares: of each column, matrix after matrix
  std::vector<float> counts;  // of inputs: of each matrix, or one for all
};

struct File {
  std::vector<Entry> entries;
  std::vector<std::string> datasets;  // names of what was run
  uint32_t chunk_count = 0;           // windows
  uint32_t chunk_size = 0;            // tokens of each; 0 in the binary form, which does not say

  const Entry* Find(absl::string_view name) const;  // null if there is none
};

// Either form, told apart by the first bytes. kDataLoss names the entry, and what is wrong with it: a count or sum that
// is negative or not finite, sums that the counts do not divide, one tensor without the other, a name that comes twice.
absl::StatusOr<File> Read(io::FileSystem& files, const std::string& path);

// Mean squares of the columns of matrix `slice` of `matrices`; empty if no input reached it. kDataLoss if the entry is
// of another size. REQUIRES: 0 <= slice < matrices.
absl::StatusOr<std::vector<float>> MeanSquares(const Entry& entry, int64_t matrices, int64_t cols, int64_t slice);

// The bytes of the GGUF form. REQUIRES: in every entry the number of counts divides the number of sums.
std::string Encode(const File& file);

}  // namespace nibble::imatrix

#endif  // NIBBLE_FORMATS_IMATRIX_IMATRIX_H_
