#include "device/measured_device.h"

#include "base/status.h"
#include "quant/block/format.h"

namespace nibble {
namespace {

struct Cost {
  double flops = 0;
  double floats = 0;  // read and written
};

double Size(ConstMatrix m) { return static_cast<double>(m.rows) * m.cols; }

Cost OfDecode(const BlockFormat& format, absl::Span<const std::byte> blocks, float*) {
  const double count = static_cast<double>(blocks.size()) / format.block_bytes;
  return {0, count * (format.block_elements + format.block_bytes / 4.0)};
}
Cost OfEncodeRtn(const BlockFormat& format, const float*, absl::Span<std::byte> blocks) {
  return OfDecode(format, blocks, nullptr);
}
Cost OfEncodeWeighted(const BlockFormat& format, ConstMatrix, const float*, absl::Span<std::byte> blocks) {
  return OfDecode(format, blocks, nullptr);
}
Cost OfRead(ConstMatrix values) { return {0, Size(values)}; }
Cost OfProduct(ConstMatrix x, ConstMatrix w, const float*, Matrix y) {
  return {2.0 * Size(y) * x.cols, Size(x) + Size(w) + Size(y)};
}
Cost OfAdd(ConstMatrix x, Matrix) { return {0, 3 * Size(x)}; }
Cost OfDotRows(ConstMatrix a, ConstMatrix, const float*, absl::Span<double>) { return {0, 2 * Size(a)}; }
Cost OfScaleRows(const float*, int64_t, Matrix x) { return {0, 2 * Size(x)}; }
Cost OfRmsNorm(ConstMatrix x, const float*, float, Matrix) { return {0, 2 * Size(x)}; }
Cost OfLayerNorm(ConstMatrix x, const float*, const float*, float, Matrix) { return {0, 2 * Size(x)}; }
Cost OfCopyHeads(int64_t heads, bool shared, ConstMatrix x, int64_t, Matrix) {
  return {0, Size(x) * (1 + (shared ? heads : 1))};
}
Cost OfRope(const RopeArguments& arguments, Matrix x) {
  return {0, 4.0 * x.rows * arguments.heads * arguments.cosine.cols};
}
// Half of all scores are seen, or those of the window.
Cost OfAttention(const AttentionArguments& a, Matrix y) {
  const double keys = static_cast<double>(a.key.rows) / a.sequences;
  const double reach = a.window > 0 ? a.window : a.chunk > 0 ? a.chunk / 2.0 : keys;
  const double seen = reach < keys / 2 ? reach : keys / 2;
  return {2 * seen * (Size(a.query) + Size(y)), Size(a.query) + Size(a.key) + Size(a.value) + Size(y)};
}
Cost OfGated(ConstMatrix up, Matrix) { return {0, 3 * Size(up)}; }
Cost OfGatedClamped(float, float, ConstMatrix up, Matrix) { return {0, 3 * Size(up)}; }
Cost OfGelu(Matrix x) { return {0, 2 * Size(x)}; }
Cost OfRoute(const RouterArguments& arguments, absl::Span<int32_t>, absl::Span<float>) {
  return {0, Size(arguments.logits)};
}
Cost OfAddSquares(ConstMatrix x, absl::Span<double>) { return {2 * Size(x), Size(x)}; }
Cost OfGram(ConstMatrix x, Matrix h) { return {2 * Size(x) * x.cols, Size(x) + 2 * Size(h)}; }
Cost OfCrossGram(ConstMatrix x, ConstMatrix y, Matrix c) {
  return {2 * Size(x) * y.cols, Size(x) + Size(y) + 2 * Size(c)};
}
Cost OfCholesky(Matrix a) { return {Size(a) * a.rows / 3, 2 * Size(a)}; }
Cost OfCholeskySolve(ConstMatrix factor, Matrix b) { return {2 * Size(b) * b.cols, Size(factor) + 2 * Size(b)}; }
Cost OfRoundColumns(const RoundColumnsArguments& a, Matrix error, absl::Span<uint8_t>) {
  return {Size(a.w) * a.w.cols, Size(a.w) + Size(a.coupling) / 2 + Size(a.levels) + Size(error)};
}
// The others' errors for each group, and twice over the group's own for each choice.
Cost OfRefineGroups(const RefineGroupsArguments& a, Matrix error, absl::Span<uint8_t>, absl::Span<uint8_t>) {
  const double of_choices = 4.0 * a.choices * a.group;
  return {Size(a.w) * (2.0 * a.w.cols + of_choices), Size(a.w) + Size(a.coupling) + Size(a.levels) + 2 * Size(error)};
}
Cost OfSoftmax(ConstMatrix values, int64_t, absl::Span<const uint32_t>, absl::Span<SoftmaxState>) {
  return {0, Size(values)};
}
Cost OfDivergence(ConstMatrix reference, ConstMatrix candidate, absl::Span<DivergenceState>) {
  return {0, Size(reference) + Size(candidate)};
}

enum class When { kQueued, kComplete };  // when it returns

template <auto kOperation, auto kCost, When kWhen>
struct Measured;
template <typename Result, typename... Arguments, Result (*Operations::*kOperation)(Device&, Arguments...), auto kCost,
          When kWhen>
struct Measured<kOperation, kCost, kWhen> {
  static Result Run(Device& device, Arguments... arguments) {
    struct Ended {
      ~Ended() { device.End(kWhen == When::kComplete); }
      MeasuredDevice& device;
    } ended{static_cast<MeasuredDevice&>(device)};
    const Cost cost = kCost(arguments...);
    ended.device.Begin(cost.flops, cost.floats * sizeof(float));
    Device& inner = ended.device.inner();
    return (inner.operations().*kOperation)(inner, arguments...);
  }
};

template <auto kOperation, auto kCost>
constexpr auto kQueued = Measured<kOperation, kCost, When::kQueued>::Run;
template <auto kOperation, auto kCost>
constexpr auto kComplete = Measured<kOperation, kCost, When::kComplete>::Run;

constexpr Operations kOperations = {
    .decode = kQueued<&Operations::decode, OfDecode>,
    .encode_rtn = kComplete<&Operations::encode_rtn, OfEncodeRtn>,
    .encode_weighted = kComplete<&Operations::encode_weighted, OfEncodeWeighted>,
    .largest_magnitude = kComplete<&Operations::largest_magnitude, OfRead>,
    .matmul = kQueued<&Operations::matmul, OfProduct>,
    .linear = kQueued<&Operations::linear, OfProduct>,
    .add = kQueued<&Operations::add, OfAdd>,
    .dot_rows = kComplete<&Operations::dot_rows, OfDotRows>,
    .scale_rows = kQueued<&Operations::scale_rows, OfScaleRows>,
    .rms_norm = kQueued<&Operations::rms_norm, OfRmsNorm>,
    .layer_norm = kQueued<&Operations::layer_norm, OfLayerNorm>,
    .copy_heads = kQueued<&Operations::copy_heads, OfCopyHeads>,
    .rope = kQueued<&Operations::rope, OfRope>,
    .attention = kQueued<&Operations::attention, OfAttention>,
    .swiglu = kQueued<&Operations::swiglu, OfGated>,
    .swiglu_clamped = kQueued<&Operations::swiglu_clamped, OfGatedClamped>,
    .geglu = kQueued<&Operations::geglu, OfGated>,
    .gelu = kQueued<&Operations::gelu, OfGelu>,
    .route = kComplete<&Operations::route, OfRoute>,
    .add_squares = kComplete<&Operations::add_squares, OfAddSquares>,
    .gram = kQueued<&Operations::gram, OfGram>,
    .cross_gram = kQueued<&Operations::cross_gram, OfCrossGram>,
    .cholesky = kComplete<&Operations::cholesky, OfCholesky>,
    .cholesky_solve = kQueued<&Operations::cholesky_solve, OfCholeskySolve>,
    .round_columns = kComplete<&Operations::round_columns, OfRoundColumns>,
    .refine_groups = kComplete<&Operations::refine_groups, OfRefineGroups>,
    .accumulate_softmax = kComplete<&Operations::accumulate_softmax, OfSoftmax>,
    .accumulate_divergence = kComplete<&Operations::accumulate_divergence, OfDivergence>,
};

}  // namespace

const Operations& MeasuredDevice::operations() const { return kOperations; }

absl::StatusOr<Device*> MeasuredDevice::Side() {
  if (side_ == nullptr) {
    NIBBLE_ASSIGN_OR_RETURN(Device* const side, inner_->Side());
    side_.reset(new MeasuredDevice(side, counters_));
  }
  return side_.get();
}

absl::Status MeasuredDevice::Download(const float* from, absl::Span<float> to) {
  Begin(0, 0);
  const absl::Status status = inner_->Download(from, to);
  End(/*is_complete=*/true);
  return status;
}

void MeasuredDevice::Begin(double flops, double bytes) {
  std::lock_guard lock(counters_->mutex);
  counters_->use.flops += flops;
  counters_->use.bytes += bytes;
  ++counters_->running;
  if (counters_->is_open) return;
  counters_->is_open = true;
  counters_->since = Clock::now();
}

void MeasuredDevice::End(bool is_complete) {
  std::lock_guard lock(counters_->mutex);
  if (--counters_->running > 0 || !(is_complete || is_host())) return;
  counters_->is_open = false;
  counters_->use.seconds += std::chrono::duration<double>(Clock::now() - counters_->since).count();
}

DeviceUse MeasuredDevice::use() const {
  std::lock_guard lock(counters_->mutex);
  return counters_->use;
}

}  // namespace nibble
