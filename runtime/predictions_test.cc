#include "runtime/predictions.h"

#include <cmath>
#include <random>
#include <vector>

#include "device/cpu/cpu_device.h"
#include "gtest/gtest.h"
#include "runtime/random_model.h"

namespace nibble {
namespace {

constexpr int kVocabulary = 1500;  // more than a panel
constexpr int kPositions = 1100;   // more than a tile
constexpr int kHidden = 32;

std::vector<float> RandomStates(uint32_t seed) {
  std::mt19937 random(seed);
  std::normal_distribution<float> normal;
  std::vector<float> states(kPositions * kHidden);
  for (float& state : states) state = normal(random);
  return states;
}

// Log-probabilities of one position by the plainest code.
std::vector<double> LogProbabilities(const RandomModel& random, const float* state) {
  const std::vector<float>& norm = random.values.at({Role::kOutputNorm, -1});
  const std::vector<float>& output = random.values.at({Role::kOutput, -1});
  double squares = 0, sum = 0;
  for (int i = 0; i < kHidden; ++i) squares += state[i] * state[i];
  std::vector<double> logits(kVocabulary);
  for (int id = 0; id < kVocabulary; ++id) {
    for (int i = 0; i < kHidden; ++i) {
      logits[id] += output[id * kHidden + i] * state[i] * norm[i] / std::sqrt(squares / kHidden + 1e-5);
    }
    sum += std::exp(logits[id]);
  }
  for (double& logit : logits) logit -= std::log(sum);
  return logits;
}

TEST(PredictionsTest, AsDefinedAndTheSameForAnyNumberOfThreads) {
  const RandomModel a = MakeRandomModel({.seed = 1, .vocab_size = kVocabulary});
  const RandomModel b = MakeRandomModel({.seed = 2, .vocab_size = kVocabulary});
  const std::vector<float> states_a = RandomStates(3), states_b = RandomStates(4);
  std::vector<uint32_t> targets;
  for (int i = 0; i < kPositions; ++i) targets.push_back(i * 7 % kVocabulary);
  std::vector<std::vector<Predictions>> runs;
  for (int threads : {1, 2, 3}) {
    CpuDevice device(threads);
    runs.push_back(*Predict(device, {{&a.model, states_a}, {&b.model, states_b}, {&a.model, states_a}}, targets));
  }

  const std::vector<Predictions>& run = runs[0];
  ASSERT_EQ(run.size(), 3);
  EXPECT_TRUE(run[0].divergence.empty());
  for (int i = 0; i < kPositions; i += 37) {
    const std::vector<double> p = LogProbabilities(a, &states_a[i * kHidden]);
    const std::vector<double> q = LogProbabilities(b, &states_b[i * kHidden]);
    double divergence = 0;
    for (int id = 0; id < kVocabulary; ++id) divergence += std::exp(p[id]) * (p[id] - q[id]);
    EXPECT_NEAR(run[0].log_likelihood[i], p[targets[i]], 1e-5);
    EXPECT_NEAR(run[1].log_likelihood[i], q[targets[i]], 1e-5);
    EXPECT_NEAR(run[1].divergence[i], divergence, 1e-5);
    EXPECT_EQ(run[0].top[i], std::max_element(p.begin(), p.end()) - p.begin());
    EXPECT_EQ(run[1].top[i], std::max_element(q.begin(), q.end()) - q.begin());
  }
  // The same model again is no distance away, exactly.
  EXPECT_EQ(run[2].divergence, std::vector<double>(kPositions, 0.0));
  EXPECT_EQ(run[2].log_likelihood, run[0].log_likelihood);
  for (const std::vector<Predictions>& other : runs) {
    EXPECT_EQ(other[1].log_likelihood, run[1].log_likelihood);
    EXPECT_EQ(other[1].divergence, run[1].divergence);
  }
}

TEST(PredictionsTest, NotANumberSpreads) {
  const RandomModel a = MakeRandomModel({.vocab_size = kVocabulary});
  std::vector<float> states = RandomStates(1);
  states[5 * kHidden] = NAN;
  CpuDevice device(2);
  const std::vector<Predictions> run =
      *Predict(device, {{&a.model, RandomStates(1)}, {&a.model, states}}, std::vector<uint32_t>(kPositions, 3));
  for (int i = 0; i < kPositions; ++i) {
    EXPECT_EQ(std::isnan(run[1].log_likelihood[i]), i == 5);
    EXPECT_EQ(std::isnan(run[1].divergence[i]), i == 5);
  }
}

}  // namespace
}  // namespace nibble
