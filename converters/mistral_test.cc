#include "converters/mistral.h"

#include <cmath>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "converters/read_checkpoint.h"
#include "converters/test_checkpoint.h"
#include "formats/dtype.h"
#include "formats/gguf/gguf.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "model/model_spec.pb.h"

namespace nibble {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

TestCheckpoint HuggingFace() {
  TestCheckpoint checkpoint = RandomLlama();
  checkpoint.config["architectures"] = R"(["MistralForCausalLM"])";
  checkpoint.config["model_type"] = "\"mistral\"";
  checkpoint.config["sliding_window"] = "16";
  checkpoint.dtype = DType::kF32;
  return checkpoint;
}

// Every layer's feed-forward becomes expert 0 of two; expert 1 is its negative.
TestCheckpoint Mixtral() {
  TestCheckpoint checkpoint = HuggingFace();
  checkpoint.config["architectures"] = R"(["MixtralForCausalLM"])";
  checkpoint.config["model_type"] = "\"mixtral\"";
  checkpoint.config["num_local_experts"] = "2";
  checkpoint.config["num_experts_per_tok"] = "1";
  checkpoint.config.erase("sliding_window");
  std::vector<TestCheckpoint::Tensor> others;
  for (TestCheckpoint::Tensor& tensor : checkpoint.tensors) {
    if (!absl::StrContains(tensor.name, ".mlp.")) continue;
    for (const auto& [from, to] : {std::pair("gate_proj", "w1"), {"down_proj", "w2"}, {"up_proj", "w3"}}) {
      tensor.name = absl::StrReplaceAll(tensor.name, {{from, to}});
    }
    others.push_back(tensor);
    for (float& value : others.back().values) value = -value;
    tensor.name = absl::StrReplaceAll(tensor.name, {{".mlp.", ".block_sparse_moe.experts.0."}});
    others.back().name = absl::StrReplaceAll(others.back().name, {{".mlp.", ".block_sparse_moe.experts.1."}});
  }
  checkpoint.tensors.insert(checkpoint.tensors.end(), others.begin(), others.end());
  for (const char* layer : {"0", "1"}) {
    checkpoint.tensors.push_back({absl::StrCat("model.layers.", layer, ".block_sparse_moe.gate.weight"),
                                  {2, 64},
                                  std::vector<float>(128, 0.5f)});
  }
  return checkpoint;
}

// Rows of heads of length 16 from half-split order to interleaved pairs.
std::vector<float> Interleaved(const TestCheckpoint::Tensor& tensor) {
  constexpr int64_t kHead = 16;
  const int64_t width = tensor.shape[1];
  std::vector<float> values;
  for (int64_t row = 0; row < tensor.shape[0]; ++row) {
    const int64_t within = row % kHead, from = row - within + within % 2 * (kHead / 2) + within / 2;
    values.insert(values.end(), &tensor.values[from * width], &tensor.values[from * width] + width);
  }
  return values;
}

// The same model as Mistral publishes it.
TestCheckpoint Consolidated(const TestCheckpoint& from) {
  TestCheckpoint checkpoint = from;
  checkpoint.config = {{"dim", "64"},          {"n_layers", "2"},        {"n_heads", "4"},     {"n_kv_heads", "2"},
                       {"head_dim", "16"},     {"hidden_dim", "96"},     {"norm_eps", "1e-5"}, {"vocab_size", "48"},
                       {"max_seq_len", "128"}, {"rope_theta", "10000.0"}};
  for (TestCheckpoint::Tensor& tensor : checkpoint.tensors) {
    if (absl::StrContains(tensor.name, "q_proj") || absl::StrContains(tensor.name, "k_proj")) {
      tensor.values = Interleaved(tensor);
    }
    tensor.name = absl::StrReplaceAll(tensor.name, {{"model.embed_tokens.", "tok_embeddings."},
                                                    {"lm_head.", "output."},
                                                    {"model.", ""},
                                                    {"input_layernorm", "attention_norm"},
                                                    {"post_attention_layernorm", "ffn_norm"},
                                                    {"self_attn.q_proj", "attention.wq"},
                                                    {"self_attn.k_proj", "attention.wk"},
                                                    {"self_attn.v_proj", "attention.wv"},
                                                    {"self_attn.o_proj", "attention.wo"},
                                                    {"mlp.gate_proj", "feed_forward.w1"},
                                                    {"mlp.down_proj", "feed_forward.w2"},
                                                    {"mlp.up_proj", "feed_forward.w3"},
                                                    {"block_sparse_moe.", "feed_forward."}});
  }
  return checkpoint;
}

// As Mistral Small 3.1 nests it.
TestCheckpoint Nested() {
  TestCheckpoint checkpoint = HuggingFace();
  checkpoint.config["sliding_window"] = "null";
  const std::string text = checkpoint.ConfigText();
  checkpoint.config = {{"architectures", R"(["Mistral3ForConditionalGeneration"])"},
                       {"model_type", "\"mistral3\""},
                       {"text_config", text}};
  for (TestCheckpoint::Tensor& tensor : checkpoint.tensors) tensor.name = "language_model." + tensor.name;
  checkpoint.tensors.push_back({"vision_tower.patch_conv.weight", {2, 2}, {1, 2, 3, 4}});
  checkpoint.tensors.push_back({"multi_modal_projector.norm.weight", {2}, {1, 2}});
  return checkpoint;
}

constexpr char kYarn[] = R"({"rope_type": "yarn", "type": "yarn", "rope_theta": 1e6, "factor": 16.0, "beta_fast": 32.0,
    "beta_slow": 1.0, "mscale": 1.0, "mscale_all_dim": 1.0, "original_max_position_embeddings": 64,
    "llama_4_scaling_beta": 0.1})";

TestCheckpoint Ministral3() {
  TestCheckpoint checkpoint = HuggingFace();
  checkpoint.config["architectures"] = R"(["Ministral3ForCausalLM"])";
  checkpoint.config["model_type"] = "\"ministral3\"";
  checkpoint.config["rope_parameters"] = kYarn;
  checkpoint.config.erase("sliding_window");
  checkpoint.config.erase("rope_theta");
  return checkpoint;
}

// The same through params.json.
TestCheckpoint Ministral3Params() {
  TestCheckpoint checkpoint = Consolidated(HuggingFace());
  checkpoint.config["rope_theta"] = "1000000.0";
  checkpoint.config["yarn"] = R"({"original_max_position_embeddings": 64, "factor": 16, "apply_scale": false,
                                  "beta": 32, "alpha": 1})";
  checkpoint.config["llama_4_scaling"] = R"({"original_max_position_embeddings": 64, "beta": 0.1})";
  return checkpoint;
}

ModelSpec SpecOf(const TestCheckpoint& checkpoint) {
  const absl::StatusOr<ModelSpec> spec = SpecOfConfig(checkpoint.ConfigText());
  EXPECT_EQ(spec.status(), absl::OkStatus());
  return spec.ok() ? *spec : ModelSpec();
}

TEST(Mistral, IsALlamaWithAWindow) {
  const ModelSpec spec = SpecOf(HuggingFace());
  EXPECT_EQ(spec.architecture(), "llama");
  EXPECT_EQ(spec.family(), "llama");  // whose keys its GGUF has
  EXPECT_EQ(spec.layers(1).attention().window(), 16);
  EXPECT_EQ(spec.layers(1).attention().rope().pairing(), Rope::INTERLEAVED);
}

TEST(Mistral, WindowsAreReadInEverySpelling) {
  const auto window = [](TestCheckpoint checkpoint, const char* text) {
    checkpoint.config["sliding_window"] = text;
    if (*text == '\0') checkpoint.config.erase("sliding_window");
    return SpecOf(checkpoint).layers(0).attention().window();
  };
  EXPECT_EQ(window(HuggingFace(), "null"), 0);
  EXPECT_EQ(window(HuggingFace(), ""), 4096);  // what transformers takes
  EXPECT_EQ(window(Mixtral(), ""), 0);
  const TestCheckpoint consolidated = Consolidated(HuggingFace());
  EXPECT_EQ(window(consolidated, "\"4096\""), 4096);
  EXPECT_EQ(window(consolidated, "12"), 12);
  EXPECT_EQ(window(consolidated, "null"), 0);
  EXPECT_EQ(window(consolidated, ""), 0);
}

TEST(Mistral, RopeBaseHasTheDefaultOfItsPublisher) {
  const auto base = [](TestCheckpoint checkpoint) {
    checkpoint.config.erase("rope_theta");
    return SpecOf(checkpoint).layers(0).attention().rope().base();
  };
  EXPECT_EQ(base(HuggingFace()), 1e4f);
  EXPECT_EQ(base(Mixtral()), 1e6f);
  TestCheckpoint consolidated = Consolidated(HuggingFace());
  EXPECT_EQ(base(consolidated), 1e6f);
  consolidated.config["sliding_window"] = "4096";
  EXPECT_EQ(base(consolidated), 1e4f);
}

TEST(Mistral, MixtralsExpertsAreStackedAndTheirWeightsAddUpToOne) {
  const TestCheckpoint checkpoint = Mixtral();
  const CheckpointRead read = ReadCheckpoint(checkpoint).value();
  const Experts& experts = read.spec.layers(1).feed_forward().experts();
  EXPECT_EQ(experts.count(), 2);
  EXPECT_EQ(experts.used(), 1);
  EXPECT_EQ(experts.length(), 96);
  EXPECT_TRUE(experts.normalize());
  EXPECT_EQ(experts.gating(), Experts::SOFTMAX);
  for (const auto& [name, published] : {std::pair("gate", "w1"), {"down", "w2"}, {"up", "w3"}}) {
    std::vector<float> expected;
    for (const char* expert : {"0", "1"}) {
      TestCheckpoint copy = checkpoint;
      const std::vector<float>& values =
          copy.Find(absl::StrCat("model.layers.1.block_sparse_moe.experts.", expert, ".", published, ".weight")).values;
      expected.insert(expected.end(), values.begin(), values.end());
    }
    EXPECT_EQ(read.Values(absl::StrCat("blk.1.ffn_", name, "_exps.weight")), expected) << name;
  }
}

TEST(Mistral, ConsolidatedIsTheSameModel) {
  for (const bool experts : {false, true}) {
    TestCheckpoint published = experts ? Mixtral() : HuggingFace();
    published.config["sliding_window"] = "null";
    TestCheckpoint consolidated = Consolidated(published);
    if (experts) consolidated.config["moe"] = R"({"num_experts_per_tok": 1, "num_experts": 2})";
    const CheckpointRead expected = ReadCheckpoint(published).value();
    const absl::StatusOr<CheckpointRead> read = ReadCheckpoint(consolidated);
    ASSERT_TRUE(read.ok()) << read.status();
    EXPECT_EQ(read->spec.DebugString(), expected.spec.DebugString());
    for (const std::string& name : expected.Names()) EXPECT_EQ(read->Values(name), expected.Values(name)) << name;
  }
}

TEST(Mistral, ParamsMayNameATypeOfTheirOwn) {
  TestCheckpoint checkpoint = Consolidated(HuggingFace());
  checkpoint.config["model_type"] = "\"transformer\"";
  EXPECT_EQ(SpecOf(checkpoint).architecture(), "llama");
}

TEST(Mistral, Fp8WeightsHaveAScalePerTensor) {
  TestCheckpoint published = HuggingFace();
  published.config["quantization_config"] =
      R"({"quant_method": "fp8", "activation_scheme": "static", "weight_block_size": null})";
  TestCheckpoint consolidated = Consolidated(HuggingFace());
  consolidated.config["quantization"] = R"({"qformat_weight": "fp8_e4m3", "qscheme_act": "TENSOR"})";
  struct Names {
    TestCheckpoint* checkpoint;
    const char *weight, *scale, *ignored;
  };
  for (const Names& names :
       {Names{&published, "model.layers.1.mlp.up_proj.weight", "model.layers.1.mlp.up_proj.weight_scale_inv",
              "model.layers.1.mlp.up_proj.activation_scale"},
        Names{&consolidated, "layers.1.feed_forward.w3.weight", "layers.1.feed_forward.w3.qscale_weight",
              "layers.1.feed_forward.w3.qscale_act"}}) {
    TestCheckpoint& checkpoint = *names.checkpoint;
    TestCheckpoint::Tensor& weight = checkpoint.Find(names.weight);
    weight.stored_as = DType::kF8_E4M3;
    weight.bytes.assign(96 * 64, std::byte{0x40});  // 2
    checkpoint.tensors.push_back({names.scale, {}, {0.25f}});
    checkpoint.tensors.push_back({names.ignored, {}, {3}});
    const absl::StatusOr<CheckpointRead> read = ReadCheckpoint(checkpoint);
    ASSERT_TRUE(read.ok()) << read.status();
    EXPECT_EQ(read->Values("blk.1.ffn_up.weight"), std::vector<float>(96 * 64, 0.5f));
    EXPECT_THAT(read->map.warnings, IsEmpty());
  }
}

TEST(Mistral, NestedTextIsReadAndVisionIsDroppedByName) {
  const CheckpointRead read = ReadCheckpoint(Nested()).value();
  EXPECT_EQ(read.spec.architecture(), "mistral3");
  EXPECT_EQ(read.spec.layers(0).attention().window(), 0);
  EXPECT_FALSE(read.spec.tied_embeddings());
  EXPECT_THAT(read.map.warnings,
              ElementsAre(HasSubstr("'vision_tower.patch_conv.weight', 'multi_modal_projector.norm.weight'")));
  TestCheckpoint newer = Nested();
  for (TestCheckpoint::Tensor& tensor : newer.tensors) {
    tensor.name = absl::StrReplaceAll(tensor.name, {{"language_model.model.", "model.language_model."},
                                                    {"language_model.lm_head.", "lm_head."},
                                                    {"vision_tower.", "model.vision_tower."}});
  }
  const CheckpointRead again = ReadCheckpoint(newer).value();
  EXPECT_EQ(again.Values("blk.1.attn_q.weight"), read.Values("blk.1.attn_q.weight"));
  EXPECT_EQ(again.Values("output.weight"), read.Values("output.weight"));
}

TEST(Mistral, QueriesOfMinistral3GrowWithTheirPosition) {
  for (const TestCheckpoint& checkpoint : {Ministral3(), Ministral3Params()}) {
    const ModelSpec spec = SpecOf(checkpoint);
    EXPECT_EQ(spec.architecture(), "mistral3");
    const Attention& attention = spec.layers(1).attention();
    EXPECT_EQ(attention.temperature().scale(), 0.1f);
    EXPECT_EQ(attention.temperature().floor_scale(), 64);
    EXPECT_EQ(attention.temperature().offset(), 0);
    EXPECT_EQ(attention.rope().magnitude(), 0);  // 1: mscale and mscale_all_dim cancel out
    EXPECT_EQ(attention.rope().frequency_factors(7), 16);
  }
}

TEST(Mistral, YarnOfParamsMayScaleAttention) {
  TestCheckpoint checkpoint = Ministral3Params();
  checkpoint.config["yarn"] = absl::StrReplaceAll(checkpoint.config["yarn"], {{"false", "true"}});
  EXPECT_NEAR(SpecOf(checkpoint).layers(0).attention().rope().magnitude(), 1 + 0.1 * std::log(16.0), 1e-6);
}

TEST(MistralGguf, KeysGiveBackTheSpec) {
  TestCheckpoint scaled = Ministral3Params();
  scaled.config["yarn"] = absl::StrReplaceAll(scaled.config["yarn"], {{"false", "true"}, {": 32", ": 8"}});
  for (const TestCheckpoint& checkpoint :
       {HuggingFace(), Mixtral(), Consolidated(HuggingFace()), Nested(), Ministral3(), Ministral3Params(), scaled}) {
    const absl::StatusOr<CheckpointRead> read = ReadCheckpoint(checkpoint);
    ASSERT_TRUE(read.ok()) << read.status();
    const absl::StatusOr<ModelSpec> again = ThroughGguf(*read);
    ASSERT_TRUE(again.ok()) << again.status();
    EXPECT_EQ(again->DebugString(), read->spec.DebugString());
  }
}

TEST(MistralGguf, KeysAreThoseThatLlamaCppReads) {
  const gguf::Metadata keys = KeysOf(ReadCheckpoint(Ministral3()).value());
  EXPECT_EQ(keys.Float("mistral3.rope.scaling.yarn_log_multiplier").value(), 1);
  EXPECT_EQ(keys.Float("mistral3.attention.temperature_scale").value(), 0.1f);
  const gguf::Metadata mixtral = KeysOf(ReadCheckpoint(Mixtral()).value());
  EXPECT_EQ(mixtral.Uint("llama.expert_count", 0, 99).value(), 2);
  EXPECT_EQ(mixtral.Uint("llama.expert_used_count", 0, 99).value(), 1);
  EXPECT_EQ(mixtral.Find("llama.attention.sliding_window"), nullptr);
  const gguf::Metadata dense = KeysOf(ReadCheckpoint(HuggingFace()).value());
  EXPECT_EQ(dense.Uint("llama.attention.sliding_window", 0, 99).value(), 16);
  EXPECT_EQ(dense.Find("llama.expert_count"), nullptr);
}

TEST(MistralGguf, ExpertsMustBeUsed) {
  const CheckpointRead read = ReadCheckpoint(Mixtral()).value();
  const absl::Status status =
      ThroughGguf(read, [](gguf::Metadata& keys) { keys.Set("llama.expert_used_count", uint32_t{0}); }).status();
  EXPECT_THAT(std::string(status.message()), HasSubstr("llama.expert_used_count': expected some of the 2 experts"));
}

struct BadConfig {
  const char* name;
  TestCheckpoint (*checkpoint)();
  const char *key, *value;
  absl::StatusCode code;
  const char* message;
};

class MistralBadConfigs : public testing::TestWithParam<BadConfig> {};

constexpr absl::StatusCode kBad = absl::StatusCode::kDataLoss;
constexpr absl::StatusCode kNot = absl::StatusCode::kUnimplemented;

TestCheckpoint Params() { return Consolidated(HuggingFace()); }

INSTANTIATE_TEST_SUITE_P(
    Config, MistralBadConfigs,
    testing::Values(
        BadConfig{"Windows", Params, "sliding_window", "[null, 16]", kNot, "$.sliding_window: expected one window"},
        BadConfig{"WindowInWords", Params, "sliding_window", "\"wide\"", kBad, "$.sliding_window: expected an integer"},
        BadConfig{"NegativeWindow", HuggingFace, "sliding_window", "-1", kBad, "$.sliding_window: expected"},
        BadConfig{"Latents", Params, "kv_lora_rank", "512", kNot, "$.kv_lora_rank: expected 0, found 512"},
        BadConfig{"SharedExperts", Params, "moe", R"({"num_experts": 2, "num_experts_per_tok": 1,
                  "num_shared_experts": 1})",
                  kNot, "$.moe.num_shared_experts"},
        BadConfig{"Quantization", Params, "quantization", R"({"qformat_weight": "nvfp4"})", kNot,
                  "$.quantization.qformat_weight: expected \"fp8_e4m3\""},
        BadConfig{"YarnWithoutFactor", Params, "yarn", "{}", kBad, "$.yarn.factor: expected"},
        BadConfig{"TwoOriginalContexts", Ministral3Params, "llama_4_scaling",
                  R"({"original_max_position_embeddings": 32, "beta": 0.1})", kNot,
                  "$.llama_4_scaling.original_max_position_embeddings: expected yarn's 64, found 32"},
        BadConfig{"NoLength", Params, "hidden_dim", "null", kBad, "$.hidden_dim: expected an integer"},
        BadConfig{"TooManyExpertsUsed", Mixtral, "num_experts_per_tok", "3", kBad, "$.num_experts_per_tok: expected"},
        BadConfig{"Mistral4", Nested, "text_config", R"({"model_type": "mistral4"})", kNot,
                  "$.text_config.model_type: expected mistral, mixtral or ministral3"},
        BadConfig{"Ministral3WithoutYarn", Ministral3, "rope_parameters", R"({"rope_theta": 1e6})", kBad,
                  "$.rope_parameters: expected YaRN's parameters"},
        BadConfig{"TwoMscales", Ministral3, "rope_parameters",
                  R"({"rope_type": "yarn", "factor": 2, "original_max_position_embeddings": 64, "mscale": 2,
                      "mscale_all_dim": 1})",
                  kNot, "$.rope_parameters.mscale_all_dim: expected mscale's 2, found 1"}),
    [](const auto& info) { return info.param.name; });

TEST_P(MistralBadConfigs, AreNamed) {
  TestCheckpoint checkpoint = GetParam().checkpoint();
  checkpoint.config[GetParam().key] = GetParam().value;
  const absl::Status status = SpecOfConfig(checkpoint.ConfigText()).status();
  EXPECT_EQ(status.code(), GetParam().code) << status;
  EXPECT_THAT(std::string(status.message()), HasSubstr(GetParam().message));
}

}  // namespace
}  // namespace nibble
