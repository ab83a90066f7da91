#include "converters/gemma3.h"

#include <cmath>
#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/status.h"
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

// 7 layers, one of them global, every key said.
TestCheckpoint RandomGemma3() {
  TestCheckpoint checkpoint = RandomLlama({.layers = 7, .tied = true});
  checkpoint.dtype = DType::kF32;
  checkpoint.config["architectures"] = R"(["Gemma3ForCausalLM"])";
  checkpoint.config["model_type"] = "\"gemma3_text\"";
  checkpoint.config.erase("hidden_act");
  checkpoint.config.erase("tie_word_embeddings");
  checkpoint.config["hidden_activation"] = "\"gelu_pytorch_tanh\"";
  checkpoint.config["sliding_window"] = "12";
  checkpoint.config["query_pre_attn_scalar"] = "48";
  checkpoint.config["rope_theta"] = "500000";
  checkpoint.config["rope_local_base_freq"] = "20000";
  checkpoint.config["rope_scaling"] = R"({"rope_type": "linear", "factor": 8.0})";
  std::vector<TestCheckpoint::Tensor> more;
  for (int layer = 0; layer < 7; ++layer) {
    const std::string prefix = absl::StrCat("model.layers.", layer, ".");
    for (const char* norm : {"pre_feedforward_layernorm", "post_feedforward_layernorm"}) {
      more.push_back({absl::StrCat(prefix, norm, ".weight"), {64}, std::vector<float>(64, 0.25f)});
    }
    for (const char* norm : {"q_norm", "k_norm"}) {
      more.push_back({absl::StrCat(prefix, "self_attn.", norm, ".weight"), {16}, std::vector<float>(16, -0.5f)});
    }
  }
  checkpoint.tensors.insert(checkpoint.tensors.end(), more.begin(), more.end());
  return checkpoint;
}

TestCheckpoint Nested() {
  TestCheckpoint checkpoint = RandomGemma3();
  const std::string text = checkpoint.ConfigText();
  checkpoint.config = {
      {"architectures", R"(["Gemma3ForConditionalGeneration"])"}, {"model_type", "\"gemma3\""}, {"text_config", text}};
  for (TestCheckpoint::Tensor& tensor : checkpoint.tensors) tensor.name = "language_model." + tensor.name;
  checkpoint.tensors.push_back({"vision_tower.vision_model.encoder.weight", {2}, {1, 2}});
  checkpoint.tensors.push_back({"multi_modal_projector.mm_soft_emb_norm.weight", {2}, {1, 2}});
  return checkpoint;
}

ModelSpec SpecOf(const TestCheckpoint& checkpoint) {
  const absl::StatusOr<ModelSpec> spec = SpecOfConfig(checkpoint.ConfigText());
  EXPECT_EQ(spec.status(), absl::OkStatus());
  return spec.ok() ? *spec : ModelSpec();
}

std::vector<uint32_t> Windows(const ModelSpec& spec) {
  std::vector<uint32_t> windows;
  for (const Layer& layer : spec.layers()) windows.push_back(layer.attention().window());
  return windows;
}

TEST(Gemma3, LayersAreLocalOrGlobal) {
  const ModelSpec spec = SpecOf(RandomGemma3());
  EXPECT_THAT(Windows(spec), ElementsAre(12, 12, 12, 12, 12, 0, 12));
  EXPECT_EQ(spec.layers(0).attention().rope().base(), 20000);
  EXPECT_EQ(spec.layers(5).attention().rope().base(), 500000);
  // The factor is the global layers' alone.
  EXPECT_EQ(spec.layers(0).attention().rope().frequency_factors_size(), 0);
  EXPECT_THAT(spec.layers(5).attention().rope().frequency_factors(), ElementsAre(8, 8, 8, 8, 8, 8, 8, 8));
  EXPECT_EQ(spec.layers(0).attention().rope().pairing(), Rope::HALF_SPLIT);
}

TEST(Gemma3, ScalesAndActivation) {
  const ModelSpec spec = SpecOf(RandomGemma3());
  EXPECT_EQ(spec.embedding_scale(), 8);
  EXPECT_EQ(spec.layers(0).attention().scale(), 1 / std::sqrt(48.0f));
  EXPECT_EQ(spec.layers(0).feed_forward().activation(), FeedForward::GEGLU_TANH);
  EXPECT_TRUE(spec.tied_embeddings());
}

TEST(Gemma3, PatternsAreReadInEverySpelling) {
  TestCheckpoint checkpoint = RandomGemma3();
  checkpoint.config["sliding_window_pattern"] = "2";
  EXPECT_THAT(Windows(SpecOf(checkpoint)), ElementsAre(12, 0, 12, 0, 12, 0, 12));
  checkpoint.config["num_hidden_layers"] = "2";
  checkpoint.config["layer_types"] = R"(["full_attention", "sliding_attention"])";
  EXPECT_THAT(Windows(SpecOf(checkpoint)), ElementsAre(0, 12));
}

TEST(Gemma3, RopeIsReadInTheNewSpelling) {
  TestCheckpoint checkpoint = RandomGemma3();
  for (const char* key : {"rope_theta", "rope_local_base_freq", "rope_scaling"}) checkpoint.config.erase(key);
  checkpoint.config["rope_parameters"] =
      R"({"full_attention": {"rope_type": "linear", "factor": 8.0, "rope_theta": 500000.0},
          "sliding_attention": {"rope_type": "default", "rope_theta": 20000.0}})";
  EXPECT_EQ(SpecOf(checkpoint).DebugString(), SpecOf(RandomGemma3()).DebugString());
}

TEST(Gemma3, WhatPublishedConfigsLeaveOutIsTransformersDefault) {
  const absl::StatusOr<ModelSpec> spec =
      SpecOfConfig(R"({"architectures": ["Gemma3ForConditionalGeneration"], "model_type": "gemma3", "text_config":
        {"hidden_size": 2560, "intermediate_size": 10240, "model_type": "gemma3_text", "num_hidden_layers": 34,
         "rope_scaling": {"factor": 8.0, "rope_type": "linear"}, "sliding_window": 1024}})");
  ASSERT_TRUE(spec.ok()) << spec.status();
  EXPECT_EQ(spec->vocab_size(), 262208);
  EXPECT_EQ(spec->context_length(), 131072);
  EXPECT_EQ(spec->norm().epsilon(), 1e-6f);
  EXPECT_TRUE(spec->tied_embeddings());
  const Attention& attention = spec->layers(5).attention();
  EXPECT_EQ(attention.heads(), 8);
  EXPECT_EQ(attention.kv_heads(), 4);
  EXPECT_EQ(attention.key_length(), 256);
  EXPECT_EQ(attention.scale(), 1 / 16.0f);
  EXPECT_EQ(attention.window(), 0);
  EXPECT_EQ(attention.rope().base(), 1e6f);
  EXPECT_EQ(spec->layers(4).attention().window(), 1024);
  EXPECT_EQ(spec->layers(4).attention().rope().base(), 1e4f);
}

TEST(Gemma3, NormsMultiplyByOnePlusTheirWeights) {
  TestCheckpoint checkpoint = RandomGemma3();
  const CheckpointRead read = ReadCheckpoint(checkpoint).value();
  EXPECT_EQ(read.Values("blk.6.ffn_norm.weight"), std::vector<float>(64, 1.25f));
  EXPECT_EQ(read.Values("blk.6.post_ffw_norm.weight"), std::vector<float>(64, 1.25f));
  EXPECT_EQ(read.Values("blk.6.attn_q_norm.weight"), std::vector<float>(16, 0.5f));
  EXPECT_EQ(read.Values("blk.6.attn_k_norm.weight"), std::vector<float>(16, 0.5f));
  for (const auto& [published, name] : {std::pair("model.layers.6.input_layernorm", "blk.6.attn_norm"),
                                        {"model.layers.6.post_attention_layernorm", "blk.6.post_attention_norm"},
                                        {"model.norm", "output_norm"}}) {
    std::vector<float> expected = checkpoint.Find(absl::StrCat(published, ".weight")).values;
    for (float& value : expected) value += 1;
    EXPECT_EQ(read.Values(absl::StrCat(name, ".weight")), expected) << name;
  }
}

TEST(Gemma3, NestedTextIsReadAndVisionIsDroppedByName) {
  const CheckpointRead expected = ReadCheckpoint(RandomGemma3()).value();
  const CheckpointRead read = ReadCheckpoint(Nested()).value();
  EXPECT_EQ(read.spec.DebugString(), expected.spec.DebugString());
  EXPECT_EQ(read.Values("blk.3.ffn_up.weight"), expected.Values("blk.3.ffn_up.weight"));
  EXPECT_THAT(read.map.warnings, ElementsAre(HasSubstr("'vision_tower.vision_model.encoder.weight'")));
  TestCheckpoint newer = Nested();
  for (TestCheckpoint::Tensor& tensor : newer.tensors) {
    tensor.name = absl::StrReplaceAll(
        tensor.name, {{"language_model.model.", "model.language_model."}, {"vision_tower.", "model.vision_tower."}});
  }
  EXPECT_EQ(ReadCheckpoint(newer)->Values("blk.3.ffn_up.weight"), expected.Values("blk.3.ffn_up.weight"));
}

TEST(Gemma3Gguf, KeysGiveBackTheSpec) {
  TestCheckpoint plain = RandomGemma3();
  plain.config["query_pre_attn_scalar"] = "16";
  plain.config.erase("rope_scaling");
  TestCheckpoint pattern = RandomGemma3();
  pattern.config["sliding_window_pattern"] = "3";
  TestCheckpoint all_global = RandomGemma3();
  all_global.config["sliding_window_pattern"] = "1";
  for (const TestCheckpoint& checkpoint : {RandomGemma3(), plain, pattern, all_global}) {
    const CheckpointRead read = ReadCheckpoint(checkpoint).value();
    EXPECT_EQ(ThroughGguf(read)->DebugString(), read.spec.DebugString());
  }
}

TEST(Gemma3Gguf, TheScaleIsAKeyOnlyWhereLlamaCppWouldTakeAnother) {
  TestCheckpoint checkpoint = RandomGemma3();
  EXPECT_NE(KeysOf(ReadCheckpoint(checkpoint).value()).Find("gemma3.attention.scale"), nullptr);
  checkpoint.config["query_pre_attn_scalar"] = "16";
  const CheckpointRead read = ReadCheckpoint(checkpoint).value();
  EXPECT_EQ(KeysOf(read).Find("gemma3.attention.scale"), nullptr);
  EXPECT_EQ(KeysOf(read).Find("gemma3.attention.sliding_window_pattern"), nullptr);
  // 62 layers: the 27B model, whose scale is hidden size over heads.
  const auto as_27b = [](gguf::Metadata& keys) {
    keys.Set("gemma3.block_count", uint32_t{62});
    keys.Set("gemma3.embedding_length", uint32_t{168 * 4});
  };
  EXPECT_EQ(ThroughGguf(read, as_27b)->layers(0).attention().scale(), 1 / std::sqrt(168.0f));
}

TEST(Gemma3Gguf, BadKeysAreNamed) {
  struct Case {
    const char* key;
    gguf::Value value;
    absl::StatusCode code;
  };
  const CheckpointRead read = ReadCheckpoint(RandomGemma3()).value();
  for (const Case& c : {Case{"gemma3.final_logit_softcapping", 30.0f, absl::StatusCode::kUnimplemented},
                        Case{"gemma3.attention.scale", 0.0f, absl::StatusCode::kDataLoss},
                        Case{"gemma3.block_count", std::string("x"), absl::StatusCode::kDataLoss}}) {
    const absl::Status status = ThroughGguf(read, [&](gguf::Metadata& keys) { keys.Set(c.key, c.value); }).status();
    EXPECT_EQ(status.code(), c.code) << status;
    EXPECT_THAT(std::string(status.message()), HasSubstr(c.key));
  }
}

TEST(Gemma3, WhatChangesItsMathsIsRefusedByName) {
  for (const auto& [key, value] : {std::pair("final_logit_softcapping", "30.0"),
                                   {"attn_logit_softcapping", "50.0"},
                                   {"use_bidirectional_attention", "true"},
                                   {"attention_bias", "true"},
                                   {"hidden_activation", "\"silu\""},
                                   {"layer_types", R"(["full_attention", "a", "a", "a", "a", "a", "a"])"},
                                   {"rope_scaling", R"({"rope_type": "yarn", "factor": 2,
                                                        "original_max_position_embeddings": 64})"}}) {
    TestCheckpoint checkpoint = RandomGemma3();
    checkpoint.config[key] = value;
    const absl::Status status = SpecOfConfig(checkpoint.ConfigText()).status();
    EXPECT_EQ(status.code(), absl::StatusCode::kUnimplemented) << status;
    EXPECT_THAT(std::string(status.message()), HasSubstr(key));
  }
}

TEST(Gemma3, BadValuesAreNamed) {
  for (const auto& [key, value] : {std::pair("query_pre_attn_scalar", "0"),
                                   {"layer_types", R"(["full_attention"])"},
                                   {"rope_local_base_freq", "0"},
                                   {"sliding_window", "0"},
                                   {"head_dim", "15"}}) {
    TestCheckpoint checkpoint = RandomGemma3();
    checkpoint.config[key] = value;
    const absl::Status status = SpecOfConfig(checkpoint.ConfigText()).status();
    EXPECT_EQ(status.code(), absl::StatusCode::kDataLoss) << status;
    EXPECT_THAT(std::string(status.message()), HasSubstr(absl::StrCat("$.", key, ": expected")));
  }
}

}  // namespace
}  // namespace nibble
