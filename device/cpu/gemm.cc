#include "device/cpu/gemm.h"

#include <dnnl.h>
#include <omp.h>

#include "absl/strings/str_cat.h"

namespace nibble::cpu {

void Gemm(CpuDevice& device, int64_t m, int64_t n, int64_t k, float alpha, ConstBlock a, ConstBlock b,
          Transpose transpose_b, float* c, int64_t c_stride) {
  // oneDNN takes one thread inside a parallel region, but a region of one thread does not count as such: say it. The
  // setting is the calling task's own and ends with the region.
  omp_set_num_threads(1);
  const dnnl_status_t status = dnnl_sgemm('N', transpose_b == Transpose::kYes ? 'T' : 'N', m, n, k, alpha, a.data,
                                          a.stride, b.data, b.stride, 0, c, c_stride);
  if (status != dnnl_success) {
    device.Fail(absl::ResourceExhaustedError(absl::StrCat("matrix product of ", m, " x ", n, " x ", k,
                                                          ": expected oneDNN to succeed, found its status ",
                                                          static_cast<int>(status))));
  }
}

}  // namespace nibble::cpu
