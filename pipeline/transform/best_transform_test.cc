#include "pipeline/transform/best_transform.h"

#include <algorithm>
#include <fstream>
#include <iterator>
#include <map>
#include <random>
#include <string>
#include <utility>
#include <vector>

#include "converters/family.h"
#include "formats/imatrix/imatrix.h"
#include "formats/io/file.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "model/logical_tensor.h"
#include "model/tensor_list.h"
#include "pipeline/no_progress.h"
#include "pipeline/quantize.h"
#include "pipeline/source/byte_vocabulary.h"
#include "pipeline/transform/apply_transforms.h"
#include "pipeline/transform/transform.h"
#include "runtime/random_model.h"

namespace nibble {
namespace {

using ::testing::HasSubstr;
using ::testing::UnorderedElementsAre;

Model ByteModel(uint32_t seed) {
  RandomModel random = MakeRandomModel({.seed = seed, .vocab_size = kByteVocabularySize, .layers = 4});
  random.model.vocabulary = MakeByteVocabulary();
  return std::move(random.model);
}

// The same function in weights that are hard to round: channels of sizes far apart.
Model Disturbed(const Model& model) {
  std::mt19937 random(9);
  std::lognormal_distribution<float> squares(0, 8);
  imatrix::File file;
  for (const TensorStack stack : model.tensors.stacks()) {
    imatrix::Entry entry{.name = GgufName(stack[0]), .sums = {}, .counts = {1}};
    for (int64_t i = 0; i < stack[0].cols; ++i) entry.sums.push_back(squares(random));
    file.entries.push_back(std::move(entry));
  }
  std::vector<std::string> notes;
  absl::StatusOr<Model> disturbed = FoldTransform(model, {.name = "awq", .alpha = 1}, &file, {}, notes);
  EXPECT_TRUE(disturbed.ok()) << disturbed.status();
  return *std::move(disturbed);
}

CalibrationOptions Text() {
  std::mt19937 random(3);
  std::string text;
  for (int i = 0; i < 60 * 16; ++i) text += static_cast<char>('a' + random() % 26);
  // Channels that are scaled along the way would mend by themselves what the transforms are here for.
  return {.texts = {.files = {{.path = "text", .content = text}}, .ctx = 16, .chunks = 60}, .scale_channels = false};
}

class BestTransformTest : public testing::TestWithParam<const char*> {
 protected:
  static OutputOptions Output(const std::string& name) {
    return {.path = testing::TempDir() + "/" + name, .force = true, .threads = 2};
  }
  static TypeOptions Types() { return {.type = "Q4_0", .method = GetParam()}; }

  static std::string Bytes(const std::string& name) {
    std::ifstream in(Output(name).path, std::ios::binary);
    return {std::istreambuf_iterator<char>(in), {}};
  }

  Plan Best(const Model& model) {
    absl::StatusOr<Plan> plan =
        QuantizeWithBestTransform(io::Posix(), model, Types(), Output("best"), Text(), progress_);
    EXPECT_TRUE(plan.ok()) << plan.status();
    return *std::move(plan);
  }

  // Figures and bytes are those that the chosen transform has when it is asked for by name.
  void ExpectAsByName(const Model& model, const Plan& best) {
    CalibrationOptions text = Text();
    text.judge = true;
    const std::vector<Transform> transforms = *ParseTransforms(best.transform());
    const Model* chosen = &model;
    absl::StatusOr<Model> transformed;
    if (!transforms.empty()) {
      transformed = ApplyTransforms(model, transforms, {}, text, progress_);
      ASSERT_TRUE(transformed.ok()) << transformed.status();
      chosen = &*transformed;
    }
    absl::StatusOr<Plan> plan = Quantize(io::Posix(), *chosen, Types(), Output("named"), progress_, text);
    ASSERT_TRUE(plan.ok()) << plan.status();
    EXPECT_EQ(plan->calibration().kld(), best.calibration().kld());
    EXPECT_TRUE(Bytes("named") == Bytes("best"));
  }

  NoProgress progress_;
};

TEST_P(BestTransformTest, MendsWeightsThatAreHardToRound) {
  const Model model = Disturbed(ByteModel(3));  // which gains a twelfth and more; what is random all through may not
  const Plan best = Best(model);
  EXPECT_NE(best.transform(), "none");
  std::map<std::string, double> klds;
  for (const TransformTrial& trial : best.calibration().trials()) klds[trial.transform()] = trial.kld();
  EXPECT_LT(klds[best.transform()], klds["none"]);
  ExpectAsByName(model, best);
}

// Whatever is chosen, it is by the rule.
TEST_P(BestTransformTest, IsConfirmedOnceOrLeftOut) {
  for (const uint32_t seed : {1, 2, 3}) {
    const Model model = ByteModel(seed);
    const Plan best = Best(model);
    const auto& trials = best.calibration().trials();
    std::vector<std::string> names;
    for (const TransformTrial& trial : trials) names.push_back(trial.transform());
    EXPECT_THAT(names, UnorderedElementsAre("none", "hadamard", "values", "awq=0.25"));
    EXPECT_TRUE(std::is_sorted(trials.begin(), trials.end(), [](const TransformTrial& a, const TransformTrial& b) {
      return a.first_layers_kld() < b.first_layers_kld();
    }));
    const auto whole = std::count_if(trials.begin(), trials.end(), [](const auto& trial) { return trial.kld() > 0; });
    EXPECT_EQ(whole, names[0] == "none" ? 1 : 2);
    for (const TransformTrial& trial : trials) {
      if (trial.kld() == 0) continue;
      if (trial.transform() == best.transform()) {
        EXPECT_EQ(trial.kld(), best.calibration().kld());
      } else if (trial.transform() != "none") {
        EXPECT_GE(trial.kld(), 0.98 * best.calibration().kld());
      } else {
        EXPECT_GT(0.98 * trial.kld(), best.calibration().kld());
      }
    }
    ExpectAsByName(model, best);
  }
}

INSTANTIATE_TEST_SUITE_P(Methods, BestTransformTest, testing::Values("auto", "weighted"),
                         [](const auto& info) { return std::string(info.param); });

TEST(BestTransform, NeedsATextToJudgeBy) {
  NoProgress progress;
  const absl::Status status =
      QuantizeWithBestTransform(io::Posix(), ByteModel(1), {.type = "Q4_0"}, {}, {}, progress).status();
  EXPECT_TRUE(absl::IsInvalidArgument(status)) << status;
  EXPECT_THAT(status.ToString(), HasSubstr("--transform auto: expected --calibration-text"));
}

}  // namespace
}  // namespace nibble
