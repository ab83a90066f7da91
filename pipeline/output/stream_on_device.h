// Encoding by a device that is not the host: large pieces of tensors, each read while the one before it is encoded.
#ifndef NIBBLE_PIPELINE_OUTPUT_STREAM_ON_DEVICE_H_
#define NIBBLE_PIPELINE_OUTPUT_STREAM_ON_DEVICE_H_

#include <cstdint>
#include <functional>
#include <vector>

#include "absl/status/status.h"
#include "device/device.h"
#include "model/model.h"
#include "pipeline/output/output.h"
#include "pipeline/output/output_tensor.h"
#include "pipeline/output/panels.h"
#include "pipeline/output/stream.h"

namespace nibble {

// Whether there is something to encode, of the values as the model has them; the rest is the host's.
bool DeviceEncodes(const OutputTensor& tensor);

struct DeviceStreamResult {
  absl::Status status;
  size_t failed = SIZE_MAX;  // the place of the tensor that has the error
  uint64_t bytes = 0;        // that were written
};

// Writes the rows, one piece after the other, in smaller ones where the device has no room; `done` is told of so many
// rows of a slice. Bytes are the host's. What is left when another rank has an error is not written. REQUIRES:
// DeviceEncodes each of the tensors; options.device is there.
DeviceStreamResult WriteOnDevice(
    const Model& model, const std::vector<RowRun>& runs, const StreamOptions& options, Output& output,
    const std::function<void(const OutputTensor& tensor, const LogicalTensor& slice, int64_t rows)>& done);

}  // namespace nibble

#endif  // NIBBLE_PIPELINE_OUTPUT_STREAM_ON_DEVICE_H_
