// The forward pass against the slow one: everything a Llama may have, in turn.
#include <algorithm>
#include <cmath>
#include <random>
#include <string>
#include <vector>

#include "absl/types/span.h"
#include "device/cpu/cpu_device.h"
#include "gtest/gtest.h"
#include "runtime/decoder.h"
#include "runtime/output_head.h"
#include "runtime/random_model.h"
#include "runtime/sequences.h"

namespace nibble {
namespace {

struct Case {
  const char* name;
  RandomModelOptions options;
};

const Case kCases[] = {
    {"GroupedHeads", {}},
    {"OneHeadPerGroup", {.kv_heads = 4}},
    {"OneGroup", {.kv_heads = 1}},
    {"Tied", {.tied = true}},
    {"Biases", {.biases = true}},
    {"HalfSplit", {.pairing = Rope::HALF_SPLIT}},
    {"PartOfHeadTurns", {.pairing = Rope::HALF_SPLIT, .rope_dimensions = 4}},
    {"NothingTurns", {.rope_dimensions = 0}},
    {"FrequencyFactors", {.frequency_factors = true}},
    {"HeadLengthsOfTheirOwn", {.key_length = 12, .value_length = 16}},
    {"Quantized", {.matrices = Format::kQ8_0}},
    {"VocabularyOfPanels", {.vocab_size = 2500}},
};

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

class ForwardTest : public testing::TestWithParam<Case> {};

TEST_P(ForwardTest, SequencesAsSlowForward) {
  CpuDevice device(2);
  const RandomModel random = MakeRandomModel(GetParam().options);
  const ModelSpec& spec = random.model.spec;
  const std::vector<uint32_t> ids = RandomIds(kSequences * kLength, spec.vocab_size());
  std::vector<SlowForward> slow;
  for (int i = 0; i < kSequences; ++i) {
    slow.push_back(RunSlowly(random, absl::MakeSpan(ids).subspan(i * kLength, kLength)));
  }

  Sequences sequences = *Sequences::Embed(device, random.model, ids, kLength);
  for (int layer = 0; layer <= spec.layers_size(); ++layer) {
    const int64_t size = kLength * spec.hidden_size();
    for (int i = 0; i < kSequences; ++i) {
      EXPECT_LT(Error(sequences.states().subspan(i * size, size), slow[i].hidden[layer]), kTolerance) << layer;
    }
    if (layer < spec.layers_size()) {
      ASSERT_TRUE(sequences.RunLayer(layer).ok());
    }
  }
  const std::vector<float> logits = LogitsOf(device, random.model, sequences.states());
  const int64_t size = kLength * spec.vocab_size();
  for (int i = 0; i < kSequences; ++i) {
    EXPECT_LT(Error(absl::MakeSpan(logits).subspan(i * size, size), slow[i].logits), kTolerance);
  }
}

TEST_P(ForwardTest, DecoderAsSlowForward) {
  CpuDevice device(2);
  const RandomModel random = MakeRandomModel(GetParam().options);
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

INSTANTIATE_TEST_SUITE_P(Models, ForwardTest, testing::ValuesIn(kCases),
                         [](const testing::TestParamInfo<Case>& info) { return info.param.name; });

// More tokens than one batch of Sequences and one piece of the Decoder hold.
TEST(ForwardTest, LongerThanABatch) {
  CpuDevice device(2);
  const RandomModel random = MakeRandomModel({});
  const int64_t length = 700, width = random.model.spec.hidden_size();
  const std::vector<uint32_t> ids = RandomIds(5 * length, 50);
  const SlowForward slow = RunSlowly(random, absl::MakeSpan(ids).last(length));
  Sequences sequences = *Sequences::Embed(device, random.model, ids, length);
  for (int layer : {0, 1}) ASSERT_TRUE(sequences.RunLayer(layer).ok());
  EXPECT_LT(Error(sequences.states().last(length * width), slow.hidden[2]), kTolerance);
  Decoder decoder = *Decoder::Create(device, random.model, length, Residency::kResident);
  const std::vector<float> logits = *decoder.Append(absl::MakeSpan(ids).last(length));
  EXPECT_LT(Error(logits, absl::MakeSpan(slow.logits).last(50)), kTolerance);
}

TEST(ForwardTest, SameBitsForAnyNumberOfThreads) {
  const RandomModel random = MakeRandomModel({.biases = true});
  const std::vector<uint32_t> ids = RandomIds(300, 50);
  std::vector<std::vector<float>> states, logits;
  for (int threads : {1, 2, 3}) {
    CpuDevice device(threads);
    Sequences sequences = *Sequences::Embed(device, random.model, ids, 100);
    for (int layer : {0, 1}) ASSERT_TRUE(sequences.RunLayer(layer).ok());
    states.emplace_back(sequences.states().begin(), sequences.states().end());
    logits.push_back(LogitsOf(device, random.model, sequences.states()));
  }
  for (int i : {1, 2}) {
    EXPECT_EQ(states[i], states[0]);
    EXPECT_EQ(logits[i], logits[0]);
  }
}

}  // namespace
}  // namespace nibble
