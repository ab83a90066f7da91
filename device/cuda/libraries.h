// cuBLAS and cuSOLVER, of the toolkit's version: they are ten times the program's size.
#ifndef NIBBLE_DEVICE_CUDA_LIBRARIES_H_
#define NIBBLE_DEVICE_CUDA_LIBRARIES_H_

#include <cublas_v2.h>
#include <cusolverDn.h>

#include "absl/strings/str_cat.h"
#include "device/cuda/library.h"

namespace nibble::cuda {

struct Cublas {
  Cublas() : library(absl::StrCat("libcublas.so.", CUBLAS_VER_MAJOR)) {
    library.Find("cublasCreate_v2", create);
    library.Find("cublasDestroy_v2", destroy);
    library.Find("cublasGetVersion_v2", version);
    library.Find("cublasSetStream_v2", set_stream);
    library.Find("cublasGemmStridedBatchedEx_64", gemm);
  }

  Library library;
  decltype(&cublasCreate_v2) create;
  decltype(&cublasDestroy_v2) destroy;
  decltype(&cublasGetVersion_v2) version;
  decltype(&cublasSetStream_v2) set_stream;
  decltype(&cublasGemmStridedBatchedEx_64) gemm;
};

struct Cusolver {
  Cusolver() : library(absl::StrCat("libcusolver.so.", CUSOLVER_VER_MAJOR)) {
    library.Find("cusolverDnCreate", create);
    library.Find("cusolverDnDestroy", destroy);
    library.Find("cusolverDnSetStream", set_stream);
    library.Find("cusolverDnSpotrf_bufferSize", spotrf_size);
    library.Find("cusolverDnSpotrf", spotrf);
  }

  Library library;
  decltype(&cusolverDnCreate) create;
  decltype(&cusolverDnDestroy) destroy;
  decltype(&cusolverDnSetStream) set_stream;
  decltype(&cusolverDnSpotrf_bufferSize) spotrf_size;
  decltype(&cusolverDnSpotrf) spotrf;
};

}  // namespace nibble::cuda

#endif  // NIBBLE_DEVICE_CUDA_LIBRARIES_H_
