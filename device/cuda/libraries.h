// cuBLAS and cuSOLVER, loaded while the program runs: they are ten times its size, and a machine may have a driver and
// nothing else.
#ifndef NIBBLE_DEVICE_CUDA_LIBRARIES_H_
#define NIBBLE_DEVICE_CUDA_LIBRARIES_H_

#include <cublas_v2.h>
#include <cusolverDn.h>
#include <dlfcn.h>

#include <cstdlib>
#include <string>

#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"

namespace nibble::cuda {

// A shared library of the toolkit's version, from where the loader looks, or from $CUDA_HOME/lib64, or from
// /usr/local/cuda/lib64. Never unloaded.
class Library {
 public:
  explicit Library(absl::string_view file) {
    const char* home = std::getenv("CUDA_HOME");
    const std::string paths[] = {std::string(file), absl::StrCat(home == nullptr ? "" : home, "/lib64/", file),
                                 absl::StrCat("/usr/local/cuda/lib64/", file)};
    for (const std::string& path : paths) {
      if (handle_ == nullptr) handle_ = dlopen(path.c_str(), RTLD_NOW | RTLD_LOCAL);
    }
    complete_ = handle_ != nullptr;
  }

  template <typename Function>
  void Find(const char* name, Function*& function) {
    function = handle_ == nullptr ? nullptr : reinterpret_cast<Function*>(dlsym(handle_, name));
    complete_ = complete_ && function != nullptr;
  }

  // It is there, and with it every function that was looked for.
  bool complete() const { return complete_; }

 private:
  void* handle_ = nullptr;
  bool complete_;
};

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
