// Weights on a device, decoded to float32 from whatever the source stores.
#ifndef NIBBLE_RUNTIME_WEIGHTS_H_
#define NIBBLE_RUNTIME_WEIGHTS_H_

#include <cstdint>

#include "absl/container/flat_hash_map.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "device/device.h"
#include "model/model.h"

namespace nibble {

// Rows [begin, end), decoded on all of the device's host threads, panel by panel.
absl::StatusOr<Buffer> LoadRows(Device& device, const Model& model, const LogicalTensor& tensor, int64_t begin,
                                int64_t end);

// Every tensor of one layer.
class LayerWeights {
 public:
  static absl::StatusOr<LayerWeights> Load(Device& device, const Model& model, int layer);

  // REQUIRES: the layer has it.
  ConstMatrix matrix(Role role) const;
  // Null if the layer does not have it.
  const float* vector(Role role) const;

 private:
  struct Entry {
    Buffer buffer;
    int64_t rows;
    int64_t cols;
  };
  absl::flat_hash_map<Role, Entry> entries_;
};

// Floats that LayerWeights takes for its largest layer.
int64_t LargestLayer(const Model& model);
// Floats of all tensors.
int64_t AllWeights(const Model& model);

}  // namespace nibble

#endif  // NIBBLE_RUNTIME_WEIGHTS_H_
