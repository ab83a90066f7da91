// A target without libFuzzer: its seeds, all cuts of the first, and thousands of mutants, the same ones every time.
#include <gtest/gtest.h>

#include <algorithm>

#include "tests/fuzz/target.h"

namespace nibble::fuzz {
namespace {

// fuzz::Run, as a test has a Run of its own.
constexpr int kMutants = 4000;
constexpr size_t kMostSteps = 6, kMostBytes = 1 << 16;

TEST(Target, SeedsAreReadOrRefused) {
  ASSERT_FALSE(Seeds().empty());
  for (const std::string& seed : Seeds()) fuzz::Run(seed);
  fuzz::Run("");
}

TEST(Target, CutsAreReadOrRefused) {
  const std::string whole = Seeds()[0];
  const size_t step = std::max<size_t>(whole.size() / 1000, 1);
  for (size_t size = 0; size < whole.size(); size += step) fuzz::Run(whole.substr(0, size));
}

TEST(Target, MutantsAreReadOrRefused) {
  const std::vector<std::string> seeds = Seeds();
  Random random(1);
  for (int i = 0; i < kMutants; ++i) {
    std::string input = seeds[i % seeds.size()];
    for (size_t steps = 1 + Below(kMostSteps, random); steps > 0; --steps) {
      input = Mutated(input, random);
      if (input.size() > kMostBytes) input.resize(kMostBytes);
    }
    fuzz::Run(input);
  }
}

}  // namespace
}  // namespace nibble::fuzz
