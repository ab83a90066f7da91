#include "device/cpu/cpu_device.h"

#include <omp.h>

#include <algorithm>
#include <iterator>
#include <limits>
#include <new>

#include "absl/strings/str_cat.h"
#include "device/cpu/operations.h"

namespace nibble {
namespace {

constexpr std::align_val_t kAlignment{64};

constexpr Operations kOperations = {
    .decode = cpu::Decode,
    .encode_rtn = cpu::EncodeRtn,
    .encode_weighted = cpu::EncodeWeighted,
    .largest_magnitude = cpu::LargestMagnitude,
    .matmul = cpu::MatMul,
    .linear = cpu::MatMul,
    .add = cpu::Add,
    .dot_rows = cpu::DotRows,
    .quadratic_forms = cpu::QuadraticForms,
    .scale_rows = cpu::ScaleRows,
    .rms_norm = cpu::RmsNorm,
    .layer_norm = cpu::LayerNorm,
    .copy_heads = cpu::CopyHeads,
    .rope = cpu::Rope,
    .attention = cpu::Attention,
    .swiglu = cpu::SwiGlu,
    .swiglu_clamped = cpu::SwiGluClamped,
    .geglu = cpu::GeGlu,
    .gelu = cpu::Gelu,
    .route = cpu::Route,
    .add_squares = cpu::AddSquares,
    .gram = cpu::Gram,
    .cross_gram = cpu::CrossGram,
    .cholesky = cpu::Cholesky,
    .cholesky_solve = cpu::CholeskySolve,
    .round_columns = cpu::RoundColumns,
    .refine_groups = cpu::RefineGroups,
    .accumulate_softmax = cpu::AccumulateSoftmax,
    .accumulate_divergence = cpu::AccumulateDivergence,
};

void Free(float* memory) { operator delete[](memory, kAlignment); }

}  // namespace

CpuDevice::CpuDevice(int threads, bool steady)
    : threads_(threads > 0 ? threads : omp_get_max_threads()), steady_(steady) {}

const Operations& CpuDevice::operations() const { return kOperations; }

CpuDevice::~CpuDevice() {
  for (const Kept& kept : kept_) Free(kept.memory);
}

absl::StatusOr<Buffer> CpuDevice::Allocate(int64_t floats) {
  float* memory = TakeKept(floats);
  if (memory == nullptr) {
    memory = static_cast<float*>(operator new[](floats * sizeof(float), kAlignment, std::nothrow));
  }
  if (memory == nullptr) {
    return absl::ResourceExhaustedError(
        absl::StrCat("memory: expected ", floats * sizeof(float), " bytes free, found less"));
  }
  return Buffer(Buffer::Memory(memory, [this, floats](float* freed) { Keep(freed, floats); }), floats);
}

float* CpuDevice::TakeKept(int64_t floats) {
  std::lock_guard lock(mutex_);
  const auto found =
      std::find_if(kept_.rbegin(), kept_.rend(), [&](const Kept& kept) { return kept.floats == floats; });
  if (found == kept_.rend()) return nullptr;
  float* memory = found->memory;
  kept_.erase(std::next(found).base());
  kept_floats_ -= floats;
  return memory;
}

void CpuDevice::Keep(float* memory, int64_t floats) {
#ifndef NDEBUG
  std::fill_n(memory, floats, std::numeric_limits<float>::quiet_NaN());  // nobody shall rely on what was there
#endif
  std::lock_guard lock(mutex_);
  kept_.push_back({memory, floats});
  kept_floats_ += floats;
  for (; kept_floats_ > kKeptBytes / int64_t{sizeof(float)}; kept_.pop_front()) {
    kept_floats_ -= kept_.front().floats;
    Free(kept_.front().memory);
  }
}

void CpuDevice::Upload(absl::Span<const float> from, float* to) { std::copy(from.begin(), from.end(), to); }

absl::Status CpuDevice::Download(const float* from, absl::Span<float> to) {
  std::copy_n(from, to.size(), to.begin());
  std::lock_guard lock(mutex_);
  return failure_;
}

void CpuDevice::Fail(const absl::Status& status) {
  std::lock_guard lock(mutex_);
  failure_.Update(status);
}

}  // namespace nibble
