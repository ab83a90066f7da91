#include "runtime/weights.h"

#include <algorithm>
#include <cassert>
#include <cmath>
#include <functional>
#include <utility>
#include <vector>

#include "base/status.h"
#include "device/in_stage.h"
#include "formats/tensor_source.h"
#include "model/logical_tensor.h"
#include "model/role.h"
#include "model/tensor_list.h"
#include "runtime/parallel.h"

namespace nibble {
namespace {

// Floats decoded at once by one thread: a few rows of a wide matrix, and small beside the matrix itself.
constexpr int64_t kPanel = 1 << 17;

std::vector<float> Transposed(absl::Span<const float> values, int64_t rows, int64_t cols) {
  std::vector<float> transposed(values.size());
  for (int64_t row = 0; row < rows; ++row) {
    for (int64_t col = 0; col < cols; ++col) transposed[col * rows + row] = values[row * cols + col];
  }
  return transposed;
}

// Panel by panel, on all threads.
struct RowsToLoad {
  Device& device;
  const TensorSource& source;
  const LogicalTensor& tensor;
  const int64_t begin, end;

  // Values as ReadRows has them.
  absl::Status Upload(float* to) const {
    return InPanels([&](int64_t first, int64_t last) -> absl::Status {
      std::vector<float> values((last - first) * tensor.cols);
      NIBBLE_RETURN_IF_ERROR(ReadRows(source, tensor, first, last, absl::MakeSpan(values)));
      device.Upload(values, to + (first - begin) * tensor.cols);
      return absl::OkStatus();
    });
  }

  absl::Status Decode(const BlockFormat& format, float* to) const {
    return InPanels([&](int64_t first, int64_t last) -> absl::Status {
      std::vector<std::byte> blocks(format.BytesFor((last - first) * tensor.cols));
      NIBBLE_RETURN_IF_ERROR(ReadStoredRows(source, tensor, first, last, absl::MakeSpan(blocks)));
      device.operations().decode(device, format, blocks, to + (first - begin) * tensor.cols);
      return absl::OkStatus();
    });
  }

 private:
  absl::Status InPanels(const std::function<absl::Status(int64_t first, int64_t last)>& load) const {
    const int64_t step = PanelRows(tensor, kPanel / tensor.cols), panels = (end - begin + step - 1) / step;
    return ParallelFor(device.threads(), panels, [&](int64_t panel) {
      const int64_t first = begin + panel * step;
      return load(first, std::min(first + step, end));
    });
  }
};

}  // namespace

absl::StatusOr<Buffer> LoadRows(Device& device, const Model& model, const LogicalTensor& tensor, int64_t begin,
                                int64_t end) {
  const InStage stage(device, kLoadStage);
  NIBBLE_ASSIGN_OR_RETURN(Buffer buffer, device.Allocate((end - begin) * tensor.cols));
  const RowsToLoad rows = {device, model.source, tensor, begin, end};
  if (const BlockFormat* format = StoredFormat(model.source, tensor); format != nullptr) {
    NIBBLE_RETURN_IF_ERROR(rows.Decode(*format, buffer.data()));
    const Matrix values = buffer.matrix(end - begin, tensor.cols);
    if (std::isfinite(device.operations().largest_magnitude(device, values))) return buffer;
  }
  NIBBLE_RETURN_IF_ERROR(rows.Upload(buffer.data()));  // names what is not finite
  return buffer;
}

absl::StatusOr<Weights> Weights::OfLayer(Device& device, const Model& model, int layer) {
  Weights weights;
  for (const RoleInfo& role : Roles()) {
    const TensorStack stack = model.tensors.Find(role.id, layer);
    if (role.is_expert || stack.empty()) continue;
    if (stack[0].slice < 0) {
      NIBBLE_RETURN_IF_ERROR(weights.Load(device, model, stack[0]));
    } else {
      NIBBLE_RETURN_IF_ERROR(weights.LoadHeads(device, model, stack));
    }
  }
  return weights;
}

absl::StatusOr<Weights> Weights::OfExpert(Device& device, const Model& model, int layer, int expert) {
  Weights weights;
  weights.slice_ = expert;
  for (const RoleInfo& role : Roles()) {
    const LogicalTensor* tensor = role.is_expert ? model.Find(role.id, layer, expert) : nullptr;
    if (tensor != nullptr) NIBBLE_RETURN_IF_ERROR(weights.Load(device, model, *tensor));
  }
  return weights;
}

absl::Status Weights::Load(Device& device, const Model& model, const LogicalTensor& tensor) {
  NIBBLE_ASSIGN_OR_RETURN(Buffer buffer, LoadRows(device, model, tensor, 0, tensor.rows));
  entries_[tensor.role] = {std::move(buffer), tensor.rows, tensor.cols};
  return absl::OkStatus();
}

absl::Status Weights::LoadHeads(Device& device, const Model& model, absl::Span<const LogicalTensor> heads) {
  const int64_t rows = heads[0].rows, cols = heads[0].cols;
  const bool transposed = heads[0].role == Role::kKeyB;
  const InStage stage(device, kLoadStage);
  NIBBLE_ASSIGN_OR_RETURN(Buffer buffer, device.Allocate(heads.size() * rows * cols));
  NIBBLE_RETURN_IF_ERROR(ParallelFor(device.threads(), heads.size(), [&](int64_t head) -> absl::Status {
    std::vector<float> values(rows * cols);
    NIBBLE_RETURN_IF_ERROR(ReadRows(model.source, heads[head], 0, rows, absl::MakeSpan(values)));
    if (transposed) values = Transposed(values, rows, cols);
    device.Upload(values, buffer.data() + head * rows * cols);
    return absl::OkStatus();
  }));
  const int64_t outputs = transposed ? cols : rows, inputs = transposed ? rows : cols;
  entries_[heads[0].role] = {std::move(buffer), static_cast<int64_t>(heads.size()) * outputs, inputs};
  return absl::OkStatus();
}

ConstMatrix Weights::matrix(Role role) const {
  const auto found = entries_.find(role);
  assert(found != entries_.end());
  return found->second.buffer.matrix(found->second.rows, found->second.cols);
}

const float* Weights::vector(Role role) const {
  const auto found = entries_.find(role);
  return found == entries_.end() ? nullptr : found->second.buffer.data();
}

void Weights::Replace(Device& device, Role role, absl::Span<const float> values) {
  const auto found = entries_.find(role);
  assert(found != entries_.end() && found->second.rows * found->second.cols == values.size());
  device.Upload(values, found->second.buffer.data());
}

void Weights::Replace(Device& device, Role role, const BlockFormat& format, absl::Span<const std::byte> blocks) {
  const auto found = entries_.find(role);
  assert(found != entries_.end() && format.BytesFor(found->second.rows * found->second.cols) == blocks.size());
  device.operations().decode(device, format, blocks, found->second.buffer.data());
}

int64_t LargestLayer(const Model& model) {
  struct Floats {
    int64_t dense = 0;
    std::vector<int64_t> experts;
  };
  std::vector<Floats> layers(model.spec.layers_size());
  for (const LogicalTensor& tensor : model.tensors) {
    if (tensor.layer < 0) continue;
    Floats& layer = layers[tensor.layer];
    const bool is_expert = GetRole(tensor.role).is_expert;
    if (is_expert) layer.experts.resize(std::max<size_t>(layer.experts.size(), tensor.slice + 1));
    (is_expert ? layer.experts[tensor.slice] : layer.dense) += tensor.rows * tensor.cols;
  }
  int64_t largest = 0;
  for (const Floats& layer : layers) {
    const auto expert = std::max_element(layer.experts.begin(), layer.experts.end());
    largest = std::max(largest, layer.dense + (expert == layer.experts.end() ? 0 : *expert));
  }
  return largest;
}

int64_t AllWeights(const Model& model) {
  int64_t floats = 0;
  for (const LogicalTensor& tensor : model.tensors) floats += tensor.rows * tensor.cols;
  return floats;
}

}  // namespace nibble
