// A layer in steps, with a tap: what it is told, and what it may change.
#include "runtime/tap.h"

#include <algorithm>
#include <cstdint>
#include <map>
#include <utility>
#include <vector>

#include "device/cpu/cpu_device.h"
#include "gtest/gtest.h"
#include "model/role.h"
#include "runtime/random_model.h"
#include "runtime/sequences.h"
#include "runtime/weights.h"

namespace nibble {
namespace {

using Part = Sequences::Part;
using Outcome = Sequences::Outcome;

constexpr int64_t kLength = 12, kTokens = 4 * kLength;
constexpr int kExperts = 7, kUsed = 2;

std::vector<uint32_t> Ids() {
  std::vector<uint32_t> ids;
  for (uint32_t i = 0; i < kTokens; ++i) ids.push_back(i * 7 % 50);
  return ids;
}

void WithExperts(ModelSpec& spec) {
  for (Layer& layer : *spec.mutable_layers()) {
    Experts& experts = *layer.mutable_feed_forward()->mutable_experts();
    experts.set_count(kExperts);
    experts.set_used(kUsed);
    experts.set_length(40);
  }
}

Sequences Embedded(Device& device, const Model& model) { return *Sequences::Embed(device, model, Ids(), kLength); }

std::vector<float> States(const Sequences& sequences) { return *sequences.States(0, sequences.tokens()); }

// Rows and columns of all inputs, by role.
class Recorder : public Tap {
 public:
  struct Seen {
    int64_t rows = 0, cols = 0;
  };

  void See(Role role, int slice, ConstMatrix x) override {
    Seen& seen = seen_[{role, slice}];
    seen.rows += x.rows;
    seen.cols = x.cols;
  }

  std::map<std::pair<Role, int>, Seen> seen_;
};

TEST(TapTest, IsToldOfEveryLinearsInput) {
  const RandomModel random = MakeRandomModel({.biases = true});
  CpuDevice device(2);
  Sequences sequences = Embedded(device, random.model);
  Weights weights = *Weights::OfLayer(device, random.model, 0);
  Recorder recorder;
  weights.set_tap(&recorder);
  ASSERT_TRUE(sequences.RunPart(0, Part::kWhole, weights, Outcome::kKept).ok());
  const std::pair<Role, int64_t> expected[] = {{Role::kQuery, 32}, {Role::kKey, 32}, {Role::kValue, 32},
                                               {Role::kGate, 32},  {Role::kUp, 32},  {Role::kAttentionOutput, 32},
                                               {Role::kDown, 64}};
  EXPECT_EQ(recorder.seen_.size(), std::size(expected));
  for (const auto& [role, cols] : expected) {
    const Recorder::Seen seen = recorder.seen_[{role, -1}];
    EXPECT_EQ(seen.rows, kTokens) << GetRole(role).gguf_name;
    EXPECT_EQ(seen.cols, cols) << GetRole(role).gguf_name;
  }
}

TEST(TapTest, AFusedLinearIsToldOnce) {
  const RandomModel random = MakeRandomModel({.fused = true});
  CpuDevice device(1);
  Sequences sequences = Embedded(device, random.model);
  Weights weights = *Weights::OfLayer(device, random.model, 0);
  Recorder recorder;
  weights.set_tap(&recorder);
  ASSERT_TRUE(sequences.RunPart(0, Part::kAttention, weights, Outcome::kKept).ok());
  EXPECT_EQ((recorder.seen_[{Role::kQueryKeyValue, -1}].rows), kTokens);
}

TEST(SequencesTest, StepsAreTheLayer) {
  for (const bool experts : {false, true}) {
    const RandomModel random = MakeRandomModel({.edit = experts ? WithExperts : nullptr});
    CpuDevice device(2);
    Sequences whole = Embedded(device, random.model), steps = Embedded(device, random.model);
    ASSERT_TRUE(whole.RunLayer(0).ok());
    const Weights weights = *Weights::OfLayer(device, random.model, 0);
    for (const Part part : {Part::kAttention, Part::kFeedForward}) {
      const std::vector<float> before = States(steps);
      ASSERT_TRUE(steps.RunPart(0, part, weights, Outcome::kDropped).ok());
      EXPECT_EQ(States(steps), before);
      ASSERT_TRUE(steps.RunPart(0, part, weights, Outcome::kKept).ok());
      EXPECT_NE(States(steps), before);
    }
    EXPECT_EQ(States(steps), States(whole));
  }
}

TEST(SequencesTest, RunsWithReplacedWeights) {
  const RandomModel random = MakeRandomModel({});
  CpuDevice device(1);
  Sequences sequences = Embedded(device, random.model);
  Weights weights = *Weights::OfLayer(device, random.model, 0);
  const std::vector<float> before = States(sequences);
  weights.Replace(device, Role::kDown, std::vector<float>(32 * 64));
  ASSERT_TRUE(sequences.RunPart(0, Part::kFeedForward, weights, Outcome::kKept).ok());
  EXPECT_EQ(States(sequences), before);
}

// Turns every expert off as soon as it was seen.
class Silencer : public Recorder {
 public:
  explicit Silencer(Device& device) : device_(device) {}

  bool ChangesExperts() const override { return true; }
  absl::StatusOr<bool> ExpertSeen(int expert, Weights& weights) override {
    experts_.push_back(expert);
    weights.Replace(device_, Role::kExpertDown, std::vector<float>(32 * 40));
    return false;
  }

  std::vector<int> experts_;

 private:
  Device& device_;
};

TEST(TapTest, ChangesExpertsBeforeTheirOutputsCount) {
  const RandomModel random = MakeRandomModel({.edit = WithExperts});
  CpuDevice device(2);
  Sequences sequences = Embedded(device, random.model);
  Weights weights = *Weights::OfLayer(device, random.model, 0);
  const std::vector<float> before = States(sequences);
  Silencer silencer(device);
  weights.set_tap(&silencer);
  ASSERT_TRUE(sequences.RunPart(0, Part::kFeedForward, weights, Outcome::kKept).ok());
  EXPECT_EQ(States(sequences), before);
  EXPECT_EQ(silencer.experts_, (std::vector<int>{0, 1, 2, 3, 4, 5, 6}));
  int64_t up = 0, down = 0;
  for (int expert = 0; expert < kExperts; ++expert) {
    up += silencer.seen_[{Role::kExpertUp, expert}].rows;
    down += silencer.seen_[{Role::kExpertDown, expert}].rows;
  }
  EXPECT_EQ(up, kTokens * kUsed);  // each token once per expert, although the experts run twice
  EXPECT_EQ(down, kTokens * kUsed);
  EXPECT_EQ((silencer.seen_[{Role::kRouter, -1}].rows), kTokens);
}

// Wants inputs alone, of some linears.
class Looker : public Recorder {
 public:
  explicit Looker(std::vector<Role> unneeded) : unneeded_(std::move(unneeded)) {}
  bool Needs(Role role) const override {
    return std::find(unneeded_.begin(), unneeded_.end(), role) == unneeded_.end();
  }

 private:
  std::vector<Role> unneeded_;
};

// What follows a linear whose output is not needed is not run, and so not seen.
TEST(TapTest, StopsWhereNothingMoreIsNeeded) {
  struct Case {
    Part part;
    std::vector<Role> unneeded, seen;
  };
  const Case cases[] = {
      {Part::kAttention, {Role::kQuery, Role::kKey, Role::kValue}, {Role::kQuery, Role::kKey, Role::kValue}},
      {Part::kAttention, {Role::kAttentionOutput}, {Role::kQuery, Role::kKey, Role::kValue, Role::kAttentionOutput}},
      {Part::kFeedForward, {Role::kGate, Role::kUp}, {Role::kGate, Role::kUp}},
      {Part::kFeedForward, {Role::kDown}, {Role::kGate, Role::kUp, Role::kDown}},
  };
  const RandomModel random = MakeRandomModel({});
  CpuDevice device(2);
  for (const Case& c : cases) {
    Sequences sequences = Embedded(device, random.model);
    Weights weights = *Weights::OfLayer(device, random.model, 0);
    Looker looker(c.unneeded);
    weights.set_tap(&looker);
    ASSERT_TRUE(sequences.RunPart(0, c.part, weights, Outcome::kDropped).ok());
    EXPECT_EQ(looker.seen_.size(), c.seen.size());
    for (const Role role : c.seen) EXPECT_EQ((looker.seen_[{role, -1}].rows), kTokens) << GetRole(role).gguf_name;
  }
}

TEST(SequencesTest, BatchesAreTheWhole) {
  const RandomModel random = MakeRandomModel({});
  CpuDevice device(2);
  constexpr int64_t kLong = 1500;  // one sequence a batch
  std::vector<uint32_t> ids;
  for (uint32_t i = 0; i < 3 * kLong; ++i) ids.push_back(i * 7 % 50);
  Sequences whole = *Sequences::Embed(device, random.model, ids, kLong);
  Sequences batches = *Sequences::Embed(device, random.model, ids, kLong);
  const Weights weights = *Weights::OfLayer(device, random.model, 0);
  ASSERT_TRUE(whole.RunLayer(0).ok());
  ASSERT_EQ(batches.batches(), 3);
  for (int64_t batch = 0; batch < 3; ++batch) {
    EXPECT_EQ(batches.TokensOfBatch(batch), kLong);
    ASSERT_TRUE(batches.RunBatch(0, Part::kAttention, weights, Outcome::kKept, batch).ok());
    ASSERT_TRUE(batches.RunBatch(0, Part::kFeedForward, weights, Outcome::kKept, batch).ok());
  }
  EXPECT_EQ(States(batches), States(whole));
}

// Sees every expert twice, and which tokens it is shown.
class Twice : public Recorder {
 public:
  bool ChangesExperts() const override { return true; }
  void Routed(absl::Span<const int64_t> tokens) override {
    EXPECT_TRUE(std::is_sorted(tokens.begin(), tokens.end()));
    for (const int64_t token : tokens) ++times_[token];
  }
  absl::StatusOr<bool> ExpertSeen(int /*expert*/, Weights& /*weights*/) override { return again_ = !again_; }

  std::map<int64_t, int> times_;

 private:
  bool again_ = false;
};

TEST(TapTest, ExpertsAreShownAgain) {
  const RandomModel random = MakeRandomModel({.edit = WithExperts});
  CpuDevice device(2);
  Sequences sequences = Embedded(device, random.model), untapped = Embedded(device, random.model);
  Weights weights = *Weights::OfLayer(device, random.model, 0);
  ASSERT_TRUE(untapped.RunPart(0, Part::kFeedForward, weights, Outcome::kKept).ok());
  Twice twice;
  weights.set_tap(&twice);
  ASSERT_TRUE(sequences.RunPart(0, Part::kFeedForward, weights, Outcome::kKept).ok());
  EXPECT_EQ(States(sequences), States(untapped));
  EXPECT_EQ(twice.times_.size(), kTokens);
  for (const auto& [token, times] : twice.times_) EXPECT_EQ(times, 2 * kUsed) << token;
}

}  // namespace
}  // namespace nibble
