#include "converters/gpt_oss.h"

#include <cmath>
#include <cstddef>
#include <cstdint>
#include <numbers>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

#include "absl/container/btree_map.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "base/status.h"
#include "converters/families.h"
#include "converters/family.h"
#include "converters/memory_checkpoint.h"
#include "formats/dtype.h"
#include "formats/gguf/gguf.h"
#include "formats/json/json.h"
#include "formats/tensor_source.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "model/logical_tensor.h"
#include "model/model_spec.pb.h"
#include "model/role.h"

namespace nibble {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::SizeIs;

constexpr int64_t kLayers = 2, kHidden = 64, kLength = 32, kHeads = 4, kKvHeads = 2, kHead = 32, kExperts = 3;
constexpr int64_t kVocab = 8;

using Config = absl::btree_map<std::string, std::string>;

Config PublishedConfig() {
  return {{"architectures", R"(["GptOssForCausalLM"])"},
          {"model_type", R"("gpt_oss")"},
          {"attention_bias", "true"},
          {"head_dim", absl::StrCat(kHead)},
          {"hidden_act", R"("silu")"},
          {"hidden_size", absl::StrCat(kHidden)},
          {"intermediate_size", absl::StrCat(kLength)},
          {"layer_types", R"(["sliding_attention", "full_attention"])"},
          {"max_position_embeddings", "8192"},
          {"num_attention_heads", absl::StrCat(kHeads)},
          {"num_experts_per_tok", "2"},
          {"num_hidden_layers", absl::StrCat(kLayers)},
          {"num_key_value_heads", absl::StrCat(kKvHeads)},
          {"num_local_experts", absl::StrCat(kExperts)},
          {"rms_norm_eps", "1e-5"},
          {"rope_scaling", R"({"beta_fast": 32.0, "beta_slow": 1.0, "factor": 32.0, "rope_type": "yarn",
                               "original_max_position_embeddings": 256, "truncate": false})"},
          {"rope_theta", "150000"},
          {"sliding_window", "128"},
          {"swiglu_limit", "7.0"},
          {"tie_word_embeddings", "false"},
          {"vocab_size", absl::StrCat(kVocab)}};
}

// As in original/config.json.
Config OriginalConfig() {
  return {{"num_hidden_layers", absl::StrCat(kLayers)},
          {"num_experts", absl::StrCat(kExperts)},
          {"experts_per_token", "2"},
          {"vocab_size", absl::StrCat(kVocab)},
          {"hidden_size", absl::StrCat(kHidden)},
          {"intermediate_size", absl::StrCat(kLength)},
          {"swiglu_limit", "7.0"},
          {"head_dim", absl::StrCat(kHead)},
          {"num_attention_heads", absl::StrCat(kHeads)},
          {"num_key_value_heads", absl::StrCat(kKvHeads)},
          {"sliding_window", "128"},
          {"initial_context_length", "256"},
          {"rope_theta", "150000"},
          {"rope_scaling_factor", "32.0"},
          {"rope_ntk_alpha", "1"},
          {"rope_ntk_beta", "32"}};
}

absl::StatusOr<ModelSpec> SpecOf(const Config& config) {
  std::string text = "{";
  for (const auto& [key, value] : config) absl::StrAppend(&text, text == "{" ? "\"" : ", \"", key, "\": ", value);
  NIBBLE_ASSIGN_OR_RETURN(const json::Document document, json::Document::Parse(text + "}", "config.json"));
  NIBBLE_ASSIGN_OR_RETURN(const Family* family, FindFamily(document.root()));
  EXPECT_EQ(family, &kGptOss);
  return family->spec_from_config(document.root());
}

ModelSpec SpecWith(const std::string& key, const std::string& value) {
  Config config = PublishedConfig();
  config[key] = value;
  return SpecOf(config).value();
}

MemoryCheckpoint Published() {
  MemoryCheckpoint checkpoint;
  checkpoint.AddRandom("model.embed_tokens.weight", {kVocab, kHidden});
  checkpoint.AddRandom("model.norm.weight", {kHidden});
  checkpoint.AddRandom("lm_head.weight", {kVocab, kHidden});
  for (int layer = 0; layer < kLayers; ++layer) {
    const std::string prefix = absl::StrCat("model.layers.", layer, ".");
    const std::string attention = prefix + "self_attn.", experts = prefix + "mlp.experts.";
    checkpoint.AddRandom(prefix + "input_layernorm.weight", {kHidden});
    checkpoint.AddRandom(prefix + "post_attention_layernorm.weight", {kHidden});
    for (const auto& [name, heads] : {std::pair("q", kHeads), {"k", kKvHeads}, {"v", kKvHeads}}) {
      checkpoint.AddRandom(absl::StrCat(attention, name, "_proj.weight"), {heads * kHead, kHidden});
      checkpoint.AddRandom(absl::StrCat(attention, name, "_proj.bias"), {heads * kHead});
    }
    checkpoint.AddRandom(attention + "sinks", {kHeads});
    checkpoint.AddRandom(attention + "o_proj.weight", {kHidden, kHeads * kHead});
    checkpoint.AddRandom(attention + "o_proj.bias", {kHidden});
    checkpoint.AddRandom(prefix + "mlp.router.weight", {kExperts, kHidden});
    checkpoint.AddRandom(prefix + "mlp.router.bias", {kExperts});
    checkpoint.AddRandomBytes(experts + "gate_up_proj_blocks", DType::kU8, {kExperts, 2 * kLength, kHidden / 32, 16});
    checkpoint.AddRandomBytes(experts + "gate_up_proj_scales", DType::kU8, {kExperts, 2 * kLength, kHidden / 32}, 120,
                              130);
    checkpoint.AddRandom(experts + "gate_up_proj_bias", {kExperts, 2 * kLength});
    checkpoint.AddRandomBytes(experts + "down_proj_blocks", DType::kU8, {kExperts, kHidden, kLength / 32, 16});
    checkpoint.AddRandomBytes(experts + "down_proj_scales", DType::kU8, {kExperts, kHidden, kLength / 32}, 120, 130);
    checkpoint.AddRandom(experts + "down_proj_bias", {kExperts, kHidden});
  }
  return checkpoint;
}

// [experts, rows, cols] as floats, worked out by the format's definition: the low nibble comes first.
std::vector<float> Decoded(const MemoryCheckpoint& checkpoint, const std::string& name) {
  constexpr float kValues[] = {0, .5, 1, 1.5, 2, 3, 4, 6, -0.f, -.5, -1, -1.5, -2, -3, -4, -6};
  const auto& blocks = checkpoint.tensors.at(name + "_blocks").bytes;
  const auto& scales = checkpoint.tensors.at(name + "_scales").bytes;
  std::vector<float> values;
  for (size_t i = 0; i < 2 * blocks.size(); ++i) {
    const int code = std::to_integer<int>(blocks[i / 2]) >> (i % 2 * 4) & 15;
    values.push_back(std::ldexp(kValues[code], std::to_integer<int>(scales[i / 32]) - 127));
  }
  return values;
}

// As others export it again, without 4-bit codes: [experts, in, out].
MemoryCheckpoint AsFloats(MemoryCheckpoint checkpoint) {
  for (int layer = 0; layer < kLayers; ++layer) {
    for (const auto& [part, rows, cols] :
         {std::tuple("gate_up_proj", 2 * kLength, kHidden), {"down_proj", kHidden, kLength}}) {
      const std::string name = absl::StrCat("model.layers.", layer, ".mlp.experts.", part);
      const std::vector<float> values = Decoded(checkpoint, name);
      std::vector<float> transposed(values.size());
      for (int64_t i = 0; i < static_cast<int64_t>(values.size()); ++i) {
        const int64_t col = i % cols, row = i / cols % rows, expert = i / cols / rows;
        transposed[(expert * cols + col) * rows + row] = values[i];
      }
      checkpoint.AddFloats(name, {kExperts, cols, rows}, transposed);
      checkpoint.tensors.erase(name + "_blocks");
      checkpoint.tensors.erase(name + "_scales");
    }
  }
  return checkpoint;
}

void Fuse(MemoryCheckpoint& checkpoint, const std::string& prefix, const std::string& kind,
          std::vector<int64_t> shape) {
  std::vector<float> fused;
  for (const char* part : {"q", "k", "v"}) {
    const std::string name = absl::StrCat(prefix, "self_attn.", part, "_proj.", kind);
    const std::vector<float> values = checkpoint.Floats(name);
    fused.insert(fused.end(), values.begin(), values.end());
    checkpoint.tensors.erase(name);
  }
  checkpoint.AddFloats(absl::StrCat(prefix, "attn.qkv.", kind), std::move(shape), fused);
}

// OpenAI's names.
MemoryCheckpoint AsOriginal(MemoryCheckpoint checkpoint) {
  const int64_t rows = (kHeads + 2 * kKvHeads) * kHead;
  for (int layer = 0; layer < kLayers; ++layer) {
    const std::string prefix = absl::StrCat("model.layers.", layer, ".");
    Fuse(checkpoint, prefix, "weight", {rows, kHidden});
    Fuse(checkpoint, prefix, "bias", {rows});
  }
  MemoryCheckpoint renamed;
  for (const auto& [name, tensor] : checkpoint.tensors) {
    const std::string original = absl::StrReplaceAll(name, {{"model.layers.", "block."},
                                                            {"model.embed_tokens.", "embedding."},
                                                            {"model.norm.weight", "norm.scale"},
                                                            {"lm_head.", "unembedding."},
                                                            {"input_layernorm.weight", "attn.norm.scale"},
                                                            {"post_attention_layernorm.weight", "mlp.norm.scale"},
                                                            {"self_attn.sinks", "attn.sinks"},
                                                            {"self_attn.o_proj.", "attn.out."},
                                                            {"mlp.router.", "mlp.gate."},
                                                            {"mlp.experts.gate_up_proj_bias", "mlp.mlp1_bias"},
                                                            {"mlp.experts.gate_up_proj_", "mlp.mlp1_weight."},
                                                            {"mlp.experts.down_proj_bias", "mlp.mlp2_bias"},
                                                            {"mlp.experts.down_proj_", "mlp.mlp2_weight."}});
    renamed.tensors[original] = tensor;
  }
  return renamed;
}

TEST(GptOss, SpecHoldsWhatTheConfigSays) {
  const ModelSpec spec = SpecOf(PublishedConfig()).value();
  EXPECT_EQ(spec.architecture(), "gpt-oss");
  EXPECT_EQ(spec.context_length(), 8192);
  EXPECT_FALSE(spec.tied_embeddings());
  ASSERT_EQ(spec.layers_size(), kLayers);
  const Attention& attention = spec.layers(0).attention();
  EXPECT_EQ(attention.key_length(), kHead);
  EXPECT_EQ(attention.scale(), 1 / std::sqrt(static_cast<float>(kHead)));
  EXPECT_EQ(attention.window(), 128);
  EXPECT_EQ(spec.layers(1).attention().window(), 0);
  EXPECT_EQ(attention.rope().pairing(), Rope::HALF_SPLIT);
  EXPECT_NEAR(attention.rope().magnitude(), 1.346574, 1e-6);  // 0.1 ln 32 + 1
  // Correction dimensions 16 ln(256 / (2 pi turns)) / ln 150000: 0.324 for 32 turns, 4.977 for one, neither rounded.
  const auto& factors = attention.rope().frequency_factors();
  ASSERT_EQ(factors.size(), kHead / 2);
  const auto dimension = [](double turns) {
    return 16 * std::log(256 / (2 * std::numbers::pi * turns)) / std::log(150'000);
  };
  const double slow = (2 - dimension(32)) / (dimension(1) - dimension(32));
  EXPECT_NEAR(factors[2], 1 / (slow / 32 + 1 - slow), 1e-5);
  EXPECT_EQ(factors[0], 1);
  EXPECT_EQ(factors[5], 32);
  const FeedForward& feed_forward = spec.layers(1).feed_forward();
  EXPECT_EQ(feed_forward.activation(), FeedForward::SWIGLU_CLAMPED);
  EXPECT_EQ(feed_forward.limit(), 7);
  EXPECT_EQ(feed_forward.alpha(), 1.702f);
  EXPECT_EQ(feed_forward.experts().count(), kExperts);
  EXPECT_EQ(feed_forward.experts().used(), 2);
  EXPECT_EQ(feed_forward.experts().length(), kLength);
  EXPECT_EQ(feed_forward.experts().gating(), Experts::SOFTMAX_OF_CHOSEN);
}

TEST(GptOss, OriginalConfigSaysTheSameWithOtherKeys) {
  const ModelSpec spec = SpecOf(OriginalConfig()).value();
  EXPECT_EQ(spec.DebugString(), SpecOf(PublishedConfig()).value().DebugString());
  EXPECT_EQ(spec.context_length(), 32 * 256);
}

TEST(GptOss, OriginalConfigsRopeIsChecked) {
  const std::pair<const char*, const char*> cases[] = {
      {"rope_ntk_alpha", "0"},           {"rope_ntk_beta", "-1"},        {"rope_ntk_beta", "null"},
      {"rope_scaling_factor", "\"32\""}, {"rope_scaling_factor", "1e9"}, {"initial_context_length", "0"}};
  for (const auto& [key, value] : cases) {
    Config config = OriginalConfig();
    config[key] = value;
    EXPECT_THAT(SpecOf(config).status().message(), HasSubstr(absl::StrCat("$.", key, ": expected"))) << value;
  }
}

TEST(GptOss, WhatIsNotSupportedIsNamed) {
  const std::string yarn = R"("rope_type": "yarn", "factor": 32, "original_max_position_embeddings": 256)";
  const std::pair<const char*, std::string> cases[] = {
      {"hidden_act", "\"gelu\""},
      {"attention_bias", "false"},
      {"swiglu_limit", "10"},
      {"layer_types", R"(["full_attention", "sliding_attention"])"},
      {"rope_scaling", absl::StrCat("{", yarn, "}")},  // rounded by default
      {"rope_scaling", absl::StrCat("{", yarn, R"(, "truncate": true})")},
  };
  for (const auto& [key, value] : cases) {
    Config config = PublishedConfig();
    config[key] = value;
    const absl::Status status = SpecOf(config).status();
    EXPECT_EQ(status.code(), absl::StatusCode::kUnimplemented) << status;
    EXPECT_THAT(status.message(), HasSubstr(absl::StrCat("$.", key)));
  }
}

TEST(GptOss, BrokenConfigsAreNamed) {
  const std::pair<const char*, const char*> cases[] = {{"layer_types", R"(["sliding_attention"])"},
                                                       {"layer_types", R"([1, 2])"},
                                                       {"num_key_value_heads", "3"},
                                                       {"num_experts_per_tok", "4"},
                                                       {"max_position_embeddings", "null"},
                                                       {"vocab_size", "null"},
                                                       {"sliding_window", "0"},
                                                       {"rope_theta", "1"}};
  for (const auto& [key, value] : cases) {
    Config config = PublishedConfig();
    config[key] = value;
    const absl::Status status = SpecOf(config).status();
    EXPECT_EQ(status.code(), absl::StatusCode::kDataLoss) << key << status;
    EXPECT_THAT(status.message(), HasSubstr(absl::StrCat("$.", key))) << value;
  }
}

TEST(GptOss, LayerTypesMayBeLeftOut) {
  EXPECT_EQ(SpecWith("layer_types", "null").DebugString(), SpecOf(PublishedConfig()).value().DebugString());
}

TEST(GptOss, GateAndUpAreRowsInTurn) {
  const ModelSpec spec = SpecOf(PublishedConfig()).value();
  const MemoryCheckpoint checkpoint = Published();
  const TensorSource source = checkpoint.Source();
  const TensorMap map = kGptOss.tensors_from_checkpoint(spec, source).value();
  const std::vector<float> fused = Decoded(checkpoint, "model.layers.1.mlp.experts.gate_up_proj");
  const std::vector<float> biases = checkpoint.Floats("model.layers.1.mlp.experts.gate_up_proj_bias");
  for (const auto& [name, first] : {std::pair("gate", 0), {"up", 1}}) {
    std::vector<float> rows, bias;
    for (int64_t row = first; row < kExperts * 2 * kLength; row += 2) {
      rows.insert(rows.end(), fused.begin() + row * kHidden, fused.begin() + (row + 1) * kHidden);
      bias.push_back(biases[row]);
    }
    EXPECT_EQ(ValuesOf(source, map, absl::StrCat("blk.1.ffn_", name, "_exps.weight")), rows);
    EXPECT_EQ(ValuesOf(source, map, absl::StrCat("blk.1.ffn_", name, "_exps.bias")), bias);
  }
}

TEST(GptOss, EveryPublishedFormIsTheSameModel) {
  const ModelSpec spec = SpecOf(PublishedConfig()).value();
  const MemoryCheckpoint published = Published();
  const TensorSource source = published.Source();
  const TensorMap map = kGptOss.tensors_from_checkpoint(spec, source).value();
  EXPECT_THAT(map.warnings, SizeIs(0));
  for (const MemoryCheckpoint& other : {AsFloats(published), AsOriginal(published)}) {
    const TensorSource other_source = other.Source();
    const absl::StatusOr<TensorMap> found = kGptOss.tensors_from_checkpoint(spec, other_source);
    ASSERT_TRUE(found.ok()) << found.status();
    ASSERT_EQ(found->tensors.size(), map.tensors.size());
    for (const LogicalTensor& tensor : map.tensors) {
      const std::string name = GgufName(tensor);
      EXPECT_EQ(ValuesOf(other_source, *found, name), ValuesOf(source, map, name)) << name;
    }
  }
}

TEST(GptOss, PublishedCodesAreKept) {
  const ModelSpec spec = SpecOf(PublishedConfig()).value();
  for (const MemoryCheckpoint& checkpoint : {Published(), AsOriginal(Published())}) {
    const TensorSource source = checkpoint.Source();
    const TensorMap map = kGptOss.tensors_from_checkpoint(spec, source).value();
    for (const LogicalTensor& tensor : map.tensors) {
      const bool is_weight = GetRole(tensor.role).is_expert && !tensor.is_vector;
      EXPECT_EQ(RawDType(source, tensor) == DType::kMXFP4, is_weight) << GgufName(tensor);
    }
  }
}

TEST(GptOss, TheNormBeforeExpertsHasLlamaCppsName) {
  const ModelSpec spec = SpecOf(PublishedConfig()).value();
  const TensorSource source = Published().Source();
  const TensorMap map = kGptOss.tensors_from_checkpoint(spec, source).value();
  std::vector<std::string> norms;
  for (const LogicalTensor& tensor : map.tensors) {
    if (tensor.role == Role::kFeedForwardNorm) norms.push_back(GgufName(tensor));
  }
  EXPECT_THAT(norms, ElementsAre("blk.0.post_attention_norm.weight", "blk.1.post_attention_norm.weight"));
}

TEST(GptOss, EveryTensorIsNeeded) {
  const ModelSpec spec = SpecOf(PublishedConfig()).value();
  for (const MemoryCheckpoint& whole : {Published(), AsFloats(Published()), AsOriginal(Published())}) {
    for (const auto& [name, tensor] : whole.tensors) {
      MemoryCheckpoint checkpoint = whole;
      checkpoint.tensors.erase(name);
      EXPECT_EQ(kGptOss.tensors_from_checkpoint(spec, checkpoint.Source()).status().code(), absl::StatusCode::kDataLoss)
          << name;
    }
  }
}

// Keys and back, with a GGUF's own tensors for what the keys do not say.
absl::StatusOr<ModelSpec> ReadBack(const ModelSpec& spec, const std::string& key = "", uint32_t value = 0) {
  gguf::Metadata metadata("m.gguf");
  kGptOss.spec_to_gguf(spec, metadata);
  if (!key.empty()) metadata.Set(key, value);
  MemoryCheckpoint gguf;
  gguf.AddRandom("token_embd.weight", {kVocab, kHidden});
  gguf.AddRandom("output.weight", {kVocab, kHidden});
  return kGptOss.spec_from_gguf(metadata, gguf.Source());
}

TEST(GptOss, AGgufSaysTheSame) {
  const ModelSpec spec = SpecOf(PublishedConfig()).value();
  EXPECT_EQ(ReadBack(spec).value().DebugString(), spec.DebugString());
  EXPECT_TRUE(ReadBack(spec, "gpt-oss.attention.sliding_window_pattern", 2).ok());
  EXPECT_THAT(ReadBack(spec, "gpt-oss.attention.sliding_window_pattern", 3).status().message(),
              HasSubstr("sliding_window_pattern"));
}

}  // namespace
}  // namespace nibble
