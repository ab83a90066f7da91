#include "device/cpu/gemm.h"

#include <dnnl.h>
#include <omp.h>

#include "absl/strings/str_cat.h"

namespace nibble::cpu {

namespace {

char Letter(Transpose transpose) { return transpose == Transpose::kYes ? 'T' : 'N'; }

}  // namespace

void Gemm(CpuDevice& device, int64_t m, int64_t n, int64_t k, float alpha, ConstBlock a, ConstBlock b, float beta,
          Block c) {
  // oneDNN takes one thread inside a parallel region, but a region of one thread does not count as such: say it. The
  // setting is the calling task's own and ends with the region.
  omp_set_num_threads(1);
  const dnnl_status_t status = dnnl_sgemm(Letter(a.transpose), Letter(b.transpose), m, n, k, alpha, a.data, a.stride,
                                          b.data, b.stride, beta, c.data, c.stride);
  if (status != dnnl_success) {
    device.Fail(absl::ResourceExhaustedError(absl::StrCat("matrix product of ", m, " x ", n, " x ", k,
                                                          ": expected oneDNN to succeed, found its status ",
                                                          static_cast<int>(status))));
  }
}

}  // namespace nibble::cpu
