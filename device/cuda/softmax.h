// Softmax over logits in pieces, and divergence from another, a block of threads for each row.
#ifndef NIBBLE_DEVICE_CUDA_SOFTMAX_H_
#define NIBBLE_DEVICE_CUDA_SOFTMAX_H_

#include <math.h>

#include <cstdint>

#include "absl/types/span.h"
#include "device/cuda/kernel.h"
#include "device/cuda/scratch.h"
#include "device/maths/softmax_state.h"
#include "device/operations.h"

namespace nibble::cuda {

// A row's first largest value.
struct Largest {
  float value;
  int64_t at;
};

struct FirstLargest {
  NIBBLE_HOST_DEVICE Largest operator()(const Largest& a, const Largest& b) const {
    return b.value > a.value || (b.value == a.value && b.at < a.at) ? b : a;
  }
};

NIBBLE_HOST_DEVICE inline Largest LargestOf(const float* values, int64_t count, int thread) {
  Largest largest = {-INFINITY, count};
  for (int64_t i = thread; i < count; i += kThreads) {
    if (values[i] > largest.value) largest = {values[i], i};
  }
  return largest;
}

struct SoftmaxShared {
  Largest largest[kThreads];
  double sums[kThreads];
};

struct SoftmaxKernel {
  using Shared = SoftmaxShared;

  NIBBLE_HOST_DEVICE void operator()(Block block, Shared& shared) const {
    const float* row = values.row(block.index());
    SoftmaxState& state = states[block.index()];
    block.Step([&](int thread) { shared.largest[thread] = LargestOf(row, values.cols, thread); });
    const Largest largest = Reduce(block, shared.largest, FirstLargest());
    block.Step([&](int thread) {
      if (thread == 0) TakeMax(largest.value, largest.at, first_column, state);
    });
    const float max = static_cast<float>(block.Read(state.max));
    block.Step([&](int thread) {
      double sum = 0;
      for (int64_t i = thread; i < values.cols; i += kThreads) sum += SoftmaxTerm(row[i], max);
      shared.sums[thread] = sum;
    });
    const double sum = Reduce(block, shared.sums, Plus());
    block.Step([&](int thread) {
      if (thread > 0) return;
      state.sum += sum;
      TakeTarget(row, values.cols, first_column, targets[block.index()], state);
    });
  }

  ConstMatrix values;
  int64_t first_column;
  const uint32_t* targets;
  SoftmaxState* states;
};

struct DivergenceKernel {
  using Shared = SoftmaxShared;

  NIBBLE_HOST_DEVICE void operator()(Block block, Shared& shared) const {
    const float *r = reference.row(block.index()), *c = candidate.row(block.index());
    DivergenceState& state = states[block.index()];
    block.Step([&](int thread) { shared.largest[thread] = LargestOf(r, reference.cols, thread); });
    const Largest largest = Reduce(block, shared.largest, FirstLargest());
    block.Step([&](int thread) {
      if (thread == 0) RaiseMax(largest.value, state);
    });
    const float max = static_cast<float>(block.Read(state.max));
    block.Step([&](int thread) {
      double sum = 0;
      for (int64_t i = thread; i < reference.cols; i += kThreads) sum += DivergenceTerm(r[i], c[i], max);
      shared.sums[thread] = sum;
    });
    const double sum = Reduce(block, shared.sums, Plus());
    block.Step([&](int thread) {
      if (thread == 0) state.sum += sum;
    });
  }

  ConstMatrix reference, candidate;
  DivergenceState* states;
};

template <typename Backend>
void AccumulateSoftmax(Device& device, ConstMatrix values, int64_t first_column, absl::Span<const uint32_t> targets,
                       absl::Span<SoftmaxState> states) {
  auto& backend = static_cast<Backend&>(device);
  const Scratch<uint32_t> wanted(backend, targets);
  const Scratch<SoftmaxState> on_device(backend, absl::Span<const SoftmaxState>(states));
  if (!wanted.ok() || !on_device.ok()) return;
  backend.ForEachBlock(values.rows, SoftmaxKernel{values, first_column, wanted.data(), on_device.data()});
  backend.CopyOut(on_device.data(), states.size() * sizeof(SoftmaxState), states.data());
}

template <typename Backend>
void AccumulateDivergence(Device& device, ConstMatrix reference, ConstMatrix candidate,
                          absl::Span<DivergenceState> states) {
  auto& backend = static_cast<Backend&>(device);
  const Scratch<DivergenceState> on_device(backend, absl::Span<const DivergenceState>(states));
  if (!on_device.ok()) return;
  backend.ForEachBlock(reference.rows, DivergenceKernel{reference, candidate, on_device.data()});
  backend.CopyOut(on_device.data(), states.size() * sizeof(DivergenceState), states.data());
}

}  // namespace nibble::cuda

#endif  // NIBBLE_DEVICE_CUDA_SOFTMAX_H_
