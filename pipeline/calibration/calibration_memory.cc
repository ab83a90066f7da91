#include "pipeline/calibration/calibration_memory.h"

#include <algorithm>
#include <utility>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/types/span.h"
#include "device/device.h"
#include "model/role.h"
#include "pipeline/calibration/calibrated_linears.h"
#include "pipeline/calibration/checkpoints.h"
#include "pipeline/calibration/stages.h"
#include "pipeline/calibration/statistics_sum.h"
#include "pipeline/calibration/window_blocks.h"
#include "pipeline/comm/comm.h"
#include "pipeline/verify/predict_scored.h"
#include "runtime/sequences.h"
#include "runtime/weights.h"

namespace nibble {
namespace {

// [n, n] matrices that are there at most while linears with n inputs are fitted (quant/gptq/fit.cc): five sums of
// inputs, the host's copies of one and of that with scaled columns, four of what errors are judged by, three of each
// curvature (for upstream errors, the best damping so far, and the one that is tried), and what these are made with.
constexpr int64_t kSquares = 21;
// [m, n] matrices of what hidden states lack (quant/gptq/input_statistics.h), where outputs are added to these, and the
// host's copies.
constexpr int64_t kStateSums = 6;
// Copies of a linear's weights: candidates, their errors and products, and the linear before it that waits for its
// columns' scales; beside those that all linears of a stage have.
constexpr int64_t kCopies = 12;
// Rows that are rounded at a time, each with so many levels and the like per weight.
constexpr int64_t kRowsAtOnce = 512, kFloatsPerWeight = 24;
// What is reported of a linear, about: it goes with the checkpoints.
constexpr uint64_t kReportBytes = 256;

struct Linears {
  int64_t inputs = 0;   // of each
  int64_t weights = 0;  // of all
  int64_t largest = 0;  // of one
};

// What their sums take before; held-out tokens lie in a few blocks.
constexpr int64_t kHeldOutNodes = 3;

int64_t SumFloats(const Stage& stage, const Linears& linears, int ranks) {
  const int64_t square = linears.inputs * linears.inputs, state = stage.writes ? linears.largest : 0;
  const int64_t fit = 2 * square + state, held_out = 3 * square + 2 * state;  // InputStatistics' matrices
  if (ranks == 1) return kNodesAlone * fit + kHeldOutNodes * held_out + std::max(square, state);
  return (kNodesOfRanks + 1) * fit + (kHeldOutNodes + 1) * held_out + kCopiesOnTheirWay * std::max(square, state);
}

// What fitting the linears of a stage takes; of experts one's.
int64_t FitFloats(const Stage& stage, const Linears& linears) {
  return kSquares * linears.inputs * linears.inputs + 2 * linears.weights + kCopies * linears.largest +
         (stage.writes ? kStateSums * linears.largest : 0) + kRowsAtOnce * kFloatsPerWeight * linears.inputs;
}

// The largest stage's.
int64_t LargestFit(absl::Span<const LogicalTensor* const> calibrated, int ranks) {
  absl::flat_hash_map<std::pair<int, const Stage*>, Linears> stages;
  for (const LogicalTensor* tensor : calibrated) {
    const LogicalTensor& slice = *tensor;
    Linears& linears = stages[{slice.layer, FindStage(slice.role)}];
    linears.inputs = slice.cols;
    linears.weights += slice.rows * slice.cols;
    linears.largest = std::max(linears.largest, slice.rows * slice.cols);
  }
  int64_t most = 0;
  for (const auto& [key, linears] : stages) {
    most = std::max({most, FitFloats(*key.second, linears), SumFloats(*key.second, linears, ranks)});
  }
  return most;
}

// Of this rank.
int64_t OwnTokens(const Windows& windows, const Comm& comm) {
  return WindowBlocks(windows.count(), windows.length).TokensOf(comm.rank(), comm.size());
}

int64_t WidestInput(absl::Span<const LogicalTensor* const> calibrated) {
  int64_t widest = 0;
  for (const LogicalTensor* tensor : calibrated) widest = std::max(widest, tensor->cols);
  return widest;
}

}  // namespace

CalibrationMemory MemoryOf(const Model& model, const OutputPlan& plan, const Windows& windows,
                           const LinearOptions& options) {
  const std::vector<bool> is_calibrated = CalibratedTensors(plan, options.method);
  std::vector<const LogicalTensor*> calibrated;
  uint64_t reported = 0;
  for (size_t i = 0; i < plan.tensors.size(); ++i) {
    if (!is_calibrated[i]) continue;
    calibrated.push_back(&plan.tensors[i].slices[0]);
    reported += plan.tensors[i].slices.size() * kReportBytes;
  }
  const int64_t paths = RunsOriginal(options) ? 2 : 1, tokens = windows.ids.size();
  const int64_t passing = Sequences::WorkingFloats(model, windows.length) - LargestLayer(model);
  const int64_t observed =
      paths * Sequences::TokensAtATime(windows.length) * (WidestInput(calibrated) + 2 * model.spec.hidden_size());
  const int64_t layers =
      paths * LargestLayer(model) + passing + observed + LargestFit(calibrated, options.comm->size());
  const int64_t judged = passing + LargestLayer(model) + paths * ScoredFloats(model, windows);
  const int64_t sums = Sequences::FloatsPerToken(model) - model.spec.hidden_size();  // of one path at a time
  int64_t states = (paths * model.spec.hidden_size() + sums) * OwnTokens(windows, *options.comm);
  if (options.comm->size() > 1 && sums > 0) states += tokens * model.spec.hidden_size();  // that an expert may get
  return {.working = std::max(layers, judged) * sizeof(float) + kKeptBytes,
          .states = states * sizeof(float),
          .checkpoints = CheckpointBytes(paths, tokens, model.spec.hidden_size()) + reported};
}

}  // namespace nibble
