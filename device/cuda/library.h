// A shared library that is loaded while the program runs: a machine may have a driver and nothing else.
#ifndef NIBBLE_DEVICE_CUDA_LIBRARY_H_
#define NIBBLE_DEVICE_CUDA_LIBRARY_H_

#include <dlfcn.h>

#include <cstdlib>
#include <string>

#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"

namespace nibble::cuda {

// From where the loader looks, or from $CUDA_HOME/lib64, or from /usr/local/cuda/lib64. Never unloaded.
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

}  // namespace nibble::cuda

#endif  // NIBBLE_DEVICE_CUDA_LIBRARY_H_
