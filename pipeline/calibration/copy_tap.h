// Keeps what a stage's linears are fed with while one batch passes a layer.
#ifndef NIBBLE_PIPELINE_CALIBRATION_COPY_TAP_H_
#define NIBBLE_PIPELINE_CALIBRATION_COPY_TAP_H_

#include <cstdint>
#include <utility>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "device/device.h"
#include "model/role.h"
#include "pipeline/calibration/stages.h"
#include "runtime/tap.h"

namespace nibble {

class CopyTap : public Tap {
 public:
  // What comes after the stage is computed only if the run is to go on. `device` and `stage` outlive it.
  CopyTap(Device& device, const Stage& stage, bool goes_on) : device_(device), stage_(stage), goes_on_(goes_on) {}

  void Begin() { rows_ = 0; }  // of a batch
  void See(Role role, int /*slice*/, ConstMatrix x) override {
    if (!stage_.Has(role) || rows_ > 0 || !status_.ok()) return;
    if (buffer_.size() < x.rows * x.cols) {
      absl::StatusOr<Buffer> buffer = device_.Allocate(x.rows * x.cols);
      status_ = buffer.status();
      if (!status_.ok()) return;
      buffer_ = *std::move(buffer);
    }
    rows_ = x.rows;
    cols_ = x.cols;
    device_.operations().copy_heads(device_, 1, false, x, 0, inputs());
  }
  bool Needs(Role role) const override { return goes_on_ || !stage_.Has(role); }

  const absl::Status& status() const { return status_; }
  Matrix inputs() const { return buffer_.matrix(rows_, cols_); }

 private:
  Device& device_;
  const Stage& stage_;
  const bool goes_on_;
  Buffer buffer_;
  int64_t rows_ = 0, cols_ = 0;
  absl::Status status_;
};

}  // namespace nibble

#endif  // NIBBLE_PIPELINE_CALIBRATION_COPY_TAP_H_
