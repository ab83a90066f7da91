#include "converters/llama4.h"

#include <cstdint>
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

constexpr int64_t kHidden = 64, kExpert = 8;

std::vector<float> Counting(int64_t count, float first) {
  std::vector<float> values(count);
  for (int64_t i = 0; i < count; ++i) values[i] = first + static_cast<float>(i);
  return values;
}

// 4 layers, layers 1 and 3 with 2 experts, layer 3 without rope.
TestCheckpoint RandomLlama4() {
  TestCheckpoint checkpoint = RandomLlama({.layers = 4});
  checkpoint.dtype = DType::kF32;
  checkpoint.config["architectures"] = R"(["Llama4ForCausalLM"])";
  checkpoint.config["model_type"] = "\"llama4_text\"";
  checkpoint.config["intermediate_size_mlp"] = "96";
  checkpoint.config["intermediate_size"] = absl::StrCat(kExpert);
  checkpoint.config["num_local_experts"] = "2";
  checkpoint.config["num_experts_per_tok"] = "1";
  checkpoint.config["interleave_moe_layer_step"] = "2";
  checkpoint.config["no_rope_layers"] = "[]";
  checkpoint.config["attention_chunk_size"] = "16";
  checkpoint.config["floor_scale"] = "32";
  checkpoint.config["attn_scale"] = "0.25";
  std::erase_if(checkpoint.tensors, [](const TestCheckpoint::Tensor& tensor) {
    return absl::StrContains(tensor.name, "layers.1.mlp") || absl::StrContains(tensor.name, "layers.3.mlp");
  });
  for (TestCheckpoint::Tensor& tensor : checkpoint.tensors) {
    tensor.name = absl::StrReplaceAll(tensor.name, {{".mlp.", ".feed_forward."}});
  }
  for (const char* layer : {"1", "3"}) {
    const std::string prefix = absl::StrCat("model.layers.", layer, ".feed_forward.");
    const auto add = [&](const char* name, std::vector<int64_t> shape) {
      int64_t elements = 1;
      for (const int64_t length : shape) elements *= length;
      checkpoint.tensors.push_back({prefix + name, std::move(shape), Counting(elements, elements)});
    };
    add("router.weight", {2, kHidden});
    add("experts.gate_up_proj", {2, kHidden, 2 * kExpert});
    add("experts.down_proj", {2, kExpert, kHidden});
    add("shared_expert.gate_proj.weight", {kExpert, kHidden});
    add("shared_expert.up_proj.weight", {kExpert, kHidden});
    add("shared_expert.down_proj.weight", {kHidden, kExpert});
  }
  return checkpoint;
}

ModelSpec SpecOf(const TestCheckpoint& checkpoint) {
  const absl::StatusOr<ModelSpec> spec = SpecOfConfig(checkpoint.ConfigText());
  EXPECT_EQ(spec.status(), absl::OkStatus());
  return spec.ok() ? *spec : ModelSpec();
}

// 0 for layers without rope.
std::vector<uint32_t> Chunks(const ModelSpec& spec) {
  std::vector<uint32_t> chunks;
  for (const Layer& layer : spec.layers()) {
    chunks.push_back(layer.attention().chunk());
    EXPECT_EQ(layer.attention().rope().dimensions() > 0, layer.attention().chunk() > 0);
  }
  return chunks;
}

TEST(Llama4, LayersWithRopeSeeTheirChunkTheOthersAllAtATemperature) {
  const ModelSpec spec = SpecOf(RandomLlama4());
  EXPECT_THAT(Chunks(spec), ElementsAre(16, 16, 16, 0));
  EXPECT_EQ(spec.layers(0).attention().rope().pairing(), Rope::INTERLEAVED);
  EXPECT_TRUE(spec.layers(0).attention().unit_norm());
  EXPECT_EQ(spec.layers(0).attention().temperature().floor_scale(), 0);
  const Attention& attention = spec.layers(3).attention();
  EXPECT_FALSE(attention.unit_norm());
  EXPECT_EQ(attention.temperature().scale(), 0.25f);
  EXPECT_EQ(attention.temperature().floor_scale(), 32);
  EXPECT_EQ(attention.temperature().offset(), 1);
}

TEST(Llama4, LayersWithoutRopeAreReadInEverySpelling) {
  TestCheckpoint checkpoint = RandomLlama4();
  checkpoint.config["no_rope_layers"] = "[1, 0, 1, 0]";
  EXPECT_THAT(Chunks(SpecOf(checkpoint)), ElementsAre(16, 0, 16, 0));
  checkpoint.config["no_rope_layers"] = "null";
  EXPECT_THAT(Chunks(SpecOf(checkpoint)), ElementsAre(16, 16, 16, 0));
  checkpoint.config["no_rope_layer_interval"] = "3";
  EXPECT_THAT(Chunks(SpecOf(checkpoint)), ElementsAre(16, 16, 0, 16));
}

TEST(Llama4, TemperatureTuningMayBeANumber) {
  TestCheckpoint checkpoint = RandomLlama4();
  for (const char* on : {"true", "4", "1"}) {
    checkpoint.config["attn_temperature_tuning"] = on;
    EXPECT_EQ(SpecOf(checkpoint).layers(3).attention().temperature().floor_scale(), 32);
  }
  for (const char* off : {"false", "0"}) {
    checkpoint.config["attn_temperature_tuning"] = off;
    EXPECT_EQ(SpecOf(checkpoint).layers(3).attention().temperature().floor_scale(), 0);
  }
}

TEST(Llama4, SomeLayersHaveExpertsWhoseInputIsScaled) {
  const ModelSpec spec = SpecOf(RandomLlama4());
  EXPECT_FALSE(spec.layers(0).feed_forward().has_experts());
  EXPECT_EQ(spec.layers(0).feed_forward().length(), 96);
  const Experts& experts = spec.layers(1).feed_forward().experts();
  EXPECT_EQ(experts.count(), 2);
  EXPECT_EQ(experts.used(), 1);
  EXPECT_EQ(experts.length(), kExpert);
  EXPECT_EQ(experts.shared_length(), kExpert);
  EXPECT_EQ(experts.gating(), Experts::SIGMOID);
  EXPECT_TRUE(experts.scale_input());
  EXPECT_FALSE(experts.normalize());
  EXPECT_TRUE(spec.layers(3).feed_forward().has_experts());
}

TEST(Llama4, ListOfLayersWithExpertsWinsOverTheStep) {
  TestCheckpoint checkpoint = RandomLlama4();
  checkpoint.config["moe_layers"] = "[0, 1, 2, 3]";
  EXPECT_TRUE(SpecOf(checkpoint).layers(2).feed_forward().has_experts());
}

TEST(Llama4, DefaultsAreThoseOfThePublishedCode) {
  TestCheckpoint checkpoint = RandomLlama4();
  for (const char* key : {"interleave_moe_layer_step", "no_rope_layers", "attention_chunk_size", "floor_scale",
                          "attn_scale", "use_qk_norm", "rope_theta"}) {
    checkpoint.config.erase(key);
  }
  const ModelSpec spec = SpecOf(checkpoint);
  EXPECT_TRUE(spec.layers(0).feed_forward().has_experts());
  EXPECT_THAT(Chunks(spec), ElementsAre(8192, 8192, 8192, 0));
  EXPECT_TRUE(spec.layers(0).attention().unit_norm());
  EXPECT_EQ(spec.layers(0).attention().rope().base(), 5e5f);
  EXPECT_EQ(spec.layers(3).attention().temperature().scale(), 0.1f);
  EXPECT_EQ(spec.layers(3).attention().temperature().floor_scale(), 8192);
}

TEST(Llama4, FusedExpertsAreTransposedAndSplitInHalves) {
  TestCheckpoint checkpoint = RandomLlama4();
  const CheckpointRead read = ReadCheckpoint(checkpoint).value();
  const std::vector<float>& fused = checkpoint.Find("model.layers.1.feed_forward.experts.gate_up_proj").values;
  const std::vector<float>& down = checkpoint.Find("model.layers.1.feed_forward.experts.down_proj").values;
  std::vector<float> gate, up, expected_down;
  for (int64_t e = 0; e < 2; ++e) {
    for (int64_t row = 0; row < kExpert; ++row) {
      for (int64_t col = 0; col < kHidden; ++col) {
        const float* at = &fused[(e * kHidden + col) * 2 * kExpert];
        gate.push_back(at[row]);
        up.push_back(at[kExpert + row]);
      }
    }
    for (int64_t row = 0; row < kHidden; ++row) {
      for (int64_t col = 0; col < kExpert; ++col) expected_down.push_back(down[(e * kExpert + col) * kHidden + row]);
    }
  }
  EXPECT_EQ(read.Values("blk.1.ffn_gate_exps.weight"), gate);
  EXPECT_EQ(read.Values("blk.1.ffn_up_exps.weight"), up);
  EXPECT_EQ(read.Values("blk.1.ffn_down_exps.weight"), expected_down);
  // Rope pairs are published as a GGUF has them.
  EXPECT_EQ(read.Values("blk.1.attn_q.weight"), checkpoint.Find("model.layers.1.self_attn.q_proj.weight").values);
}

TEST(Llama4, NestedTextIsReadAndVisionIsDroppedByName) {
  const CheckpointRead expected = ReadCheckpoint(RandomLlama4()).value();
  TestCheckpoint nested = RandomLlama4();
  const std::string text = nested.ConfigText();
  nested.config = {
      {"architectures", R"(["Llama4ForConditionalGeneration"])"}, {"model_type", "\"llama4\""}, {"text_config", text}};
  for (TestCheckpoint::Tensor& tensor : nested.tensors) tensor.name = "language_model." + tensor.name;
  nested.tensors.push_back({"vision_model.class_embedding", {2}, {1, 2}});
  nested.tensors.push_back({"multi_modal_projector.linear_1.weight", {1, 2}, {1, 2}});
  const CheckpointRead read = ReadCheckpoint(nested).value();
  EXPECT_EQ(read.spec.DebugString(), expected.spec.DebugString());
  EXPECT_EQ(read.Values("blk.3.ffn_up_exps.weight"), expected.Values("blk.3.ffn_up_exps.weight"));
  EXPECT_THAT(read.map.warnings,
              ElementsAre(HasSubstr("'vision_model.class_embedding', 'multi_modal_projector.linear_1.weight'")));
}

// As llama.cpp has it built in.
TestCheckpoint AsPublished() {
  TestCheckpoint checkpoint = RandomLlama4();
  for (const char* key : {"attention_chunk_size", "floor_scale", "attn_scale"}) checkpoint.config.erase(key);
  return checkpoint;
}

TEST(Llama4Gguf, KeysGiveBackTheSpec) {
  TestCheckpoint plain = RandomLlama4(), other_layers = RandomLlama4(), every_layer = RandomLlama4();
  plain.config["use_qk_norm"] = "false";
  plain.config["attn_temperature_tuning"] = "false";
  other_layers.config["no_rope_layers"] = "[0, 1, 1, 0]";
  every_layer.config["no_rope_layers"] = "[1, 1, 1, 1]";
  for (const TestCheckpoint& checkpoint : {RandomLlama4(), AsPublished(), plain, other_layers, every_layer}) {
    const CheckpointRead read = ReadCheckpoint(checkpoint).value();
    EXPECT_EQ(ThroughGguf(read)->DebugString(), read.spec.DebugString());
  }
}

TEST(Llama4Gguf, WhatLlamaCppTakesForGrantedIsNoKey) {
  constexpr const char* kOurs[] = {"sliding_window", "sliding_window_pattern", "temperature_scale",
                                   "temperature_length", "qk_norm"};
  const gguf::Metadata keys = KeysOf(ReadCheckpoint(AsPublished()).value());
  for (const char* key : kOurs) EXPECT_EQ(keys.Find(absl::StrCat("llama4.attention.", key)), nullptr) << key;
  EXPECT_EQ(keys.Uint("llama4.interleave_moe_layer_step", 0, 99).value(), 2);
  EXPECT_EQ(keys.Uint("llama4.feed_forward_length", 0, 99).value(), 96);
  EXPECT_EQ(keys.Uint("llama4.expert_feed_forward_length", 0, 99).value(), kExpert);
  // Maverick, known by its 128 experts, has no norm of queries and keys.
  const CheckpointRead read = ReadCheckpoint(AsPublished()).value();
  const auto as_maverick = [](gguf::Metadata& k) { k.Set("llama4.expert_count", uint32_t{128}); };
  EXPECT_FALSE(ThroughGguf(read, as_maverick)->layers(0).attention().unit_norm());
}

struct BadConfig {
  const char* name;
  const char *key, *value;
  absl::StatusCode code;
};

class Llama4BadConfigs : public testing::TestWithParam<BadConfig> {};

constexpr absl::StatusCode kBad = absl::StatusCode::kDataLoss;
constexpr absl::StatusCode kNot = absl::StatusCode::kUnimplemented;

INSTANTIATE_TEST_SUITE_P(
    Config, Llama4BadConfigs,
    testing::Values(
        BadConfig{"IrregularExperts", "moe_layers", "[1, 2]", kNot}, BadConfig{"NoExperts", "moe_layers", "[]", kNot},
        BadConfig{"ExpertsBeyondTheLayers", "moe_layers", "[4]", kBad},
        BadConfig{"StepBeyondTheLayers", "interleave_moe_layer_step", "5", kBad},
        BadConfig{"TooFewRopeLayers", "no_rope_layers", "[1, 1]", kBad},
        BadConfig{"RopeLayersOfAnotherKind", "no_rope_layers", "[1, 1, 2, 1]", kBad},
        BadConfig{"LayerTypesOfTheirOwn", "layer_types",
                  R"(["full_attention", "chunked_attention", "chunked_attention", "full_attention"])", kNot},
        BadConfig{"NoChunk", "attention_chunk_size", "0", kBad}, BadConfig{"FloorScale", "floor_scale", "0", kBad},
        BadConfig{"Scale", "attn_scale", "-1", kBad}, BadConfig{"Activation", "hidden_act", "\"gelu\"", kNot},
        BadConfig{"Bias", "attention_bias", "true", kNot}),
    [](const auto& info) { return info.param.name; });

TEST_P(Llama4BadConfigs, AreNamed) {
  TestCheckpoint checkpoint = RandomLlama4();
  checkpoint.config[GetParam().key] = GetParam().value;
  const absl::Status status = SpecOfConfig(checkpoint.ConfigText()).status();
  EXPECT_EQ(status.code(), GetParam().code) << status;
  EXPECT_THAT(std::string(status.message()), HasSubstr(GetParam().key));
}

}  // namespace
}  // namespace nibble
