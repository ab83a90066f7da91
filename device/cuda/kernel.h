// How kernels are written: once, for the GPU and for the host that tests them.
//
// A kernel is a functor of plain data. Over indices, it maps one index to the work on it:
//
//   struct AddKernel {
//     const float* x;
//     float* y;
//     NIBBLE_HOST_DEVICE void operator()(int64_t i) const { y[i] += x[i]; }
//   };
//   backend.ForEach(n, AddKernel{x, y});
//
// Over blocks of kThreads threads that work together, it goes in steps. All threads finish a step before any begins the
// next; what outlives a step is in `shared`, or in a PerThread. Within a step no thread reads what another one writes.
//
//   struct SumKernel {
//     struct Shared {
//       double sums[kThreads];
//     };
//     NIBBLE_HOST_DEVICE void operator()(Block block, Shared& shared) const {
//       block.Step([&](int thread) { shared.sums[thread] = ...; });
//       const double sum = Reduce(block, shared.sums, Plus());
//       ...
//   backend.ForEachBlock(n, SumKernel{...});
//
// On the host a step is a loop over the threads, in either order, so that its tests see what a kernel does, its indices
// and its bits, but for those of exp and its like, which each side's library rounds in its own way.
#ifndef NIBBLE_DEVICE_CUDA_KERNEL_H_
#define NIBBLE_DEVICE_CUDA_KERNEL_H_

#include <cstdint>

#include "quant/block/host_device.h"

namespace nibble::cuda {

inline constexpr int kThreads = 256;  // of a block; a power of two

class Block {
 public:
  // `backwards`: the host takes the threads of a step from the last to the first.
  NIBBLE_HOST_DEVICE explicit Block(int64_t index, bool backwards = false) : index_(index), backwards_(backwards) {}

  NIBBLE_HOST_DEVICE int64_t index() const { return index_; }

  template <typename Function>
  NIBBLE_HOST_DEVICE void Step(Function function) const {
#ifdef __CUDA_ARCH__
    function(static_cast<int>(threadIdx.x));
    __syncthreads();
#else
    for (int i = 0; i < kThreads; ++i) function(backwards_ ? kThreads - 1 - i : i);
#endif
  }

  // Between steps: a shared value, which the next step may overwrite.
  template <typename T>
  NIBBLE_HOST_DEVICE T Read(const T& shared) const {
    const T value = shared;
#ifdef __CUDA_ARCH__
    __syncthreads();
#endif
    return value;
  }

 private:
  int64_t index_;
  bool backwards_;
};

// One value for each thread of a block, in its registers.
template <typename T>
class PerThread {
 public:
#ifdef __CUDA_ARCH__
  __device__ T& operator[](int) { return value_; }

 private:
  T value_ = {};
#else
  NIBBLE_HOST_DEVICE T& operator[](int thread) { return values_[thread]; }

 private:
  T values_[kThreads] = {};
#endif
};

struct Plus {
  template <typename T>
  NIBBLE_HOST_DEVICE T operator()(const T& a, const T& b) const {
    return a + b;
  }
};

struct Larger {
  template <typename T>
  NIBBLE_HOST_DEVICE T operator()(const T& a, const T& b) const {
    return a < b ? b : a;
  }
};

// All threads' values as one, folded in halves: the same order whatever the machine. `values` are used up.
template <typename T, typename Combine>
NIBBLE_HOST_DEVICE T Reduce(Block block, T (&values)[kThreads], Combine combine) {
  for (int width = kThreads / 2; width > 0; width /= 2) {
    block.Step([&](int thread) {
      if (thread < width) values[thread] = combine(values[thread], values[thread + width]);
    });
  }
  return block.Read(values[0]);
}

}  // namespace nibble::cuda

#endif  // NIBBLE_DEVICE_CUDA_KERNEL_H_
