#include "pipeline/calibration/calibrate.h"

#include <cmath>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "base/status.h"
#include "formats/imatrix/imatrix.h"
#include "formats/io/file.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "pipeline/report.pb.h"
#include "pipeline/source/byte_vocabulary.h"
#include "runtime/random_model.h"

namespace nibble {
namespace {

using ::testing::Contains;
using ::testing::HasSubstr;

constexpr int kCtx = 16, kWindows = 3, kHidden = 32, kExperts = 5, kUsed = 2;
const char kText[] = "The_quick_brown_fox_jumps_over_the_lazy_dog.";

class NoProgress : public Progress {
 public:
  void Update(const ProgressUpdate& update) override { EXPECT_LE(update.done, update.total); }
  void Warn(const std::string&) override {}
};

void WithExperts(ModelSpec& spec) {
  for (Layer& layer : *spec.mutable_layers()) {
    Experts& experts = *layer.mutable_feed_forward()->mutable_experts();
    experts.set_count(kExperts);
    experts.set_used(kUsed);
    experts.set_length(40);
  }
}

RandomModel ByteModel(void (*edit)(ModelSpec&) = nullptr) {
  RandomModel random = MakeRandomModel({.vocab_size = kByteVocabularySize, .edit = edit});
  random.model.vocabulary = MakeByteVocabulary();
  return random;
}

Calibration Calibrated(const Model& model, int threads = 2, uint64_t memory = 0) {
  NoProgress progress;
  absl::StatusOr<Calibration> calibration =
      Calibrate(model,
                {.texts = {.files = {{"dogs", std::string(kText) + kText}}, .ctx = kCtx, .chunks = kWindows},
                 .threads = threads,
                 .work = {.memory = memory, .directory = testing::TempDir()}},
                progress);
  EXPECT_TRUE(calibration.ok()) << calibration.status();
  return *std::move(calibration);
}

// What the first layer's queries, keys and values see: the norm of the embeddings, of every window BOS and 15 bytes.
std::vector<double> FirstInputs(const RandomModel& random) {
  const std::vector<float>& embedding = random.values.at({Role::kTokenEmbedding, -1});
  const std::vector<float>& norm = random.values.at({Role::kAttentionNorm, 0});
  const std::string text = std::string(kText) + kText;
  std::vector<double> squares(kHidden);
  for (int i = 0; i < kCtx * kWindows; ++i) {
    const uint32_t id = i % kCtx == 0 ? kBos : ByteId(text[i - 1]);
    double mean = 0;
    for (int j = 0; j < kHidden; ++j) mean += std::pow(embedding[id * kHidden + j], 2) / kHidden;
    for (int j = 0; j < kHidden; ++j) {
      squares[j] += std::pow(embedding[id * kHidden + j] * norm[j], 2) / (mean + random.model.spec.norm().epsilon());
    }
  }
  return squares;
}

TEST(CalibrateTest, SumsSquaresOfWhatLinearsSee) {
  const RandomModel random = ByteModel();
  const Calibration calibration = Calibrated(random.model);
  const std::vector<double> expected = FirstInputs(random);
  for (const char* name : {"blk.0.attn_q.weight", "blk.0.attn_k.weight", "blk.0.attn_v.weight"}) {
    const imatrix::Entry* entry = calibration.matrix.Find(name);
    ASSERT_NE(entry, nullptr) << name;
    EXPECT_EQ(entry->counts, std::vector<float>{kCtx * kWindows});
    ASSERT_EQ(entry->sums.size(), kHidden);
    for (int j = 0; j < kHidden; ++j) EXPECT_NEAR(entry->sums[j], expected[j], 1e-4 * expected[j]) << name << " " << j;
  }
  EXPECT_EQ(calibration.matrix.entries.size(), 14u);  // seven linears in each of two layers; no embedding, no output
  EXPECT_EQ(calibration.matrix.chunk_count, kWindows);
  EXPECT_EQ(calibration.matrix.chunk_size, kCtx);
  EXPECT_EQ(calibration.matrix.datasets, std::vector<std::string>{"dogs"});
}

TEST(CalibrateTest, CountsEachExpertsTokens) {
  const RandomModel random = ByteModel(WithExperts);
  const Calibration calibration = Calibrated(random.model);
  for (const char* name : {"blk.1.ffn_up_exps.weight", "blk.1.ffn_gate_exps.weight", "blk.1.ffn_down_exps.weight"}) {
    const imatrix::Entry* entry = calibration.matrix.Find(name);
    ASSERT_NE(entry, nullptr) << name;
    ASSERT_EQ(entry->counts.size(), kExperts);
    float tokens = 0;
    for (const float count : entry->counts) tokens += count;
    EXPECT_EQ(tokens, kUsed * kCtx * kWindows);
  }
  EXPECT_NE(calibration.matrix.Find("blk.1.ffn_gate_inp.weight"), nullptr);
  EXPECT_EQ(calibration.report.tokens(), kCtx * kWindows);
  ASSERT_EQ(calibration.report.experts_size(), 2);
  const ExpertCoverage& coverage = calibration.report.experts(1);
  EXPECT_EQ(coverage.layer(), 1);
  EXPECT_EQ(coverage.columns(), 40);  // of ffn_down_exps
  const std::vector<float>& counts = calibration.matrix.Find("blk.1.ffn_up_exps.weight")->counts;
  EXPECT_EQ(std::vector<float>(coverage.tokens().begin(), coverage.tokens().end()), counts);
}

TEST(CalibrateTest, WarnsOfExpertsThatSawNothing) {
  RandomModel random = ByteModel([](ModelSpec& spec) {
    WithExperts(spec);
    for (Layer& layer : *spec.mutable_layers()) layer.mutable_feed_forward()->mutable_experts()->set_count(64);
  });
  const Calibration calibration = Calibrated(random.model);
  EXPECT_THAT(calibration.warnings, Contains(HasSubstr("of 128 experts saw no token, layer ")));
  EXPECT_THAT(calibration.warnings, Contains(HasSubstr("expected at least 2 tokens per column")));
}

TEST(CalibrateTest, BytesDoNotDependOnThreads) {
  const RandomModel random = ByteModel(WithExperts);
  const std::string bytes = imatrix::Encode(Calibrated(random.model, 1).matrix);
  EXPECT_TRUE(imatrix::Encode(Calibrated(random.model, 3).matrix) == bytes);
}

TEST(CalibrateTest, BytesDoNotDependOnMemory) {
  const RandomModel random = ByteModel(WithExperts);
  const std::string bytes = imatrix::Encode(Calibrated(random.model).matrix);
  EXPECT_TRUE(imatrix::Encode(Calibrated(random.model, 2, 1).matrix) == bytes);
}

TEST(CalibrateTest, StatesThatMemoryDoesNotHoldGoToTheWorkFolder) {
  const RandomModel random = ByteModel();
  NoProgress progress;
  const CalibrateOptions options{.texts = {.files = {{"dogs", std::string(kText) + kText}}, .ctx = kCtx},
                                 .work = {.memory = 1, .directory = testing::TempDir() + "/missing"}};
  EXPECT_EQ(ExitCode(Calibrate(random.model, options, progress).status()), 73);
}

}  // namespace
}  // namespace nibble
