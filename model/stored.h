// A view's stored tensor as the elements that the view counts.
#ifndef NIBBLE_MODEL_STORED_H_
#define NIBBLE_MODEL_STORED_H_

#include <cstdint>
#include <optional>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "formats/tensor_source.h"
#include "model/logical_tensor.h"
#include "quant/block/format.h"

namespace nibble {

struct StoredElements {
  const TensorSource& source;
  const StoredTensor& tensor;
  const BlockFormat& format;
  std::vector<int64_t> shape;  // the last axis in elements

  int64_t cols() const { return shape.empty() ? 1 : shape.back(); }

  // kDataLoss: "<path>: tensor '<name>' [3, 17]: expected <expected>, found <found>".
  absl::Status Error(int64_t element, absl::string_view expected, absl::string_view found) const;

  // Elements [begin, end), whole blocks, as they are stored. kDataLoss names a block whose scale is stored as NaN.
  absl::Status Read(int64_t begin, int64_t end, std::vector<std::byte>& bytes) const;
};

// REQUIRES: the tensor is there, and its dtype (or `packed`) has values.
StoredElements ElementsOf(const TensorSource& source, absl::string_view tensor, std::optional<Format> packed);

}  // namespace nibble

#endif  // NIBBLE_MODEL_STORED_H_
