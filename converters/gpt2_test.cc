#include "converters/gpt2.h"

#include <cstdint>
#include <random>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
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

// 2 layers, 2 heads of 4, n_inner 12.
TestCheckpoint RandomGpt2(const std::string& prefix = "") {
  TestCheckpoint checkpoint;
  checkpoint.dtype = DType::kF32;
  checkpoint.config = {{"architectures", R"(["GPT2LMHeadModel"])"},
                       {"model_type", "\"gpt2\""},
                       {"activation_function", "\"gelu_new\""},
                       {"n_layer", "2"},
                       {"n_embd", "8"},
                       {"n_head", "2"},
                       {"n_inner", "12"},
                       {"n_positions", "20"},
                       {"layer_norm_epsilon", "1e-5"},
                       {"vocab_size", "16"}};
  std::mt19937 random(1);
  std::normal_distribution<float> normal;
  const auto add = [&](const std::string& name, std::vector<int64_t> shape) {
    int64_t elements = 1;
    for (const int64_t length : shape) elements *= length;
    std::vector<float> values(elements);
    for (float& value : values) value = normal(random);
    checkpoint.tensors.push_back({prefix + name, std::move(shape), std::move(values)});
  };
  add("wte.weight", {16, 8});
  add("wpe.weight", {20, 8});
  for (const char* layer : {"h.0.", "h.1."}) {
    for (const char* norm : {"ln_1", "ln_2"}) {
      for (const char* kind : {".weight", ".bias"}) add(absl::StrCat(layer, norm, kind), {8});
    }
    struct Conv {
      const char* name;
      int64_t in, out;
    };
    for (const Conv& conv :
         {Conv{"attn.c_attn", 8, 24}, Conv{"attn.c_proj", 8, 8}, Conv{"mlp.c_fc", 8, 12}, Conv{"mlp.c_proj", 12, 8}}) {
      add(absl::StrCat(layer, conv.name, ".weight"), {conv.in, conv.out});
      add(absl::StrCat(layer, conv.name, ".bias"), {conv.out});
    }
    add(absl::StrCat(layer, "attn.bias"), {1, 1, 20, 20});  // masks
    add(absl::StrCat(layer, "attn.masked_bias"), {1});
  }
  add("ln_f.weight", {8});
  add("ln_f.bias", {8});
  return checkpoint;
}

TEST(Gpt2, SpecHoldsWhatTheConfigSays) {
  const ModelSpec spec = SpecOfConfig(RandomGpt2().ConfigText()).value();
  EXPECT_EQ(spec.architecture(), "gpt2");
  EXPECT_EQ(spec.context_length(), 20);
  EXPECT_TRUE(spec.tied_embeddings());
  EXPECT_EQ(spec.norm().kind(), Norm::LAYER);
  EXPECT_EQ(spec.norm().epsilon(), 1e-5f);
  const Layer& layer = spec.layers(1);
  EXPECT_EQ(layer.attention().heads(), 2);
  EXPECT_EQ(layer.attention().kv_heads(), 2);
  EXPECT_EQ(layer.attention().key_length(), 4);
  EXPECT_EQ(layer.attention().scale(), 0.5f);
  EXPECT_EQ(layer.attention().rope().dimensions(), 0);
  EXPECT_EQ(layer.feed_forward().length(), 12);
  EXPECT_EQ(layer.feed_forward().activation(), FeedForward::GELU_TANH);
}

TEST(Gpt2, FeedForwardIsFourTimesTheHiddenSizeWhereNothingIsSaid) {
  TestCheckpoint checkpoint = RandomGpt2();
  checkpoint.config["n_inner"] = "null";
  EXPECT_EQ(SpecOfConfig(checkpoint.ConfigText())->layers(0).feed_forward().length(), 32);
}

TEST(Gpt2, WeightsAreTransposedWithOrWithoutAPrefix) {
  for (const char* prefix : {"", "transformer."}) {
    TestCheckpoint checkpoint = RandomGpt2(prefix);
    const absl::StatusOr<CheckpointRead> read = ReadCheckpoint(checkpoint);
    ASSERT_TRUE(read.ok()) << read.status();
    EXPECT_THAT(read->map.warnings, IsEmpty());
    for (const auto& [published, name] : {std::pair("attn.c_attn", "attn_qkv"),
                                          {"attn.c_proj", "attn_output"},
                                          {"mlp.c_fc", "ffn_up"},
                                          {"mlp.c_proj", "ffn_down"}}) {
      const TestCheckpoint::Tensor& tensor = checkpoint.Find(absl::StrCat(prefix, "h.1.", published, ".weight"));
      const int64_t in = tensor.shape[0], out = tensor.shape[1];
      std::vector<float> expected;
      for (int64_t i = 0; i < in * out; ++i) expected.push_back(tensor.values[i % in * out + i / in]);
      EXPECT_EQ(read->Values(absl::StrCat("blk.1.", name, ".weight")), expected) << name;
      EXPECT_EQ(read->Values(absl::StrCat("blk.1.", name, ".bias")),
                checkpoint.Find(absl::StrCat(prefix, "h.1.", published, ".bias")).values);
    }
  }
}

TEST(Gpt2, TensorsAreThoseOfAGguf) {
  TestCheckpoint checkpoint = RandomGpt2();
  checkpoint.config["n_layer"] = "1";
  std::erase_if(checkpoint.tensors, [](const auto& tensor) { return tensor.name.substr(0, 4) == "h.1."; });
  EXPECT_THAT(
      ReadCheckpoint(checkpoint)->Names(),
      ElementsAre("token_embd.weight", "position_embd.weight", "blk.0.attn_norm.weight", "blk.0.attn_norm.bias",
                  "blk.0.attn_qkv.weight", "blk.0.attn_qkv.bias", "blk.0.attn_output.weight", "blk.0.attn_output.bias",
                  "blk.0.ffn_norm.weight", "blk.0.ffn_norm.bias", "blk.0.ffn_up.weight", "blk.0.ffn_up.bias",
                  "blk.0.ffn_down.weight", "blk.0.ffn_down.bias", "output_norm.weight", "output_norm.bias"));
}

TEST(Gpt2Gguf, KeysGiveBackTheSpec) {
  const CheckpointRead read = ReadCheckpoint(RandomGpt2()).value();
  EXPECT_EQ(ThroughGguf(read)->DebugString(), read.spec.DebugString());
  EXPECT_EQ(KeysOf(read).Find("gpt2.attention.head_count_kv"), nullptr);
}

TEST(Gpt2Gguf, LlamaCppsConverterIgnoresNInner) {
  const CheckpointRead read = ReadCheckpoint(RandomGpt2()).value();
  const auto theirs = [](gguf::Metadata& keys) { keys.Set("gpt2.feed_forward_length", uint32_t{32}); };
  EXPECT_EQ(ThroughGguf(read, theirs)->DebugString(), read.spec.DebugString());
}

TEST(Gpt2, WhatChangesItsMathsIsRefusedByName) {
  for (const auto& [key, value] : {std::pair("activation_function", "\"relu\""),
                                   {"scale_attn_weights", "false"},
                                   {"scale_attn_by_inverse_layer_idx", "true"},
                                   {"add_cross_attention", "true"}}) {
    TestCheckpoint checkpoint = RandomGpt2();
    checkpoint.config[key] = value;
    const absl::Status status = SpecOfConfig(checkpoint.ConfigText()).status();
    EXPECT_EQ(status.code(), absl::StatusCode::kUnimplemented);
    EXPECT_THAT(std::string(status.message()), HasSubstr(key));
  }
  TestCheckpoint odd = RandomGpt2();
  odd.config["n_head"] = "3";
  EXPECT_THAT(std::string(SpecOfConfig(odd.ConfigText()).status().message()),
              HasSubstr("$.n_head: expected a divisor of the hidden size 8, found 3"));
}

}  // namespace
}  // namespace nibble
