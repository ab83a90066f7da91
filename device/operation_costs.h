// What operations cost, by the shapes of their arguments. For measured_device.cc.
#ifndef NIBBLE_DEVICE_OPERATION_COSTS_H_
#define NIBBLE_DEVICE_OPERATION_COSTS_H_

#include <algorithm>
#include <cstddef>
#include <cstdint>

#include "absl/types/span.h"
#include "device/operations.h"
#include "quant/block/format.h"

namespace nibble::costs {

struct Cost {
  double flops = 0;   // of products of matrices and the like: an addition and a multiplication are two
  double floats = 0;  // that are read and written, each once
};

inline double Size(ConstMatrix m) { return static_cast<double>(m.rows) * m.cols; }

inline Cost OfBlocks(const BlockFormat& format, size_t bytes) {
  const double blocks = static_cast<double>(bytes) / format.block_bytes;
  return {0, blocks * (format.block_elements + format.block_bytes / double{sizeof(float)})};
}
inline Cost Decode(const BlockFormat& format, absl::Span<const std::byte> blocks, float*) {
  return OfBlocks(format, blocks.size());
}
inline Cost EncodeRtn(const BlockFormat& format, const float*, absl::Span<std::byte> blocks) {
  return OfBlocks(format, blocks.size());
}
inline Cost EncodeWeighted(const BlockFormat& format, ConstMatrix, const float*, absl::Span<std::byte> blocks) {
  return OfBlocks(format, blocks.size());
}

inline Cost LargestMagnitude(ConstMatrix values) { return {0, Size(values)}; }
inline Cost DotRows(ConstMatrix a, ConstMatrix, const float*, absl::Span<double>) { return {2 * Size(a), 2 * Size(a)}; }

// One triangle.
inline Cost QuadraticForms(ConstMatrix x, ConstMatrix h, const float*, absl::Span<double>) {
  return {Size(x) * x.cols, Size(x) + Size(h) / 2};
}

inline Cost Product(ConstMatrix x, ConstMatrix w, const float*, Matrix y) {
  return {2.0 * Size(y) * x.cols, Size(x) + Size(w) + Size(y)};
}

inline Cost Add(ConstMatrix x, Matrix) { return {0, 3 * Size(x)}; }
inline Cost ScaleRows(const float*, int64_t, Matrix x) { return {0, 2 * Size(x)}; }
inline Cost RmsNorm(ConstMatrix x, const float*, float, Matrix) { return {0, 2 * Size(x)}; }
inline Cost LayerNorm(ConstMatrix x, const float*, const float*, float, Matrix) { return {0, 2 * Size(x)}; }
inline Cost CopyHeads(int64_t heads, bool shared, ConstMatrix x, int64_t, Matrix) {
  return {0, Size(x) * (1 + (shared ? heads : 1))};
}
inline Cost Rope(const RopeArguments& arguments, Matrix x) {
  return {0, 4.0 * x.rows * arguments.heads * arguments.cosine.cols};
}
inline Cost Gated(ConstMatrix up, Matrix) { return {0, 3 * Size(up)}; }
inline Cost GatedClamped(float, float, ConstMatrix up, Matrix) { return {0, 3 * Size(up)}; }
inline Cost Gelu(Matrix x) { return {0, 2 * Size(x)}; }
inline Cost Route(const RouterArguments& arguments, absl::Span<int32_t>, absl::Span<float>) {
  return {0, Size(arguments.logits)};
}

// Of the keys that are seen alone.
inline Cost Attention(const AttentionArguments& a, Matrix y) {
  const int64_t queries = a.query.rows / a.sequences, keys = a.key.rows / a.sequences;
  double seen = 0;  // by the queries of a sequence
  for (int64_t position = keys - queries; position < keys; ++position) {
    int64_t reach = position + 1;
    if (a.window > 0) reach = std::min(reach, a.window);
    if (a.chunk > 0) reach = std::min(reach, position % a.chunk + 1);
    seen += reach;
  }
  return {2 * a.sequences * seen * (a.query.cols + y.cols), Size(a.query) + Size(a.key) + Size(a.value) + Size(y)};
}

inline Cost AddSquares(ConstMatrix x, absl::Span<double>) { return {2 * Size(x), Size(x)}; }
inline Cost Gram(ConstMatrix x, Matrix h) { return {2 * Size(x) * x.cols, Size(x) + 2 * Size(h)}; }
inline Cost CrossGram(ConstMatrix x, ConstMatrix y, Matrix c) {
  return {2 * Size(x) * y.cols, Size(x) + Size(y) + 2 * Size(c)};
}
inline Cost Cholesky(Matrix a) { return {Size(a) * a.rows / 3, 2 * Size(a)}; }
// Two triangles.
inline Cost CholeskySolve(ConstMatrix factor, Matrix b) { return {2 * Size(b) * b.cols, Size(factor) + 2 * Size(b)}; }
// One triangle.
inline Cost RoundColumns(const RoundColumnsArguments& a, Matrix error, absl::Span<uint8_t>) {
  return {Size(a.w) * a.w.cols, Size(a.w) + Size(a.coupling) / 2 + Size(a.levels) + Size(error)};
}
// The others' errors for each group, and twice over the group's own for each choice.
inline Cost RefineGroups(const RefineGroupsArguments& a, Matrix error, absl::Span<uint8_t>, absl::Span<uint8_t>) {
  const double of_choices = 4.0 * a.choices * a.group;
  return {Size(a.w) * (2.0 * a.w.cols + of_choices), Size(a.w) + Size(a.coupling) + Size(a.levels) + 2 * Size(error)};
}

inline Cost Softmax(ConstMatrix values, int64_t, absl::Span<const uint32_t>, absl::Span<SoftmaxState>) {
  return {0, Size(values)};
}
inline Cost Divergence(ConstMatrix reference, ConstMatrix candidate, absl::Span<DivergenceState>) {
  return {0, Size(reference) + Size(candidate)};
}

}  // namespace nibble::costs

#endif  // NIBBLE_DEVICE_OPERATION_COSTS_H_
