// config.json of every family, to a ModelSpec and to GGUF keys; with a checkpoint that has no tensors.
#include <utility>

#include "base/status.h"
#include "converters/families.h"
#include "converters/family.h"
#include "converters/quantization.h"
#include "formats/gguf/gguf.h"
#include "formats/json/json.h"
#include "tests/fuzz/target.h"

namespace nibble::fuzz {
namespace {

absl::Status Understand(const json::Value& config) {
  NIBBLE_RETURN_IF_ERROR(CheckQuantization(config));
  NIBBLE_ASSIGN_OR_RETURN(const Family* family, FindFamily(config));
  NIBBLE_ASSIGN_OR_RETURN(const ModelSpec spec, family->spec_from_config(config));
  gguf::Metadata metadata;
  family->spec_to_gguf(spec, metadata);
  NIBBLE_ASSIGN_OR_RETURN(const TensorSource source, TensorSource::Create({}, {}));
  NIBBLE_RETURN_IF_ERROR(CheckQuantizedTensors(config, source));
  return family->tensors_from_checkpoint(spec, source).status();
}

}  // namespace

std::vector<std::string> Seeds() {
  return {
      R"({"architectures":["LlamaForCausalLM"],"model_type":"llama","hidden_size":256,"intermediate_size":512,)"
      R"("num_attention_heads":8,"num_key_value_heads":2,"num_hidden_layers":2,"max_position_embeddings":512,)"
      R"("rms_norm_eps":1e-5,"rope_theta":10000.0,"tie_word_embeddings":true,"vocab_size":1024,"rope_scaling":)"
      R"({"factor":8.0,"low_freq_factor":1.0,"high_freq_factor":4.0,"original_max_position_embeddings":64,)"
      R"("rope_type":"llama3"}})",
      R"({"architectures":["DeepseekV3ForCausalLM"],"model_type":"deepseek_v3","first_k_dense_replace":1,)"
      R"("hidden_size":256,"intermediate_size":192,"kv_lora_rank":128,"max_position_embeddings":10240,)"
      R"("moe_intermediate_size":64,"moe_layer_freq":1,"n_group":4,"n_routed_experts":8,"n_shared_experts":1,)"
      R"("norm_topk_prob":true,"num_attention_heads":4,"num_experts_per_tok":2,"num_hidden_layers":3,)"
      R"("num_key_value_heads":4,"num_nextn_predict_layers":0,"q_lora_rank":96,"qk_nope_head_dim":32,)"
      R"("qk_rope_head_dim":16,"quantization_config":{"fmt":"e4m3","quant_method":"fp8","weight_block_size":)"
      R"([128,128]},"rms_norm_eps":1e-6,"rope_scaling":{"beta_fast":32,"beta_slow":1,"factor":40,"mscale":1.0,)"
      R"("mscale_all_dim":1.0,"original_max_position_embeddings":256,"type":"yarn"},"rope_theta":10000,)"
      R"("routed_scaling_factor":2.5,"scoring_func":"sigmoid","tie_word_embeddings":false,"topk_group":2,)"
      R"("topk_method":"noaux_tc","v_head_dim":32,"vocab_size":1024})",
      R"({"architectures":["Gemma3ForCausalLM"],"model_type":"gemma3_text","head_dim":32,"hidden_activation":)"
      R"("gelu_pytorch_tanh","hidden_size":192,"intermediate_size":256,"max_position_embeddings":32768,)"
      R"("num_attention_heads":4,"num_hidden_layers":6,"num_key_value_heads":1,"query_pre_attn_scalar":48,)"
      R"("rms_norm_eps":1e-6,"rope_local_base_freq":10000,"rope_scaling":{"factor":8.0,"rope_type":"linear"},)"
      R"("rope_theta":1000000,"sliding_window":12,"sliding_window_pattern":6,"vocab_size":1024})",
      R"({"architectures":["GPT2LMHeadModel"],"model_type":"gpt2","activation_function":"gelu_new",)"
      R"("layer_norm_epsilon":1e-5,"n_ctx":128,"n_embd":256,"n_head":4,"n_inner":512,"n_layer":2,)"
      R"("n_positions":128,"vocab_size":1024})",
      R"({"architectures":["GptOssForCausalLM"],"model_type":"gpt_oss","attention_bias":true,"head_dim":32,)"
      R"("hidden_size":256,"initial_context_length":256,"intermediate_size":128,"layer_types":)"
      R"(["sliding_attention","full_attention"],"max_position_embeddings":8192,"num_attention_heads":8,)"
      R"("num_experts_per_tok":2,"num_hidden_layers":2,"num_key_value_heads":2,"num_local_experts":4,)"
      R"("quantization_config":{"modules_to_not_convert":["lm_head"],"quant_method":"mxfp4"},"rms_norm_eps":1e-5,)"
      R"("rope_scaling":{"beta_fast":32.0,"beta_slow":1.0,"factor":32.0,"original_max_position_embeddings":256,)"
      R"("rope_type":"yarn","truncate":false},"rope_theta":150000,"sliding_window":16,"swiglu_limit":7.0,)"
      R"("tie_word_embeddings":false,"vocab_size":1024})",
      R"({"architectures":["Llama4ForCausalLM"],"model_type":"llama4_text","attention_chunk_size":16,)"
      R"("attn_scale":0.1,"attn_temperature_tuning":true,"floor_scale":8,"head_dim":32,"hidden_size":256,)"
      R"("interleave_moe_layer_step":2,"intermediate_size":64,"intermediate_size_mlp":256,)"
      R"("max_position_embeddings":4096,"no_rope_layers":[],"num_attention_heads":4,"num_experts_per_tok":1,)"
      R"("num_hidden_layers":4,"num_key_value_heads":2,"num_local_experts":4,"rms_norm_eps":1e-5,)"
      R"("rope_scaling":null,"rope_theta":500000.0,"tie_word_embeddings":false,"use_qk_norm":true,)"
      R"("vocab_size":1024})",
      R"({"architectures":["MixtralForCausalLM"],"model_type":"mixtral","head_dim":32,"hidden_size":256,)"
      R"("intermediate_size":96,"max_position_embeddings":32768,"num_attention_heads":4,"num_experts_per_tok":2,)"
      R"("num_hidden_layers":2,"num_key_value_heads":2,"num_local_experts":4,"rms_norm_eps":1e-5,)"
      R"("rope_parameters":{"rope_theta":10000.0,"rope_type":"default"},"sliding_window":16,)"
      R"("tie_word_embeddings":false,"vocab_size":1024})",
      R"({"architectures":["Qwen3MoeForCausalLM"],"model_type":"qwen3_moe","decoder_sparse_step":1,"head_dim":32,)"
      R"("hidden_size":256,"intermediate_size":512,"max_position_embeddings":40960,"mlp_only_layers":[],)"
      R"("moe_intermediate_size":64,"norm_topk_prob":true,"num_attention_heads":4,"num_experts":6,)"
      R"("num_experts_per_tok":2,"num_hidden_layers":2,"num_key_value_heads":2,"rms_norm_eps":1e-6,)"
      R"("rope_theta":1000000.0,"tie_word_embeddings":false,"use_sliding_window":false,"vocab_size":1024,)"
      R"("quantization_config":{"quant_method":"gptq","bits":4,"group_size":128,"desc_act":false,"sym":true}})",
      R"({"dim":256,"n_layers":2,"head_dim":32,"hidden_dim":512,"n_heads":4,"n_kv_heads":2,"norm_eps":1e-5,)"
      R"("vocab_size":1024,"rope_theta":10000.0,"sliding_window":16})",
      R"({"architectures":["Qwen2ForCausalLM"],"model_type":"qwen2","hidden_size":192,"intermediate_size":512,)"
      R"("max_position_embeddings":32768,"num_attention_heads":6,"num_hidden_layers":2,"num_key_value_heads":2,)"
      R"("rms_norm_eps":1e-6,"rope_theta":1000000.0,"sliding_window":16,"tie_word_embeddings":true,)"
      R"("vocab_size":1024,"quantization_config":{"quant_method":"compressed-tensors","format":"pack-quantized",)"
      R"("ignore":["lm_head","re:.*self_attn.*"],"config_groups":{"group_0":{"targets":["Linear"],"weights":)"
      R"({"group_size":32,"num_bits":4,"strategy":"group","symmetric":true,"type":"int"}}}}})",
  };
}

std::string Mutated(const std::string& input, Random& random) { return MutatedJson(input, random); }

void Run(absl::string_view input) {
  const absl::StatusOr<json::Document> config = json::Document::Parse(std::string(input), "config.json");
  Judge(config.status());
  if (config.ok()) Judge(Understand(config->root()));
}

}  // namespace nibble::fuzz
