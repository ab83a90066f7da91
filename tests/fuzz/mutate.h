// Mutations that keep to a structure, so that most of what they make gets past the first check.
#ifndef NIBBLE_TESTS_FUZZ_MUTATE_H_
#define NIBBLE_TESTS_FUZZ_MUTATE_H_

#include <cstddef>
#include <random>
#include <string>

#include "absl/strings/string_view.h"

namespace nibble::fuzz {

using Random = std::mt19937;

// In [0, end). REQUIRES: end > 0.
size_t Below(size_t end, Random& random);

// A value, a key or a member of the JSON text becomes another: of a wrong type, at the end of a range, twice, deep,
// gone. Any text will do.
std::string MutatedJson(absl::string_view text, Random& random);

// Numbers of 1, 2, 4 or 8 bytes become others, parts are left out, come twice, or change places.
std::string MutatedBytes(absl::string_view bytes, Random& random);

// The same for a GGUF, where it begins as one: a count, a length, a type or a value of its header.
std::string MutatedGguf(absl::string_view bytes, Random& random);

}  // namespace nibble::fuzz

#endif  // NIBBLE_TESTS_FUZZ_MUTATE_H_
