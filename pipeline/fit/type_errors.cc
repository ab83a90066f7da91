#include "pipeline/fit/type_errors.h"

#include <algorithm>
#include <cstddef>
#include <cstdint>

#include "base/status.h"
#include "model/logical_tensor.h"

namespace nibble {
namespace {

constexpr int64_t kSampledValues = 1 << 15;
constexpr int64_t kPlaces = 16;  // in the tensor, that they are read from

// Rows from places evenly over all slices; where rows are read together anyhow, from fewer places.
absl::StatusOr<std::vector<float>> Sample(const Model& model, TensorStack slices) {
  const int64_t cols = slices[0].cols, rows_of_all = slices.size() * slices[0].rows;
  const int64_t wanted = std::clamp<int64_t>(kSampledValues / cols, 1, rows_of_all);
  const int64_t at_once =
      std::min(PanelRows(slices[0], (wanted + kPlaces - 1) / kPlaces), std::min(wanted, slices[0].rows));
  const int64_t places = wanted / at_once;
  std::vector<float> values(places * at_once * cols);
  for (int64_t place = 0; place < places; ++place) {
    const int64_t row = rows_of_all * (2 * place + 1) / (2 * places);
    const LogicalTensor& slice = slices[row / slices[0].rows];
    const int64_t first = std::min(row % slice.rows, slice.rows - at_once);
    NIBBLE_RETURN_IF_ERROR(ReadRows(model.source, slice, first, first + at_once,
                                    absl::MakeSpan(values).subspan(place * at_once * cols, at_once * cols)));
  }
  return values;
}

}  // namespace

absl::StatusOr<std::vector<double>> RelativeErrors(const Model& model, TensorStack slices,
                                                   absl::Span<const Format> formats, bool plain) {
  NIBBLE_ASSIGN_OR_RETURN(const std::vector<float> values, Sample(model, slices));
  double squares = 0;
  for (const float value : values) squares += double{value} * value;
  std::vector<float> decoded(values.size());
  std::vector<double> errors;
  for (const Format id : formats) {
    const BlockFormat& format = GetFormat(id);
    const size_t blocks = values.size() / format.block_elements;
    std::vector<std::byte> bytes(format.BytesFor(values.size()));
    if (plain) {
      format.encode_rtn(values.data(), blocks, bytes.data());
    } else {
      format.encode_weighted(values.data(), nullptr, blocks, bytes.data());
    }
    format.decode(bytes.data(), blocks, decoded.data());
    double lost = 0;
    for (size_t i = 0; i < values.size(); ++i)
      lost += (double{values[i]} - decoded[i]) * (double{values[i]} - decoded[i]);
    errors.push_back(squares > 0 ? lost / squares : 0);
  }
  return errors;
}

}  // namespace nibble
