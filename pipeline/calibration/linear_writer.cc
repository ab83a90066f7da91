#include "pipeline/calibration/linear_writer.h"

#include <algorithm>
#include <utility>

#include "absl/types/span.h"
#include "base/status.h"
#include "device/in_stage.h"
#include "model/logical_tensor.h"
#include "pipeline/calibration/up_down.h"
#include "pipeline/device_use.h"

namespace nibble {

absl::Status LinearWriter::Finish(const Stage& stage, std::vector<MadeLinear> linears, Weights& weights) {
  for (MadeLinear& linear : linears) {
    if (linear.slice < 0) *places_.report.add_linears() = linear.report;
    linear.ReplaceIn(places_.device, weights);
    if (WaitsForDown(linear.tensor->slices[0])) {
      up_ = std::move(linear);
      continue;
    }
    if (up_ && stage.writes) {
      if (!linear.column_scales.empty()) {
        up_->DivideRows(linear.column_scales);
        up_->ReplaceIn(places_.device, weights);
      }
      NIBBLE_RETURN_IF_ERROR(Write(*std::move(up_)));
      up_.reset();
    }
    NIBBLE_RETURN_IF_ERROR(Write(std::move(linear)));
  }
  return absl::OkStatus();
}

absl::Status LinearWriter::Write(MadeLinear linear) {
  const InStage in_write(places_.device, kWriteStage);
  if (linear.is_mine) {
    NIBBLE_RETURN_IF_ERROR(places_.output.WriteRows(*linear.tensor, std::max(linear.slice, 0), 0, linear.bytes));
    written_bytes_ += linear.bytes.size();
  }
  if (linear.slice < 0) return absl::OkStatus();
  linear.values = {};
  finished_.push_back(std::move(linear));
  return absl::OkStatus();
}

absl::Status LinearWriter::TakeFinished(std::vector<MadeLinear> linears, Weights& weights) {
  for (MadeLinear& linear : linears) {
    const auto mine = std::find_if(finished_.begin(), finished_.end(), [&](const MadeLinear& finished) {
      return finished.tensor == linear.tensor && finished.slice == linear.slice;
    });
    linear.is_mine = mine != finished_.end();
    if (linear.is_mine) linear = std::move(*mine);
  }
  NIBBLE_RETURN_IF_ERROR(ShareLinears(places_.comm, absl::MakeSpan(linears)));
  for (MadeLinear& linear : linears) {
    *places_.report.add_linears() = linear.report;
    if (places_.comm.size() > 1) linear.ReplaceIn(places_.device, weights);
    if (linear.is_mine) finished_.clear();
  }
  return absl::OkStatus();
}

bool LinearWriter::WaitsForDown(const LogicalTensor& up) const {
  if (!scale_channels_) return false;
  return std::any_of(UpDowns().begin(), UpDowns().end(), [&](const UpDown& pair) {
    return pair.up == up.role && places_.linears.Has(pair.down, up.layer) &&
           IsLinearInUp(places_.model.spec.layers(up.layer).feed_forward()) &&
           !(pair.up_bias && !places_.model.tensors.Find(*pair.up_bias, up.layer).empty());
  });
}

}  // namespace nibble
