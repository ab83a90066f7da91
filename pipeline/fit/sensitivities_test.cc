#include "pipeline/fit/sensitivities.h"

#include <cstdint>
#include <map>
#include <string>
#include <utility>

#include "base/status.h"
#include "converters/family.h"
#include "formats/io/file.h"
#include "gtest/gtest.h"
#include "model/role.h"
#include "pipeline/fit/sensitivity_prior.h"
#include "pipeline/no_progress.h"
#include "pipeline/source/byte_vocabulary.h"
#include "runtime/random_model.h"

namespace nibble {
namespace {

using Sensitivities = std::map<std::string, double>;

const char kText[] = "The_quick_brown_fox_jumps_over_the_lazy_dog.";

void WithExperts(ModelSpec& spec) {
  for (Layer& layer : *spec.mutable_layers()) {
    Experts& experts = *layer.mutable_feed_forward()->mutable_experts();
    experts.set_count(3);
    experts.set_used(2);
    experts.set_length(40);
  }
}

RandomModel ByteModel(RandomModelOptions options = {}) {
  options.vocab_size = kByteVocabularySize;
  RandomModel random = MakeRandomModel(options);
  random.model.vocabulary = MakeByteVocabulary();
  return random;
}

CalibrationOptions Text(uint64_t memory = 0) {
  CalibrationOptions options;
  options.texts.files = {{"dogs", std::string(kText) + kText}};
  options.texts.ctx = 16;
  options.work.memory = memory;
  options.work.directory = testing::TempDir();
  return options;
}

Sensitivities Measured(const Model& model, int threads = 2, uint64_t memory = 0) {
  NoProgress progress;
  absl::StatusOr<Sensitivities> measured = MeasureSensitivities(model, Text(memory), threads, progress);
  EXPECT_EQ(measured.status(), absl::OkStatus());
  return *std::move(measured);
}

void ExpectAllLinears(const Model& model, const Sensitivities& measured) {
  for (const TensorStack stack : model.tensors.stacks()) {
    if (!GetRole(stack[0].role).is_linear) continue;
    const auto found = measured.find(GgufName(stack[0]));
    ASSERT_NE(found, measured.end()) << GgufName(stack[0]);
    EXPECT_GT(found->second, 0) << GgufName(stack[0]);
    EXPECT_NE(found->second, PriorSensitivity(model, stack[0])) << GgufName(stack[0]);
  }
}

TEST(Sensitivities, AreMeasuredOfEveryLinear) {
  const RandomModel random = ByteModel();
  const Sensitivities measured = Measured(random.model);
  ExpectAllLinears(random.model, measured);
  EXPECT_GT(measured.at("token_embd.weight"), 0);
}

TEST(Sensitivities, OfExpertsAreAllExperts) {
  const RandomModel random = ByteModel({.edit = WithExperts});
  ExpectAllLinears(random.model, Measured(random.model));
}

TEST(Sensitivities, OfTheOutputAreThePriorsInProportion) {
  const RandomModel random = ByteModel();
  const Sensitivities measured = Measured(random.model);
  double sum = 0, prior = 0;
  for (const TensorStack stack : random.model.tensors.stacks()) {
    if (!GetRole(stack[0].role).is_linear) continue;
    sum += measured.at(GgufName(stack[0]));
    prior += PriorSensitivity(random.model, stack[0]);
  }
  const double output = sum / prior * PriorOfAll(Role::kOutput);
  EXPECT_NEAR(measured.at("output.weight"), output, 1e-9 * output);
  // A tied embedding is both.
  const RandomModel tied = ByteModel({.tied = true});
  EXPECT_GT(Measured(tied.model).at("token_embd.weight"), PriorOfAll(Role::kOutput) * 1e-6);
}

TEST(Sensitivities, DoNotDependOnThreadsOrMemory) {
  const RandomModel random = ByteModel({.edit = WithExperts});
  const Sensitivities measured = Measured(random.model);
  EXPECT_EQ(Measured(random.model, 1), measured);
  EXPECT_EQ(Measured(random.model, 3, 1), measured);  // all states in a file
}

TEST(Sensitivities, AreMeasuredForABudgetAlone) {
  const RandomModel random = ByteModel();
  NoProgress progress;
  TypeOptions types;
  EXPECT_EQ(MeasureForFit(random.model, Text(), 1, progress, types), absl::OkStatus());
  EXPECT_TRUE(types.fit.sensitivities.empty());
  types.fit.bytes = 100'000;
  EXPECT_EQ(MeasureForFit(random.model, {}, 1, progress, types), absl::OkStatus());
  EXPECT_TRUE(types.fit.sensitivities.empty());
  EXPECT_EQ(MeasureForFit(random.model, Text(), 1, progress, types), absl::OkStatus());
  EXPECT_FALSE(types.fit.sensitivities.empty());
  types.fit.bytes = 100;
  EXPECT_EQ(ExitCode(MeasureForFit(random.model, Text(), 1, progress, types)), 64);
}

}  // namespace
}  // namespace nibble
