// The panels of rows that a planned output is written in, and which of them are a rank's.
#ifndef NIBBLE_PIPELINE_OUTPUT_PANELS_H_
#define NIBBLE_PIPELINE_OUTPUT_PANELS_H_

#include <cstddef>
#include <cstdint>
#include <vector>

#include "model/model.h"
#include "model/tensor_list.h"
#include "pipeline/output/plan.h"

namespace nibble {

// Rows of one slice of an output tensor.
struct Panel {
  const OutputTensor* output;
  const LogicalTensor* slice;
  size_t slice_place;  // in the output's slices
  int64_t begin, end;  // rows
  uint64_t source_bytes;
};

// Rows that follow one another, of one slice.
struct RowRun {
  const OutputTensor* output;
  size_t slice_place;
  int64_t begin, end;  // rows

  const LogicalTensor& slice() const { return output->slices[slice_place]; }
};

// Of a whole panel, and what it is read from.
int64_t PanelRowsOf(const LogicalTensor& tensor);
uint64_t SourceBytes(const Model& model, const LogicalTensor& tensor, int64_t rows);

// One rank's panels in the file's order, made as they are asked for: of a large mixture of experts there are millions.
class Panels {
 public:
  // All of them, if it is alone. Ranks get runs of panels of one slice, so short that work can be divided well and so
  // long that files are read on, divided by what they cost. Model and plan outlive this.
  Panels(const Model& model, const OutputPlan& plan, int rank = 0, int ranks = 1);

  size_t size() const { return size_; }
  uint64_t source_bytes() const { return source_bytes_; }
  uint64_t cost() const { return cost_; }  // in units of no meaning
  Panel operator[](size_t index) const;
  // The same rows, in the same order; one run for a slice where this rank is alone.
  std::vector<RowRun> row_runs() const;

 private:
  // Panels that follow one another.
  struct Run {
    const OutputTensor* output;
    const LogicalTensor* tensor;
    int64_t panel_rows;
    int64_t begin, end;  // rows
    size_t first_panel;  // of this rank's
  };

  void Add(Run run);

  const Model& model_;
  std::vector<Run> runs_;
  size_t size_ = 0;
  uint64_t source_bytes_ = 0;
  uint64_t cost_ = 0;
};

}  // namespace nibble

#endif  // NIBBLE_PIPELINE_OUTPUT_PANELS_H_
