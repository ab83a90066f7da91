// The linears of all layers, quantized with what calibration text shows of their inputs, layer by layer: each sees what
// the layers before it, already quantized, make of the text. One layer's weights (of its experts, one expert's) are
// there at a time; the tokens' hidden states all the while. Bytes do not depend on where those are.
#ifndef NIBBLE_PIPELINE_CALIBRATION_WRITE_LINEARS_H_
#define NIBBLE_PIPELINE_CALIBRATION_WRITE_LINEARS_H_

#include <cstdint>
#include <vector>

#include "absl/status/statusor.h"
#include "device/make_device.h"
#include "model/model.h"
#include "pipeline/calibration/calibrated_linears.h"
#include "pipeline/calibration/checkpoints.h"
#include "pipeline/comm/comm.h"
#include "pipeline/output/output.h"
#include "pipeline/output/plan.h"
#include "pipeline/progress.h"
#include "pipeline/report.pb.h"
#include "pipeline/verify/verify_windows.h"
#include "runtime/row_store.h"

namespace nibble {

struct LinearOptions {
  LinearMethod method = LinearMethod::kGptq;
  bool judge = false;  // tell the KLD on held-out windows, as kGptq always does: the original is run beside
  // kGptq: whether channels between a feed-forward's linears may be scaled, where `down` comes nearer by it. What adds
  // to up's outputs beside the file, as an adapter does, would have to be scaled with them.
  bool scale_channels = true;
  Comm* comm = &Comm::Alone();  // ranks that share the work; more than one: of the CPU alone
  int layers = 0;               // the first so many; those behind stay as they are; 0: all
  int threads = 0;              // 0: all
  DeviceChoice device;
  uint64_t working = 0;  // bytes that fitting takes on the device (calibration_memory.h), which batches leave room for
  RowBudget* states = nullptr;  // what hidden states may take in memory, and where the rest goes; null: all of it
  Checkpoints* checkpoints = nullptr;  // by which a run that is stopped goes on; null: it begins again
};

// Whether the model as published is run beside the one that is made.
bool RunsOriginal(const LinearOptions& options);

struct WrittenLinears {
  CalibrationReport report;
  uint64_t bytes = 0;  // by this rank
};

// Writes those tensors of the plan at their places, but for what the checkpoints and the output have of an earlier run,
// to go on behind its layers; CalibrationReport says what was gained. kDataLoss names a weight
// that is not finite, or too large for its type. Bytes and report do not depend on the number of ranks. Collective over
// `options.comm`.
absl::StatusOr<WrittenLinears> WriteLinears(const Model& model, const OutputPlan& plan, const Windows& windows,
                                            const LinearOptions& options, Output& output, Progress& progress);

}  // namespace nibble

#endif  // NIBBLE_PIPELINE_CALIBRATION_WRITE_LINEARS_H_
