// The values of a matrix whose integers lie in words (WordCodes).
#ifndef NIBBLE_MODEL_WORD_CODES_H_
#define NIBBLE_MODEL_WORD_CODES_H_

#include <cstdint>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "formats/tensor_source.h"
#include "model/logical_tensor.h"

namespace nibble {

// Thread-safe.
class WordMatrix {
 public:
  // REQUIRES: the tensors are there, and their shapes agree.
  WordMatrix(const TensorSource& source, absl::string_view tensor, const WordCodes& codes);

  std::vector<int64_t> shape() const { return {outputs_, inputs_}; }

  // Elements from `begin` on, [out, in] row after row. Reads whole words, of all rows together: many rows cost little
  // more than one. kDataLoss names a scale that is not finite, or a group that is none.
  absl::Status Read(int64_t begin, absl::Span<float> values) const;

  // kDataLoss at an element of the matrix.
  absl::Status Error(int64_t element, absl::string_view expected, absl::string_view found) const;

 private:
  struct Tile;  // outputs and inputs that are read together
  struct Parameters;

  absl::StatusOr<std::vector<int32_t>> ReadGroups(const Tile& tile) const;
  absl::StatusOr<Parameters> ReadParameters(const Tile& tile, int64_t first_group, int64_t last_group) const;
  absl::Status ReadStrip(const Tile& tile, int64_t input, std::vector<uint8_t>& codes) const;
  absl::Status ReadWords(const StoredTensor& tensor, int64_t first, int64_t count, std::vector<uint32_t>& words) const;
  void UnpackOutputs(absl::Span<const uint32_t> words, int64_t step, uint8_t* codes) const;

  const TensorSource& source_;
  const WordCodes& codes_;
  const StoredTensor& words_;
  const StoredTensor& scales_;
  const StoredTensor& zeros_;
  const StoredTensor* groups_;  // null: they follow one another
  int64_t per_word_;
  int64_t outputs_, inputs_;
};

}  // namespace nibble

#endif  // NIBBLE_MODEL_WORD_CODES_H_
