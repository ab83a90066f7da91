// The heavy operations of the forward pass: one row per operation, one table per device.
//
// To add an operation: declare it here with its contract, write its twin for every device (device/cpu/<name>.cc,
// device/cuda/<name>.h), add it to the device's table, say what it costs in device/operation_costs.h and when it is
// done in device/measured_device.cc, and test it against a double-precision oracle in operations_test.cc, which runs
// over every device.
//
// All matrices are row-major without gaps and lie in the device's memory. Everything is float32; sums are formed over
// fixed blocks in a fixed order, so results do not depend on the number of threads. Operations are queued in order:
// results are there, and failures known, when Device::Download returns. Arguments never overlap unless it is said.
#ifndef NIBBLE_DEVICE_OPERATIONS_H_
#define NIBBLE_DEVICE_OPERATIONS_H_

#include <cmath>
#include <cstddef>
#include <cstdint>
#include <limits>

#include "absl/types/span.h"
#include "quant/block/host_device.h"

namespace nibble {

struct BlockFormat;
class Device;

struct Matrix {
  float* data = nullptr;
  int64_t rows = 0;
  int64_t cols = 0;

  NIBBLE_HOST_DEVICE float* row(int64_t index) const { return data + index * cols; }
  NIBBLE_HOST_DEVICE Matrix Rows(int64_t begin, int64_t end) const { return {row(begin), end - begin, cols}; }
};

struct ConstMatrix {
  NIBBLE_HOST_DEVICE ConstMatrix(const float* data, int64_t rows, int64_t cols) : data(data), rows(rows), cols(cols) {}
  NIBBLE_HOST_DEVICE ConstMatrix(const Matrix& matrix)
      : data(matrix.data), rows(matrix.rows), cols(matrix.cols) {}  // NOLINT

  NIBBLE_HOST_DEVICE const float* row(int64_t index) const { return data + index * cols; }
  NIBBLE_HOST_DEVICE ConstMatrix Rows(int64_t begin, int64_t end) const { return {row(begin), end - begin, cols}; }

  const float* data;
  int64_t rows;
  int64_t cols;
};

enum class RopePairing {
  kInterleaved,  // dimensions 2i, 2i+1
  kHalfSplit,    // dimensions i, i + dimensions/2
};

struct RopeArguments {
  RopePairing pairing = RopePairing::kInterleaved;
  int64_t heads = 1;  // of x's columns, equally long
  int64_t first = 0;  // the dimension of each head where the rotated ones begin; first + dimensions <= its length
  // [positions, dimensions/2]: row p rotates the rows r of x with r % positions == p.
  ConstMatrix cosine;
  ConstMatrix sine;
};

// `sequences` sequences of T queries and N >= T keys, one after the other. Query t is at position N - T + t of its
// sequence and sees the keys up to that position, as far back as window and chunk allow.
struct AttentionArguments {
  int64_t sequences = 1;
  int64_t heads = 1;
  int64_t kv_heads = 1;  // divides heads; head h reads key and value head h / (heads / kv_heads)
  float scale = 1;       // of the scores
  ConstMatrix query;     // [sequences * T, heads * key_length]
  ConstMatrix key;       // [sequences * N, kv_heads * key_length]
  ConstMatrix value;     // [sequences * N, kv_heads * value_length]
  int64_t window = 0;    // the last so many keys, the query's own included; 0: all
  int64_t chunk = 0;     // the keys of the query's own chunk of so many positions; 0: all
  // [heads] or null: one more score per head, unscaled, that takes part in the softmax and has no value.
  const float* sinks = nullptr;
};

enum class Gating {
  kSoftmax,          // over all experts
  kSigmoid,          // of each expert's logit
  kSoftmaxOfChosen,  // over the chosen experts
};

// Each token's experts are the `used` with the highest scores; its weights are their gates, by these rules. The score
// is the logit; with groups or a selection bias, gate + bias. Of equal scores the lower index wins.
struct RouterArguments {
  ConstMatrix logits;  // [T, experts]
  int64_t used = 1;
  Gating gating = Gating::kSoftmax;
  const float* selection_bias = nullptr;  // [experts] or null
  // Experts are chosen within the `groups_used` groups whose two best scores have the highest sums; groups of equal
  // size, one after the other; 0: no groups.
  int64_t groups = 0;
  int64_t groups_used = 0;
  bool normalize = false;  // the weights are divided by their sum
  float scale = 1;         // and multiplied by this
};

// A softmax over a row that comes in pieces, left to right.
struct SoftmaxState {
  double max = -std::numeric_limits<double>::infinity();
  double sum = 0;           // of exp(x - max)
  uint32_t argmax = 0;      // column of the first largest value
  double target_value = 0;  // of the column that was asked for

  double LogSumExp() const { return max + std::log(sum); }
};

// What a Kullback-Leibler divergence needs beyond both rows' SoftmaxState, in the same pieces:
//   KL(r || c) = sum / softmax(r).sum - LogSumExp(r) + LogSumExp(c)
struct DivergenceState {
  double max = -std::numeric_limits<double>::infinity();  // of r
  double sum = 0;                                         // of exp(r - max) * (r - c)
};

// Rounds the columns of w [rows, n] one after the other, each against the errors of those before it:
//
//   target = w[r][j] + sum over i < j of error[r][i] * coupling[j][i]
//   code   = of the level nearest to target, the first of equally near ones;  error[r][j] = w[r][j] - that level
//
// Coupling from a Cholesky factor makes this GPTQ (arXiv 2210.17323, quant/gptq/curvature.h).
struct RoundColumnsArguments {
  Matrix w;                         // target - level takes its place
  ConstMatrix coupling;             // [n, n], read left of the diagonal
  absl::Span<const int32_t> group;  // [n]: the group of levels of each column; host memory
  ConstMatrix levels;               // [rows, groups * codes]
  int64_t codes = 16;               // at most 256
};

// Lowers e H e^T of each row's errors e = w - its levels, group of columns by group, the others' errors as they are:
// for each of the choices of levels that the group has, its columns are rounded in turn,
//
//   target = w[r][j] + sum over i != j of error[r][i] * coupling[j][i],   coupling[j][i] = H_ji / H_jj
//
// (coordinate descent), twice over, and the choice that leaves the least is taken; of equal ones, the first.
struct RefineGroupsArguments {
  ConstMatrix w;
  ConstMatrix coupling;            // [n, n]
  absl::Span<const float> pivots;  // [n]: H_jj; host memory
  int64_t group = 32;              // columns, one after the other, that share their levels; divides n
  ConstMatrix levels;              // [rows, groups * choices * codes]
  int64_t choices = 1;             // at most 256; choice 0 has the levels that the errors on entry come from
  int64_t codes = 16;              // at most 256
};

struct Operations {
  // Values of blocks of a format, bit for bit what format.decode makes of them; the blocks lie in host memory, and are
  // free again when it returns.
  void (*decode)(Device& device, const BlockFormat& format, absl::Span<const std::byte> blocks, float* values);
  // The reverse by the format's plain rule: the bytes of format.encode_rtn. Complete when it returns. REQUIRES: the
  // format can be written.
  void (*encode_rtn)(Device& device, const BlockFormat& format, const float* values, absl::Span<std::byte> blocks);
  // The same by the format's search: the bytes of format.encode_weighted, row by row with the same weights [cols], or
  // null. REQUIRES: values.cols is a multiple of the block.
  void (*encode_weighted)(Device& device, const BlockFormat& format, ConstMatrix values, const float* weights,
                          absl::Span<std::byte> blocks);

  // 0 for no values; an infinity or a NaN if one of them is. Complete when it returns.
  float (*largest_magnitude)(Device& device, ConstMatrix values);

  // y = x w^T + bias: x [T, in], w [out, in], bias [out] or null, y [T, out].
  void (*matmul)(Device& device, ConstMatrix x, ConstMatrix w, const float* bias, Matrix y);

  // The same for the model's own linears: a device made for calibration may round x and w to bf16, as gram and
  // cross_gram then do with their inputs. Sums stay float32.
  void (*linear)(Device& device, ConstMatrix x, ConstMatrix w, const float* bias, Matrix y);

  // y += x.
  void (*add)(Device& device, ConstMatrix x, Matrix y);

  // sums[r] = sum over columns of weights[j] * a[r][j] * b[r][j], in double; weights [cols], or null for 1. sums [rows]
  // lie in host memory. Complete when it returns.
  void (*dot_rows)(Device& device, ConstMatrix a, ConstMatrix b, const float* weights, absl::Span<double> sums);

  // sums[r] = sum over columns of weights[j] * x[r][j] * (h x_r)[j], x [rows, n], h [n, n], weights [n] such that
  // weights[j] * h[j][i] is symmetric: what lies above h's diagonal is not read. Products are float32, their sums
  // double. sums [rows] lie in host memory. Complete when it returns.
  void (*quadratic_forms)(Device& device, ConstMatrix x, ConstMatrix h, const float* weights, absl::Span<double> sums);

  // Row r of x times factors[r % count].
  void (*scale_rows)(Device& device, const float* factors, int64_t count, Matrix x);

  // Row by row y = x / sqrt(mean(x^2) + epsilon) * weight; weight [cols], or null for 1. y may be x.
  void (*rms_norm)(Device& device, ConstMatrix x, const float* weight, float epsilon, Matrix y);

  // Row by row y = (x - mean) / sqrt(variance + epsilon) * weight + bias; both [cols], bias or null. y may be x.
  void (*layer_norm)(Device& device, ConstMatrix x, const float* weight, const float* bias, float epsilon, Matrix y);

  // Copies each head of x into a head of y, from its dimension `first` on. Both have `heads` heads of their own
  // lengths; if `shared`, all of x is one head that goes into every one of y's.
  void (*copy_heads)(Device& device, int64_t heads, bool shared, ConstMatrix x, int64_t first, Matrix y);

  // Rotates `dimensions` of each head of x in place: (a, b) becomes (a cos - b sin, a sin + b cos).
  void (*rope)(Device& device, const RopeArguments& arguments, Matrix x);

  // y [sequences * T, heads * value_length] = softmax(scale * query key^T of the keys seen) value, head by head. Takes
  // memory for a fixed number of rows of N scores per thread.
  void (*attention)(Device& device, const AttentionArguments& arguments, Matrix y);

  // gate = silu(gate) * up.
  void (*swiglu)(Device& device, ConstMatrix up, Matrix gate);
  // g = min(gate, limit), u = clamp(up, -limit, limit): gate = g * sigmoid(alpha * g) * (u + 1).
  void (*swiglu_clamped)(Device& device, float limit, float alpha, ConstMatrix up, Matrix gate);
  // gate = gelu(gate) * up; x = gelu(x). The tanh approximation.
  void (*geglu)(Device& device, ConstMatrix up, Matrix gate);
  void (*gelu)(Device& device, Matrix x);

  // experts and weights [T, used], best first; they lie in host memory, and the operation is complete when it returns.
  void (*route)(Device& device, const RouterArguments& arguments, absl::Span<int32_t> experts,
                absl::Span<float> weights);

  // sums[j] += sum over rows of x[t][j]^2; sums [n] lie in host memory. Complete when it returns.
  void (*add_squares)(Device& device, ConstMatrix x, absl::Span<double> sums);

  // h += x^T x: x [T, n], h [n, n].
  void (*gram)(Device& device, ConstMatrix x, Matrix h);

  // c += x^T y: x [T, m], y [T, n], c [m, n].
  void (*cross_gram)(Device& device, ConstMatrix x, ConstMatrix y, Matrix c);

  // The lower factor of a symmetric a [n, n], of which the lower triangle is read: a = L L^T. L takes a's place, zero
  // above its diagonal. Returns the first column whose pivot is not positive (a is then undefined), or -1; complete
  // when it returns.
  int64_t (*cholesky)(Device& device, Matrix a);

  // Every row of b [rows, n] times (L L^T)^-1, L [n, n] as cholesky leaves it.
  void (*cholesky_solve)(Device& device, ConstMatrix factor, Matrix b);

  // error [rows, n], out; codes [rows, n], out, in host memory. Complete when it returns.
  void (*round_columns)(Device& device, const RoundColumnsArguments& arguments, Matrix error,
                        absl::Span<uint8_t> codes);

  // error [rows, n], in and out; codes [rows, n] and choices [rows, groups], out, in host memory. Complete when it
  // returns.
  void (*refine_groups)(Device& device, const RefineGroupsArguments& arguments, Matrix error, absl::Span<uint8_t> codes,
                        absl::Span<uint8_t> choices);

  // Takes columns first_column ... of every row into its state. targets[row] is the row's column whose value is kept.
  // States and targets lie in host memory; the operation is complete when it returns.
  void (*accumulate_softmax)(Device& device, ConstMatrix values, int64_t first_column,
                             absl::Span<const uint32_t> targets, absl::Span<SoftmaxState> states);
  void (*accumulate_divergence)(Device& device, ConstMatrix reference, ConstMatrix candidate,
                                absl::Span<DivergenceState> states);
};

}  // namespace nibble

#endif  // NIBBLE_DEVICE_OPERATIONS_H_
