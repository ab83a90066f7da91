// Drives a target by libFuzzer. With $NIBBLE_SEEDS it writes the target's seeds into that folder, and ends.
#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <fstream>

#include "absl/strings/str_cat.h"
#include "tests/fuzz/target.h"

extern "C" size_t LLVMFuzzerMutate(uint8_t* data, size_t size, size_t max_size);

extern "C" int LLVMFuzzerInitialize(int*, char***) {
  const char* folder = std::getenv("NIBBLE_SEEDS");
  if (folder == nullptr) return 0;
  int number = 0;
  for (const std::string& seed : nibble::fuzz::Seeds()) {
    std::ofstream(absl::StrCat(folder, "/seed-", number++), std::ios::binary) << seed;
  }
  std::exit(0);
}

extern "C" size_t LLVMFuzzerCustomMutator(uint8_t* data, size_t size, size_t max_size, unsigned int seed) {
  nibble::fuzz::Random random(seed);
  if (nibble::fuzz::Below(2, random) == 0) return LLVMFuzzerMutate(data, size, max_size);
  const std::string mutated = nibble::fuzz::Mutated(std::string(reinterpret_cast<const char*>(data), size), random);
  const size_t kept = std::min(mutated.size(), max_size);
  std::memcpy(data, mutated.data(), kept);
  return kept;
}

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  nibble::fuzz::Run(absl::string_view(reinterpret_cast<const char*>(data), size));
  return 0;
}
