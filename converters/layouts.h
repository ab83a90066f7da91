// Where a logical tensor lies in a published one. A layout is a function of a few lines: it says which shape the
// published tensor must have, and how the logical rows and columns walk through it. Those below serve most families; a
// family with a layout of its own writes it in its own file, mostly as one call of PartOf.
//
// Shapes and strides count elements: where codes are packed, the table's machinery translates.
#ifndef NIBBLE_CONVERTERS_LAYOUTS_H_
#define NIBBLE_CONVERTERS_LAYOUTS_H_

#include <cstdint>
#include <vector>

#include "model/logical_tensor.h"
#include "model/model_spec.pb.h"

namespace nibble {

// The logical tensor that is looked for.
struct Slot {
  const ModelSpec& spec;
  int layer = -1;
  int64_t rows = 1;  // of a vector: its length
  int64_t cols = 1;  // of a vector: 1
  bool is_vector = false;
  int64_t slice = 0;   // which slice of the published tensor, and how many lie in it behind one another (outermost
  int64_t slices = 0;  // axis); 0: the published tensor is this slice's own
};

struct Placement {
  std::vector<int64_t> shape;  // of the published tensor
  StridedView view;            // without its tensor's name
};

using Layout = Placement (*)(const Slot& slot);

enum class Orientation { kAsInGguf, kTransposed };  // published [out, in], or [in, out]

// The general case: logical row r is published row `first + r * step` of `total`; published columns are the logical
// ones. kTransposed: both axes change places in the published tensor. Vectors have rows alone.
Placement PartOf(const Slot& slot, int64_t total, int64_t first, int64_t step,
                 Orientation orientation = Orientation::kAsInGguf);

// The tensor as GGUF has it.
Placement AsInGguf(const Slot& slot);
// [in, out].
Placement Transposed(const Slot& slot);
// Rope pairs of each head half a head apart, where llama.cpp has them interleaved; the second for the heads of keys.
Placement HalfSplitHeads(const Slot& slot);
Placement HalfSplitKvHeads(const Slot& slot);
// One of two fused along the outputs: rows in turn (0, 2, ... and 1, 3, ...), or half and half.
Placement EvenRows(const Slot& slot);
Placement OddRows(const Slot& slot);
Placement EvenRowsTransposed(const Slot& slot);
Placement OddRowsTransposed(const Slot& slot);
Placement FirstHalf(const Slot& slot);
Placement SecondHalf(const Slot& slot);
Placement FirstHalfTransposed(const Slot& slot);
Placement SecondHalfTransposed(const Slot& slot);
// Queries, keys, values of one tensor of so many rows behind one another.
Placement QueryRows(const Slot& slot);
Placement KeyRows(const Slot& slot);
Placement ValueRows(const Slot& slot);

}  // namespace nibble

#endif  // NIBBLE_CONVERTERS_LAYOUTS_H_
