#include "quant/gptq/input_statistics.h"

#include "absl/status/statusor.h"
#include "base/status.h"

namespace nibble {
namespace {

absl::StatusOr<Buffer> Zeros(Device& device, int64_t floats) {
  NIBBLE_ASSIGN_OR_RETURN(Buffer buffer, device.Allocate(floats));
  device.Upload(std::vector<float>(floats), buffer.data());
  return buffer;
}

}  // namespace

absl::Status InputStatistics::Begin(Device& device, int64_t size, int64_t outputs) {
  if (size_ > 0) return absl::OkStatus();
  NIBBLE_ASSIGN_OR_RETURN(gram_, Zeros(device, size * size));
  if (originals_ != Originals::kNone) {
    NIBBLE_ASSIGN_OR_RETURN(cross_, Zeros(device, size * size));
  }
  if (originals_ == Originals::kAll) {
    NIBBLE_ASSIGN_OR_RETURN(original_, Zeros(device, size * size));
  }
  if (outputs > 0) {
    NIBBLE_ASSIGN_OR_RETURN(state_cross_, Zeros(device, outputs * size));
    if (originals_ == Originals::kAll) {
      NIBBLE_ASSIGN_OR_RETURN(state_original_, Zeros(device, outputs * size));
      state_squares_.resize(outputs);
    }
  }
  size_ = size;
  outputs_ = outputs;
  return absl::OkStatus();
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
