// Plain values one after another in a string, for ranks of one program (comm.h) to send to one another.
#ifndef NIBBLE_PIPELINE_COMM_PACKED_VALUES_H_
#define NIBBLE_PIPELINE_COMM_PACKED_VALUES_H_

#include <algorithm>
#include <cstddef>
#include <cstring>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

#include "absl/strings/string_view.h"

namespace nibble {

class Packer {
 public:
  template <typename T>
  void Add(const std::vector<T>& values) {
    static_assert(std::is_trivially_copyable_v<T>);
    const size_t count = values.size();
    packed_.append(reinterpret_cast<const char*>(&count), sizeof(count));
    packed_.append(reinterpret_cast<const char*>(values.data()), count * sizeof(T));
  }
  std::string Take() { return std::move(packed_); }

 private:
  std::string packed_;
};

// Takes what was added, in its order. REQUIRES: the string outlives it.
class Unpacker {
 public:
  explicit Unpacker(absl::string_view packed) : packed_(packed) {}

  template <typename T>
  std::vector<T> Take() {
    static_assert(std::is_trivially_copyable_v<T>);
    size_t count = 0;
    Copy(&count, sizeof(count));
    std::vector<T> values(std::min(count, packed_.size() / sizeof(T)));
    Copy(values.data(), values.size() * sizeof(T));
    return values;
  }

 private:
  void Copy(void* to, size_t bytes) {
    bytes = std::min(bytes, packed_.size());
    if (bytes > 0) std::memcpy(to, packed_.data(), bytes);
    packed_.remove_prefix(bytes);
  }

  absl::string_view packed_;
};

}  // namespace nibble

#endif  // NIBBLE_PIPELINE_COMM_PACKED_VALUES_H_
