#include "converters/llama.h"

#include "absl/strings/str_cat.h"
#include "base/status.h"
#include "converters/config.h"
#include "converters/decoder.h"
#include "converters/fields.h"
#include "converters/layouts.h"
#include "converters/publish.h"
#include "converters/rope_scaling.h"
#include "converters/tensor_table.h"
#include "model/role.h"
#include "model/tensor_list.h"

namespace nibble {
namespace {

constexpr absl::string_view kName = "llama";
constexpr absl::string_view kNames[] = {kName};
constexpr absl::string_view kArchitectures[] = {"LlamaForCausalLM", "LLaMAForCausalLM"};

double AsFeedForward(const Fields& fields) { return fields[Field::kFeedForward]; }
bool HasExperts(const Fields& fields) { return fields[Field::kExperts] > 0; }
bool HasWindow(const Fields& fields) { return fields[Field::kWindow] > 0; }

constexpr FieldKind kUint = FieldKind::kUint;
constexpr FieldKind kFloat = FieldKind::kFloat;

constexpr FieldRow kFields[] = {
    {Field::kLayers, kUint, 1, kMaxLayers, {"num_hidden_layers"}, "block_count"},
    {Field::kContextLength, kUint, 1, kMaxLength, {"max_position_embeddings"}, "context_length"},
    {Field::kHiddenSize, kUint, 1, kMaxWidth, {"hidden_size"}, "embedding_length"},
    {Field::kFeedForward, kUint, 1, kMaxWidth, {"intermediate_size"}, "feed_forward_length"},
    {Field::kHeads, kUint, 1, kMaxWidth, {"num_attention_heads"}, "attention.head_count"},
    {Field::kKvHeads, kUint, 1, kMaxWidth, {"num_key_value_heads"}, "attention.head_count_kv", AsHeads},
    {Field::kRopeBase,
     kFloat,
     1,
     1e12,
     {"rope_parameters.rope_theta", "rope_theta"},
     "rope.freq_base",
     DefaultRopeBase},
    {Field::kNormEpsilon, kFloat, 0, 1, {"rms_norm_eps"}, "attention.layer_norm_rms_epsilon"},
    {Field::kKeyLength, kUint, 1, kMaxWidth, {"head_dim"}, "attention.key_length", HeadLength},
    {Field::kValueLength, kUint, 1, kMaxWidth, {"head_dim"}, "attention.value_length", HeadLength},
    {Field::kVocabSize, kUint, 1, kMaxLength, {"vocab_size"}, "vocab_size", Zero},
    {Field::kRopeDimensions, kUint, 1, kMaxWidth, {}, "rope.dimension_count", AsKeyLength},
    // Of Mixtral and Mistral, which have configs of their own. The window is nobody's key but ours.
    {Field::kExperts, kUint, 0, kMaxWidth, {}, "expert_count", Zero, HasExperts},
    {Field::kExpertsUsed, kUint, 0, kMaxWidth, {}, "expert_used_count", Zero, HasExperts},
    {Field::kExpertLength, kUint, 1, kMaxWidth, {}, "", AsFeedForward},
    {Field::kWindow, kUint, 0, kMaxLength, {}, "attention.sliding_window", Zero, HasWindow},
};

constexpr Supported kSupported[] = {
    {"hidden_act", absl::string_view("silu")},
    {"mlp_bias", false},
    {"partial_rotary_factor", 1.0},
    {"rope_parameters.partial_rotary_factor", 1.0},
};

constexpr Layout kHeads = HalfSplitHeads;
constexpr Layout kKvHeads = HalfSplitKvHeads;
constexpr Layout kAsIs = AsInGguf;
constexpr Presence kOptional = Presence::kOptional;

constexpr TensorRow kTensors[] = {
    {Role::kTokenEmbedding, "model.embed_tokens.weight", Dim::kVocab, Dim::kHidden},
    {Role::kAttentionNorm, "model.layers.{}.input_layernorm.weight", Dim::kHidden, Dim::kNone},
    {Role::kQuery, "model.layers.{}.self_attn.q_proj.weight", Dim::kQueries, Dim::kHidden, kHeads},
    {Role::kQueryBias, "model.layers.{}.self_attn.q_proj.bias", Dim::kQueries, Dim::kNone, kHeads, kOptional},
    {Role::kKey, "model.layers.{}.self_attn.k_proj.weight", Dim::kKeys, Dim::kHidden, kKvHeads},
    {Role::kKeyBias, "model.layers.{}.self_attn.k_proj.bias", Dim::kKeys, Dim::kNone, kKvHeads, kOptional},
    {Role::kValue, "model.layers.{}.self_attn.v_proj.weight", Dim::kValues, Dim::kHidden},
    {Role::kValueBias, "model.layers.{}.self_attn.v_proj.bias", Dim::kValues, Dim::kNone, kAsIs, kOptional},
    {Role::kAttentionOutput, "model.layers.{}.self_attn.o_proj.weight", Dim::kHidden, Dim::kAttended},
    {Role::kAttentionOutputBias, "model.layers.{}.self_attn.o_proj.bias", Dim::kHidden, Dim::kNone, kAsIs, kOptional},
    {Role::kFeedForwardNorm, "model.layers.{}.post_attention_layernorm.weight", Dim::kHidden, Dim::kNone},
    {Role::kGate, "model.layers.{}.mlp.gate_proj.weight", Dim::kFeedForward, Dim::kHidden},
    {Role::kUp, "model.layers.{}.mlp.up_proj.weight", Dim::kFeedForward, Dim::kHidden},
    {Role::kDown, "model.layers.{}.mlp.down_proj.weight", Dim::kHidden, Dim::kFeedForward},
    {Role::kRouter, "model.layers.{}.block_sparse_moe.gate.weight", Dim::kExperts, Dim::kHidden},
    {Role::kExpertGate, "model.layers.{}.block_sparse_moe.experts.{e}.w1.weight", Dim::kExpertLength, Dim::kHidden},
    {Role::kExpertUp, "model.layers.{}.block_sparse_moe.experts.{e}.w3.weight", Dim::kExpertLength, Dim::kHidden},
    {Role::kExpertDown, "model.layers.{}.block_sparse_moe.experts.{e}.w2.weight", Dim::kHidden, Dim::kExpertLength},
    {Role::kOutputNorm, "model.norm.weight", Dim::kHidden, Dim::kNone},
    {Role::kOutput, "lm_head.weight", Dim::kVocab, Dim::kHidden, kAsIs, Presence::kUnlessTied},
};

constexpr absl::string_view kIgnored[] = {".rotary_emb.inv_freq"};
constexpr TensorTable kTable = {kTensors, kIgnored};

RopeShape ShapeOf(const Fields& fields) { return {fields.Uint(Field::kRopeDimensions), fields[Field::kRopeBase]}; }

absl::StatusOr<ModelSpec> SpecFromConfig(const json::Value& config) {
  NIBBLE_RETURN_IF_ERROR(RequireSupported(config, kSupported));
  NIBBLE_ASSIGN_OR_RETURN(const Fields fields, ReadFields(kFields, config));
  NIBBLE_RETURN_IF_ERROR(CheckLlamaFields(fields));
  if (fields[Field::kVocabSize] == 0) return config.Get("vocab_size").Error("an integer above 0");
  NIBBLE_ASSIGN_OR_RETURN(const bool tied, config.Get("tie_word_embeddings").BoolOr(false));
  NIBBLE_ASSIGN_OR_RETURN(const ResolvedRope rope, ResolveRope(RopeParameters(config), ShapeOf(fields)));
  return LlamaSpec({kName, kName, tied}, fields, rope);
}

absl::StatusOr<ModelSpec> SpecFromGguf(const gguf::Metadata& metadata, const TensorSource& source) {
  return LlamaSpecFromGguf({kName, kName}, metadata, source);
}

absl::StatusOr<TensorMap> TensorsFromCheckpoint(const ModelSpec& spec, const TensorSource& source) {
  return MapCheckpoint(kTable, spec, source);
}

absl::StatusOr<TensorMap> TensorsFromGguf(const ModelSpec& spec, const TensorSource& source) {
  return MapGguf(kTable, spec, source);
}

void SpecToGguf(const ModelSpec& spec, gguf::Metadata& metadata) {
  LlamaFieldsToGguf(spec, metadata);
  RopeScalingToGguf(spec, metadata);
}

// A GGUF of this architecture may have been published under any of these.
absl::Status SpecToConfig(const ModelSpec& spec, const TensorList& tensors, json::Object& config) {
  const Layer& layer = spec.layers(0);
  if (layer.feed_forward().has_experts()) {
    SetIdentity("MixtralForCausalLM", "mixtral", spec, config);
  } else if (layer.attention().window() > 0) {
    SetIdentity("MistralForCausalLM", "mistral", spec, config);
  } else {
    SetIdentity(kArchitectures[0], kName, spec, config);
    config.SetBool("attention_bias", HasRole(tensors, Role::kQueryBias));
    config.SetBool("mlp_bias", false);
  }
  LlamaFieldsToConfig(spec, config);
  return AddRopeScaling(spec, config);
}

TensorTable PublishedTable(const ModelSpec&) { return kTable; }

}  // namespace

absl::Span<const TensorRow> LlamaTensors() { return kTensors; }

absl::Status CheckLlamaFields(const Fields& fields) {
  NIBBLE_RETURN_IF_ERROR(CheckHeads(fields));
  if (fields[Field::kExperts] > 0 && fields[Field::kExpertsUsed] == 0) {
    return fields.Error(Field::kExpertsUsed, absl::StrCat("some of the ", fields[Field::kExperts], " experts"));
  }
  if (fields[Field::kRopeDimensions] == fields[Field::kKeyLength]) return absl::OkStatus();
  return fields.Error(Field::kRopeDimensions, absl::StrCat("the head length ", fields[Field::kKeyLength]));
}

ModelSpec LlamaSpec(const Identity& identity, const Fields& fields, const ResolvedRope& rope) {
  ModelSpec spec = UniformSpec(identity, fields, Rope::INTERLEAVED, rope);
  for (Layer& layer : *spec.mutable_layers()) {
    if (layer.feed_forward().has_experts()) layer.mutable_feed_forward()->mutable_experts()->set_normalize(true);
  }
  return spec;
}

absl::StatusOr<ModelSpec> LlamaSpecFromGguf(Identity identity, const gguf::Metadata& metadata,
                                            const TensorSource& source, const YarnDefaults& yarn) {
  NIBBLE_ASSIGN_OR_RETURN(Fields fields, ReadFields(kFields, metadata, identity.architecture));
  NIBBLE_RETURN_IF_ERROR(CheckLlamaFields(fields));
  if (fields[Field::kVocabSize] == 0) fields.Set(Field::kVocabSize, EmbeddingRows(source));
  NIBBLE_ASSIGN_OR_RETURN(const ResolvedRope rope,
                          ResolveRope(metadata, identity.architecture, source, ShapeOf(fields), yarn));
  identity.tied = IsTied(source);
  return LlamaSpec(identity, fields, rope);
}

void LlamaFieldsToGguf(const ModelSpec& spec, gguf::Metadata& metadata) {
  WriteFields(kFields, UniformFields(spec), spec.architecture(), metadata);
}

void LlamaFieldsToConfig(const ModelSpec& spec, json::Object& config) {
  const Fields fields = UniformFields(spec);
  WriteFields(kFields, fields, config);
  config.SetString("hidden_act", "silu");
  if (HasExperts(fields)) {
    config.SetInt("num_local_experts", fields.Uint(Field::kExperts));
    config.SetInt("num_experts_per_tok", fields.Uint(Field::kExpertsUsed));
  }
  HasWindow(fields) ? config.SetInt("sliding_window", fields.Uint(Field::kWindow)) : config.SetNull("sliding_window");
}

const Family kLlama = {kName,        kArchitectures,  kNames,     kNames,       SpecFromConfig, TensorsFromCheckpoint,
                       SpecFromGguf, TensorsFromGguf, SpecToGguf, SpecToConfig, PublishedTable};

}  // namespace nibble
