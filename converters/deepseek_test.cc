#include "converters/deepseek.h"

#include <cmath>
#include <cstddef>
#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "absl/container/btree_map.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
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

using ::testing::AllOf;
using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;

// The first layer is dense; the third, of a checkpoint, is for multi-token prediction.
constexpr int kLayers = 2;
constexpr int64_t kHidden = 64, kLength = 96, kVocab = 8, kHeads = 4, kNope = 32, kRope = 8, kValue = 24;
constexpr int64_t kQueryRank = 40, kRank = 144, kExperts = 4, kExpertLength = 32;
constexpr int64_t kHeadRows = kNope + kValue;

using Config = absl::btree_map<std::string, std::string>;

constexpr absl::string_view kYarn = R"({"type": "yarn", "factor": 40, "beta_fast": 32, "beta_slow": 1, "mscale": 1.0,
                                        "mscale_all_dim": 1.0, "original_max_position_embeddings": 256})";

Config PublishedConfig() {
  return {{"architectures", R"(["DeepseekV3ForCausalLM"])"},
          {"model_type", R"("deepseek_v3")"},
          {"attention_bias", "false"},
          {"first_k_dense_replace", "1"},
          {"hidden_act", R"("silu")"},
          {"hidden_size", absl::StrCat(kHidden)},
          {"intermediate_size", absl::StrCat(kLength)},
          {"kv_lora_rank", absl::StrCat(kRank)},
          {"max_position_embeddings", "10240"},
          {"moe_intermediate_size", absl::StrCat(kExpertLength)},
          {"moe_layer_freq", "1"},
          {"n_group", "2"},
          {"n_routed_experts", absl::StrCat(kExperts)},
          {"n_shared_experts", "2"},
          {"norm_topk_prob", "true"},
          {"num_attention_heads", absl::StrCat(kHeads)},
          {"num_experts_per_tok", "2"},
          {"num_hidden_layers", absl::StrCat(kLayers)},
          {"num_key_value_heads", absl::StrCat(kHeads)},
          {"num_nextn_predict_layers", "1"},
          {"q_lora_rank", absl::StrCat(kQueryRank)},
          {"qk_nope_head_dim", absl::StrCat(kNope)},
          {"qk_rope_head_dim", absl::StrCat(kRope)},
          {"rms_norm_eps", "1e-5"},
          {"rope_scaling", std::string(kYarn)},
          {"rope_theta", "10000"},
          {"routed_scaling_factor", "2.5"},
          {"scoring_func", R"("sigmoid")"},
          {"tie_word_embeddings", "false"},
          {"topk_group", "1"},
          {"topk_method", R"("noaux_tc")"},
          {"v_head_dim", absl::StrCat(kValue)},
          {"vocab_size", absl::StrCat(kVocab)}};
}

Config With(const std::string& key, const std::string& value) {
  Config config = PublishedConfig();
  config[key] = value;
  return config;
}

absl::StatusOr<ModelSpec> SpecOf(const Config& config) {
  std::string text = "{";
  for (const auto& [key, value] : config) absl::StrAppend(&text, text == "{" ? "\"" : ", \"", key, "\": ", value);
  NIBBLE_ASSIGN_OR_RETURN(const json::Document document, json::Document::Parse(text + "}", "config.json"));
  NIBBLE_ASSIGN_OR_RETURN(const Family* family, FindFamily(document.root()));
  EXPECT_EQ(family, &kDeepseek);
  return family->spec_from_config(document.root());
}

// As a model is opened without --keep-mtp.
ModelSpec WithoutPredictions(ModelSpec spec) {
  spec.clear_prediction_layers();
  return spec;
}

ModelSpec Spec() { return WithoutPredictions(SpecOf(PublishedConfig()).value()); }

void AddLayer(MemoryCheckpoint& checkpoint, int layer) {
  const std::string prefix = absl::StrCat("model.layers.", layer, ".");
  const auto add = [&](const std::string& name, std::vector<int64_t> shape) {
    checkpoint.AddRandom(prefix + name, std::move(shape));
  };
  const auto add_gated = [&](const std::string& name, int64_t length) {
    add(name + "gate_proj.weight", {length, kHidden});
    add(name + "up_proj.weight", {length, kHidden});
    add(name + "down_proj.weight", {kHidden, length});
  };
  add("input_layernorm.weight", {kHidden});
  add("post_attention_layernorm.weight", {kHidden});
  add("self_attn.q_a_proj.weight", {kQueryRank, kHidden});
  add("self_attn.q_a_layernorm.weight", {kQueryRank});
  add("self_attn.q_b_proj.weight", {kHeads * (kNope + kRope), kQueryRank});
  add("self_attn.kv_a_proj_with_mqa.weight", {kRank + kRope, kHidden});
  add("self_attn.kv_a_layernorm.weight", {kRank});
  add("self_attn.kv_b_proj.weight", {kHeads * kHeadRows, kRank});
  add("self_attn.o_proj.weight", {kHidden, kHeads * kValue});
  if (layer == 0) return add_gated("mlp.", kLength);
  add("mlp.gate.weight", {kExperts, kHidden});
  add("mlp.gate.e_score_correction_bias", {kExperts});
  add_gated("mlp.shared_experts.", 2 * kExpertLength);
  for (int e = 0; e < kExperts; ++e) add_gated(absl::StrCat("mlp.experts.", e, "."), kExpertLength);
}

MemoryCheckpoint Published() {
  MemoryCheckpoint checkpoint;
  checkpoint.AddRandom("model.embed_tokens.weight", {kVocab, kHidden});
  checkpoint.AddRandom("model.norm.weight", {kHidden});
  checkpoint.AddRandom("lm_head.weight", {kVocab, kHidden});
  for (int layer = 0; layer < kLayers; ++layer) AddLayer(checkpoint, layer);
  return checkpoint;
}

MemoryCheckpoint PublishedWithPredictions() {
  MemoryCheckpoint checkpoint = Published();
  AddLayer(checkpoint, kLayers);
  const std::string prefix = absl::StrCat("model.layers.", kLayers, ".");
  checkpoint.AddRandom(prefix + "embed_tokens.weight", {kVocab, kHidden});
  checkpoint.AddRandom(prefix + "enorm.weight", {kHidden});
  checkpoint.AddRandom(prefix + "hnorm.weight", {kHidden});
  checkpoint.AddRandom(prefix + "eh_proj.weight", {kHidden, 2 * kHidden});
  checkpoint.AddRandom(prefix + "shared_head.norm.weight", {kHidden});
  checkpoint.AddRandom(prefix + "shared_head.head.weight", {kVocab, kHidden});
  return checkpoint;
}

std::vector<std::string> Names(const TensorMap& map) {
  std::vector<std::string> names;
  for (const LogicalTensor& tensor : map.tensors) {
    if (tensor.slice <= 0) names.push_back(GgufName(tensor));
  }
  return names;
}

TEST(Deepseek, SpecHoldsWhatTheConfigSays) {
  const ModelSpec spec = SpecOf(PublishedConfig()).value();
  EXPECT_EQ(spec.architecture(), "deepseek2");
  EXPECT_EQ(spec.norm().epsilon(), 1e-5f);
  ASSERT_EQ(spec.layers_size(), kLayers);
  const Attention& attention = spec.layers(0).attention();
  EXPECT_EQ(attention.key_length(), kNope + kRope);
  EXPECT_EQ(attention.value_length(), kValue);
  EXPECT_EQ(attention.latent().query_rank(), kQueryRank);
  EXPECT_EQ(attention.latent().key_value_rank(), kRank);
  EXPECT_EQ(attention.head_norm_epsilon(), 1e-6f);  // whatever rms_norm_eps
  EXPECT_EQ(attention.rope().pairing(), Rope::INTERLEAVED);
  EXPECT_EQ(attention.rope().dimensions(), kRope);
  EXPECT_EQ(attention.rope().magnitude(), 0);  // mscale / mscale_all_dim is 1
  const double mscale = 0.1 * std::log(40) + 1;
  EXPECT_NEAR(attention.scale(), mscale * mscale / std::sqrt(kNope + kRope), 1e-7);
  EXPECT_EQ(spec.layers(0).feed_forward().length(), kLength);
  EXPECT_FALSE(spec.layers(0).feed_forward().has_experts());
  const Experts& experts = spec.layers(1).feed_forward().experts();
  EXPECT_EQ(experts.count(), kExperts);
  EXPECT_EQ(experts.used(), 2);
  EXPECT_EQ(experts.length(), kExpertLength);
  EXPECT_EQ(experts.gating(), Experts::SIGMOID);
  EXPECT_TRUE(experts.normalize());
  EXPECT_EQ(experts.weight_scale(), 2.5);
  EXPECT_EQ(experts.groups(), 2);
  EXPECT_EQ(experts.groups_used(), 1);
  EXPECT_EQ(experts.shared_length(), 2 * kExpertLength);
}

TEST(Deepseek, WithoutMscaleTheScoresAreNotScaled) {
  const std::string yarn = R"({"type": "yarn", "factor": 40, "original_max_position_embeddings": 256})";
  const ModelSpec spec = SpecOf(With("rope_scaling", yarn)).value();
  EXPECT_EQ(spec.layers(0).attention().scale(), 1 / std::sqrt(static_cast<float>(kNope + kRope)));
  EXPECT_NEAR(spec.layers(0).attention().rope().magnitude(), 0.1 * std::log(40) + 1, 1e-6);
  EXPECT_EQ(SpecOf(With("rope_scaling", "null")).value().rope_scaling().type(), "");
}

TEST(Deepseek, KimiIsTheSameFamily) {
  EXPECT_TRUE(SpecOf(With("model_type", R"("kimi_k2")")).ok());
  Config config = With("model_type", R"("kimi_k2")");
  config.erase("architectures");
  EXPECT_TRUE(SpecOf(config).ok());
}

TEST(Deepseek, WeightsOfExpertsMayStayAsTheyAre) {
  EXPECT_FALSE(SpecOf(With("norm_topk_prob", "false"))->layers(1).feed_forward().experts().normalize());
}

TEST(Deepseek, WhatIsNotSupportedIsNamed) {
  const std::pair<std::string, std::string> cases[] = {
      {"hidden_act", "\"gelu\""},
      {"attention_bias", "true"},
      {"moe_layer_freq", "2"},
      {"rope_interleave", "false"},
      {"scoring_func", "\"softmax\""},
      {"topk_method", "\"group_limited_greedy\""},
      {"rope_scaling", R"({"type": "yarn", "factor": 40, "mscale": 0.707, "mscale_all_dim": 1.0,
                           "original_max_position_embeddings": 256})"},
      {"rope_scaling", R"({"type": "yarn", "factor": 40, "original_max_position_embeddings": 256,
                           "truncate": false})"},
  };
  for (const auto& [key, value] : cases) {
    const absl::Status status = SpecOf(With(key, value)).status();
    EXPECT_EQ(status.code(), absl::StatusCode::kUnimplemented) << status;
    EXPECT_THAT(status.message(), HasSubstr("$." + key));
  }
}

TEST(Deepseek, BrokenConfigsAreNamed) {
  const std::pair<std::string, std::string> cases[] = {
      {"n_group", "3"},          {"n_group", "null"},          {"topk_group", "3"},
      {"qk_rope_head_dim", "7"}, {"num_experts_per_tok", "3"}, {"routed_scaling_factor", "0"},
      {"kv_lora_rank", "null"},  {"qk_nope_head_dim", "0"},    {"first_k_dense_replace", "2"},
      {"vocab_size", "null"},    {"v_head_dim", "null"},       {"n_shared_experts", "1048576"},
  };
  for (const auto& [key, value] : cases) {
    const absl::Status status = SpecOf(With(key, value)).status();
    EXPECT_EQ(status.code(), absl::StatusCode::kDataLoss) << key << " " << value << " " << status;
    EXPECT_THAT(status.message(), HasSubstr("$." + key)) << value;
  }
}

// Slices of the keys' tensor, rows of latent dimensions; then those of the values' tensor.
void ExpectedHeads(const std::vector<float>& kv_b, std::vector<float>& keys, std::vector<float>& values) {
  for (int64_t head = 0; head < kHeads; ++head) {
    const float* rows = &kv_b[head * kHeadRows * kRank];
    for (int64_t latent = 0; latent < kRank; ++latent) {
      for (int64_t i = 0; i < kNope; ++i) keys.push_back(rows[i * kRank + latent]);
    }
    values.insert(values.end(), rows + kNope * kRank, rows + kHeadRows * kRank);
  }
}

TEST(Deepseek, KeysAndValuesOfHeadsAreTakenApart) {
  const MemoryCheckpoint checkpoint = Published();
  const TensorSource source = checkpoint.Source();
  const TensorMap map = kDeepseek.tensors_from_checkpoint(Spec(), source).value();
  std::vector<float> keys, values;
  ExpectedHeads(checkpoint.Floats("model.layers.1.self_attn.kv_b_proj.weight"), keys, values);
  EXPECT_EQ(ValuesOf(source, map, "blk.1.attn_k_b.weight"), keys);
  EXPECT_EQ(ValuesOf(source, map, "blk.1.attn_v_b.weight"), values);
}

// E4M3 without its two NaNs.
float E4M3(int code) {
  const int exponent = code >> 3 & 15, mantissa = code & 7;
  const float value = exponent == 0 ? std::ldexp(mantissa / 8.f, -6) : std::ldexp(1 + mantissa / 8.f, exponent - 7);
  return code < 128 ? value : -value;
}

TEST(Deepseek, ScalesOfPartialBlocksFollowTheRowsThatHeadsAreTakenFrom) {
  constexpr int64_t kRows = kHeads * kHeadRows;  // 224: a block of 128 and one of 96; columns: 128 and 16
  const std::string name = "model.layers.0.self_attn.kv_b_proj.weight";
  MemoryCheckpoint checkpoint = Published();
  checkpoint.AddRandomBytes(name, DType::kF8_E4M3, {kRows, kRank}, 0, 126);
  const std::vector<float> scales = {1, 2, 4, 8};
  checkpoint.AddFloats(name + "_scale_inv", {2, 2}, scales);
  std::vector<float> decoded, keys, values;
  for (int64_t i = 0; i < kRows * kRank; ++i) {
    const float scale = scales[i / kRank / 128 * 2 + i % kRank / 128];
    decoded.push_back(scale * E4M3(std::to_integer<int>(checkpoint.tensors.at(name).bytes[i])));
  }
  ExpectedHeads(decoded, keys, values);
  const TensorSource source = checkpoint.Source();
  const TensorMap map = kDeepseek.tensors_from_checkpoint(Spec(), source).value();
  EXPECT_EQ(ValuesOf(source, map, "blk.0.attn_k_b.weight"), keys);
  EXPECT_EQ(ValuesOf(source, map, "blk.0.attn_v_b.weight"), values);
}

TEST(Deepseek, PublishedInt4IsKeptInGroupsOf32) {
  MemoryCheckpoint checkpoint = Published();
  const std::string prefix = "model.layers.1.mlp.experts.";
  for (int e = 0; e < kExperts; ++e) {
    const std::string name = absl::StrCat(prefix, e, ".up_proj.weight");
    checkpoint.tensors.erase(name);
    checkpoint.AddRandomBytes(name + "_packed", DType::kI32, {kExpertLength, kHidden / 8});
    checkpoint.AddRandomBytes(name + "_scale", DType::kBF16, {kExpertLength, kHidden / 32}, 0x3c, 0x3c);
    checkpoint.AddRandomBytes(name + "_shape", DType::kI32, {2});
  }
  const TensorSource source = checkpoint.Source();
  const TensorMap map = kDeepseek.tensors_from_checkpoint(Spec(), source).value();
  for (const LogicalTensor& tensor : map.tensors) {
    EXPECT_EQ(RawDType(source, tensor) == DType::kQ4_0, tensor.role == Role::kExpertUp) << GgufName(tensor);
  }
}

TEST(Deepseek, QueriesNeedNoLatent) {
  const ModelSpec spec = WithoutPredictions(SpecOf(With("q_lora_rank", "null")).value());
  MemoryCheckpoint checkpoint = Published();
  for (int layer = 0; layer < kLayers; ++layer) {
    const std::string prefix = absl::StrCat("model.layers.", layer, ".self_attn.");
    for (const char* name : {"q_a_proj.weight", "q_a_layernorm.weight", "q_b_proj.weight"}) {
      checkpoint.tensors.erase(prefix + name);
    }
    checkpoint.AddRandom(prefix + "q_proj.weight", {kHeads * (kNope + kRope), kHidden});
  }
  const TensorSource source = checkpoint.Source();
  const absl::StatusOr<TensorMap> map = kDeepseek.tensors_from_checkpoint(spec, source);
  ASSERT_TRUE(map.ok()) << map.status();
  EXPECT_THAT(Names(*map), AllOf(Contains("blk.0.attn_q.weight"), Not(Contains("blk.0.attn_q_a.weight"))));
}

TEST(Deepseek, EveryTensorIsNeeded) {
  const MemoryCheckpoint whole = Published();
  for (const auto& [name, tensor] : whole.tensors) {
    MemoryCheckpoint checkpoint = whole;
    checkpoint.tensors.erase(name);
    EXPECT_EQ(kDeepseek.tensors_from_checkpoint(Spec(), checkpoint.Source()).status().code(),
              absl::StatusCode::kDataLoss)
        << name;
  }
}

TEST(Deepseek, PredictionLayersAreDroppedWithAWarning) {
  const TensorSource source = PublishedWithPredictions().Source();
  const TensorMap map = kDeepseek.tensors_from_checkpoint(Spec(), source).value();
  EXPECT_THAT(map.warnings, ElementsAre(AllOf(HasSubstr("--keep-mtp"), HasSubstr("model.layers.2."))));
  EXPECT_EQ(Names(map), Names(kDeepseek.tensors_from_checkpoint(Spec(), Published().Source()).value()));
}

TEST(Deepseek, PredictionLayersMayBeKept) {
  const ModelSpec spec = SpecOf(PublishedConfig()).value();
  ASSERT_EQ(spec.prediction_layers_size(), 1);
  EXPECT_TRUE(spec.prediction_layers(0).feed_forward().has_experts());
  const TensorSource source = PublishedWithPredictions().Source();
  const TensorMap map = kDeepseek.tensors_from_checkpoint(spec, source).value();
  EXPECT_THAT(map.warnings, IsEmpty());
  EXPECT_EQ(ValuesOf(source, map, "blk.2.nextn.eh_proj.weight").size(), 2 * kHidden * kHidden);
  std::vector<std::string> own;
  for (const std::string& name : Names(map)) {
    if (absl::StrContains(name, "nextn")) own.push_back(name);
  }
  EXPECT_THAT(own, ElementsAre("blk.2.nextn.eh_proj.weight", "blk.2.nextn.enorm.weight", "blk.2.nextn.hnorm.weight",
                               "blk.2.nextn.embed_tokens.weight", "blk.2.nextn.shared_head_head.weight",
                               "blk.2.nextn.shared_head_norm.weight"));
  EXPECT_THAT(Names(map), Contains("blk.2.ffn_down_exps.weight"));
}

// Keys and back, with a GGUF's own tensors for what the keys do not say.
class Gguf {
 public:
  explicit Gguf(const ModelSpec& spec) : metadata("m.gguf") {
    kDeepseek.spec_to_gguf(spec, metadata);
    tensors.AddRandom("token_embd.weight", {kVocab, kHidden});
    tensors.AddRandom("output.weight", {kVocab, kHidden});
    for (int i = 0; i < spec.prediction_layers_size(); ++i) {
      tensors.AddRandom(absl::StrCat("blk.", spec.layers_size() + i, ".nextn.eh_proj.weight"), {kHidden, 2 * kHidden});
    }
  }
  absl::StatusOr<ModelSpec> Read() const { return kDeepseek.spec_from_gguf(metadata, tensors.Source()); }

  gguf::Metadata metadata;
  MemoryCheckpoint tensors;
};

TEST(Deepseek, AGgufSaysTheSame) {
  for (const char* queries : {"40", "null"}) {
    for (const std::string& scaling : {std::string(kYarn), std::string("null")}) {
      Config config = With("q_lora_rank", queries);
      config["rope_scaling"] = scaling;
      const ModelSpec spec = SpecOf(config).value();
      EXPECT_EQ(Gguf(spec).Read().value().DebugString(), spec.DebugString());
      EXPECT_EQ(Gguf(WithoutPredictions(spec)).Read().value().DebugString(), WithoutPredictions(spec).DebugString());
    }
  }
}

TEST(Deepseek, KeysAreWhatLlamaCppAttendsWith) {
  const Gguf gguf(SpecOf(PublishedConfig()).value());
  const std::pair<const char*, int64_t> cases[] = {{"attention.head_count_kv", 1},
                                                   {"attention.key_length", kRank + kRope},
                                                   {"attention.value_length", kRank},
                                                   {"attention.key_length_mla", kNope + kRope},
                                                   {"attention.value_length_mla", kValue},
                                                   {"block_count", kLayers + 1},
                                                   {"nextn_predict_layers", 1},
                                                   {"expert_gating_func", 2}};
  for (const auto& [key, value] : cases) {
    EXPECT_EQ(gguf.metadata.Uint(absl::StrCat("deepseek2.", key), 0, 1 << 20).value(), value) << key;
  }
  const Gguf without(Spec());
  EXPECT_EQ(without.metadata.Uint("deepseek2.block_count", 0, 100).value(), kLayers);
  EXPECT_EQ(without.metadata.Find("deepseek2.nextn_predict_layers"), nullptr);
}

TEST(Deepseek, OfAGgufTooWhatIsNotSupportedIsNamed) {
  Gguf softmax(Spec());
  softmax.metadata.Set("deepseek2.expert_gating_func", uint32_t{1});
  EXPECT_THAT(softmax.Read().status().message(), HasSubstr("expert_gating_func"));
  EXPECT_EQ(softmax.Read().status().code(), absl::StatusCode::kUnimplemented);

  const Gguf whole(Spec());
  gguf::Metadata older("m.gguf");
  for (const auto& [key, value] : whole.metadata.entries()) {
    if (!absl::EndsWith(key, "_mla")) older.Set(key, value);
  }
  const absl::Status status = kDeepseek.spec_from_gguf(older, whole.tensors.Source()).status();
  EXPECT_EQ(status.code(), absl::StatusCode::kUnimplemented);
  EXPECT_THAT(status.message(), HasSubstr("attn_kv_b"));

  Gguf all_predictions(SpecOf(PublishedConfig()).value());
  all_predictions.metadata.Set("deepseek2.nextn_predict_layers", uint32_t{kLayers + 1});
  EXPECT_THAT(all_predictions.Read().status().message(), HasSubstr("nextn_predict_layers"));
}

TEST(Deepseek, AGgufMayCountPredictionLayersThatItHasNot) {
  Gguf gguf(SpecOf(PublishedConfig()).value());
  gguf.tensors.tensors.erase("blk.2.nextn.eh_proj.weight");
  EXPECT_EQ(gguf.Read().value().DebugString(), Spec().DebugString());
}

TEST(Deepseek, PredictionLayersOfAGgufAreDroppedToo) {
  MemoryCheckpoint gguf;
  const TensorSource published = PublishedWithPredictions().Source();
  const TensorMap map = kDeepseek.tensors_from_checkpoint(SpecOf(PublishedConfig()).value(), published).value();
  for (const LogicalTensor& tensor : map.tensors) {
    const std::string name = GgufName(tensor);
    if (tensor.slice > 0) continue;
    std::vector<int64_t> shape;
    if (tensor.slice == 0) {
      const bool of_heads = tensor.role == Role::kKeyB || tensor.role == Role::kValueB;
      shape.push_back(of_heads ? kHeads : kExperts);
    }
    if (!tensor.is_vector) shape.push_back(tensor.rows);
    shape.push_back(tensor.cols);
    gguf.AddFloats(name, shape, ValuesOf(published, map, name));
  }
  const TensorSource source = gguf.Source();
  const absl::StatusOr<TensorMap> found = kDeepseek.tensors_from_gguf(Spec(), source);
  ASSERT_TRUE(found.ok()) << found.status();
  EXPECT_THAT(found->warnings, ElementsAre(AllOf(HasSubstr("--keep-mtp"), HasSubstr("blk.2."))));
  EXPECT_TRUE(kDeepseek.tensors_from_gguf(SpecOf(PublishedConfig()).value(), source).ok());
}

}  // namespace
}  // namespace nibble
