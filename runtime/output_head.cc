#include "runtime/output_head.h"

#include <algorithm>
#include <cassert>
#include <vector>

#include "base/status.h"
#include "runtime/norm.h"
#include "runtime/weights.h"

namespace nibble {

absl::StatusOr<OutputHead> OutputHead::Create(Device& device, const Model& model, Residency residency) {
  OutputHead head(device, model);
  const LogicalTensor* norm = model.Find(Role::kOutputNorm);
  head.projection_ = model.Find(model.spec.tied_embeddings() ? Role::kTokenEmbedding : Role::kOutput);
  assert(norm != nullptr && head.projection_ != nullptr);
  head.residency_ = residency;
  NIBBLE_ASSIGN_OR_RETURN(head.norm_, LoadRows(device, model, *norm, 0, norm->rows));
  if (const LogicalTensor* bias = model.Find(Role::kOutputNormBias); bias != nullptr) {
    NIBBLE_ASSIGN_OR_RETURN(head.norm_bias_, LoadRows(device, model, *bias, 0, bias->rows));
  }
  if (residency == Residency::kResident) {
    NIBBLE_ASSIGN_OR_RETURN(head.weights_, LoadRows(device, model, *head.projection_, 0, head.projection_->rows));
  }
  return head;
}

absl::StatusOr<Buffer> OutputHead::Normalize(absl::Span<const float> hidden) const {
  const int64_t width = model_->spec.hidden_size();
  NIBBLE_ASSIGN_OR_RETURN(Buffer buffer, device_->Allocate(hidden.size()));
  device_->Upload(hidden, buffer.data());
  const Matrix x = buffer.matrix(hidden.size() / width, width);
  nibble::Normalize(*device_, model_->spec.norm(), norm_.data(), norm_bias_.data(), x, x);
  return buffer;
}

absl::StatusOr<ConstMatrix> OutputHead::Panel(int64_t begin, int64_t end) {
  if (residency_ == Residency::kResident) {
    return ConstMatrix(weights_.matrix(projection_->rows, projection_->cols)).Rows(begin, end);
  }
  weights_ = Buffer();
  NIBBLE_ASSIGN_OR_RETURN(weights_, LoadRows(*device_, *model_, *projection_, begin, end));
  return ConstMatrix(weights_.matrix(end - begin, projection_->cols));
}

absl::Status OutputHead::Logits(ConstMatrix normed, absl::Span<float> logits) {
  const int64_t vocabulary = projection_->rows;
  NIBBLE_ASSIGN_OR_RETURN(const Buffer buffer, device_->Allocate(normed.rows * kPanelRows));
  std::vector<float> values;
  for (int64_t begin = 0; begin < vocabulary; begin += kPanelRows) {
    const int64_t width = std::min(kPanelRows, vocabulary - begin);
    NIBBLE_ASSIGN_OR_RETURN(const ConstMatrix panel, Panel(begin, begin + width));
    device_->operations().matmul(*device_, normed, panel, nullptr, buffer.matrix(normed.rows, width));
    values.resize(normed.rows * width);
    NIBBLE_RETURN_IF_ERROR(device_->Download(buffer.data(), absl::MakeSpan(values)));
    for (int64_t row = 0; row < normed.rows; ++row) {
      std::copy_n(values.begin() + row * width, width, logits.begin() + row * vocabulary + begin);
    }
  }
  return absl::OkStatus();
}

}  // namespace nibble
