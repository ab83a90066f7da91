// Transforms leave the function alone: the transformed model's logits are the original's to float precision, for every
// random case and, where ../shared is, for every model of the zoo.
#include "pipeline/transform/transform.h"

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <random>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/types/span.h"
#include "converters/family.h"
#include "device/cpu/cpu_device.h"
#include "formats/imatrix/imatrix.h"
#include "formats/io/file.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "model/logical_tensor.h"
#include "model/model_spec.pb.h"
#include "model/role.h"
#include "model/tensor_list.h"
#include "pipeline/source/open_model.h"
#include "runtime/output_head.h"
#include "runtime/random_cases.h"
#include "runtime/random_model.h"
#include "runtime/sequences.h"

namespace nibble {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

// Of the largest logit: two passes in float32, each within 1e-5 of the one in double precision (forward_test).
constexpr double kTolerance = 2e-5;
constexpr int kLength = 21, kSequences = 3;

std::vector<float> Logits(const Model& model) {
  CpuDevice device(2);
  std::mt19937 random(5);
  std::vector<uint32_t> ids;
  for (int i = 0; i < kLength * kSequences; ++i) ids.push_back(random() % model.spec.vocab_size());
  Sequences sequences = *Sequences::Embed(device, model, ids, kLength);
  for (int layer = 0; layer < model.spec.layers_size(); ++layer) {
    const absl::Status status = sequences.RunLayer(layer);
    EXPECT_TRUE(status.ok()) << status;
  }
  OutputHead head = *OutputHead::Create(device, model);
  const Buffer normed = *head.Normalize(*sequences.States(0, sequences.tokens()));
  std::vector<float> logits(ids.size() * model.spec.vocab_size());
  EXPECT_TRUE(head.Logits(normed.matrix(ids.size(), model.spec.hidden_size()), absl::MakeSpan(logits)).ok());
  return logits;
}

double Difference(const Model& a, const Model& b) {
  const std::vector<float> first = Logits(a), second = Logits(b);
  EXPECT_EQ(first.size(), second.size());
  double error = 0, largest = 0;
  for (size_t i = 0; i < first.size(); ++i) {
    error = std::max<double>(error, std::abs(first[i] - second[i]));
    largest = std::max<double>(largest, std::abs(first[i]));
  }
  return error / largest;
}

// Mean squares of any size for every linear: what a text shows is as good as any other.
imatrix::File Statistics(const Model& model) {
  std::mt19937 random(9);
  std::lognormal_distribution<float> squares(0, 2);
  imatrix::File file;
  for (const TensorStack stack : model.tensors.stacks()) {
    imatrix::Entry entry{.name = GgufName(stack[0]), .sums = {}, .counts = {}};
    for (size_t i = 0; i < stack.size() * stack[0].cols; ++i) entry.sums.push_back(squares(random));
    entry.counts.assign(stack.size(), 1);
    file.entries.push_back(std::move(entry));
  }
  return file;
}

absl::StatusOr<Model> Transformed(const Model& model, absl::string_view transforms, const FoldOptions& options = {},
                                  const imatrix::File* statistics = nullptr) {
  absl::StatusOr<Model> transformed = absl::InternalError("no transform");
  const std::vector<Transform> in_turn = *ParseTransforms(transforms);
  const Model* latest = &model;
  for (const Transform& transform : in_turn) {
    std::vector<std::string> notes;
    transformed = FoldTransform(*latest, transform, statistics, options, notes);
    if (!transformed.ok()) break;
    latest = &*transformed;
  }
  return transformed;
}

// By each transform on its own, and by all in turn.
void ExpectSameFunction(const Model& model, const imatrix::File& statistics) {
  constexpr FoldOptions kAnew = {.allow_requantize = true};
  const absl::StatusOr<std::vector<Transform>> transforms = TransformsThatFold(model, kAnew);
  ASSERT_TRUE(transforms.ok()) << transforms.status();
  std::vector<std::string> names;
  for (const Transform& transform : *transforms) {
    names.push_back(transform.name == "awq" ? "awq=0.5" : transform.name);
  }
  names.push_back(absl::StrJoin(names, "+"));
  for (const std::string& name : names) {
    const absl::StatusOr<Model> transformed = Transformed(model, name, kAnew, &statistics);
    ASSERT_TRUE(transformed.ok()) << transformed.status();
    const double difference = Difference(model, *transformed);
    EXPECT_LE(difference, kTolerance) << name;
    testing::Test::RecordProperty(name, absl::StrCat(difference));
  }
}

class RandomTransformTest : public testing::TestWithParam<RandomCase> {};

TEST_P(RandomTransformTest, EveryTransformThatFoldsKeepsTheFunction) {
  const RandomModel random = MakeRandomModel(GetParam().options);
  const imatrix::File statistics = Statistics(random.model);
  ExpectSameFunction(random.model, statistics);
}

INSTANTIATE_TEST_SUITE_P(Models, RandomTransformTest, testing::ValuesIn(RandomCases()),
                         [](const auto& info) { return info.param.name; });

class ZooTransformTest : public testing::TestWithParam<const char*> {
 protected:
  absl::StatusOr<Model> Open() const {
    return OpenModel(io::Posix(), absl::StrCat(std::getenv("NIBBLE_SHARED"), "/zoo/models/", GetParam()));
  }
};

TEST_P(ZooTransformTest, EveryTransformThatFoldsKeepsTheFunction) {
  if (std::getenv("NIBBLE_SHARED") == nullptr) GTEST_SKIP() << "NIBBLE_SHARED is not set";
  const absl::StatusOr<Model> model = Open();
  ASSERT_TRUE(model.ok()) << model.status();
  ExpectSameFunction(*model, Statistics(*model));
}

INSTANTIATE_TEST_SUITE_P(Models, ZooTransformTest,
                         testing::Values("llama2", "llama3", "llama4", "mistral", "mixtral", "qwen2", "qwen3",
                                         "qwen3_moe", "gpt2", "gemma3", "gpt_oss", "gpt_oss_mxfp4", "deepseek_v3",
                                         "deepseek_v3_fp8", "kimi_k2", "kimi_k2_int4"),
                         [](const auto& info) { return std::string(info.param); });

std::vector<std::string> Described(const std::vector<Transform>& transforms) {
  std::vector<std::string> described;
  for (const Transform& transform : transforms) {
    described.push_back(NeedsStatistics(transform) ? absl::StrCat(transform.name, "=", transform.alpha)
                                                   : transform.name);
  }
  return described;
}

TEST(ParseTransforms, TakesNamesOnceInAnyOrder) {
  EXPECT_THAT(*ParseTransforms("none"), IsEmpty());
  EXPECT_THAT(Described(*ParseTransforms("awq=0.5+values+hadamard")), ElementsAre("hadamard", "values", "awq=0.5"));
  EXPECT_THAT(Described(*ParseTransforms("awq")), ElementsAre("awq=0.25"));
  for (const char* bad : {"", "rotate", "values+", "values+values", "values=0.5", "none+values", "awq=", "awq=2",
                          "awq=-1", "awq=nan", "awq=x", "values,awq"}) {
    const absl::Status status = ParseTransforms(bad).status();
    EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument) << bad;
    EXPECT_THAT(std::string(status.message()), HasSubstr(absl::StrCat("found \"", bad, "\"")));
  }
}

void KeepPredictionLayer(ModelSpec& spec) { spec.add_prediction_layers()->set_is_prediction(true); }

// What FoldTransform refuses, by name; each would fold into the model without the one thing.
TEST(FoldTransform, SaysWhatDoesNotFold) {
  struct Case {
    const char* transform;
    RandomModelOptions options;
    const char* message;
  };
  constexpr RandomModelOptions kFourBits = {.hidden_size = 64, .value_length = 16, .matrices = Format::kQ4_0};
  const Case cases[] = {
      {"values", {.value_length = 7}, "with values of an even length, found a value length of 7 (random 1)"},
      {"values", kFourBits, "whose attention is not published in 4 bits, found blk.0.attn_v.weight"},
      {"hadamard", {.norm = Norm::LAYER}, "with RMS norms, found LayerNorm, which takes the mean off"},
      {"hadamard",
       {.post_norms = true},
       "without norms of what is added to the residual stream, found blk.0.post_attention_norm.weight"},
      {"hadamard", {.hidden_size = 48}, "of a width that 32 divides, found 48"},
      {"hadamard", kFourBits, "that is not published in 4 bits, found blk.0.attn_output.weight"},
      {"hadamard", {.edit = KeepPredictionLayer}, "without layers for multi-token prediction, found some (--keep-mtp)"},
  };
  for (const Case& c : cases) {
    const RandomModel random = MakeRandomModel(c.options);
    const absl::Status status = Transformed(random.model, c.transform).status();
    EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument) << c.message;
    EXPECT_THAT(std::string(status.message()),
                HasSubstr(absl::StrCat("--transform ", c.transform, ": expected a model ", c.message)));
  }
  const RandomModel plain = MakeRandomModel({});
  const absl::StatusOr<Model> once = Transformed(plain.model, "hadamard");
  ASSERT_TRUE(once.ok()) << once.status();
  EXPECT_THAT(std::string(Transformed(*once, "hadamard").status().message()),
              HasSubstr("expected a model that is not rotated, found one that is"));
}

TEST(FoldTransform, RotatedStreamsSayHowAndUntieTheEmbedding) {
  const RandomModel random = MakeRandomModel({.hidden_size = 192, .tied = true});
  const Model rotated = *Transformed(random.model, "hadamard");
  EXPECT_EQ(rotated.spec.residual_hadamard(), 64);
  EXPECT_FALSE(rotated.spec.tied_embeddings());
  EXPECT_EQ(rotated.tensors.size(), random.model.tensors.size() + 1);
  ASSERT_NE(rotated.Find(Role::kOutput), nullptr);
  for (const auto& [role, layer] :
       {std::pair(Role::kOutputNorm, -1), {Role::kAttentionNorm, 1}, {Role::kFeedForwardNorm, 0}}) {
    EXPECT_THAT(std::get<Constants>(rotated.Find(role, layer)->recipe), testing::Each(1));
  }
}

std::vector<std::string> NotesOfAwq(const RandomModelOptions& options) {
  const RandomModel random = MakeRandomModel(options);
  std::vector<std::string> notes;
  EXPECT_TRUE(FoldTransform(random.model, {.name = "awq"}, nullptr, {}, notes).ok());
  return notes;
}

TEST(FoldTransform, SaysWhatAwqLeavesOut) {
  EXPECT_THAT(NotesOfAwq({}), IsEmpty());
  const auto clamped = [](ModelSpec& spec) {
    spec.mutable_layers(1)->mutable_feed_forward()->set_activation(FeedForward::SWIGLU_CLAMPED);
  };
  EXPECT_THAT(NotesOfAwq({.edit = clamped}),
              ElementsAre("--transform awq: left out ffn_up.weight -> ffn_down.weight, as the activation between them "
                          "is not linear in it, in 1 layers"));
  EXPECT_THAT(NotesOfAwq({.hidden_size = 64, .value_length = 16, .matrices = Format::kQ4_0}),
              testing::Contains("--transform awq: left out ffn_up.weight -> ffn_down.weight, as ffn_up.weight is "
                                "published in 4 bits, in 2 layers"));
}

// What AWQ is for: columns that meet large inputs become large, by as much as is asked for.
TEST(FoldTransform, AwqEvensInputsOut) {
  const RandomModel random = MakeRandomModel({});
  imatrix::File statistics = Statistics(random.model);
  std::vector<std::string> notes;
  const Model scaled = *FoldTransform(random.model, {"awq", 1}, &statistics, {}, notes);
  const auto values = [](const Model& model, Role role) {
    const LogicalTensor& tensor = *model.Find(role, 0);
    std::vector<float> result(tensor.rows * tensor.cols);
    EXPECT_TRUE(ReadRows(model.source, tensor, 0, tensor.rows, absl::MakeSpan(result)).ok());
    return result;
  };
  const std::vector<float> norm = values(random.model, Role::kAttentionNorm),
                           after = values(scaled, Role::kAttentionNorm);
  const std::vector<float> key = values(random.model, Role::kKey), key_after = values(scaled, Role::kKey);
  const std::vector<float>& squares = statistics.Find("blk.0.attn_q.weight")->sums;
  for (size_t i = 0; i < norm.size(); ++i) {
    const double scale = norm[i] / after[i], first = norm[0] / after[0];
    EXPECT_NEAR(scale / first, std::sqrt(squares[i] / squares[0]), 1e-4 * scale / first) << i;
    EXPECT_NEAR(key_after[i], key[i] * scale, 1e-5 * std::abs(key_after[i])) << i;
  }
}

}  // namespace
}  // namespace nibble
