#include "runtime/sampling.h"

#include <cmath>
#include <limits>
#include <vector>

#include "gtest/gtest.h"

namespace nibble {
namespace {

TEST(SamplerTest, GreedyTakesTheFirstOfEquals) { EXPECT_EQ(Sampler(0, 1).Sample({0, 3, 1, 3}), 1); }

TEST(SamplerTest, DrawsByProbability) {
  const std::vector<float> logits = {0, static_cast<float>(std::log(3)), -std::numeric_limits<float>::infinity()};
  Sampler sampler(1, 7), cold(0.5, 7);
  int ones = 0, cold_ones = 0;
  for (int i = 0; i < 4000; ++i) {
    const uint32_t id = sampler.Sample(logits);
    ASSERT_LT(id, 2);  // what has no probability is never drawn
    ones += id;
    cold_ones += cold.Sample(logits);
  }
  EXPECT_NEAR(ones / 4000.0, 3 / 4.0, 0.03);
  EXPECT_NEAR(cold_ones / 4000.0, 9 / 10.0, 0.03);
}

TEST(SamplerTest, TheSeedDecides) {
  const std::vector<float> logits(1000, 0.0f);
  Sampler a(1, 5), b(1, 5), c(1, 6);
  std::vector<uint32_t> draws_a, draws_b, draws_c;
  for (int i = 0; i < 10; ++i) {
    draws_a.push_back(a.Sample(logits));
    draws_b.push_back(b.Sample(logits));
    draws_c.push_back(c.Sample(logits));
  }
  EXPECT_EQ(draws_a, draws_b);
  EXPECT_NE(draws_a, draws_c);
}

}  // namespace
}  // namespace nibble
