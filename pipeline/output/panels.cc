#include "pipeline/output/panels.h"

#include <algorithm>
#include <iterator>

#include "formats/dtype.h"
#include "model/logical_tensor.h"
#include "pipeline/comm/divide.h"
#include "quant/block/format.h"

namespace nibble {
namespace {

// 256 KiB as floats, with their source and their blocks in a core's second-level cache; short waits at the end of a
// job.
constexpr int64_t kPanelElements = 1 << 16;

// A rank has about as many runs or more: then none has much more to do than another.
constexpr int64_t kRunsPerRank = 32;

// Of a value. Which formats take longer than others depends on the machine; as equal runs are dealt in turns, every
// rank gets as much of each.
uint64_t CostOf(const OutputTensor& tensor) {
  return tensor.keep_bits || GetFormat(tensor.format).block_elements == 1 ? 1 : 8;
}

uint64_t CostOf(const OutputTensor& tensor, const LogicalTensor& slice, int64_t rows) {
  return CostOf(tensor) * rows * slice.cols;
}

}  // namespace

int64_t PanelRowsOf(const LogicalTensor& tensor) {
  return PanelRows(tensor, kPanelElements / std::max<int64_t>(1, tensor.cols));
}

uint64_t SourceBytes(const Model& model, const LogicalTensor& tensor, int64_t rows) {
  const StridedView* view = std::get_if<StridedView>(&tensor.recipe);
  if (view == nullptr) return 0;
  if (view->packed) return GetFormat(*view->packed).BytesFor(rows * tensor.cols);
  if (view->words) return rows * tensor.cols * view->words->bits / 8;
  const DTypeInfo& dtype = GetDType(model.source.Find(view->tensor)->dtype);
  return rows * tensor.cols * dtype.block_bits / dtype.block_elements / 8;
}

Panels::Panels(const Model& model, const OutputPlan& plan, int rank, int ranks) : model_(model) {
  uint64_t total = 0;
  for (const OutputTensor& output : plan.tensors) {
    for (const LogicalTensor& slice : output.slices) total += CostOf(output, slice, slice.rows);
  }
  const uint64_t most = std::max<uint64_t>(1, ranks == 1 ? total : total / (kRunsPerRank * ranks));
  std::vector<Run> runs;
  std::vector<uint64_t> costs;
  for (const OutputTensor& output : plan.tensors) {
    for (const LogicalTensor& slice : output.slices) {
      const int64_t panel_rows = PanelRowsOf(slice);
      const uint64_t panel_cost = std::max<uint64_t>(1, CostOf(output, slice, panel_rows));
      const int64_t run_rows = panel_rows * std::max<uint64_t>(1, most / panel_cost);
      for (int64_t begin = 0; begin < slice.rows; begin += run_rows) {
        const int64_t end = std::min(begin + run_rows, slice.rows);
        runs.push_back({&output, &slice, panel_rows, begin, end, 0});
        costs.push_back(CostOf(output, slice, end - begin));
      }
    }
  }
  const std::vector<int> owners = Divide(costs, ranks);
  for (size_t i = 0; i < runs.size(); ++i) {
    if (owners[i] != rank) continue;
    cost_ += costs[i];
    Add(runs[i]);
  }
}

void Panels::Add(Run run) {
  run.first_panel = size_;
  size_ += (run.end - run.begin + run.panel_rows - 1) / run.panel_rows;
  source_bytes_ += SourceBytes(model_, *run.tensor, run.end - run.begin);
  runs_.push_back(run);
}

Panel Panels::operator[](size_t index) const {
  const auto after =
      std::upper_bound(runs_.begin(), runs_.end(), index, [](size_t i, const Run& run) { return i < run.first_panel; });
  const Run& run = *std::prev(after);
  const int64_t begin = run.begin + (index - run.first_panel) * run.panel_rows;
  const int64_t end = std::min(begin + run.panel_rows, run.end);
  const size_t place = run.tensor - run.output->slices.data();
  return {run.output, run.tensor, place, begin, end, SourceBytes(model_, *run.tensor, end - begin)};
}

std::vector<RowRun> Panels::row_runs() const {
  std::vector<RowRun> rows;
  for (const Run& run : runs_) {
    rows.push_back({run.output, static_cast<size_t>(run.tensor - run.output->slices.data()), run.begin, run.end});
  }
  return rows;
}

}  // namespace nibble
