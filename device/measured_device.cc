#include "device/measured_device.h"

#include <algorithm>
#include <utility>

#include "base/status.h"
#include "device/operation_costs.h"

namespace nibble {
namespace {

// When what was asked for is done.
enum class Done {
  kQueued,    // later
  kCalled,    // when the call returns; what loads weights
  kComplete,  // when the call returns, and so is all that was queued before it
};

}  // namespace

class MeasuredDevice::Call {
 public:
  Call(MeasuredDevice& device, const costs::Cost& cost, Done done)
      : device_(device), stage_(*device.stage_.load(std::memory_order_relaxed)), done_(done) {
    stage_.flops.fetch_add(cost.flops, std::memory_order_relaxed);
    stage_.bytes.fetch_add(cost.floats * sizeof(float), std::memory_order_relaxed);
    stage_.busy.Begin();
  }

  ~Call() {
    if (done_ == Done::kQueued && !device_.is_host() && device_.queued_in_ == nullptr) {
      device_.queued_in_ = &stage_;  // which ends it
      return;
    }
    stage_.busy.End();
    if (done_ == Done::kComplete) device_.EndQueued();
  }

 private:
  MeasuredDevice& device_;
  Stage& stage_;
  const Done done_;
};

template <typename Result, typename... Arguments, Result (*Operations::*kOperation)(Device&, Arguments...), auto kCost,
          auto kDone>
struct MeasuredDevice::Measured<kOperation, kCost, kDone> {
  static Result Run(Device& device, Arguments... arguments) {
    auto& measured = static_cast<MeasuredDevice&>(device);
    const Call call(measured, kCost(arguments...), kDone);
    return (measured.inner_->operations().*kOperation)(*measured.inner_, arguments...);
  }
};

const Operations& MeasuredDevice::operations() const {
  static constexpr Operations kOperations = {
      .decode = Measured<&Operations::decode, costs::Decode, Done::kCalled>::Run,
      .encode_rtn = Measured<&Operations::encode_rtn, costs::EncodeRtn, Done::kComplete>::Run,
      .encode_weighted = Measured<&Operations::encode_weighted, costs::EncodeWeighted, Done::kComplete>::Run,
      .largest_magnitude = Measured<&Operations::largest_magnitude, costs::LargestMagnitude, Done::kCalled>::Run,
      .matmul = Measured<&Operations::matmul, costs::Product, Done::kQueued>::Run,
      .linear = Measured<&Operations::linear, costs::Product, Done::kQueued>::Run,
      .add = Measured<&Operations::add, costs::Add, Done::kQueued>::Run,
      .dot_rows = Measured<&Operations::dot_rows, costs::DotRows, Done::kComplete>::Run,
      .quadratic_forms = Measured<&Operations::quadratic_forms, costs::QuadraticForms, Done::kComplete>::Run,
      .scale_rows = Measured<&Operations::scale_rows, costs::ScaleRows, Done::kQueued>::Run,
      .rms_norm = Measured<&Operations::rms_norm, costs::RmsNorm, Done::kQueued>::Run,
      .layer_norm = Measured<&Operations::layer_norm, costs::LayerNorm, Done::kQueued>::Run,
      .copy_heads = Measured<&Operations::copy_heads, costs::CopyHeads, Done::kQueued>::Run,
      .rope = Measured<&Operations::rope, costs::Rope, Done::kQueued>::Run,
      .attention = Measured<&Operations::attention, costs::Attention, Done::kQueued>::Run,
      .swiglu = Measured<&Operations::swiglu, costs::Gated, Done::kQueued>::Run,
      .swiglu_clamped = Measured<&Operations::swiglu_clamped, costs::GatedClamped, Done::kQueued>::Run,
      .geglu = Measured<&Operations::geglu, costs::Gated, Done::kQueued>::Run,
      .gelu = Measured<&Operations::gelu, costs::Gelu, Done::kQueued>::Run,
      .route = Measured<&Operations::route, costs::Route, Done::kComplete>::Run,
      .add_squares = Measured<&Operations::add_squares, costs::AddSquares, Done::kComplete>::Run,
      .gram = Measured<&Operations::gram, costs::Gram, Done::kQueued>::Run,
      .cross_gram = Measured<&Operations::cross_gram, costs::CrossGram, Done::kQueued>::Run,
      .cholesky = Measured<&Operations::cholesky, costs::Cholesky, Done::kComplete>::Run,
      .cholesky_solve = Measured<&Operations::cholesky_solve, costs::CholeskySolve, Done::kQueued>::Run,
      .round_columns = Measured<&Operations::round_columns, costs::RoundColumns, Done::kComplete>::Run,
      .refine_groups = Measured<&Operations::refine_groups, costs::RefineGroups, Done::kComplete>::Run,
      .accumulate_softmax = Measured<&Operations::accumulate_softmax, costs::Softmax, Done::kComplete>::Run,
      .accumulate_divergence = Measured<&Operations::accumulate_divergence, costs::Divergence, Done::kComplete>::Run,
  };
  return kOperations;
}

MeasuredDevice::MeasuredDevice(std::unique_ptr<Device> inner) : MeasuredDevice(inner.get(), /*is_side=*/false) {
  owned_ = std::move(inner);
}

MeasuredDevice::MeasuredDevice(Device* inner, bool is_side)
    : is_side_(is_side), inner_(inner), stage_(&stages_.emplace_back("")) {}

MeasuredDevice::~MeasuredDevice() = default;

absl::string_view MeasuredDevice::EnterStage(absl::string_view stage) {
  Stage& before = *stage_.load(std::memory_order_relaxed);
  if (stage == before.name) return before.name;
  // A failure is told by the job's own next Download, as by every one.
  if (queued_in_ != nullptr) inner_->Download(nullptr, {}).IgnoreError();
  EndQueued();
  std::lock_guard lock(mutex_);
  const Clock::time_point now = Clock::now();
  before.seconds += std::chrono::duration<double>(now - entered_).count();
  entered_ = now;
  stage_.store(&Find(stage), std::memory_order_relaxed);
  return before.name;
}

MeasuredDevice::Stage& MeasuredDevice::Find(absl::string_view name) {
  const auto found =
      std::find_if(stages_.begin(), stages_.end(), [&](const Stage& stage) { return stage.name == name; });
  return found == stages_.end() ? stages_.emplace_back(name) : *found;
}

void MeasuredDevice::EndQueued() {
  if (queued_in_ == nullptr) return;
  queued_in_->busy.End();
  queued_in_ = nullptr;
}

absl::StatusOr<Device*> MeasuredDevice::Side() {
  if (side_ == nullptr) {
    NIBBLE_ASSIGN_OR_RETURN(Device* const side, inner_->Side());
    side_.reset(new MeasuredDevice(side, /*is_side=*/true));
  }
  return side_.get();
}

void MeasuredDevice::Upload(absl::Span<const float> from, float* to) {
  const Call call(*this, {0, static_cast<double>(from.size())}, Done::kCalled);
  inner_->Upload(from, to);
}

absl::Status MeasuredDevice::Download(const float* from, absl::Span<float> to) {
  const Call call(*this, {0, static_cast<double>(to.size())}, Done::kComplete);
  return inner_->Download(from, to);
}

std::vector<StageUse> MeasuredDevice::Stages() const {
  std::vector<StageUse> stages;
  Append(stages);
  if (side_ != nullptr) side_->Append(stages);
  return stages;
}

void MeasuredDevice::Append(std::vector<StageUse>& stages) const {
  std::lock_guard lock(mutex_);
  const Stage* const entered = stage_.load(std::memory_order_relaxed);
  const double since = std::chrono::duration<double>(Clock::now() - entered_).count();
  for (const Stage& stage : stages_) {
    if (is_side_ && stage.name.empty()) continue;  // it waits
    stages.push_back({.stage = stage.name,
                      .beside = is_side_,
                      .seconds = stage.seconds + (&stage == entered ? since : 0),
                      .busy_seconds = stage.busy.seconds(),
                      .flops = stage.flops.load(std::memory_order_relaxed),
                      .bytes = stage.bytes.load(std::memory_order_relaxed)});
  }
}

}  // namespace nibble
