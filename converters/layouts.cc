#include "converters/layouts.h"

#include "converters/dims.h"

namespace nibble {
namespace {

Placement HalfSplit(const Slot& slot, int64_t heads) {
  Placement placement = AsInGguf(slot);
  const int64_t half = slot.rows / heads / 2;
  placement.view.rows = {{heads, 2 * half * slot.cols}, {half, slot.cols}, {2, half * slot.cols}};
  placement.view.cols = {slot.cols, 1};
  return placement;
}

int64_t Rows(const Slot& slot, Dim dim) { return Length(dim, slot.spec, slot.layer); }

constexpr Orientation kTransposed = Orientation::kTransposed;

}  // namespace

Placement PartOf(const Slot& slot, int64_t total, int64_t first, int64_t step, Orientation orientation) {
  const bool transposed = orientation == kTransposed && !slot.is_vector;
  const int64_t row_stride = transposed ? 1 : slot.cols;
  const int64_t col_stride = transposed ? total : 1;
  Placement placement;
  if (slot.slices > 0) placement.shape.push_back(slot.slices);
  if (transposed) placement.shape.push_back(slot.cols);
  placement.shape.push_back(total);
  if (!transposed && !slot.is_vector) placement.shape.push_back(slot.cols);
  placement.view.base = (slot.slices > 0 ? slot.slice * total * slot.cols : 0) + first * row_stride;
  const Axis rows = {slot.rows, step * row_stride};
  if (slot.is_vector) {
    placement.view.rows = {{1, rows.count * rows.stride}};
    placement.view.cols = rows;
  } else {
    placement.view.rows = {rows};
    placement.view.cols = {slot.cols, col_stride};
  }
  return placement;
}

Placement AsInGguf(const Slot& slot) { return PartOf(slot, slot.rows, 0, 1); }
Placement Transposed(const Slot& slot) { return PartOf(slot, slot.rows, 0, 1, kTransposed); }
Placement HalfSplitHeads(const Slot& slot) { return HalfSplit(slot, Rows(slot, Dim::kHeads)); }
Placement HalfSplitKvHeads(const Slot& slot) {
  return HalfSplit(slot, Rows(slot, Dim::kKeys) / Rows(slot, Dim::kKeyLength));
}
Placement EvenRows(const Slot& slot) { return PartOf(slot, 2 * slot.rows, 0, 2); }
Placement OddRows(const Slot& slot) { return PartOf(slot, 2 * slot.rows, 1, 2); }
Placement EvenRowsTransposed(const Slot& slot) { return PartOf(slot, 2 * slot.rows, 0, 2, kTransposed); }
Placement OddRowsTransposed(const Slot& slot) { return PartOf(slot, 2 * slot.rows, 1, 2, kTransposed); }
Placement FirstHalf(const Slot& slot) { return PartOf(slot, 2 * slot.rows, 0, 1); }
Placement SecondHalf(const Slot& slot) { return PartOf(slot, 2 * slot.rows, slot.rows, 1); }
Placement FirstHalfTransposed(const Slot& slot) { return PartOf(slot, 2 * slot.rows, 0, 1, kTransposed); }
Placement SecondHalfTransposed(const Slot& slot) { return PartOf(slot, 2 * slot.rows, slot.rows, 1, kTransposed); }
Placement QueryRows(const Slot& slot) { return PartOf(slot, Rows(slot, Dim::kQueryKeyValues), 0, 1); }
Placement KeyRows(const Slot& slot) {
  return PartOf(slot, Rows(slot, Dim::kQueryKeyValues), Rows(slot, Dim::kQueries), 1);
}
Placement ValueRows(const Slot& slot) {
  return PartOf(slot, Rows(slot, Dim::kQueryKeyValues), Rows(slot, Dim::kQueries) + Rows(slot, Dim::kKeys), 1);
}

}  // namespace nibble
