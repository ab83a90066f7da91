// A calibrated linear between its weights and the output.
#ifndef NIBBLE_PIPELINE_CALIBRATION_MADE_LINEAR_H_
#define NIBBLE_PIPELINE_CALIBRATION_MADE_LINEAR_H_

#include <cstddef>
#include <vector>

#include "absl/status/status.h"
#include "absl/types/span.h"
#include "device/device.h"
#include "pipeline/comm/comm.h"
#include "pipeline/output/output_tensor.h"
#include "pipeline/report.pb.h"
#include "runtime/weights.h"

namespace nibble {

struct MadeLinear {
  MadeLinear(const OutputTensor& tensor, int slice);  // whose bytes are still to be made

  const OutputTensor* tensor;
  int slice;                  // -1: not one of several
  std::vector<float> values;  // what the tensor has without rounding; where this rank needs it
  std::vector<std::byte> bytes;
  std::vector<float> column_scales;  // FitFigures::column_scales
  CalibratedLinear report;
  bool is_mine = true;  // else another rank writes it

  const LogicalTensor& logical() const { return tensor->slices[slice < 0 ? 0 : slice]; }

  // Puts what the bytes stand for into `weights`.
  void ReplaceIn(Device& device, Weights& weights);

  // Whether its bytes stand whatever scales there may be; then its rows are divided by these. REQUIRES: one per row,
  // within FitFigures' limits.
  bool CanDivideRows() const;
  void DivideRows(absl::Span<const float> scales);
};

// Those that are a rank's own get to all, with bytes, scales and report. Every rank has the same linears, each of them
// is one rank's. Collective.
absl::Status ShareLinears(Comm& comm, absl::Span<MadeLinear> linears);

}  // namespace nibble

#endif  // NIBBLE_PIPELINE_CALIBRATION_MADE_LINEAR_H_
