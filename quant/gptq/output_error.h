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

// values [rows, n] times the transpose of w [m, n]: [rows, m]; host memory in and out.
absl::StatusOr<std::vector<float>> Times(Device& device, absl::Span<const float> values, ConstMatrix w);

// With W the weights, Q what is decoded of their bytes, E = W - Q, and D = O - X what quantization before the linear
// did to its inputs: sum over tokens of |W o - Q x|^2 = tr(E H E^T) + 2 tr(E M^T) + |W D^T|^2, M = W D^T X. Without
// originals D = 0.
class OutputError {
 public:
  // `statistics` outlives it and has tokens.
  static absl::StatusOr<OutputError> Create(Device& device, const InputStatistics& statistics);

  // M, [rows, n]; empty without originals.
  absl::StatusOr<std::vector<float>> Drift(absl::Span<const float> weights) const;

  // A linear about to be judged, several times.
  struct Linear {
    absl::Span<const float> weights;  // outlives it
    std::vector<float> drift;
    double inherited = 0;  // |W D^T|^2; 0 but for Originals::kAll
    double outputs = 0;    // |W O^T|^2, or |W X^T|^2 where O is not known
  };
  absl::StatusOr<Linear> Prepare(absl::Span<const float> weights) const;
  absl::StatusOr<double> Of(const Linear& linear, const BlockFormat& format, absl::Span<const std::byte> bytes) const;

 private:
  OutputError(Device& device, const InputStatistics& statistics) : device_(&device), statistics_(&statistics) {}

  Device* device_;
  const InputStatistics* statistics_;
  Buffer drift_;      // X^T D
  Buffer inherited_;  // D^T D
};

}  // namespace nibble

#endif  // NIBBLE_QUANT_GPTQ_OUTPUT_ERROR_H_
