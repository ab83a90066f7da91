#include "pipeline/transform/apply_transforms.h"

#include <string>
#include <utility>
#include <vector>

#include "formats/io/file.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "model/logical_tensor.h"
#include "model/role.h"
#include "pipeline/source/byte_vocabulary.h"
#include "runtime/random_model.h"

namespace nibble {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

class Warnings : public Progress {
 public:
  void Update(const ProgressUpdate&) override { ++updates; }
  void Warn(const std::string& warning) override { warnings.push_back(warning); }
  int updates = 0;
  std::vector<std::string> warnings;
};

Model ByteModel(void (*edit)(ModelSpec&) = nullptr) {
  RandomModel random = MakeRandomModel({.vocab_size = kByteVocabularySize, .edit = edit});
  random.model.vocabulary = MakeByteVocabulary();
  return std::move(random.model);
}

CalibrationOptions Dogs() {
  return {
      .texts = {.files = {{.path = "a", .content = "The_quick_brown_fox"}, {.path = "b", .content = "_jumps_over."}},
                .ctx = 8,
                .chunks = 3}};
}

std::vector<float> Norm(const Model& model) {
  const LogicalTensor& tensor = *model.Find(Role::kAttentionNorm, 1);
  std::vector<float> values(tensor.cols);
  EXPECT_TRUE(ReadRows(model.source, tensor, 0, 1, absl::MakeSpan(values)).ok());
  return values;
}

Model Applied(const char* transforms, const ApplyOptions& options, Progress& progress) {
  absl::StatusOr<Model> model = ApplyTransforms(ByteModel(), *ParseTransforms(transforms), options, Dogs(), progress);
  EXPECT_TRUE(model.ok()) << model.status();
  return *std::move(model);
}

TEST(ApplyTransforms, RunsTheModelOnlyForStatistics) {
  Warnings rotated, scaled, planned;
  const std::vector<float> norm = Norm(ByteModel());
  Applied("hadamard+values", {}, rotated);
  EXPECT_EQ(rotated.updates, 0);
  EXPECT_NE(Norm(Applied("awq", {}, scaled)), norm);
  EXPECT_GT(scaled.updates, 0);
  EXPECT_EQ(Norm(Applied("awq", {.for_plan = true}, planned)), norm);
  EXPECT_EQ(planned.updates, 0);
}

// The statistics behind a rotation are of what is rotated: another norm than without it, and not one of ones.
TEST(ApplyTransforms, EachIsAppliedToWhatTheOnesBeforeItMade) {
  Warnings progress;
  const std::vector<float> both = Norm(Applied("awq+hadamard", {}, progress));
  EXPECT_NE(both, Norm(Applied("awq", {}, progress)));
  EXPECT_NE(both, Norm(Applied("hadamard", {}, progress)));
}

TEST(ApplyTransforms, WarnsOfWhatIsLeftOut) {
  const auto clamped = [](ModelSpec& spec) {
    for (Layer& layer : *spec.mutable_layers()) {
      layer.mutable_feed_forward()->set_activation(FeedForward::SWIGLU_CLAMPED);
      layer.mutable_feed_forward()->set_limit(1);
    }
  };
  Warnings progress;
  EXPECT_TRUE(ApplyTransforms(ByteModel(clamped), *ParseTransforms("awq"), {}, Dogs(), progress).ok());
  EXPECT_THAT(progress.warnings, ElementsAre(HasSubstr("left out ffn_up.weight -> ffn_down.weight")));
}

TEST(ApplyTransforms, RefusesStatisticsOfOtherInputsAndNone) {
  Warnings progress;
  for (const char* name : {"hadamard", "values", "awq"}) {
    const absl::Status status =
        ApplyTransforms(ByteModel(), *ParseTransforms(name), {}, {.texts = {}, .imatrix_path = "x.gguf"}, progress)
            .status();
    EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument);
    EXPECT_THAT(std::string(status.message()),
                HasSubstr(std::string("--transform ") + name + ": expected no --imatrix"));
  }
  const absl::Status status = ApplyTransforms(ByteModel(), *ParseTransforms("awq"), {}, {}, progress).status();
  EXPECT_EQ(status.message(), "--transform awq: expected --calibration-text, found none");
}

}  // namespace
}  // namespace nibble
