#include "runtime/weights.h"

#include <algorithm>
#include <cassert>
#include <utility>
#include <vector>

#include "absl/types/span.h"
#include "base/status.h"
#include "runtime/parallel.h"

namespace nibble {
namespace {

// Floats decoded at once by one thread: a few rows of a wide matrix, and small beside the matrix itself.
constexpr int64_t kPanel = 1 << 17;

}  // namespace

absl::StatusOr<Buffer> LoadRows(Device& device, const Model& model, const LogicalTensor& tensor, int64_t begin,
                                int64_t end) {
  const int64_t cols = tensor.cols;
  NIBBLE_ASSIGN_OR_RETURN(Buffer buffer, device.Allocate((end - begin) * cols));
  const int64_t step = std::max<int64_t>(1, kPanel / cols);
  const int64_t panels = (end - begin + step - 1) / step;
  NIBBLE_RETURN_IF_ERROR(ParallelFor(device.threads(), panels, [&](int64_t panel) -> absl::Status {
    const int64_t first = begin + panel * step;
    const int64_t last = std::min(first + step, end);
    std::vector<float> values((last - first) * cols);
    NIBBLE_RETURN_IF_ERROR(ReadRows(model.source, tensor, first, last, absl::MakeSpan(values)));
    device.Upload(values, buffer.data() + (first - begin) * cols);
    return absl::OkStatus();
  }));
  return buffer;
}

absl::StatusOr<LayerWeights> LayerWeights::Load(Device& device, const Model& model, int layer) {
  LayerWeights weights;
  for (const LogicalTensor& tensor : model.tensors) {
    if (tensor.layer != layer) continue;
    NIBBLE_ASSIGN_OR_RETURN(Buffer buffer, LoadRows(device, model, tensor, 0, tensor.rows));
    weights.entries_[tensor.role] = {std::move(buffer), tensor.rows, tensor.cols};
  }
  return weights;
}

ConstMatrix LayerWeights::matrix(Role role) const {
  const auto found = entries_.find(role);
  assert(found != entries_.end());
  return found->second.buffer.matrix(found->second.rows, found->second.cols);
}

const float* LayerWeights::vector(Role role) const {
  const auto found = entries_.find(role);
  return found == entries_.end() ? nullptr : found->second.buffer.data();
}

int64_t LargestLayer(const Model& model) {
  std::vector<int64_t> floats(model.spec.layers_size());
  for (const LogicalTensor& tensor : model.tensors) {
    if (tensor.layer >= 0) floats[tensor.layer] += tensor.rows * tensor.cols;
  }
  return floats.empty() ? 0 : *std::max_element(floats.begin(), floats.end());
}

int64_t AllWeights(const Model& model) {
  int64_t floats = 0;
  for (const LogicalTensor& tensor : model.tensors) floats += tensor.rows * tensor.cols;
  return floats;
}

}  // namespace nibble
