// A tensor of the model as the model means it, however the checkpoint stores it: a role, a shape, and a recipe that
// says where its values come from. The tensors of experts (and, for latent attention, of heads) are one GGUF tensor
// with a further, outermost axis; here each is a tensor of its own, so that nothing is ever sized by all of them.
//
// Layouts differ between families by transposes, slices, interleaved rows, permuted rope rows, stacked experts. All of
// these are one thing: a strided view of stored elements. The canonical layout is GGUF's (rows are outputs; rope rows
// paired as llama.cpp pairs them), so a GGUF's own tensors are identity views.
#ifndef NIBBLE_MODEL_LOGICAL_TENSOR_H_
#define NIBBLE_MODEL_LOGICAL_TENSOR_H_

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "formats/dtype.h"
#include "formats/tensor_source.h"
#include "model/fold.h"
#include "model/role.h"
#include "quant/block/format.h"

namespace nibble {

struct Axis {
  int64_t count = 1;
  int64_t stride = 1;  // in elements of the stored tensor
  friend bool operator==(const Axis&, const Axis&) = default;
};

// What stored elements are multiplied by: a tensor of scales, one per block of elements. The stored tensor is seen as a
// matrix, its leading axes multiplied out; element (row, col) has scale [row / block_rows, col / block_cols], in rows
// of ceil(cols / block_cols) scales. Scales are F32, BF16, F16, E8M0 (F8_E8M0, or U8 meant so), or F8_E4M3.
struct BlockScales {
  std::string tensor;
  int64_t block_rows = 1;
  int64_t block_cols = 1;
  std::string divisor;  // a tensor of one F32, which every scale is divided by; empty: none
  friend bool operator==(const BlockScales&, const BlockScales&) = default;
};

// A linear's integers in words of 32 bits, as GPTQ and AWQ publish them, with a scale and a zero point for each output
// and group of inputs: value = (code - zero point) * scale. Elements are those of the [out, in] matrix, row after row,
// however the words lie. Codes lie in a word from the lowest bits up.
struct WordCodes {
  enum class Order : uint8_t {
    kInputs,       // GPTQ: words [in * bits / 32, out], each of inputs that follow one another
    kInterleaved,  // AWQ: words [in, out / 8], each of outputs 0 2 4 6 1 3 5 7 of eight
  };
  Order order = Order::kInputs;
  int bits = 4;               // or 8
  std::string scales;         // [groups, out], F16, BF16 or F32
  std::string zeros;          // words [groups, out * bits / 32], of outputs: in turn, or interleaved as the codes are
  std::string groups;         // I32 [in], the group of each input; empty: they follow one another, of one length
  uint32_t add_to_zeros = 0;  // to each word of `zeros`: GPTQ's first version stores zero points less one
};

// The format that a tensor of scales is read in; nothing if its dtype is none of these.
std::optional<Format> ScaleFormat(const StoredTensor& tensor);

// Element (r, c) is stored element  base + sum_k digit_k(r) * rows[k].stride + c * cols.stride,  where the digits are
// those of r in the mixed radix rows[0].count x rows[1].count x ..., the last the fastest. Strides are not negative. A
// view's row may be a part of the logical tensor's (a permuted vector is n rows of one value): row after row they give
// the same sequence of elements.
struct StridedView {
  std::string tensor;  // the stored tensor's name
  int64_t base = 0;
  std::vector<Axis> rows;
  Axis cols;
  // What the stored bytes are, if not what the tensor's dtype says: kF4 or kInt4, two elements a byte. All of the
  // above, and the blocks of scales, count these elements.
  std::optional<Format> packed;
  std::optional<BlockScales> scales;
  std::optional<WordCodes> words;  // instead of both
  float add = 0;                   // to each value
};

// Whether the stored bits are not the values themselves.
inline bool IsCoded(const StridedView& view) { return view.packed || view.scales || view.words; }

// The shape of the stored tensor in the elements that a view counts. REQUIRES: its tensors are there.
std::vector<int64_t> ElementsShape(const TensorSource& source, const StridedView& view);

// Values that no tensor holds, known from the config (rope frequency factors): one row.
using Constants = std::vector<float>;

using Recipe = std::variant<StridedView, Constants>;

struct LogicalTensor {
  Role role = Role::kTokenEmbedding;
  int layer = -1;  // -1: of the whole model
  int slice =
      -1;  // which expert's, or head's: its place along the outermost axis of the GGUF tensor. -1: there is none
  int64_t rows = 1;
  int64_t cols = 0;
  bool is_vector = false;       // one-dimensional in GGUF (two-dimensional, if slices are stacked); then rows == 1
  absl::string_view gguf_name;  // in place of the role's own, of static storage; empty: that one
  Recipe recipe;
  std::shared_ptr<const Fold> fold;  // the recipe's last step; null: none
};

// Views of an [n, m] tensor as it stands, and with each head's rows taken from half-split to interleaved rope order:
// row h*d + 2i + j is stored row h*d + j*d/2 + i. A vector [n] is one row to IdentityView; to RopeInterleavedView it is
// a bias, n rows of one value each. REQUIRES: n is a multiple of 2 * heads.
StridedView IdentityView(const StoredTensor& tensor);
StridedView RopeInterleavedView(const StoredTensor& tensor, int64_t heads);

// How many rows ReadRows and ReadRawRows should be asked for at once, where `wanted` would do: more where the view
// walks the stored tensor against its grain or words lie across it, so that few rows cost as much as many, and a whole
// number of the blocks that a fold mixes.
int64_t PanelRows(const LogicalTensor& tensor, int64_t wanted);

// The one evaluator: rows [begin, end) as floats, row after row. Memory beyond `out` is bounded by the stored bytes of
// those rows (of the whole tensor, where the view walks it against its grain; with a fold also by the rows of the
// blocks that it mixes). Values are the same whatever rows are asked for together. Thread-safe. kDataLoss names the
// tensor and the index of a value that is NaN or infinite, or of a scale that is not a finite number above 0.
absl::Status ReadRows(const TensorSource& source, const LogicalTensor& tensor, int64_t begin, int64_t end,
                      absl::Span<float> out);

// The GGUF type whose blocks ReadRawRows can hand out without going through values: the stored one, where every logical
// row is a run of whole stored blocks; MXFP4 for F4 elements with E8M0 scales per 32, Q4_0 for INT4 elements with
// scales per 32; nothing otherwise, and where there is a fold.
std::optional<DType> RawDType(const TensorSource& source, const LogicalTensor& tensor);

// What the values of ReadRows are decoded from, bit for bit, where that is all that is done to them and every row is a
// run of whole stored blocks; else null.
const BlockFormat* StoredFormat(const TensorSource& source, const LogicalTensor& tensor);

// Rows [begin, end) in that format, for whoever decodes them elsewhere: values are not looked at. If one is not finite,
// ReadRows says which. kDataLoss as ReadRows otherwise. REQUIRES: there is a StoredFormat.
absl::Status ReadStoredRows(const TensorSource& source, const LogicalTensor& tensor, int64_t begin, int64_t end,
                            absl::Span<std::byte> out);

// Rows [begin, end) in their stored bits. kDataLoss as ReadRows, and for a scale beyond what Q4_0's can hold; one that
// lies between its values becomes the nearest, and is counted. REQUIRES: RawDType(tensor) has a value.
absl::Status ReadRawRows(const TensorSource& source, const LogicalTensor& tensor, int64_t begin, int64_t end,
                         absl::Span<std::byte> out, int64_t* rounded_scales = nullptr);

}  // namespace nibble

#endif  // NIBBLE_MODEL_LOGICAL_TENSOR_H_
