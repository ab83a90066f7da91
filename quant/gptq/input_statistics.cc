#include "quant/gptq/input_statistics.h"

#include <algorithm>
#include <utility>

#include "base/status.h"

namespace nibble {
absl::Status InputStatistics::Allocate(Device& device, int64_t size, int64_t outputs) {
  const bool all = originals_ == Originals::kAll;
  NIBBLE_ASSIGN_OR_RETURN(gram_, device.Allocate(size * size));
  if (originals_ != Originals::kNone) {
    NIBBLE_ASSIGN_OR_RETURN(cross_, device.Allocate(size * size));
  }
  if (all) {
    NIBBLE_ASSIGN_OR_RETURN(original_, device.Allocate(size * size));
  }
  if (outputs > 0) {
    NIBBLE_ASSIGN_OR_RETURN(state_cross_, device.Allocate(outputs * size));
  }
  if (outputs > 0 && all) {
    NIBBLE_ASSIGN_OR_RETURN(state_original_, device.Allocate(outputs * size));
    state_squares_.resize(outputs);
  }
  size_ = size;
  outputs_ = outputs;
  return absl::OkStatus();
}

absl::Status InputStatistics::Begin(Device& device, int64_t size, int64_t outputs) {
  if (size_ > 0) return absl::OkStatus();
  NIBBLE_RETURN_IF_ERROR(Allocate(device, size, outputs));
  const std::vector<float> zeros(std::max(size, outputs) * size);
  for (const Matrix& matrix : matrices()) {
    device.Upload(absl::MakeSpan(zeros).first(matrix.rows * matrix.cols), matrix.data);
  }
  return absl::OkStatus();
}

std::vector<Matrix> InputStatistics::matrices() const {
  std::vector<Matrix> matrices;
  for (const Buffer* buffer : {&gram_, &cross_, &original_}) {
    if (!buffer->empty()) matrices.push_back(buffer->matrix(size_, size_));
  }
  for (const Buffer* buffer : {&state_cross_, &state_original_}) {
    if (!buffer->empty()) matrices.push_back(buffer->matrix(outputs_, size_));
  }
  return matrices;
}

absl::StatusOr<InputStatistics> InputStatistics::WithRoom(Device& device, Originals originals, const Counts& counts) {
  InputStatistics statistics(originals);
  if (counts.size > 0) NIBBLE_RETURN_IF_ERROR(statistics.Allocate(device, counts.size, counts.outputs));
  statistics.tokens_ = counts.tokens;
  statistics.state_squares_ = counts.state_squares;
  return statistics;
}

absl::Status InputStatistics::AddSums(Device& device, InputStatistics other) {
  if (other.size_ == 0) return absl::OkStatus();
  if (size_ == 0) {
    *this = std::move(other);
    return absl::OkStatus();
  }
  const std::vector<Matrix> sums = matrices(), others = other.matrices();
  for (size_t i = 0; i < sums.size(); ++i) device.operations().add(device, others[i], sums[i]);
  for (size_t i = 0; i < state_squares_.size(); ++i) state_squares_[i] += other.state_squares_[i];
  tokens_ += other.tokens_;
  return device.Download(nullptr, {});  // before `other` is gone
}

absl::Status InputStatistics::Add(Device& device, ConstMatrix x, ConstMatrix original, ConstMatrix state_drift) {
  if (x.rows == 0) return absl::OkStatus();
  NIBBLE_RETURN_IF_ERROR(Begin(device, x.cols, state_drift.rows > 0 ? state_drift.cols : 0));
  tokens_ += x.rows;
  const Operations& operations = device.operations();
  operations.gram(device, x, gram());
  if (originals_ != Originals::kNone) operations.cross_gram(device, x, original, cross());
  if (originals_ == Originals::kAll) operations.gram(device, original, this->original());
  if (outputs_ == 0) return absl::OkStatus();
  operations.cross_gram(device, state_drift, x, state_cross());
  if (originals_ == Originals::kAll) {
    operations.cross_gram(device, state_drift, original, state_original());
    operations.add_squares(device, state_drift, absl::MakeSpan(state_squares_));
  }
  return absl::OkStatus();
}

absl::Status InputStatistics::AddPrior(Device& device, const InputStatistics& prior, double tokens) {
  NIBBLE_RETURN_IF_ERROR(Begin(device, prior.size(), 0));
  std::vector<float> sum(size_ * size_), other(sum.size());
  NIBBLE_RETURN_IF_ERROR(device.Download(gram_.data(), absl::MakeSpan(sum)));
  NIBBLE_RETURN_IF_ERROR(device.Download(prior.gram_.data(), absl::MakeSpan(other)));
  const double share = tokens / prior.tokens();
  for (size_t i = 0; i < sum.size(); ++i) sum[i] += static_cast<float>(share * other[i]);
  device.Upload(sum, gram_.data());
  return absl::OkStatus();
}

}  // namespace nibble
