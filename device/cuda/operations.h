// The twins of device/operations.h by kernels and products, over a Backend: the GPU (cuda_device.cu), or the host,
// which runs the same kernels in tests (host_backend.h). A Backend is a Device that the table came from, with
//
//   absl::StatusOr<Buffer> AllocateScratch(int64_t floats)    Allocate, for what stays within one operation
//   Launcher, launcher()                          what has ForEach, for kernels that are compiled by themselves
//   void ForEach(int64_t n, Kernel kernel)        queues a kernel over indices 0 ... n - 1 (kernel.h)
//   void ForEachBlock(int64_t n, Kernel kernel)   queues one over so many blocks of threads
//   void Multiply(const Product& product)         queues a product (product.h)
//   std::optional<int64_t> FactorByLibrary(Matrix a)  Operations::cholesky but for what is above the diagonal, or
//                                                 nothing where there is no library for it
//   void CopyIn(const void* from, int64_t bytes, void* to)    from host memory, free again when it returns
//   void CopyOut(const void* from, int64_t bytes, void* to)   to host memory, complete when it returns; zeros if the
//                                                 device has failed
//   bool bf16() const                             whether linears and statistics take bf16 inputs
//   void Fail(const absl::Status& status)         the first failure stays, and every Download from now on returns it
//   bool ok() const                               nothing has failed so far
#ifndef NIBBLE_DEVICE_CUDA_OPERATIONS_H_
#define NIBBLE_DEVICE_CUDA_OPERATIONS_H_

#include "device/cuda/attention.h"
#include "device/cuda/cholesky.h"
#include "device/cuda/codecs.h"
#include "device/cuda/elementwise.h"
#include "device/cuda/norms.h"
#include "device/cuda/products.h"
#include "device/cuda/quadratic_forms.h"
#include "device/cuda/refine_groups.h"
#include "device/cuda/round_columns.h"
#include "device/cuda/router.h"
#include "device/cuda/row_sums.h"
#include "device/cuda/softmax.h"
#include "device/operations.h"

namespace nibble::cuda {

template <typename Backend>
inline constexpr Operations kOperations = {
    .decode = Decode<Backend>,
    .encode_rtn = EncodeRtn<Backend>,
    .encode_weighted = EncodeWeighted<Backend>,
    .largest_magnitude = LargestMagnitude<Backend>,
    .matmul = MatMul<Backend>,
    .linear = Linear<Backend>,
    .add = Add<Backend>,
    .dot_rows = DotRows<Backend>,
    .quadratic_forms = QuadraticForms<Backend>,
    .scale_rows = ScaleRows<Backend>,
    .rms_norm = RmsNorm<Backend>,
    .layer_norm = LayerNorm<Backend>,
    .copy_heads = CopyHeads<Backend>,
    .rope = Rope<Backend>,
    .attention = Attention<Backend>,
    .swiglu = SwiGlu<Backend>,
    .swiglu_clamped = SwiGluClamped<Backend>,
    .geglu = GeGlu<Backend>,
    .gelu = Gelu<Backend>,
    .route = Route<Backend>,
    .add_squares = AddSquares<Backend>,
    .gram = Gram<Backend>,
    .cross_gram = CrossGram<Backend>,
    .cholesky = Cholesky<Backend>,
    .cholesky_solve = CholeskySolve<Backend>,
    .round_columns = RoundColumns<Backend>,
    .refine_groups = RefineGroups<Backend>,
    .accumulate_softmax = AccumulateSoftmax<Backend>,
    .accumulate_divergence = AccumulateDivergence<Backend>,
};

}  // namespace nibble::cuda

#endif  // NIBBLE_DEVICE_CUDA_OPERATIONS_H_
