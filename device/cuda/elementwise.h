// Operations that take each element, row or pair by itself.
#ifndef NIBBLE_DEVICE_CUDA_ELEMENTWISE_H_
#define NIBBLE_DEVICE_CUDA_ELEMENTWISE_H_

#include <cstdint>

#include "device/cuda/kernel.h"
#include "device/maths/activations.h"
#include "device/maths/rotate.h"
#include "device/operations.h"

namespace nibble::cuda {

struct AddKernel {
  NIBBLE_HOST_DEVICE void operator()(int64_t i) const { y[i] += x[i]; }

  const float* x;
  float* y;
};

struct AddBiasKernel {
  NIBBLE_HOST_DEVICE void operator()(int64_t i) const { y.data[i] += bias[i % y.cols]; }

  const float* bias;
  Matrix y;
};

struct ScaleRowsKernel {
  NIBBLE_HOST_DEVICE void operator()(int64_t i) const { x.data[i] *= factors[i / x.cols % count]; }

  const float* factors;
  int64_t count;
  Matrix x;
};

struct CopyHeadsKernel {
  NIBBLE_HOST_DEVICE void operator()(int64_t i) const {  // of the elements written
    const int64_t row = i / (heads * length), head = i / length % heads, at = i % length;
    y.row(row)[head * (y.cols / heads) + first + at] = x.row(row)[(shared ? 0 : head * length) + at];
  }

  int64_t heads;
  bool shared;
  int64_t length;  // of a head of x
  ConstMatrix x;
  int64_t first;
  Matrix y;
};

struct RopeKernel {
  NIBBLE_HOST_DEVICE void operator()(int64_t i) const {  // of the pairs
    const int64_t pairs = a.cosine.cols, pair = i % pairs, head = i / pairs % a.heads, row = i / pairs / a.heads;
    const int64_t position = row % a.cosine.rows;
    RopePairs::Of(a.pairing, pairs)
        .Rotate(a.cosine.row(position)[pair], a.sine.row(position)[pair], pair,
                x.row(row) + head * (x.cols / a.heads) + a.first);
  }

  RopeArguments a;
  Matrix x;
};

struct SwiGluKernel {
  NIBBLE_HOST_DEVICE void operator()(int64_t i) const { gate[i] = SwiGluOf(gate[i], up[i]); }

  const float* up;
  float* gate;
};

struct SwiGluClampedKernel {
  NIBBLE_HOST_DEVICE void operator()(int64_t i) const { gate[i] = SwiGluClampedOf(gate[i], up[i], limit, alpha); }

  float limit, alpha;
  const float* up;
  float* gate;
};

struct GeGluKernel {
  NIBBLE_HOST_DEVICE void operator()(int64_t i) const { gate[i] = GeluTanh(gate[i]) * up[i]; }

  const float* up;
  float* gate;
};

struct GeluKernel {
  NIBBLE_HOST_DEVICE void operator()(int64_t i) const { x[i] = GeluTanh(x[i]); }

  float* x;
};

template <typename Backend>
void Add(Device& device, ConstMatrix x, Matrix y) {
  static_cast<Backend&>(device).ForEach(y.rows * y.cols, AddKernel{x.data, y.data});
}

template <typename Backend>
void ScaleRows(Device& device, const float* factors, int64_t count, Matrix x) {
  static_cast<Backend&>(device).ForEach(x.rows * x.cols, ScaleRowsKernel{factors, count, x});
}

template <typename Backend>
void CopyHeads(Device& device, int64_t heads, bool shared, ConstMatrix x, int64_t first, Matrix y) {
  const int64_t length = shared ? x.cols : x.cols / heads;
  static_cast<Backend&>(device).ForEach(x.rows * heads * length, CopyHeadsKernel{heads, shared, length, x, first, y});
}

template <typename Backend>
void Rope(Device& device, const RopeArguments& arguments, Matrix x) {
  static_cast<Backend&>(device).ForEach(x.rows * arguments.heads * arguments.cosine.cols, RopeKernel{arguments, x});
}

template <typename Backend>
void SwiGlu(Device& device, ConstMatrix up, Matrix gate) {
  static_cast<Backend&>(device).ForEach(gate.rows * gate.cols, SwiGluKernel{up.data, gate.data});
}

template <typename Backend>
void SwiGluClamped(Device& device, float limit, float alpha, ConstMatrix up, Matrix gate) {
  static_cast<Backend&>(device).ForEach(gate.rows * gate.cols, SwiGluClampedKernel{limit, alpha, up.data, gate.data});
}

template <typename Backend>
void GeGlu(Device& device, ConstMatrix up, Matrix gate) {
  static_cast<Backend&>(device).ForEach(gate.rows * gate.cols, GeGluKernel{up.data, gate.data});
}

template <typename Backend>
void Gelu(Device& device, Matrix x) {
  static_cast<Backend&>(device).ForEach(x.rows * x.cols, GeluKernel{x.data});
}

}  // namespace nibble::cuda

#endif  // NIBBLE_DEVICE_CUDA_ELEMENTWISE_H_
