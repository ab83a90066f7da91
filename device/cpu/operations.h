// The CPU's twins of device/operations.h, by file. REQUIRES: the device is a CpuDevice.
#ifndef NIBBLE_DEVICE_CPU_OPERATIONS_H_
#define NIBBLE_DEVICE_CPU_OPERATIONS_H_

#include "device/operations.h"

namespace nibble::cpu {

// codecs.cc
void Decode(Device& device, const BlockFormat& format, absl::Span<const std::byte> blocks, float* values);
void EncodeRtn(Device& device, const BlockFormat& format, const float* values, absl::Span<std::byte> blocks);
void EncodeWeighted(Device& device, const BlockFormat& format, ConstMatrix values, const float* weights,
                    absl::Span<std::byte> blocks);
// row_sums.cc
float LargestMagnitude(Device& device, ConstMatrix values);
void DotRows(Device& device, ConstMatrix a, ConstMatrix b, const float* weights, absl::Span<double> sums);
// quadratic_forms.cc
void QuadraticForms(Device& device, ConstMatrix x, ConstMatrix h, const float* weights, absl::Span<double> sums);
// matmul.cc
void MatMul(Device& device, ConstMatrix x, ConstMatrix w, const float* bias, Matrix y);
// elementwise.cc
void Add(Device& device, ConstMatrix x, Matrix y);
void ScaleRows(Device& device, const float* factors, int64_t count, Matrix x);
// activations.cc
void SwiGlu(Device& device, ConstMatrix up, Matrix gate);
void SwiGluClamped(Device& device, float limit, float alpha, ConstMatrix up, Matrix gate);
void GeGlu(Device& device, ConstMatrix up, Matrix gate);
void Gelu(Device& device, Matrix x);
// norms.cc
void RmsNorm(Device& device, ConstMatrix x, const float* weight, float epsilon, Matrix y);
void LayerNorm(Device& device, ConstMatrix x, const float* weight, const float* bias, float epsilon, Matrix y);
// copy_heads.cc
void CopyHeads(Device& device, int64_t heads, bool shared, ConstMatrix x, int64_t first, Matrix y);
// rope.cc
void Rope(Device& device, const RopeArguments& arguments, Matrix x);
// attention.cc
void Attention(Device& device, const AttentionArguments& arguments, Matrix y);
// router.cc
void Route(Device& device, const RouterArguments& arguments, absl::Span<int32_t> experts, absl::Span<float> weights);
// gram.cc
void AddSquares(Device& device, ConstMatrix x, absl::Span<double> sums);
void Gram(Device& device, ConstMatrix x, Matrix h);
void CrossGram(Device& device, ConstMatrix x, ConstMatrix y, Matrix c);
// cholesky.cc
int64_t Cholesky(Device& device, Matrix a);
// cholesky_solve.cc
void CholeskySolve(Device& device, ConstMatrix factor, Matrix b);
// round_columns.cc
void RoundColumns(Device& device, const RoundColumnsArguments& arguments, Matrix error, absl::Span<uint8_t> codes);
// refine_groups.cc
void RefineGroups(Device& device, const RefineGroupsArguments& arguments, Matrix error, absl::Span<uint8_t> codes,
                  absl::Span<uint8_t> choices);
// softmax.cc
void AccumulateSoftmax(Device& device, ConstMatrix values, int64_t first_column, absl::Span<const uint32_t> targets,
                       absl::Span<SoftmaxState> states);
void AccumulateDivergence(Device& device, ConstMatrix reference, ConstMatrix candidate,
                          absl::Span<DivergenceState> states);

}  // namespace nibble::cpu

#endif  // NIBBLE_DEVICE_CPU_OPERATIONS_H_
