// How far a quantized linear's outputs are from the original ones, from sums over inputs alone.
#ifndef NIBBLE_QUANT_GPTQ_OUTPUT_ERROR_H_
#define NIBBLE_QUANT_GPTQ_OUTPUT_ERROR_H_

#include <cstddef>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "device/device.h"
#include "quant/block/format.h"
#include "quant/gptq/input_statistics.h"

namespace nibble {

// With W the weights, Q what is decoded of their bytes, E = W - Q, D = O - X what quantization before the linear did to
// its inputs, and S what it did to the hidden state that outputs are added to: sum over tokens of
// |W o + s - Q x|^2 = tr(E H E^T) + 2 tr(E M^T) + |W D^T + S^T|^2, M = (W D^T + S^T) X. Without originals D = 0 and S =
// 0.
class OutputError {
 public:
  // `statistics` outlives it and has tokens.
  static absl::StatusOr<OutputError> Create(Device& device, const InputStatistics& statistics);

  // Some of a linear's rows.
  struct Rows {
    absl::Span<const float> weights;  // [rows.size(), n], all of them times one multiplier
    absl::Span<const int64_t> rows;   // which of the linear's they are
    double multiplier = 1;
  };

  // M, [rows, n]; empty without originals.
  absl::StatusOr<std::vector<float>> Drift(const Rows& rows) const;
  // weights [rows, n] times H.
  absl::StatusOr<std::vector<float>> TimesGram(absl::Span<const float> weights) const;

  // A linear about to be judged, several times.
  struct Linear {
    absl::Span<const float> weights;  // outlives it
    std::vector<float> drift;
    Buffer on_device, drift_on_device;  // the same
    // Of each row.
    std::vector<double> inherited;  // |W D^T + S^T|^2; 0 but for Originals::kAll
    std::vector<double> outputs;    // |W O^T|^2, or |W X^T|^2 where O is not known
  };
  absl::StatusOr<Linear> Prepare(const Rows& rows) const;
  // Of each row. `bytes` are of the weights, or, with `column_scales` [n], of these times them.
  absl::StatusOr<std::vector<double>> Of(const Linear& linear, const BlockFormat& format,
                                         absl::Span<const std::byte> bytes,
                                         absl::Span<const float> column_scales = {}) const;

 private:
  OutputError(Device& device, const InputStatistics& statistics) : device_(&device), statistics_(&statistics) {}

  Device* device_;
  const InputStatistics* statistics_;
  Buffer drift_;                        // X^T D
  Buffer inherited_;                    // D^T D
  std::vector<float> state_drift_;      // S^T X
  std::vector<float> state_inherited_;  // S^T D
};

}  // namespace nibble

#endif  // NIBBLE_QUANT_GPTQ_OUTPUT_ERROR_H_
