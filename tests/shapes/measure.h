// Runs a program and measures what it took.
#ifndef NIBBLE_TESTS_SHAPES_MEASURE_H_
#define NIBBLE_TESTS_SHAPES_MEASURE_H_

#include <cstdint>
#include <string>
#include <vector>

namespace nibble::tests {

struct Measured {
  int exit_code = -1;        // -1: it did not end by itself
  double seconds = 0;        // of processor time: how busy the machine is does not count
  uint64_t peak_memory = 0;  // resident, in bytes; at least this process's own when it was called
  std::string out, err;
};

// `arguments[0]` is the program's path. `folder`: for files that catch its output.
Measured RunMeasured(const std::vector<std::string>& arguments, const std::string& folder);

}  // namespace nibble::tests

#endif  // NIBBLE_TESTS_SHAPES_MEASURE_H_
