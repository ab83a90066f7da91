#include "converters/test_checkpoint.h"

#include <algorithm>
#include <cassert>
#include <fstream>
#include <random>

#include "absl/strings/str_cat.h"
#include "absl/types/span.h"
#include "formats/io/file.h"
#include "formats/safetensors/safetensors.h"
#include "quant/block/format.h"

namespace nibble {
namespace {

std::vector<std::byte> Encode(DType dtype, const std::vector<float>& values) {
  const BlockFormat& format = GetFormat(*GetDType(dtype).format);
  std::vector<std::byte> bytes(format.BytesFor(values.size()));
  format.encode_rtn(values.data(), values.size(), bytes.data());
  return bytes;
}

// Adds a tensor of values around 0, or around 1 for a vector.
void AddRandom(TestCheckpoint& checkpoint, std::mt19937& random, const std::string& name, std::vector<int64_t> size) {
  int64_t elements = 1;
  for (const int64_t n : size) elements *= n;
  std::normal_distribution<float> normal(size.size() == 1 ? 1.0f : 0.0f, 0.1f);
  std::vector<float> values(elements);
  for (float& value : values) value = normal(random);
  checkpoint.tensors.push_back({name, std::move(size), std::move(values)});
}

}  // namespace

TestCheckpoint::Tensor& TestCheckpoint::Find(absl::string_view name) {
  const auto found = std::find_if(tensors.begin(), tensors.end(), [&](const Tensor& t) { return t.name == name; });
  assert(found != tensors.end());
  return *found;
}

void TestCheckpoint::Remove(absl::string_view name) {
  std::erase_if(tensors, [&](const Tensor& tensor) { return tensor.name == name; });
}

std::string TestCheckpoint::ConfigText() const {
  std::string text = "{";
  for (const auto& [key, value] : config) absl::StrAppend(&text, text == "{" ? "\"" : ", \"", key, "\": ", value);
  return text + "}";
}

absl::Status TestCheckpoint::Write(const std::string& directory) const {
  std::ofstream(io::JoinPath(directory, "config.json")) << ConfigText();
  std::vector<safetensors::TensorInfo> infos;
  std::vector<std::vector<std::byte>> data;
  for (const Tensor& tensor : tensors) {
    const bool is_stored = !tensor.bytes.empty();
    infos.push_back({tensor.name, is_stored ? tensor.stored_as : dtype, tensor.shape});
    data.push_back(is_stored ? tensor.bytes : Encode(dtype, tensor.values));
  }
  return safetensors::WriteFile(io::Posix(), io::JoinPath(directory, "model.safetensors"), infos,
                                {data.begin(), data.end()}, {{"format", "pt"}}, /*force=*/true);
}

TestCheckpoint RandomLlama(const TestShape& shape) {
  TestCheckpoint checkpoint;
  checkpoint.config = {
      {"architectures", "[\"LlamaForCausalLM\"]"},
      {"model_type", "\"llama\""},
      {"hidden_act", "\"silu\""},
      {"hidden_size", absl::StrCat(shape.hidden)},
      {"intermediate_size", absl::StrCat(shape.feed_forward)},
      {"num_hidden_layers", absl::StrCat(shape.layers)},
      {"num_attention_heads", absl::StrCat(shape.heads)},
      {"num_key_value_heads", absl::StrCat(shape.kv_heads)},
      {"head_dim", absl::StrCat(shape.head_dim)},
      {"vocab_size", absl::StrCat(shape.vocab)},
      {"max_position_embeddings", "128"},
      {"rms_norm_eps", "1e-5"},
      {"rope_theta", "10000.0"},
      {"tie_word_embeddings", shape.tied ? "true" : "false"},
      {"torch_dtype", "\"bfloat16\""},
  };
  std::mt19937 random(1);
  const auto add = [&](const std::string& name, std::vector<int64_t> size) {
    AddRandom(checkpoint, random, name, std::move(size));
  };
  const int64_t queries = shape.heads * shape.head_dim;
  const int64_t keys = shape.kv_heads * shape.head_dim;
  add("model.embed_tokens.weight", {shape.vocab, shape.hidden});
  for (int layer = 0; layer < shape.layers; ++layer) {
    const std::string prefix = absl::StrCat("model.layers.", layer, ".");
    add(prefix + "input_layernorm.weight", {shape.hidden});
    add(prefix + "mlp.down_proj.weight", {shape.hidden, shape.feed_forward});
    add(prefix + "mlp.gate_proj.weight", {shape.feed_forward, shape.hidden});
    add(prefix + "mlp.up_proj.weight", {shape.feed_forward, shape.hidden});
    add(prefix + "post_attention_layernorm.weight", {shape.hidden});
    for (const auto& [name, rows] : {std::pair("q", queries), {"k", keys}, {"v", keys}}) {
      add(absl::StrCat(prefix, "self_attn.", name, "_proj.weight"), {rows, shape.hidden});
      if (shape.biases) add(absl::StrCat(prefix, "self_attn.", name, "_proj.bias"), {rows});
    }
    add(prefix + "self_attn.o_proj.weight", {shape.hidden, queries});
    if (shape.biases) add(prefix + "self_attn.o_proj.bias", {shape.hidden});
  }
  add("model.norm.weight", {shape.hidden});
  if (!shape.tied) add("lm_head.weight", {shape.vocab, shape.hidden});
  return checkpoint;
}

TestCheckpoint RandomDeepseek() {
  constexpr int64_t kHidden = 64, kHeads = 2, kNope = 32, kRope = 16, kValue = 32, kRank = 32, kQueryRank = 32;
  constexpr int64_t kLength = 64, kExpertLength = 32, kVocab = 48;
  constexpr int kLayers = 2, kExperts = 4;
  TestCheckpoint checkpoint;
  checkpoint.config = {
      {"architectures", "[\"DeepseekV3ForCausalLM\"]"},
      {"first_k_dense_replace", "1"},
      {"hidden_size", absl::StrCat(kHidden)},
      {"intermediate_size", absl::StrCat(kLength)},
      {"kv_lora_rank", absl::StrCat(kRank)},
      {"max_position_embeddings", "128"},
      {"moe_intermediate_size", absl::StrCat(kExpertLength)},
      {"n_group", "2"},
      {"n_routed_experts", absl::StrCat(kExperts)},
      {"n_shared_experts", "1"},
      {"num_attention_heads", absl::StrCat(kHeads)},
      {"num_experts_per_tok", "2"},
      {"num_hidden_layers", absl::StrCat(kLayers)},
      {"num_nextn_predict_layers", "1"},
      {"q_lora_rank", absl::StrCat(kQueryRank)},
      {"qk_nope_head_dim", absl::StrCat(kNope)},
      {"qk_rope_head_dim", absl::StrCat(kRope)},
      {"routed_scaling_factor", "2.5"},
      {"topk_group", "1"},
      {"v_head_dim", absl::StrCat(kValue)},
      {"vocab_size", absl::StrCat(kVocab)},
  };
  std::mt19937 random(3);
  std::string prefix = "model.";
  const auto add = [&](const std::string& name, std::vector<int64_t> size) {
    AddRandom(checkpoint, random, prefix + name, std::move(size));
  };
  const auto add_gated = [&](const std::string& name, int64_t length) {
    add(name + "gate_proj.weight", {length, kHidden});
    add(name + "up_proj.weight", {length, kHidden});
    add(name + "down_proj.weight", {kHidden, length});
  };
  add("embed_tokens.weight", {kVocab, kHidden});
  add("norm.weight", {kHidden});
  AddRandom(checkpoint, random, "lm_head.weight", {kVocab, kHidden});
  for (int layer = 0; layer <= kLayers; ++layer) {
    prefix = absl::StrCat("model.layers.", layer, ".");
    add("input_layernorm.weight", {kHidden});
    add("post_attention_layernorm.weight", {kHidden});
    add("self_attn.q_a_proj.weight", {kQueryRank, kHidden});
    add("self_attn.q_a_layernorm.weight", {kQueryRank});
    add("self_attn.q_b_proj.weight", {kHeads * (kNope + kRope), kQueryRank});
    add("self_attn.kv_a_proj_with_mqa.weight", {kRank + kRope, kHidden});
    add("self_attn.kv_a_layernorm.weight", {kRank});
    add("self_attn.kv_b_proj.weight", {kHeads * (kNope + kValue), kRank});
    add("self_attn.o_proj.weight", {kHidden, kHeads * kValue});
    if (layer == 0) {
      add_gated("mlp.", kLength);
      continue;
    }
    add("mlp.gate.weight", {kExperts, kHidden});
    add("mlp.gate.e_score_correction_bias", {kExperts});
    add_gated("mlp.shared_experts.", kExpertLength);
    for (int e = 0; e < kExperts; ++e) add_gated(absl::StrCat("mlp.experts.", e, "."), kExpertLength);
  }
  add("embed_tokens.weight", {kVocab, kHidden});
  add("enorm.weight", {kHidden});
  add("hnorm.weight", {kHidden});
  add("eh_proj.weight", {kHidden, 2 * kHidden});
  add("shared_head.norm.weight", {kHidden});
  add("shared_head.head.weight", {kVocab, kHidden});
  return checkpoint;
}

TestCheckpoint RandomQwen3Moe(const TestShape& shape, int experts, int dense_layer) {
  constexpr int64_t kLength = 32;
  TestCheckpoint checkpoint = RandomLlama(shape);
  checkpoint.config["architectures"] = "[\"Qwen3MoeForCausalLM\"]";
  checkpoint.config["model_type"] = "\"qwen3_moe\"";
  checkpoint.config["num_experts"] = absl::StrCat(experts);
  checkpoint.config["num_experts_per_tok"] = "2";
  checkpoint.config["moe_intermediate_size"] = absl::StrCat(kLength);
  checkpoint.config["norm_topk_prob"] = "true";
  if (dense_layer >= 0) checkpoint.config["mlp_only_layers"] = absl::StrCat("[", dense_layer, "]");
  std::mt19937 random(2);
  for (int layer = 0; layer < shape.layers; ++layer) {
    const std::string prefix = absl::StrCat("model.layers.", layer, ".");
    for (const char* norm : {"q_norm", "k_norm"}) {
      AddRandom(checkpoint, random, absl::StrCat(prefix, "self_attn.", norm, ".weight"), {shape.head_dim});
    }
    if (layer == dense_layer) continue;
    for (const char* name : {"gate", "up", "down"})
      checkpoint.Remove(absl::StrCat(prefix, "mlp.", name, "_proj.weight"));
    AddRandom(checkpoint, random, prefix + "mlp.gate.weight", {experts, shape.hidden});
    for (int e = 0; e < experts; ++e) {
      const std::string expert = absl::StrCat(prefix, "mlp.experts.", e, ".");
      AddRandom(checkpoint, random, expert + "gate_proj.weight", {kLength, shape.hidden});
      AddRandom(checkpoint, random, expert + "up_proj.weight", {kLength, shape.hidden});
      AddRandom(checkpoint, random, expert + "down_proj.weight", {shape.hidden, kLength});
    }
  }
  return checkpoint;
}

}  // namespace nibble
