// Mixtures of experts through the main job: stacked, typed and kept as one tensor, from a folder and from a GGUF alike.
#include <algorithm>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/types/span.h"
#include "converters/family.h"
#include "converters/test_checkpoint.h"
#include "formats/dtype.h"
#include "formats/gguf/gguf.h"
#include "formats/io/file.h"
#include "formats/tensor_source.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "model/logical_tensor.h"
#include "model/model.h"
#include "model/model_spec.pb.h"
#include "model/role.h"
#include "pipeline/no_progress.h"
#include "pipeline/quantize.h"
#include "pipeline/source/model_folder_fixture.h"
#include "pipeline/source/open_model.h"
#include "pipeline/types/container.h"
#include "pipeline/types/type_options.h"
#include "quant/block/format.h"

namespace nibble {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

// Rows of 256 for the super-blocks; the experts' down projections have rows of 32.
constexpr TestShape kShape = {
    .layers = 2, .hidden = 256, .heads = 4, .kv_heads = 2, .head_dim = 64, .feed_forward = 256, .vocab = 9};

class ExpertsTest : public ModelFolderTest {
 protected:
  Plan Run(const Model& model, const TypeOptions& types, const std::string& name) {
    absl::StatusOr<Plan> plan = Quantize(io::Posix(), model, types, {.path = Path(name)}, progress_);
    EXPECT_EQ(plan.status(), absl::OkStatus());
    return *std::move(plan);
  }

  Plan RunConvert(const Model& model, const std::string& dtype, const std::string& name) {
    absl::StatusOr<Plan> plan = Convert(io::Posix(), model, dtype, {.path = Path(name)}, progress_);
    EXPECT_EQ(plan.status(), absl::OkStatus());
    return *std::move(plan);
  }

  NoProgress progress_;
};

std::map<std::string, std::string> TypesOf(const Plan& plan) {
  std::map<std::string, std::string> types;
  for (const PlannedTensor& tensor : plan.tensors()) types[tensor.name()] = tensor.type();
  return types;
}

std::vector<float> Values(const Model& model, const LogicalTensor& tensor) {
  std::vector<float> values(tensor.rows * tensor.cols);
  EXPECT_EQ(ReadRows(model.source, tensor, 0, tensor.rows, absl::MakeSpan(values)), absl::OkStatus());
  return values;
}

TEST_F(ExpertsTest, SlicesLieBehindOneAnotherInOneTensor) {
  const Model model = Open(RandomQwen3Moe(kShape));
  Run(model, {.type = "Q4_0", .method = "rtn"}, "x.gguf");
  const Model output = Reopen("x.gguf");
  const StoredTensor* stored = output.source.Find("blk.1.ffn_up_exps.weight");
  ASSERT_NE(stored, nullptr);
  EXPECT_THAT(stored->shape, ElementsAre(3, 32, 256));
  const BlockFormat& format = GetFormat(Format::kQ4_0);
  std::vector<std::byte> expected, bytes(stored->bytes);
  for (int expert = 0; expert < 3; ++expert) {
    const std::vector<float> values = Values(model, *model.Find(Role::kExpertUp, 1, expert));
    std::vector<std::byte> slice(format.BytesFor(values.size()));
    format.encode_rtn(values.data(), values.size() / 32, slice.data());
    expected.insert(expected.end(), slice.begin(), slice.end());
  }
  ASSERT_EQ(output.source.Read(*stored, 0, absl::MakeSpan(bytes)), absl::OkStatus());
  EXPECT_EQ(bytes, expected);
}

TEST_F(ExpertsTest, DenseLayersAmongThemComeBackFromGguf) {
  for (const char* normalize : {"true", "false"}) {
    TestCheckpoint checkpoint = RandomQwen3Moe(kShape, 4, 0);
    checkpoint.config["norm_topk_prob"] = normalize;
    const Model model = Open(checkpoint);
    EXPECT_FALSE(model.spec.layers(0).feed_forward().has_experts());
    EXPECT_EQ(model.spec.layers(1).feed_forward().experts().normalize(), normalize == std::string("true"));
    const std::string name = absl::StrCat(normalize, ".gguf");
    RunConvert(model, "source", name);
    Model again = Reopen(name);
    again.spec.set_name(model.spec.name());
    EXPECT_EQ(again.spec.DebugString(), model.spec.DebugString());
    ASSERT_EQ(again.tensors.size(), model.tensors.size());
    for (size_t i = 0; i < model.tensors.size(); ++i) {
      ASSERT_EQ(Values(again, again.tensors[i]), Values(model, model.tensors[i])) << GgufName(model.tensors[i]);
    }
    const gguf::Metadata metadata = gguf::Open(io::Posix(), Path(name))->metadata;
    EXPECT_EQ(*metadata.String("general.size_label"), "4x622K");
  }
}

TEST_F(ExpertsTest, RoutersAndNormsStayF32AndExpertsHaveTheType) {
  const auto types = TypesOf(Run(Open(RandomQwen3Moe(kShape)), {.type = "Q8_0"}, "x.gguf"));
  for (const auto& [name, type] : types) {
    const bool is_small = name.find("norm") != std::string::npos || name.find("ffn_gate_inp") != std::string::npos;
    EXPECT_EQ(type, is_small ? "F32" : "Q8_0") << name;
  }
  EXPECT_EQ(types.count("blk.0.ffn_gate_exps.weight"), 1);
}

TEST_F(ExpertsTest, Mxfp4MoeIsForExpertsAlone) {
  const Model model = Open(RandomQwen3Moe(kShape, 3, 0));
  const Plan plan = Run(model, {.type = "MXFP4_MOE"}, "x.gguf");
  const auto types = TypesOf(plan);
  for (const char* name : {"gate", "up", "down"}) {
    EXPECT_EQ(types.at(absl::StrCat("blk.1.ffn_", name, "_exps.weight")), "MXFP4");
    EXPECT_EQ(types.at(absl::StrCat("blk.0.ffn_", name, ".weight")), "Q8_0");
  }
  EXPECT_EQ(types.at("blk.1.attn_q.weight"), "Q8_0");
  EXPECT_EQ(types.at("output.weight"), "Q8_0");
  EXPECT_THAT(plan.warnings(), IsEmpty());
}

TEST_F(ExpertsTest, MixesGiveMoreBitsAsLlamaCppDoes) {
  TestShape shape = kShape;
  shape.layers = 4;
  const auto types = TypesOf(Run(Open(RandomQwen3Moe(shape, 8)), {.type = "Q4_K_M"}, "x.gguf"));
  EXPECT_EQ(types.at("blk.0.attn_v.weight"), "Q8_0");  // eight experts
  EXPECT_EQ(types.at("blk.0.attn_k.weight"), "Q8_0");
  EXPECT_EQ(types.at("blk.0.attn_output.weight"), "Q5_K");
  EXPECT_EQ(types.at("blk.0.attn_q.weight"), "Q4_K");
  EXPECT_EQ(types.at("blk.0.ffn_up_exps.weight"), "Q4_K");
  EXPECT_EQ(types.at("blk.1.ffn_down_exps.weight"), "Q5_0");  // rows of 32: the fallbacks of Q4_K and Q6_K
  EXPECT_EQ(types.at("blk.2.ffn_down_exps.weight"), "Q8_0");
}

TEST_F(ExpertsTest, ARegexSeesOneTensor) {
  const Model model = Open(RandomQwen3Moe(kShape));
  const Plan plan = Run(model, {.type = "Q4_0", .tensor_types = {{"ffn_up_exps", "Q8_0"}}}, "x.gguf");
  int experts = 0;
  for (const PlannedTensor& tensor : plan.tensors()) {
    if (tensor.name().find("ffn_up_exps") == std::string::npos) continue;
    ++experts;
    EXPECT_EQ(tensor.type(), "Q8_0");
    EXPECT_THAT(tensor.shape(), ElementsAre(3, 32, 256));
    EXPECT_EQ(tensor.bytes(), 3 * 32 * 256 / 32 * 34);
  }
  EXPECT_EQ(experts, 2);
}

// Programs that load a folder have one scheme for all experts. Down projections have rows of 32.
TEST_F(ExpertsTest, ExpertsOfAFolderHaveOneType) {
  const Model model = Open(RandomQwen3Moe(kShape));
  TypeOptions options{.container = Container::kCompressedTensors, .type = "INT4_G128"};
  const absl::StatusOr<Plan> plan = PlanQuantize(io::Posix(), model, options);
  ASSERT_EQ(plan.status(), absl::OkStatus());
  auto types = TypesOf(*plan);
  for (const char* name : {"gate", "up", "down"}) {
    EXPECT_EQ(types.at(absl::StrCat("blk.1.ffn_", name, "_exps.weight")), "INT4_G32");
  }
  EXPECT_EQ(types.at("blk.1.attn_q.weight"), "INT4_G128");
  const auto up = std::find_if(plan->tensors().begin(), plan->tensors().end(),
                               [](const PlannedTensor& tensor) { return tensor.name() == "blk.1.ffn_up_exps.weight"; });
  EXPECT_EQ(up->reason(), "fallback: rows of other experts are not whole blocks of INT4_G128 (128)");
  EXPECT_THAT(plan->warnings(), testing::Not(testing::Contains(testing::HasSubstr("several types"))));
}

TEST_F(ExpertsTest, ExpertsOfAFolderThatAreGivenSeveralTypesAreWarnedOf) {
  const Model model = Open(RandomQwen3Moe(kShape));
  const absl::StatusOr<Plan> plan = PlanQuantize(
      io::Posix(), model,
      {.container = Container::kCompressedTensors, .type = "MXFP4", .tensor_types = {{"ffn_up_exps", "NVFP4"}}});
  ASSERT_EQ(plan.status(), absl::OkStatus());
  EXPECT_THAT(plan->warnings(), testing::Contains(testing::HasSubstr("the experts are of several types")));
}

TEST_F(ExpertsTest, LinearsOfAFolderThatVllmFusesAreWarnedOfIfTheyAreOfSeveralTypes) {
  const Model model = Open(RandomQwen3Moe(kShape));
  const auto warnings_with = [&](const char* regex, Container container) {
    const absl::StatusOr<Plan> plan =
        PlanQuantize(io::Posix(), model, {.container = container, .type = "MXFP4", .tensor_types = {{regex, "NVFP4"}}});
    EXPECT_EQ(plan.status(), absl::OkStatus());
    return absl::StrJoin(plan->warnings(), "\n");
  };
  EXPECT_THAT(warnings_with("blk.1.attn_k", Container::kCompressedTensors),
              testing::HasSubstr("fuses are of several types, with which it does not load them: 3, as "
                                 "'blk.1.attn_q.weight' and 'blk.1.attn_k.weight'"));
  EXPECT_THAT(warnings_with("attn_(q|k|v|output)", Container::kCompressedTensors),
              testing::Not(testing::HasSubstr("several types")));
  EXPECT_THAT(warnings_with("blk.1.attn_k", Container::kGguf), testing::Not(testing::HasSubstr("several types")));
}

TEST_F(ExpertsTest, QuantizationThatNoTensorHasIsBadData) {
  TestCheckpoint checkpoint = RandomQwen3Moe(kShape);
  checkpoint.config["quantization_config"] = R"({"quant_method": "fp8", "weight_block_size": [128, 128]})";
  ASSERT_EQ(checkpoint.Write(Path("model")), absl::OkStatus());
  const absl::Status status = OpenModel(io::Posix(), Path("model")).status();
  EXPECT_EQ(status.code(), absl::StatusCode::kDataLoss);
  EXPECT_THAT(std::string(status.message()),
              testing::HasSubstr("$.quantization_config.quant_method: expected a method that a tensor is stored in"));
}

TEST_F(ExpertsTest, Mxfp4KeepsItsBitsUnderEveryDtypeAndType) {
  Run(Open(RandomQwen3Moe(kShape)), {.type = "MXFP4_MOE"}, "mxfp4.gguf");
  const Model model = Reopen("mxfp4.gguf");
  const auto converted = TypesOf(RunConvert(model, "f32", "f32.gguf"));
  EXPECT_EQ(converted.at("blk.0.ffn_down_exps.weight"), "MXFP4");
  EXPECT_EQ(converted.at("blk.0.attn_q.weight"), "F32");
  const auto quantized = TypesOf(Run(model, {.type = "Q4_0"}, "q4.gguf"));
  EXPECT_EQ(quantized.at("blk.0.ffn_down_exps.weight"), "MXFP4");
  EXPECT_EQ(quantized.at("blk.0.attn_q.weight"), "Q4_0");
  for (const char* name : {"f32.gguf", "q4.gguf"}) {
    const Model output = Reopen(name);
    for (int expert = 0; expert < 3; ++expert) {
      EXPECT_EQ(Values(output, *output.Find(Role::kExpertDown, 1, expert)),
                Values(model, *model.Find(Role::kExpertDown, 1, expert)));
    }
  }
  const gguf::Metadata metadata = gguf::Open(io::Posix(), Path("f32.gguf"))->metadata;
  EXPECT_EQ(*metadata.Uint("general.file_type", 0, 100), 38);
}

}  // namespace
}  // namespace nibble
