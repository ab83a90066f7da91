// The scales of stored elements: read, checked and multiplied.
#ifndef NIBBLE_MODEL_BLOCK_SCALES_H_
#define NIBBLE_MODEL_BLOCK_SCALES_H_

#include <cstdint>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "formats/tensor_source.h"
#include "model/logical_tensor.h"
#include "model/stored.h"

namespace nibble {

// The scales of a run of elements.
class Scales {
 public:
  // Those of elements [begin, end) of `elements`. kDataLoss names a scale that is not a finite number above 0.
  static absl::StatusOr<Scales> Read(const StoredElements& elements, const BlockScales& blocks, int64_t begin,
                                     int64_t end);

  // The place of an element's scale in its tensor, and the scale itself. REQUIRES: an element of [begin, end).
  int64_t Index(int64_t element) const;
  float Of(int64_t element) const { return values_[Index(element) - first_]; }
  // The scale as it is stored, of one byte each. REQUIRES: E8M0.
  std::byte CodeOf(int64_t element) const { return bytes_[Index(element) - first_]; }

  // values[i] *= the scale of element begin + i.
  void Multiply(int64_t begin, absl::Span<float> values) const;

 private:
  int64_t cols_ = 1, block_rows_ = 1, block_cols_ = 1, scale_cols_ = 1;
  int64_t first_ = 0;  // index of values_[0]
  std::vector<float> values_;
  std::vector<std::byte> bytes_;
};

}  // namespace nibble

#endif  // NIBBLE_MODEL_BLOCK_SCALES_H_
