#include "tests/shapes/published.h"

#include <cstdint>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "formats/dtype.h"

namespace nibble::tests {
namespace {

using Shape = std::vector<int64_t>;

// Collects tensors under a prefix.
class Tensors {
 public:
  void Enter(std::string prefix) { prefix_ = std::move(prefix); }

  void Add(absl::string_view name, DType dtype, Shape shape) {
    tensors_.push_back({absl::StrCat(prefix_, name), dtype, std::move(shape)});
  }
  void Bf16(absl::string_view name, Shape shape) { Add(name, DType::kBF16, std::move(shape)); }
  void Biased(absl::string_view name, int64_t rows, int64_t cols) {
    Bf16(absl::StrCat(name, ".weight"), {rows, cols});
    Bf16(absl::StrCat(name, ".bias"), {rows});
  }

  std::vector<safetensors::TensorInfo> Take() { return std::move(tensors_); }

 private:
  std::string prefix_;
  std::vector<safetensors::TensorInfo> tensors_;
};

// How a checkpoint stores a matrix.
using AddMatrix = void (*)(Tensors& tensors, absl::string_view name, int64_t rows, int64_t cols);

void Bf16Matrix(Tensors& tensors, absl::string_view name, int64_t rows, int64_t cols) {
  tensors.Bf16(absl::StrCat(name, ".weight"), {rows, cols});
}

void Fp8Matrix(Tensors& tensors, absl::string_view name, int64_t rows, int64_t cols) {
  tensors.Add(absl::StrCat(name, ".weight"), DType::kF8_E4M3, {rows, cols});
  tensors.Add(absl::StrCat(name, ".weight_scale_inv"), DType::kF32, {(rows + 127) / 128, (cols + 127) / 128});
}

void Int4Matrix(Tensors& tensors, absl::string_view name, int64_t rows, int64_t cols) {
  tensors.Add(absl::StrCat(name, ".weight_packed"), DType::kI32, {rows, cols / 8});
  tensors.Add(absl::StrCat(name, ".weight_scale"), DType::kBF16, {rows, cols / 32});
  tensors.Add(absl::StrCat(name, ".weight_shape"), DType::kI32, {2});
}

void AddGatedMlp(Tensors& tensors, const std::string& name, int64_t hidden, int64_t length, AddMatrix add) {
  add(tensors, name + ".gate_proj", length, hidden);
  add(tensors, name + ".up_proj", length, hidden);
  add(tensors, name + ".down_proj", hidden, length);
}

void AddAttention(Tensors& tensors, int64_t hidden, int64_t queries, int64_t keys) {
  Bf16Matrix(tensors, "self_attn.q_proj", queries, hidden);
  Bf16Matrix(tensors, "self_attn.k_proj", keys, hidden);
  Bf16Matrix(tensors, "self_attn.v_proj", keys, hidden);
  Bf16Matrix(tensors, "self_attn.o_proj", hidden, queries);
}

void AddNorms(Tensors& tensors, int64_t hidden) {
  tensors.Bf16("input_layernorm.weight", {hidden});
  tensors.Bf16("post_attention_layernorm.weight", {hidden});
}

// Embedding, last norm and output.
void AddEnds(Tensors& tensors, const std::string& prefix, int64_t vocabulary, int64_t hidden) {
  tensors.Enter(prefix);
  tensors.Bf16("model.embed_tokens.weight", {vocabulary, hidden});
  tensors.Bf16("model.norm.weight", {hidden});
  tensors.Bf16("lm_head.weight", {vocabulary, hidden});
}

Checkpoint Llama405B() {
  constexpr int64_t kHidden = 16384;
  Tensors tensors;
  for (int layer = 0; layer < 126; ++layer) {
    tensors.Enter(absl::StrCat("model.layers.", layer, "."));
    AddNorms(tensors, kHidden);
    AddAttention(tensors, kHidden, 16384, 1024);
    AddGatedMlp(tensors, "mlp", kHidden, 53248, Bf16Matrix);
  }
  AddEnds(tensors, "", 128256, kHidden);
  return {R"({"architectures": ["LlamaForCausalLM"], "model_type": "llama", "hidden_act": "silu", "hidden_size": 16384,
    "intermediate_size": 53248, "max_position_embeddings": 131072, "num_attention_heads": 128, "num_hidden_layers": 126,
    "num_key_value_heads": 8, "rms_norm_eps": 1e-05, "rope_scaling": {"factor": 8.0, "low_freq_factor": 1.0,
    "high_freq_factor": 4.0, "original_max_position_embeddings": 8192, "rope_type": "llama3"}, "rope_theta": 500000.0,
    "tie_word_embeddings": false, "vocab_size": 128256})",
          tensors.Take(), 191};
}

Checkpoint Qwen3Moe235B() {
  constexpr int64_t kHidden = 4096;
  Tensors tensors;
  for (int layer = 0; layer < 94; ++layer) {
    tensors.Enter(absl::StrCat("model.layers.", layer, "."));
    AddNorms(tensors, kHidden);
    AddAttention(tensors, kHidden, 8192, 512);
    tensors.Bf16("self_attn.q_norm.weight", {128});
    tensors.Bf16("self_attn.k_norm.weight", {128});
    tensors.Bf16("mlp.gate.weight", {128, kHidden});
    for (int e = 0; e < 128; ++e) AddGatedMlp(tensors, absl::StrCat("mlp.experts.", e), kHidden, 1536, Bf16Matrix);
  }
  AddEnds(tensors, "", 151936, kHidden);
  return {R"({"architectures": ["Qwen3MoeForCausalLM"], "model_type": "qwen3_moe", "decoder_sparse_step": 1,
    "head_dim": 128, "hidden_act": "silu", "hidden_size": 4096, "intermediate_size": 12288,
    "max_position_embeddings": 40960, "mlp_only_layers": [], "moe_intermediate_size": 1536, "norm_topk_prob": true,
    "num_attention_heads": 64, "num_experts": 128, "num_experts_per_tok": 8, "num_hidden_layers": 94,
    "num_key_value_heads": 4, "rms_norm_eps": 1e-06, "rope_theta": 1000000.0, "tie_word_embeddings": false,
    "vocab_size": 151936})",
          tensors.Take(), 118};
}

Checkpoint GptOss(int layers, int64_t experts, int shards) {
  constexpr int64_t kHidden = 2880;
  Tensors tensors;
  for (int layer = 0; layer < layers; ++layer) {
    tensors.Enter(absl::StrCat("model.layers.", layer, "."));
    AddNorms(tensors, kHidden);
    tensors.Biased("self_attn.q_proj", 4096, kHidden);
    tensors.Biased("self_attn.k_proj", 512, kHidden);
    tensors.Biased("self_attn.v_proj", 512, kHidden);
    tensors.Biased("self_attn.o_proj", kHidden, 4096);
    tensors.Bf16("self_attn.sinks", {64});
    tensors.Biased("mlp.router", experts, kHidden);
    for (const auto& [name, rows] : {std::pair("gate_up", 2 * kHidden), {"down", kHidden}}) {
      const std::string part = absl::StrCat("mlp.experts.", name, "_proj_");
      tensors.Add(part + "blocks", DType::kU8, {experts, rows, kHidden / 32, 16});
      tensors.Add(part + "scales", DType::kU8, {experts, rows, kHidden / 32});
      tensors.Bf16(part + "bias", {experts, rows});
    }
  }
  AddEnds(tensors, "", 201088, kHidden);
  std::string windows;
  for (int layer = 0; layer < layers; ++layer) {
    absl::StrAppend(&windows, layer == 0 ? "" : ", ", layer % 2 == 0 ? "\"sliding" : "\"full", "_attention\"");
  }
  return {absl::StrCat(
              R"({"architectures": ["GptOssForCausalLM"], "attention_bias": true, "experts_per_token": 4,
    "head_dim": 64, "hidden_act": "silu", "hidden_size": 2880, "initial_context_length": 4096,
    "intermediate_size": 2880, "max_position_embeddings": 131072, "model_type": "gpt_oss", "num_attention_heads": 64,
    "num_experts_per_tok": 4, "num_key_value_heads": 8, "quantization_config": {"modules_to_not_convert":
    ["model.layers.*.self_attn", "model.layers.*.mlp.router", "model.embed_tokens", "lm_head"],
    "quant_method": "mxfp4"}, "rms_norm_eps": 1e-05, "rope_scaling": {"beta_fast": 32.0, "beta_slow": 1.0,
    "factor": 32.0, "original_max_position_embeddings": 4096, "rope_type": "yarn", "truncate": false},
    "rope_theta": 150000, "sliding_window": 128, "swiglu_limit": 7.0, "tie_word_embeddings": false,
    "vocab_size": 201088, "num_hidden_layers": )",
              layers, R"(, "num_local_experts": )", experts, R"(, "layer_types": [)", windows, "]}"),
          tensors.Take(), shards};
}

Checkpoint GptOss20B() { return GptOss(24, 32, 3); }
Checkpoint GptOss120B() { return GptOss(36, 128, 15); }

// What DeepSeek-V3 and Kimi K2 differ in.
struct LatentModel {
  int layers, dense_layers, mtp_layers;
  int64_t heads, experts, vocabulary;
  AddMatrix linear, expert;
};

constexpr int64_t kLatentHidden = 7168;

void AddLatentLayer(Tensors& tensors, const LatentModel& model, int layer) {
  constexpr int64_t kQueryRank = 1536, kRank = 512, kNope = 128, kRope = 64, kValue = 128, kExpertLength = 2048;
  tensors.Enter(absl::StrCat("model.layers.", layer, "."));
  AddNorms(tensors, kLatentHidden);
  model.linear(tensors, "self_attn.q_a_proj", kQueryRank, kLatentHidden);
  tensors.Bf16("self_attn.q_a_layernorm.weight", {kQueryRank});
  model.linear(tensors, "self_attn.q_b_proj", model.heads * (kNope + kRope), kQueryRank);
  model.linear(tensors, "self_attn.kv_a_proj_with_mqa", kRank + kRope, kLatentHidden);
  tensors.Bf16("self_attn.kv_a_layernorm.weight", {kRank});
  model.linear(tensors, "self_attn.kv_b_proj", model.heads * (kNope + kValue), kRank);
  model.linear(tensors, "self_attn.o_proj", kLatentHidden, model.heads * kValue);
  if (layer < model.dense_layers) return AddGatedMlp(tensors, "mlp", kLatentHidden, 18432, model.linear);
  tensors.Bf16("mlp.gate.weight", {model.experts, kLatentHidden});
  tensors.Add("mlp.gate.e_score_correction_bias", DType::kF32, {model.experts});
  AddGatedMlp(tensors, "mlp.shared_experts", kLatentHidden, kExpertLength, model.linear);
  for (int e = 0; e < model.experts; ++e) {
    AddGatedMlp(tensors, absl::StrCat("mlp.experts.", e), kLatentHidden, kExpertLength, model.expert);
  }
}

void AddPredictor(Tensors& tensors, const LatentModel& model, int layer) {
  AddLatentLayer(tensors, model, layer);
  tensors.Bf16("embed_tokens.weight", {model.vocabulary, kLatentHidden});
  tensors.Bf16("enorm.weight", {kLatentHidden});
  tensors.Bf16("hnorm.weight", {kLatentHidden});
  tensors.Bf16("eh_proj.weight", {kLatentHidden, 2 * kLatentHidden});
  tensors.Bf16("shared_head.norm.weight", {kLatentHidden});
  tensors.Bf16("shared_head.head.weight", {model.vocabulary, kLatentHidden});
}

std::vector<safetensors::TensorInfo> LatentTensors(const LatentModel& model) {
  Tensors tensors;
  for (int layer = 0; layer < model.layers; ++layer) AddLatentLayer(tensors, model, layer);
  for (int layer = 0; layer < model.mtp_layers; ++layer) AddPredictor(tensors, model, model.layers + layer);
  AddEnds(tensors, "", model.vocabulary, kLatentHidden);
  return tensors.Take();
}

constexpr char kLatentConfig[] = R"({"architectures": ["DeepseekV3ForCausalLM"], "attention_bias": false,
    "hidden_act": "silu", "hidden_size": 7168, "intermediate_size": 18432, "kv_lora_rank": 512, "moe_layer_freq": 1,
    "moe_intermediate_size": 2048, "n_shared_experts": 1, "norm_topk_prob": true, "num_experts_per_tok": 8,
    "num_hidden_layers": 61, "q_lora_rank": 1536, "qk_nope_head_dim": 128, "qk_rope_head_dim": 64,
    "rms_norm_eps": 1e-06, "scoring_func": "sigmoid", "tie_word_embeddings": false, "topk_method": "noaux_tc",
    "v_head_dim": 128, )";
constexpr char kFp8Config[] = R"("quantization_config": {"activation_scheme": "dynamic", "fmt": "e4m3",
    "quant_method": "fp8", "weight_block_size": [128, 128]}, )";
constexpr char kInt4Config[] = R"("quantization_config": {"config_groups": {"group_0": {"targets": ["Linear"],
    "weights": {"group_size": 32, "num_bits": 4, "strategy": "group", "symmetric": true, "type": "int"}}},
    "format": "pack-quantized", "ignore": ["lm_head", "re:.*self_attn.*", "re:.*shared_experts.*"],
    "quant_method": "compressed-tensors", "quantization_status": "compressed"}, )";
constexpr char kKimiConfig[] =
    R"("model_type": "kimi_k2", "first_k_dense_replace": 1, "max_position_embeddings": 131072,
    "n_group": 1, "n_routed_experts": 384, "num_attention_heads": 64, "num_key_value_heads": 64,
    "num_nextn_predict_layers": 0, "rope_scaling": {"beta_fast": 1.0, "beta_slow": 1.0, "factor": 32.0, "mscale": 1.0,
    "mscale_all_dim": 1.0, "original_max_position_embeddings": 4096, "type": "yarn"}, "rope_theta": 50000.0,
    "routed_scaling_factor": 2.827, "topk_group": 1, "vocab_size": 163840})";

Checkpoint DeepSeekV3() {
  const std::string own = R"("model_type": "deepseek_v3", "first_k_dense_replace": 3, "max_position_embeddings": 163840,
    "n_group": 8, "n_routed_experts": 256, "num_attention_heads": 128, "num_key_value_heads": 128,
    "num_nextn_predict_layers": 1, "rope_scaling": {"beta_fast": 32, "beta_slow": 1, "factor": 40, "mscale": 1.0,
    "mscale_all_dim": 1.0, "original_max_position_embeddings": 4096, "type": "yarn"}, "rope_theta": 10000,
    "routed_scaling_factor": 2.5, "topk_group": 4, "vocab_size": 129280})";
  return {absl::StrCat(kLatentConfig, kFp8Config, own),
          LatentTensors({61, 3, 1, 128, 256, 129280, Fp8Matrix, Fp8Matrix}), 163};
}

Checkpoint KimiK2() {
  return {absl::StrCat(kLatentConfig, kFp8Config, kKimiConfig),
          LatentTensors({61, 1, 0, 64, 384, 163840, Fp8Matrix, Fp8Matrix}), 61};
}

Checkpoint KimiK2Int4() {
  return {absl::StrCat(kLatentConfig, kInt4Config, kKimiConfig),
          LatentTensors({61, 1, 0, 64, 384, 163840, Bf16Matrix, Int4Matrix}), 62};
}

void AddVisionTower(Tensors& tensors) {
  constexpr int64_t kWidth = 1408, kLength = 5632;
  tensors.Enter("vision_model.");
  tensors.Bf16("class_embedding", {kWidth});
  tensors.Bf16("positional_embedding_vlm", {577, kWidth});
  tensors.Bf16("patch_embedding.linear.weight", {kWidth, 588});
  for (int layer = 0; layer < 34; ++layer) {
    tensors.Enter(absl::StrCat("vision_model.model.layers.", layer, "."));
    for (const char* name : {"q", "k", "v", "o"}) {
      tensors.Biased(absl::StrCat("self_attn.", name, "_proj"), kWidth, kWidth);
    }
    tensors.Biased("mlp.fc1", kLength, kWidth);
    tensors.Biased("mlp.fc2", kWidth, kLength);
  }
  tensors.Enter("");
  tensors.Bf16("vision_model.vision_adapter.mlp.fc1.weight", {4096, kLength});
  tensors.Bf16("vision_model.vision_adapter.mlp.fc2.weight", {4096, 4096});
  tensors.Bf16("multi_modal_projector.linear_1.weight", {5120, 4096});
}

Checkpoint Llama4Maverick() {
  constexpr int64_t kHidden = 5120, kExperts = 128, kLength = 8192;
  Tensors tensors;
  for (int layer = 0; layer < 48; ++layer) {
    tensors.Enter(absl::StrCat("language_model.model.layers.", layer, "."));
    AddNorms(tensors, kHidden);
    AddAttention(tensors, kHidden, 5120, 1024);
    if (layer % 2 == 0) {
      AddGatedMlp(tensors, "feed_forward", kHidden, 16384, Bf16Matrix);
      continue;
    }
    tensors.Bf16("feed_forward.router.weight", {kExperts, kHidden});
    tensors.Bf16("feed_forward.experts.gate_up_proj", {kExperts, kHidden, 2 * kLength});
    tensors.Bf16("feed_forward.experts.down_proj", {kExperts, kLength, kHidden});
    AddGatedMlp(tensors, "feed_forward.shared_expert", kHidden, kLength, Bf16Matrix);
  }
  AddEnds(tensors, "language_model.", 202048, kHidden);
  AddVisionTower(tensors);
  return {R"({"architectures": ["Llama4ForConditionalGeneration"], "model_type": "llama4",
    "text_config": {"model_type": "llama4_text", "attention_bias": false, "attention_chunk_size": 8192,
    "attn_scale": 0.1, "attn_temperature_tuning": 4, "floor_scale": 8192, "head_dim": 128, "hidden_act": "silu",
    "hidden_size": 5120, "interleave_moe_layer_step": 2, "intermediate_size": 8192, "intermediate_size_mlp": 16384,
    "max_position_embeddings": 1048576, "no_rope_layers": [], "num_attention_heads": 40, "num_experts_per_tok": 1,
    "num_hidden_layers": 48, "num_key_value_heads": 8, "num_local_experts": 128, "rms_norm_eps": 1e-05,
    "rope_scaling": null, "rope_theta": 500000.0, "tie_word_embeddings": false, "use_qk_norm": false,
    "vocab_size": 202048}, "vision_config": {"hidden_size": 1408}})",
          tensors.Take(), 55};
}

constexpr Published kPublished[] = {
    {"llama-3.1-405b", Llama405B}, {"qwen3-235b-a22b", Qwen3Moe235B},    {"gpt-oss-20b", GptOss20B},
    {"gpt-oss-120b", GptOss120B},  {"deepseek-v3", DeepSeekV3},          {"kimi-k2", KimiK2},
    {"kimi-k2-int4", KimiK2Int4},  {"llama-4-maverick", Llama4Maverick},
};

}  // namespace

absl::Span<const Published> AllPublished() { return kPublished; }

}  // namespace nibble::tests
