// Calibrated linears on their way out: into the weights that the text goes on with, and, once nothing can change them
// any more, into the output.
#ifndef NIBBLE_PIPELINE_CALIBRATION_LINEAR_WRITER_H_
#define NIBBLE_PIPELINE_CALIBRATION_LINEAR_WRITER_H_

#include <cstdint>
#include <optional>
#include <vector>

#include "absl/status/status.h"
#include "device/device.h"
#include "model/model.h"
#include "pipeline/calibration/calibrated_linears.h"
#include "pipeline/calibration/made_linear.h"
#include "pipeline/calibration/stages.h"
#include "pipeline/comm/comm.h"
#include "pipeline/output/output.h"
#include "pipeline/report.pb.h"
#include "runtime/weights.h"

namespace nibble {

class LinearWriter {
 public:
  // What they are written to, and all that outlives it.
  struct Places {
    const Model& model;
    const CalibratedLinears& linears;
    Comm& comm;
    Device& device;
    Output& output;
    CalibrationReport& report;  // gets each linear
  };
  // `scale_channels`: a feed-forward's up waits for its down, whose columns' scales may divide its rows.
  LinearWriter(const Places& places, bool scale_channels) : places_(places), scale_channels_(scale_channels) {}

  // Whether scales of the columns of what is finished next could be taken out of what waits for it.
  bool CanScaleColumns() const { return up_ && up_->CanDivideRows(); }

  // Leaves in `weights` what a program that reads the file will find, and writes what is this rank's. In the order of
  // the stages.
  absl::Status Finish(const Stage& stage, std::vector<MadeLinear> linears, Weights& weights);

  // An expert's, which one rank has finished: from here on `weights` of all ranks have them. Collective.
  absl::Status TakeFinished(std::vector<MadeLinear> linears, Weights& weights);

  uint64_t written_bytes() const { return written_bytes_; }

 private:
  absl::Status Write(MadeLinear linear);
  // Whether its rows may still be divided, when the linear that reads what they give is made.
  bool WaitsForDown(const LogicalTensor& up) const;

  const Places places_;
  const bool scale_channels_;
  std::optional<MadeLinear> up_;      // made, and not written before `down` is
  std::vector<MadeLinear> finished_;  // of the expert that is this rank's now
  uint64_t written_bytes_ = 0;
};

}  // namespace nibble

#endif  // NIBBLE_PIPELINE_CALIBRATION_LINEAR_WRITER_H_
