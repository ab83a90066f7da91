#include "converters/qwen.h"

#include <array>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "base/status.h"
#include "converters/config.h"
#include "converters/decoder.h"
#include "converters/dims.h"
#include "converters/fields.h"
#include "converters/layouts.h"
#include "converters/publish.h"
#include "converters/rope_scaling.h"
#include "converters/tensor_table.h"
#include "model/role.h"
#include "model/tensor_list.h"

namespace nibble {
namespace {

double PublishedHeadLength(const Fields&) { return 128; }
double DefaultEpsilon(const Fields&) { return 1e-6; }
bool IsUnusualHead(const Fields& fields) { return fields[Field::kKeyLength] != HeadLength(fields); }

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
    {Field::kNormEpsilon, kFloat, 0, 1, {"rms_norm_eps"}, "attention.layer_norm_rms_epsilon", DefaultEpsilon},
    {Field::kVocabSize, kUint, 1, kMaxLength, {"vocab_size"}, "", Zero},
};
constexpr FieldRow kQwen2Fields[] = {
    {Field::kKeyLength, kUint, 1, kMaxWidth, {"head_dim"}, "attention.key_length", HeadLength, IsUnusualHead},
    {Field::kValueLength, kUint, 1, kMaxWidth, {"head_dim"}, "attention.value_length", AsKeyLength, IsUnusualHead},
};
constexpr FieldRow kQwen3Fields[] = {
    {Field::kKeyLength, kUint, 1, kMaxWidth, {"head_dim"}, "attention.key_length", PublishedHeadLength},
    {Field::kValueLength, kUint, 1, kMaxWidth, {"head_dim"}, "attention.value_length", AsKeyLength},
};
constexpr FieldRow kExpertFields[] = {
    {Field::kExperts, kUint, 1, kMaxWidth, {"num_experts", "num_local_experts"}, "expert_count"},
    {Field::kExpertsUsed, kUint, 1, kMaxWidth, {"num_experts_per_tok"}, "expert_used_count"},
    {Field::kExpertLength, kUint, 1, kMaxWidth, {"moe_intermediate_size"}, "expert_feed_forward_length"},
    {Field::kMoeStep, kUint, 1, kMaxLayers, {"decoder_sparse_step"}, "", One},
};

constexpr Layout kAsIs = AsInGguf;
constexpr Presence kOptional = Presence::kOptional;

constexpr TensorRow kTensors[] = {
    {Role::kTokenEmbedding, "model.embed_tokens.weight", Dim::kVocab, Dim::kHidden},
    {Role::kOutputNorm, "model.norm.weight", Dim::kHidden, Dim::kNone},
    {Role::kOutput, "lm_head.weight", Dim::kVocab, Dim::kHidden, kAsIs, Presence::kUnlessTied},
    {Role::kAttentionNorm, "model.layers.{}.input_layernorm.weight", Dim::kHidden, Dim::kNone},
    {Role::kQuery, "model.layers.{}.self_attn.q_proj.weight", Dim::kQueries, Dim::kHidden},
    {Role::kKey, "model.layers.{}.self_attn.k_proj.weight", Dim::kKeys, Dim::kHidden},
    {Role::kValue, "model.layers.{}.self_attn.v_proj.weight", Dim::kValues, Dim::kHidden},
    {Role::kAttentionOutput, "model.layers.{}.self_attn.o_proj.weight", Dim::kHidden, Dim::kAttended},
    {Role::kFeedForwardNorm, "model.layers.{}.post_attention_layernorm.weight", Dim::kHidden, Dim::kNone},
    {Role::kGate, "model.layers.{}.mlp.gate_proj.weight", Dim::kFeedForward, Dim::kHidden},
    {Role::kUp, "model.layers.{}.mlp.up_proj.weight", Dim::kFeedForward, Dim::kHidden},
    {Role::kDown, "model.layers.{}.mlp.down_proj.weight", Dim::kHidden, Dim::kFeedForward},
};
constexpr TensorRow kQwen2Tensors[] = {
    {Role::kQueryBias, "model.layers.{}.self_attn.q_proj.bias", Dim::kQueries, Dim::kNone},
    {Role::kKeyBias, "model.layers.{}.self_attn.k_proj.bias", Dim::kKeys, Dim::kNone},
    {Role::kValueBias, "model.layers.{}.self_attn.v_proj.bias", Dim::kValues, Dim::kNone},
};
constexpr TensorRow kQwen3Tensors[] = {
    {Role::kQueryNorm, "model.layers.{}.self_attn.q_norm.weight", Dim::kKeyLength, Dim::kNone},
    {Role::kKeyNorm, "model.layers.{}.self_attn.k_norm.weight", Dim::kKeyLength, Dim::kNone},
    {Role::kQueryBias, "model.layers.{}.self_attn.q_proj.bias", Dim::kQueries, Dim::kNone, kAsIs, kOptional},
    {Role::kKeyBias, "model.layers.{}.self_attn.k_proj.bias", Dim::kKeys, Dim::kNone, kAsIs, kOptional},
    {Role::kValueBias, "model.layers.{}.self_attn.v_proj.bias", Dim::kValues, Dim::kNone, kAsIs, kOptional},
    {Role::kAttentionOutputBias, "model.layers.{}.self_attn.o_proj.bias", Dim::kHidden, Dim::kNone, kAsIs, kOptional},
    {Role::kRouter, "model.layers.{}.mlp.gate.weight", Dim::kExperts, Dim::kHidden},
    {Role::kExpertGate, "model.layers.{}.mlp.experts.{e}.gate_proj.weight", Dim::kExpertLength, Dim::kHidden},
    {Role::kExpertUp, "model.layers.{}.mlp.experts.{e}.up_proj.weight", Dim::kExpertLength, Dim::kHidden},
    {Role::kExpertDown, "model.layers.{}.mlp.experts.{e}.down_proj.weight", Dim::kHidden, Dim::kExpertLength},
};

template <typename Row, size_t A, size_t B>
constexpr std::array<Row, A + B> Join(const Row (&a)[A], const Row (&b)[B]) {
  std::array<Row, A + B> rows = {};
  for (size_t i = 0; i < A; ++i) rows[i] = a[i];
  for (size_t i = 0; i < B; ++i) rows[A + i] = b[i];
  return rows;
}

constexpr auto kQwen2Rows = Join(kTensors, kQwen2Tensors);
constexpr auto kQwen3Rows = Join(kTensors, kQwen3Tensors);

struct Variant {
  absl::string_view hf_architecture;
  absl::string_view model_type;
  absl::string_view gguf_architecture;
  absl::Span<const FieldRow> head_fields;
  absl::Span<const FieldRow> expert_fields;
  TensorTable tensors;
};

constexpr Variant kVariants[] = {
    {"Qwen2ForCausalLM", "qwen2", "qwen2", kQwen2Fields, {}, {kQwen2Rows}},
    {"Qwen3ForCausalLM", "qwen3", "qwen3", kQwen3Fields, {}, {kQwen3Rows}},
    {"Qwen3MoeForCausalLM", "qwen3_moe", "qwen3moe", kQwen3Fields, kExpertFields, {kQwen3Rows}},
};

constexpr absl::string_view kHfArchitectures[] = {kVariants[0].hf_architecture, kVariants[1].hf_architecture,
                                                  kVariants[2].hf_architecture};
constexpr absl::string_view kModelTypes[] = {kVariants[0].model_type, kVariants[1].model_type, kVariants[2].model_type};
constexpr absl::string_view kGgufArchitectures[] = {kVariants[0].gguf_architecture, kVariants[1].gguf_architecture,
                                                    kVariants[2].gguf_architecture};

// REQUIRES: one of the names above.
const Variant& VariantOf(absl::string_view name) {
  for (const Variant& variant : kVariants) {
    if (name == variant.hf_architecture || name == variant.model_type || name == variant.gguf_architecture) {
      return variant;
    }
  }
  return kVariants[0];
}

std::vector<FieldRow> RowsOf(const Variant& variant) {
  std::vector<FieldRow> rows(std::begin(kFields), std::end(kFields));
  rows.insert(rows.end(), variant.head_fields.begin(), variant.head_fields.end());
  rows.insert(rows.end(), variant.expert_fields.begin(), variant.expert_fields.end());
  return rows;
}

constexpr Supported kSupported[] = {
    {"hidden_act", absl::string_view("silu")},
    {"use_sliding_window", false},
};

ModelSpec SpecOf(const Variant& variant, const Fields& fields, const ResolvedRope& rope, bool tied, bool normalize) {
  ModelSpec spec = UniformSpec({kQwen.name, variant.gguf_architecture, tied}, fields, Rope::HALF_SPLIT, rope);
  for (Layer& layer : *spec.mutable_layers()) {
    if (layer.feed_forward().has_experts()) {
      layer.mutable_feed_forward()->mutable_experts()->set_normalize(normalize);
    }
  }
  return spec;
}

RopeShape ShapeOf(const Fields& fields) { return {fields.Uint(Field::kKeyLength), fields[Field::kRopeBase]}; }

// Layers that have a dense feed-forward among those with experts.
absl::Status SetDenseLayers(const json::Value& config, const Fields& fields, ModelSpec& spec) {
  for (const json::Value& value : config.Get("mlp_only_layers").Elements()) {
    NIBBLE_ASSIGN_OR_RETURN(const int64_t layer, value.Int(0, spec.layers_size() - 1));
    spec.mutable_layers(static_cast<int>(layer))->mutable_feed_forward()->clear_experts();
  }
  for (int layer = 0; layer < spec.layers_size(); ++layer) {
    if ((layer + 1) % fields.Uint(Field::kMoeStep) == 0) continue;
    spec.mutable_layers(layer)->mutable_feed_forward()->clear_experts();
  }
  return absl::OkStatus();
}

absl::StatusOr<ModelSpec> SpecFromConfig(const json::Value& config) {
  NIBBLE_RETURN_IF_ERROR(RequireSupported(config, kSupported));
  const json::Value architecture = config.Get("architectures").At(0);
  NIBBLE_ASSIGN_OR_RETURN(const absl::string_view name,
                          (architecture.exists() ? architecture : config.Get("model_type")).String());
  const Variant& variant = VariantOf(name);
  NIBBLE_ASSIGN_OR_RETURN(const Fields fields, ReadFields(RowsOf(variant), config));
  NIBBLE_RETURN_IF_ERROR(CheckHeads(fields));
  if (fields[Field::kVocabSize] == 0) return config.Get("vocab_size").Error("an integer above 0");
  NIBBLE_ASSIGN_OR_RETURN(const bool tied, config.Get("tie_word_embeddings").BoolOr(false));
  NIBBLE_ASSIGN_OR_RETURN(const bool normalize, config.Get("norm_topk_prob").BoolOr(false));
  NIBBLE_ASSIGN_OR_RETURN(const ResolvedRope rope, ResolveRope(RopeParameters(config), ShapeOf(fields)));
  ModelSpec spec = SpecOf(variant, fields, rope, tied, normalize);
  if (!variant.expert_fields.empty()) NIBBLE_RETURN_IF_ERROR(SetDenseLayers(config, fields, spec));
  return spec;
}

std::string NormKey(absl::string_view architecture) { return absl::StrCat(architecture, ".expert_weights_norm"); }

absl::StatusOr<ModelSpec> SpecFromGguf(const gguf::Metadata& metadata, const TensorSource& source) {
  NIBBLE_ASSIGN_OR_RETURN(const std::string name, metadata.String("general.architecture"));
  const Variant& variant = VariantOf(name);
  NIBBLE_ASSIGN_OR_RETURN(Fields fields, ReadFields(RowsOf(variant), metadata, name));
  NIBBLE_RETURN_IF_ERROR(CheckHeads(fields));
  fields.Set(Field::kVocabSize, EmbeddingRows(source));
  NIBBLE_ASSIGN_OR_RETURN(const ResolvedRope rope, ResolveRope(metadata, name, source, ShapeOf(fields)));
  bool normalize = true;  // what llama.cpp takes for granted
  if (metadata.Find(NormKey(name)) != nullptr) {
    NIBBLE_ASSIGN_OR_RETURN(normalize, metadata.Bool(NormKey(name)));
  }
  ModelSpec spec = SpecOf(variant, fields, rope, IsTied(source), normalize);
  for (int layer = 0; layer < spec.layers_size(); ++layer) {
    const bool is_dense = source.Find(GgufName({.role = Role::kRouter, .layer = layer})) == nullptr &&
                          source.Find(GgufName({.role = Role::kGate, .layer = layer})) != nullptr;
    if (is_dense) spec.mutable_layers(layer)->mutable_feed_forward()->clear_experts();
  }
  return spec;
}

absl::StatusOr<TensorMap> TensorsFromCheckpoint(const ModelSpec& spec, const TensorSource& source) {
  return MapCheckpoint(VariantOf(spec.architecture()).tensors, spec, source);
}

absl::StatusOr<TensorMap> TensorsFromGguf(const ModelSpec& spec, const TensorSource& source) {
  return MapGguf(VariantOf(spec.architecture()).tensors, spec, source);
}

void SpecToGguf(const ModelSpec& spec, gguf::Metadata& metadata) {
  WriteFields(RowsOf(VariantOf(spec.architecture())), UniformFields(spec), spec.architecture(), metadata);
  RopeScalingToGguf(spec, metadata);
  for (const Layer& layer : spec.layers()) {
    if (!layer.feed_forward().has_experts()) continue;
    if (!layer.feed_forward().experts().normalize()) metadata.Set(NormKey(spec.architecture()), false);
    return;
  }
}

void ExpertsToConfig(const ModelSpec& spec, json::Object& config) {
  std::vector<std::string> dense;
  bool normalize = false;
  for (int layer = 0; layer < spec.layers_size(); ++layer) {
    const FeedForward& feed_forward = spec.layers(layer).feed_forward();
    if (!feed_forward.has_experts()) dense.push_back(absl::StrCat(layer));
    normalize |= feed_forward.experts().normalize();
  }
  config.SetBool("norm_topk_prob", normalize);
  config.SetArray("mlp_only_layers", dense);
}

absl::Status SpecToConfig(const ModelSpec& spec, const TensorList& tensors, json::Object& config) {
  const Variant& variant = VariantOf(spec.architecture());
  SetIdentity(variant.hf_architecture, variant.model_type, spec, config);
  Fields fields = UniformFields(spec);
  fields.Set(Field::kMoeStep, 1);
  WriteFields(RowsOf(variant), fields, config);
  config.SetString("hidden_act", "silu");
  if (&variant != &kVariants[0]) config.SetBool("attention_bias", HasRole(tensors, Role::kQueryBias));
  if (!variant.expert_fields.empty()) ExpertsToConfig(spec, config);
  config.SetBool("use_sliding_window", false);
  return AddRopeScaling(spec, config);
}

TensorTable PublishedTable(const ModelSpec& spec) { return VariantOf(spec.architecture()).tensors; }

}  // namespace

const Family kQwen = {"qwen",         kHfArchitectures,      kModelTypes,   kGgufArchitectures,
                      SpecFromConfig, TensorsFromCheckpoint, SpecFromGguf,  TensorsFromGguf,
                      SpecToGguf,     SpecToConfig,          PublishedTable};

}  // namespace nibble
