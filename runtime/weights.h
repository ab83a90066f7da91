// Weights on a device, decoded to float32 from whatever the source stores.
#ifndef NIBBLE_RUNTIME_WEIGHTS_H_
#define NIBBLE_RUNTIME_WEIGHTS_H_

#include <cstddef>
#include <cstdint>

#include "absl/container/flat_hash_map.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "device/device.h"
#include "model/model.h"
#include "quant/block/format.h"
#include "runtime/tap.h"

namespace nibble {

// What loading is among the stages of a device that measures, wherever it lies.
inline constexpr absl::string_view kLoadStage = "load";

// Rows [begin, end): read on all of the device's host threads, panel by panel, and decoded by the device where decoding
// is all that there is to do, else by these threads.
absl::StatusOr<Buffer> LoadRows(Device& device, const Model& model, const LogicalTensor& tensor, int64_t begin,
                                int64_t end);

// Tensors by role.
class Weights {
 public:
  // Every tensor of one layer but its experts'. The slices of heads lie one after the other in one matrix whose rows
  // are outputs: kKeyB [heads * nope length, key_value_rank], kValueB [heads * value_length, key_value_rank].
  static absl::StatusOr<Weights> OfLayer(Device& device, const Model& model, int layer);
  // The tensors of one expert of a layer.
  static absl::StatusOr<Weights> OfExpert(Device& device, const Model& model, int layer, int expert);

  bool has(Role role) const { return entries_.contains(role); }
  // REQUIRES: has(role).
  ConstMatrix matrix(Role role) const;
  // Null if there is none.
  const float* vector(Role role) const;

  // Other values for a matrix that is there, of its shape: themselves, or in blocks of a format.
  void Replace(Device& device, Role role, absl::Span<const float> values);
  void Replace(Device& device, Role role, const BlockFormat& format, absl::Span<const std::byte> blocks);

  // Who is told of the inputs of these weights' linears; null (nobody) by default. Outlives its use.
  void set_tap(Tap* tap) { tap_ = tap; }
  Tap* tap() const { return tap_; }
  int slice() const { return slice_; }  // which expert's they are; -1: a layer's

 private:
  struct Entry {
    Buffer buffer;
    int64_t rows;
    int64_t cols;
  };

  absl::Status Load(Device& device, const Model& model, const LogicalTensor& tensor);
  absl::Status LoadHeads(Device& device, const Model& model, absl::Span<const LogicalTensor> heads);

  absl::flat_hash_map<Role, Entry> entries_;
  Tap* tap_ = nullptr;
  int slice_ = -1;
};

// Floats of the largest layer's weights as a pass holds them: one expert at a time.
int64_t LargestLayer(const Model& model);
// Floats of all tensors.
int64_t AllWeights(const Model& model);

}  // namespace nibble

#endif  // NIBBLE_RUNTIME_WEIGHTS_H_
