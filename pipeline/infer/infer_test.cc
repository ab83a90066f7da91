// Logits and completion of random models, against the slow forward pass.
#include "pipeline/infer/infer.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <functional>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/types/span.h"
#include "formats/dtype.h"
#include "formats/safetensors/safetensors.h"
#include "formats/tensor_source.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "pipeline/no_progress.h"
#include "pipeline/report.pb.h"
#include "pipeline/source/byte_vocabulary.h"
#include "runtime/random_model.h"
#include "runtime/slow_forward.h"

namespace nibble {
namespace {

using ::testing::HasSubstr;
using ::testing::UnorderedElementsAre;

std::string Temporary(const std::string& name) { return absl::StrCat(testing::TempDir(), "/infer_test_", name); }

template <typename T>
absl::Span<const std::byte> Bytes(const std::vector<T>& values) {
  return absl::MakeSpan(reinterpret_cast<const std::byte*>(values.data()), values.size() * sizeof(T));
}

template <typename T>
std::string WriteIds(const std::string& name, DType dtype, std::vector<int64_t> shape, const std::vector<T>& ids) {
  const std::string path = Temporary("ids.safetensors");
  EXPECT_TRUE(
      safetensors::WriteFile(io::Posix(), path, {{name, dtype, std::move(shape)}}, {Bytes(ids)}, {}, true).ok());
  return path;
}

std::vector<std::string> StagesOf(const DeviceUse& use) {
  std::vector<std::string> stages;
  for (const DeviceStage& stage : use.stages()) stages.push_back(stage.stage());
  return stages;
}

std::vector<float> ReadFloats(const TensorSource& source, const std::string& name, absl::Span<const int64_t> shape) {
  const StoredTensor* tensor = source.Find(name);
  EXPECT_NE(tensor, nullptr) << name;
  EXPECT_EQ(absl::MakeConstSpan(tensor->shape), shape) << name;
  std::vector<float> values(tensor->elements());
  std::vector<std::byte> bytes(values.size() * sizeof(float));
  EXPECT_TRUE(source.Read(*tensor, 0, absl::MakeSpan(bytes)).ok());
  std::memcpy(values.data(), bytes.data(), bytes.size());
  return values;
}

void ExpectClose(absl::Span<const float> values, absl::Span<const double> expected) {
  ASSERT_EQ(values.size(), expected.size());
  double error = 0, largest = 0;
  for (size_t i = 0; i < values.size(); ++i) {
    error = std::max(error, std::abs(values[i] - expected[i]));
    largest = std::max(largest, std::abs(expected[i]));
  }
  EXPECT_LE(error, 1e-5 * largest);
}

TEST(WriteLogitsTest, LogitsAndHiddenStatesOfEverySequence) {
  const RandomModel random = MakeRandomModel({});  // 50 tokens, width 32, 2 layers
  const std::vector<int64_t> ids = {3, 1, 4, 1, 5, 9, 2, 49, 5, 0};
  const std::string output = Temporary("logits.safetensors");
  NoProgress progress;
  for (bool hidden : {false, true}) {
    const absl::StatusOr<DeviceUse> use = WriteLogits(
        io::Posix(), random.model,
        {.ids_path = WriteIds("input_ids", DType::kI64, {2, 5}, ids), .output_path = output, .hidden = hidden},
        progress);
    ASSERT_TRUE(use.ok()) << use.status();
    EXPECT_THAT(StagesOf(*use),
                UnorderedElementsAre("other", "embed", "load", "attention", "feed-forward", "predict", "write"));
    const safetensors::Checkpoint found = *safetensors::OpenFile(io::Posix(), output);
    ASSERT_EQ(found.tensors.tensors().size(), hidden ? 4 : 1);
    for (int sequence : {0, 1}) {
      const SlowForward slow =
          RunSlowly(random, std::vector<uint32_t>(ids.begin() + 5 * sequence, ids.begin() + 5 * sequence + 5));
      const std::vector<float> logits = ReadFloats(found.tensors, "logits", {2, 5, 50});
      ExpectClose(absl::MakeSpan(logits).subspan(5 * 50 * sequence, 5 * 50), slow.logits);
      for (int layer = 0; hidden && layer <= 2; ++layer) {
        const std::vector<float> states = ReadFloats(found.tensors, absl::StrCat("hidden_", layer), {2, 5, 32});
        ExpectClose(absl::MakeSpan(states).subspan(5 * 32 * sequence, 5 * 32), slow.hidden[layer]);
      }
    }
  }
}

TEST(WriteLogitsTest, IdsThatCannotBe) {
  const RandomModel random = MakeRandomModel({});
  struct Case {
    std::string name;
    DType dtype;
    std::vector<int64_t> shape;
    std::vector<int64_t> ids;
    const char* message;
  };
  for (const Case& c :
       {Case{"ids", DType::kI64, {1, 2}, {1, 2}, "expected a tensor 'input_ids', found none"},
        {"input_ids", DType::kF64, {1, 2}, {1, 2}, "expected I64 [B, T] with B, T > 0, found F64 [1, 2]"},
        {"input_ids", DType::kI64, {2}, {1, 2}, "found I64 [2]"},
        {"input_ids", DType::kI64, {0, 2}, {}, "found I64 [0, 2]"},
        {"input_ids", DType::kI64, {1, 2}, {1, 50}, "element 1: expected an id in 0..49, found 50"},
        {"input_ids", DType::kI64, {1, 2}, {-1, 2}, "element 0: expected an id in 0..49, found -1"}}) {
    NoProgress progress;
    const absl::Status status = WriteLogits(io::Posix(), random.model,
                                            {.ids_path = WriteIds(c.name, c.dtype, c.shape, c.ids),
                                             .output_path = Temporary("bad.safetensors")},
                                            progress)
                                    .status();
    EXPECT_EQ(status.code(), absl::StatusCode::kDataLoss);
    EXPECT_THAT(std::string(status.message()), HasSubstr(c.message));
    EXPECT_FALSE(io::Posix().Stat(Temporary("bad.safetensors")).ok());
  }
}

TEST(WriteLogitsTest, TheIdsAreNotOverwritten) {
  const RandomModel random = MakeRandomModel({});
  const std::string path = WriteIds("input_ids", DType::kI64, {1, 2}, std::vector<int64_t>{1, 2});
  NoProgress progress;
  EXPECT_EQ(WriteLogits(io::Posix(), random.model, {.ids_path = path, .output_path = path}, progress).status().code(),
            absl::StatusCode::kPermissionDenied);
}

class GenerateTest : public testing::Test {
 protected:
  GenerateTest() : random_(MakeRandomModel({.vocab_size = kByteVocabularySize})) {
    random_.model.vocabulary = MakeByteVocabulary();
    random_.model.vocabulary->eos.reset();  // nothing ends a text, unless a test says so
  }

  // The greedy continuation of "Once" by the slow forward pass.
  std::vector<uint32_t> Expected(size_t count) const {
    std::vector<uint32_t> ids = {kBos, ByteId('O'), ByteId('n'), ByteId('c'), ByteId('e')};
    for (size_t i = 0; i < count; ++i) {
      const std::vector<double> logits = RunSlowly(random_, ids).logits;
      const auto last = logits.end() - kByteVocabularySize;
      ids.push_back(std::max_element(last, logits.end()) - last);
    }
    return {ids.end() - count, ids.end()};
  }

  static std::string TextOf(absl::Span<const uint32_t> ids) {
    std::string text;
    for (uint32_t id : ids) {
      if (id >= ByteId(0)) text += static_cast<char>(id - ByteId(0));
    }
    return text;
  }

  struct Result {
    std::string text;
    GenerateStats stats;
  };

  Result Run(const GenerateOptions& options) const {
    Result result;
    const absl::StatusOr<GenerateStats> stats = Generate(random_.model, options, [&](absl::string_view piece) {
      result.text += std::string(piece);
      return true;
    });
    EXPECT_TRUE(stats.ok()) << stats.status();
    result.stats = *stats;
    return result;
  }

  RandomModel random_;
};

TEST_F(GenerateTest, GreedyAsTheSlowForwardPass) {
  const Result result = Run({.prompt = "Once", .max_tokens = 12});
  EXPECT_EQ(result.stats.prompt_tokens, 5);
  EXPECT_EQ(result.stats.generated_tokens, 12);
  EXPECT_EQ(StagesOf(result.stats.device_use), (std::vector<std::string>{"other", "load", "prompt", "generate"}));
  EXPECT_EQ(result.text, TextOf(Expected(12)));
}

TEST_F(GenerateTest, EndsAtAnEndToken) {
  const std::vector<uint32_t> expected = Expected(12);
  random_.model.vocabulary->eos = expected[4];
  const size_t first = std::find(expected.begin(), expected.end(), expected[4]) - expected.begin();
  const Result result = Run({.prompt = "Once", .max_tokens = 12});
  EXPECT_EQ(result.stats.generated_tokens, first);
  EXPECT_EQ(result.text, TextOf(absl::MakeSpan(expected).subspan(0, first)));
}

TEST_F(GenerateTest, EndsWhereTheContextIsFull) {
  random_.model.spec.set_context_length(8);  // three tokens fit behind the prompt; a fourth can still be predicted
  EXPECT_EQ(Run({.prompt = "Once", .max_tokens = 12}).stats.generated_tokens, 4);
}

TEST_F(GenerateTest, EndsWhenNobodyWantsMore) {
  const absl::StatusOr<GenerateStats> stats =
      Generate(random_.model, {.prompt = "Once", .max_tokens = 100}, [&](absl::string_view) { return false; });
  ASSERT_TRUE(stats.ok());
  EXPECT_LT(stats->generated_tokens, 100);
}

TEST_F(GenerateTest, TheSeedDecidesAtATemperature) {
  const GenerateOptions options = {.prompt = "Once", .max_tokens = 30, .temperature = 1, .seed = 5};
  GenerateOptions other = options;
  other.seed = 6;
  EXPECT_EQ(Run(options).text, Run(options).text);
  EXPECT_NE(Run(options).text, Run(other).text);
}

TEST_F(GenerateTest, PromptsThatCannotBe) {
  struct Case {
    std::function<void(Model&)> change;
    const char* prompt;
    absl::StatusCode code;
    const char* message;
  };
  for (const Case& c : {
           Case{[](Model& m) { m.vocabulary->add_bos = false; }, "", absl::StatusCode::kInvalidArgument,
                "expected a token at least"},
           {[](Model& m) { m.vocabulary->add_bos = true, m.spec.set_context_length(4); }, "Once",
            absl::StatusCode::kInvalidArgument, "context of 4 tokens, found 5"},
           {[](Model& m) { m.spec.set_vocab_size(50); }, "a", absl::StatusCode::kDataLoss,
            "ids below the embedding's 50 rows, found 100"},
           {[](Model& m) { m.vocabulary.reset(); }, "a", absl::StatusCode::kNotFound, "expected a tokenizer"},
       }) {
    c.change(random_.model);
    const absl::Status status =
        Generate(random_.model, {.prompt = c.prompt}, [](absl::string_view) { return true; }).status();
    EXPECT_EQ(status.code(), c.code);
    EXPECT_THAT(std::string(status.message()), HasSubstr(c.message));
  }
}

}  // namespace
}  // namespace nibble
