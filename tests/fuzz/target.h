// One fuzz target: a reader of untrusted bytes, fed from memory. A file of this folder that is called after a format
// defines the three functions; what drives them is libFuzzer (fuzzer.cc), or the default tests (replay_test.cc).
#ifndef NIBBLE_TESTS_FUZZ_TARGET_H_
#define NIBBLE_TESTS_FUZZ_TARGET_H_

#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "tests/fuzz/mutate.h"

namespace nibble::fuzz {

// Sound inputs that reach far into the reader, and all inputs that ever broke it.
std::vector<std::string> Seeds();

// An input near `input` that keeps to the format's structure as far as is useful.
std::string Mutated(const std::string& input, Random& random);

// Reads it. Aborts if a rule is broken.
void Run(absl::string_view input);

// The rule for what a reader says: success, or one line with a place, that ends with an exit code of bad input.
void Judge(const absl::Status& status);

}  // namespace nibble::fuzz

#endif  // NIBBLE_TESTS_FUZZ_TARGET_H_
