// The forward pass against the slow one, for every random case.
#include <algorithm>
#include <cmath>
#include <memory>
#include <random>
#include <string>
#include <tuple>
#include <vector>

#include "absl/types/span.h"
#include "device/cpu/cpu_device.h"
#include "device/device_cases.h"
#include "formats/io/file.h"
#include "formats/io/work_file.h"
#include "gtest/gtest.h"
#include "runtime/decoder.h"
#include "runtime/output_head.h"
#include "runtime/random_cases.h"
#include "runtime/random_model.h"
#include "runtime/row_store.h"
#include "runtime/sequences.h"
#include "runtime/slow_forward.h"
#include "runtime/weights.h"

namespace nibble {
namespace {

constexpr double kTolerance = 1e-5;  // float32 against double, through two layers
constexpr int kLength = 21;
constexpr int kSequences = 3;

std::vector<uint32_t> RandomIds(int count, int vocab_size) {
  std::mt19937 random(7);
  std::vector<uint32_t> ids;
  for (int i = 0; i < count; ++i) ids.push_back(random() % vocab_size);
  return ids;
}

// Relative to the largest magnitude.
double Error(absl::Span<const float> values, absl::Span<const double> expected) {
  EXPECT_EQ(values.size(), expected.size());
  double error = 0, largest = 0;
  for (size_t i = 0; i < values.size(); ++i) {
    error = std::max(error, std::abs(values[i] - expected[i]));
    largest = std::max(largest, std::abs(expected[i]));
  }
  return error / largest;
}

std::vector<float> LogitsOf(Device& device, const Model& model, absl::Span<const float> hidden) {
  OutputHead head = *OutputHead::Create(device, model);
  const Buffer normed = *head.Normalize(hidden);
  const int64_t rows = hidden.size() / model.spec.hidden_size();
  std::vector<float> logits(rows * model.spec.vocab_size());
  EXPECT_TRUE(head.Logits(normed.matrix(rows, model.spec.hidden_size()), absl::MakeSpan(logits)).ok());
  return logits;
}

std::vector<float> States(const Sequences& sequences) { return *sequences.States(0, sequences.tokens()); }

// Every random case on every device.
class DevicesTest : public testing::TestWithParam<std::tuple<RandomCase, DeviceCase>> {
 protected:
  void SetUp() override {
    absl::StatusOr<std::unique_ptr<Device>> device = std::get<1>(GetParam()).make(2);
    if (!device.ok()) GTEST_SKIP() << device.status();
    device_ = *std::move(device);
  }

  const RandomModelOptions& options() const { return std::get<0>(GetParam()).options; }

  std::unique_ptr<Device> device_;
};

class ForwardTest : public testing::TestWithParam<RandomCase> {};

TEST_P(DevicesTest, SequencesAsSlowForward) {
  Device& device = *device_;
  const RandomModel random = MakeRandomModel(options());
  const ModelSpec& spec = random.model.spec;
  const std::vector<uint32_t> ids = RandomIds(kSequences * kLength, spec.vocab_size());
  std::vector<SlowForward> slow;
  for (int i = 0; i < kSequences; ++i) {
    slow.push_back(RunSlowly(random, absl::MakeSpan(ids).subspan(i * kLength, kLength)));
  }

  Sequences sequences = *Sequences::Embed(device, random.model, ids, kLength);
  for (int layer = 0; layer <= spec.layers_size(); ++layer) {
    for (int i = 0; i < kSequences; ++i) {
      EXPECT_LT(Error(*sequences.States(i * kLength, kLength), slow[i].hidden[layer]), kTolerance) << layer;
    }
    if (layer < spec.layers_size()) {
      ASSERT_TRUE(sequences.RunLayer(layer).ok());
    }
  }
  const std::vector<float> logits = LogitsOf(device, random.model, States(sequences));
  const int64_t size = kLength * spec.vocab_size();
  for (int i = 0; i < kSequences; ++i) {
    EXPECT_LT(Error(absl::MakeSpan(logits).subspan(i * size, size), slow[i].logits), kTolerance);
  }
}

TEST_P(DevicesTest, DecoderAsSlowForward) {
  Device& device = *device_;
  const RandomModel random = MakeRandomModel(options());
  const size_t vocab_size = random.model.spec.vocab_size();
  const std::vector<uint32_t> ids = RandomIds(kLength, vocab_size);
  const SlowForward slow = RunSlowly(random, ids);
  for (Residency residency : {Residency::kResident, Residency::kStreamed}) {
    Decoder decoder = *Decoder::Create(device, random.model, kLength, residency);
    // A prompt, a continuation of several tokens, then token by token.
    for (size_t begin = 0, end = 9; begin < ids.size(); begin = end, end = begin < 12 ? begin + 3 : begin + 1) {
      const std::vector<float> logits = *decoder.Append(absl::MakeSpan(ids).subspan(begin, end - begin));
      EXPECT_LT(Error(logits, absl::MakeSpan(slow.logits).subspan((end - 1) * vocab_size, vocab_size)), kTolerance)
          << end;
      EXPECT_EQ(decoder.size(), end);
    }
  }
}

// More tokens than one batch of Sequences and one piece of the Decoder hold.
TEST_P(ForwardTest, LongerThanABatch) {
  CpuDevice device(2);
  const RandomModel random = MakeRandomModel(GetParam().options);
  const int64_t length = 520, vocab_size = random.model.spec.vocab_size();
  const std::vector<uint32_t> ids = RandomIds(5 * length, vocab_size);
  const SlowForward slow = RunSlowly(random, absl::MakeSpan(ids).last(length));
  Sequences sequences = *Sequences::Embed(device, random.model, ids, length);
  for (int layer : {0, 1}) ASSERT_TRUE(sequences.RunLayer(layer).ok());
  EXPECT_LT(Error(*sequences.States(4 * length, length), slow.hidden[2]), kTolerance);
  Decoder decoder = *Decoder::Create(device, random.model, length, Residency::kResident);
  const std::vector<float> logits = *decoder.Append(absl::MakeSpan(ids).last(length));
  EXPECT_LT(Error(logits, absl::MakeSpan(slow.logits).last(vocab_size)), kTolerance);
}

TEST_P(ForwardTest, SameBitsForAnyNumberOfThreads) {
  const RandomModel random = MakeRandomModel(GetParam().options);
  const std::vector<uint32_t> ids = RandomIds(300, random.model.spec.vocab_size());
  std::vector<std::vector<float>> states, logits;
  for (int threads : {1, 2, 3}) {
    CpuDevice device(threads);
    Sequences sequences = *Sequences::Embed(device, random.model, ids, 100);
    for (int layer : {0, 1}) ASSERT_TRUE(sequences.RunLayer(layer).ok());
    states.push_back(States(sequences));
    logits.push_back(LogitsOf(device, random.model, states.back()));
  }
  for (int i : {1, 2}) {
    EXPECT_EQ(states[i], states[0]);
    EXPECT_EQ(logits[i], logits[0]);
  }
}

// In memory, in a file, or in both; sequences that were dropped leave no trace.
TEST_P(ForwardTest, SameBitsWhereverStatesAre) {
  CpuDevice device(2);
  const RandomModel random = MakeRandomModel(GetParam().options);
  const std::vector<uint32_t> ids = RandomIds(60 * 40, random.model.spec.vocab_size());  // two batches
  const int64_t bytes = ids.size() * random.model.spec.hidden_size() * sizeof(float);
  std::vector<std::vector<float>> states, kept;
  for (const int64_t resident : {3 * bytes, int64_t{0}, bytes * 2 / 5}) {
    io::WorkFile file(io::Posix(), testing::TempDir());
    RowBudget budget(resident, file);
    Sequences sequences = *Sequences::Embed(device, random.model, ids, 40, &budget);
    EXPECT_EQ(file.bytes() == 0, resident > bytes);
    ASSERT_TRUE(sequences.RunLayer(0).ok());
    states.push_back(States(sequences));
    ASSERT_TRUE(sequences.KeepFrom(20).ok());
    ASSERT_TRUE(sequences.RunLayer(1).ok());
    kept.push_back(States(sequences));
  }
  EXPECT_EQ(kept[0].size(), states[0].size() / 3 * 2);
  for (int i : {1, 2}) {
    EXPECT_EQ(states[i], states[0]);
    EXPECT_EQ(kept[i], kept[0]);
  }
}

INSTANTIATE_TEST_SUITE_P(Models, DevicesTest,
                         testing::Combine(testing::ValuesIn(RandomCases()), testing::ValuesIn(kDevices)),
                         [](const auto& info) {
                           return std::string(std::get<0>(info.param).name) + "_" + std::get<1>(info.param).name;
                         });

INSTANTIATE_TEST_SUITE_P(Models, ForwardTest, testing::ValuesIn(RandomCases()),
                         [](const testing::TestParamInfo<RandomCase>& info) { return info.param.name; });

TEST(ForwardTest, NoMorePositionsThanWereLearned) {
  CpuDevice device(1);
  const RandomModel random =
      MakeRandomModel({.learned_positions = true, .edit = [](ModelSpec& spec) { spec.set_context_length(10); }});
  const std::vector<uint32_t> ids = RandomIds(22, 50);
  EXPECT_TRUE(Sequences::Embed(device, random.model, absl::MakeSpan(ids).first(20), 10).ok());
  EXPECT_EQ(Sequences::Embed(device, random.model, ids, 11).status().code(), absl::StatusCode::kInvalidArgument);
  Decoder decoder = *Decoder::Create(device, random.model, 11, Residency::kStreamed);
  EXPECT_TRUE(decoder.Append(absl::MakeSpan(ids).first(10)).ok());
  EXPECT_EQ(decoder.Append(absl::MakeSpan(ids).first(1)).status().code(), absl::StatusCode::kInvalidArgument);
}

// More experts take no more memory.
TEST(ForwardTest, OneExpertAtATime) {
  const RandomModel few = MakeRandomModel({.edit = LikeMixtral});
  const RandomModel many = MakeRandomModel({.edit = [](ModelSpec& spec) {
    LikeMixtral(spec);
    for (Layer& layer : *spec.mutable_layers()) layer.mutable_feed_forward()->mutable_experts()->set_count(64);
  }});
  const int64_t expert = 3 * 40 * 32, router = 32;
  EXPECT_EQ(LargestLayer(many.model) - LargestLayer(few.model), 60 * router);
  EXPECT_EQ(AllWeights(many.model) - AllWeights(few.model), 2 * 60 * (expert + router));
}

}  // namespace
}  // namespace nibble
