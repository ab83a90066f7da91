#include "converters/gpt_oss.h"

#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "base/status.h"
#include "converters/config.h"
#include "converters/decoder.h"
#include "converters/fields.h"
#include "converters/layouts.h"
#include "converters/publish.h"
#include "converters/rope_scaling.h"
#include "converters/tensor_table.h"
#include "converters/yarn.h"
#include "model/role.h"
#include "model/tensor_list.h"

namespace nibble {
namespace {

constexpr absl::string_view kName = "gpt_oss";
constexpr absl::string_view kNames[] = {kName};
constexpr absl::string_view kHfArchitectures[] = {"GptOssForCausalLM"};
constexpr absl::string_view kArchitecture = "gpt-oss";
constexpr absl::string_view kGgufArchitectures[] = {kArchitecture};

// OpenAI's config.json names neither an architecture nor a type of model. This key only it has.
constexpr absl::string_view kOriginalKey = "rope_ntk_beta";

// Of the clamped SwiGLU: constants of llama.cpp, for which a GGUF has no keys.
constexpr double kLimit = 7;
constexpr float kAlpha = 1.702f;

double DefaultEpsilon(const Fields&) { return 1e-5; }
double PublishedRopeBase(const Fields&) { return 150'000; }

constexpr FieldKind kUint = FieldKind::kUint;
constexpr FieldKind kFloat = FieldKind::kFloat;

constexpr FieldRow kFields[] = {
    {Field::kLayers, kUint, 1, kMaxLayers, {"num_hidden_layers"}, "block_count"},
    {Field::kContextLength, kUint, 1, kMaxLength, {"max_position_embeddings"}, "context_length", Zero},
    {Field::kHiddenSize, kUint, 1, kMaxWidth, {"hidden_size"}, "embedding_length"},
    {Field::kFeedForward, kUint, 1, kMaxWidth, {"intermediate_size"}, "feed_forward_length"},
    {Field::kHeads, kUint, 1, kMaxWidth, {"num_attention_heads"}, "attention.head_count"},
    {Field::kKvHeads, kUint, 1, kMaxWidth, {"num_key_value_heads"}, "attention.head_count_kv"},
    {Field::kRopeBase,
     kFloat,
     1.5,
     1e12,
     {"rope_parameters.rope_theta", "rope_theta"},
     "rope.freq_base",
     PublishedRopeBase},
    {Field::kNormEpsilon, kFloat, 0, 1, {"rms_norm_eps"}, "attention.layer_norm_rms_epsilon", DefaultEpsilon},
    {Field::kExperts, kUint, 1, kMaxWidth, {"num_local_experts", "num_experts"}, "expert_count"},
    {Field::kExpertsUsed, kUint, 1, kMaxWidth, {"num_experts_per_tok", "experts_per_token"}, "expert_used_count"},
    {Field::kKeyLength, kUint, 1, kMaxWidth, {"head_dim"}, "attention.key_length", HeadLength},
    {Field::kValueLength, kUint, 1, kMaxWidth, {"head_dim"}, "attention.value_length", AsKeyLength},
    {Field::kWindow, kUint, 1, kMaxLength, {"sliding_window"}, "attention.sliding_window"},
    {Field::kExpertLength, kUint, 1, kMaxWidth, {"intermediate_size"}, "expert_feed_forward_length"},
    {Field::kVocabSize, kUint, 1, kMaxLength, {"vocab_size"}, "", Zero},
};

constexpr Supported kSupported[] = {
    {"hidden_act", absl::string_view("silu")},
    {"attention_bias", true},
    {"swiglu_limit", kLimit},
};

constexpr Layout kAsIs = AsInGguf;
constexpr Presence kRequired = Presence::kRequired;
constexpr absl::string_view kNormName = "post_attention_norm.weight";

// Gate and up are fused, their outputs in turn. MXFP4 blocks run along the inputs, [experts, out, in]; re-exports as
// floats are [experts, in, out].
constexpr TensorRow kTensors[] = {
    {Role::kTokenEmbedding, "model.embed_tokens.weight", Dim::kVocab, Dim::kHidden},
    {Role::kAttentionNorm, "model.layers.{}.input_layernorm.weight", Dim::kHidden, Dim::kNone},
    {Role::kQuery, "model.layers.{}.self_attn.q_proj.weight", Dim::kQueries, Dim::kHidden},
    {Role::kQueryBias, "model.layers.{}.self_attn.q_proj.bias", Dim::kQueries, Dim::kNone},
    {Role::kKey, "model.layers.{}.self_attn.k_proj.weight", Dim::kKeys, Dim::kHidden},
    {Role::kKeyBias, "model.layers.{}.self_attn.k_proj.bias", Dim::kKeys, Dim::kNone},
    {Role::kValue, "model.layers.{}.self_attn.v_proj.weight", Dim::kValues, Dim::kHidden},
    {Role::kValueBias, "model.layers.{}.self_attn.v_proj.bias", Dim::kValues, Dim::kNone},
    {Role::kSinks, "model.layers.{}.self_attn.sinks", Dim::kHeads, Dim::kNone},
    {Role::kAttentionOutput, "model.layers.{}.self_attn.o_proj.weight", Dim::kHidden, Dim::kAttended},
    {Role::kAttentionOutputBias, "model.layers.{}.self_attn.o_proj.bias", Dim::kHidden, Dim::kNone},
    {Role::kFeedForwardNorm, "model.layers.{}.post_attention_layernorm.weight", Dim::kHidden, Dim::kNone, kAsIs,
     kRequired, 0, kNormName},
    {Role::kRouter, "model.layers.{}.mlp.router.weight", Dim::kExperts, Dim::kHidden},
    {Role::kRouterBias, "model.layers.{}.mlp.router.bias", Dim::kExperts, Dim::kNone},
    {Role::kExpertGate, "model.layers.{}.mlp.experts.gate_up_proj_blocks", Dim::kExpertLength, Dim::kHidden, EvenRows},
    {Role::kExpertGate, "model.layers.{}.mlp.experts.gate_up_proj", Dim::kExpertLength, Dim::kHidden,
     EvenRowsTransposed},
    {Role::kExpertGateBias, "model.layers.{}.mlp.experts.gate_up_proj_bias", Dim::kExpertLength, Dim::kNone, EvenRows},
    {Role::kExpertUp, "model.layers.{}.mlp.experts.gate_up_proj_blocks", Dim::kExpertLength, Dim::kHidden, OddRows},
    {Role::kExpertUp, "model.layers.{}.mlp.experts.gate_up_proj", Dim::kExpertLength, Dim::kHidden, OddRowsTransposed},
    {Role::kExpertUpBias, "model.layers.{}.mlp.experts.gate_up_proj_bias", Dim::kExpertLength, Dim::kNone, OddRows},
    {Role::kExpertDown, "model.layers.{}.mlp.experts.down_proj_blocks", Dim::kHidden, Dim::kExpertLength},
    {Role::kExpertDown, "model.layers.{}.mlp.experts.down_proj", Dim::kHidden, Dim::kExpertLength, Transposed},
    {Role::kExpertDownBias, "model.layers.{}.mlp.experts.down_proj_bias", Dim::kHidden, Dim::kNone},
    {Role::kOutputNorm, "model.norm.weight", Dim::kHidden, Dim::kNone},
    {Role::kOutput, "lm_head.weight", Dim::kVocab, Dim::kHidden, kAsIs, Presence::kUnlessTied},
};

// OpenAI's own names: queries, keys and values fused as well.
constexpr TensorRow kOriginalTensors[] = {
    {Role::kTokenEmbedding, "embedding.weight", Dim::kVocab, Dim::kHidden},
    {Role::kAttentionNorm, "block.{}.attn.norm.scale", Dim::kHidden, Dim::kNone},
    {Role::kQuery, "block.{}.attn.qkv.weight", Dim::kQueries, Dim::kHidden, QueryRows},
    {Role::kQueryBias, "block.{}.attn.qkv.bias", Dim::kQueries, Dim::kNone, QueryRows},
    {Role::kKey, "block.{}.attn.qkv.weight", Dim::kKeys, Dim::kHidden, KeyRows},
    {Role::kKeyBias, "block.{}.attn.qkv.bias", Dim::kKeys, Dim::kNone, KeyRows},
    {Role::kValue, "block.{}.attn.qkv.weight", Dim::kValues, Dim::kHidden, ValueRows},
    {Role::kValueBias, "block.{}.attn.qkv.bias", Dim::kValues, Dim::kNone, ValueRows},
    {Role::kSinks, "block.{}.attn.sinks", Dim::kHeads, Dim::kNone},
    {Role::kAttentionOutput, "block.{}.attn.out.weight", Dim::kHidden, Dim::kAttended},
    {Role::kAttentionOutputBias, "block.{}.attn.out.bias", Dim::kHidden, Dim::kNone},
    {Role::kFeedForwardNorm, "block.{}.mlp.norm.scale", Dim::kHidden, Dim::kNone, kAsIs, kRequired, 0, kNormName},
    {Role::kRouter, "block.{}.mlp.gate.weight", Dim::kExperts, Dim::kHidden},
    {Role::kRouterBias, "block.{}.mlp.gate.bias", Dim::kExperts, Dim::kNone},
    {Role::kExpertGate, "block.{}.mlp.mlp1_weight", Dim::kExpertLength, Dim::kHidden, EvenRows},
    {Role::kExpertGateBias, "block.{}.mlp.mlp1_bias", Dim::kExpertLength, Dim::kNone, EvenRows},
    {Role::kExpertUp, "block.{}.mlp.mlp1_weight", Dim::kExpertLength, Dim::kHidden, OddRows},
    {Role::kExpertUpBias, "block.{}.mlp.mlp1_bias", Dim::kExpertLength, Dim::kNone, OddRows},
    {Role::kExpertDown, "block.{}.mlp.mlp2_weight", Dim::kHidden, Dim::kExpertLength},
    {Role::kExpertDownBias, "block.{}.mlp.mlp2_bias", Dim::kHidden, Dim::kNone},
    {Role::kOutputNorm, "norm.scale", Dim::kHidden, Dim::kNone},
    {Role::kOutput, "unembedding.weight", Dim::kVocab, Dim::kHidden},
};

constexpr TensorTable kTable = {kTensors};
constexpr TensorTable kOriginalTable = {kOriginalTensors};

RopeShape ShapeOf(const Fields& fields) { return {fields.Uint(Field::kKeyLength), fields[Field::kRopeBase]}; }

bool HasWindow(int layer) { return layer % 2 == 0; }

ModelSpec SpecOf(const Fields& fields, const ResolvedRope& rope, bool tied) {
  ModelSpec spec = UniformSpec({kName, kArchitecture, tied}, fields, Rope::HALF_SPLIT, rope);
  for (int i = 0; i < spec.layers_size(); ++i) {
    Layer& layer = *spec.mutable_layers(i);
    if (!HasWindow(i)) layer.mutable_attention()->clear_window();
    FeedForward& feed_forward = *layer.mutable_feed_forward();
    feed_forward.set_activation(FeedForward::SWIGLU_CLAMPED);
    feed_forward.set_limit(kLimit);
    feed_forward.set_alpha(kAlpha);
    feed_forward.mutable_experts()->set_gating(Experts::SOFTMAX_OF_CHOSEN);
  }
  return spec;
}

// kUnimplemented for any pattern but windows on even layers, which is what a GGUF's readers take for granted.
absl::Status CheckLayerTypes(const json::Value& config, const Fields& fields) {
  const json::Value types = config.Get("layer_types");
  if (!types.exists() || types.is_null()) return absl::OkStatus();
  if (types.size() != fields.Uint(Field::kLayers)) {
    return types.Error(absl::StrCat("a type for each of the ", fields[Field::kLayers], " layers"));
  }
  for (size_t layer = 0; layer < types.size(); ++layer) {
    const absl::string_view type = HasWindow(static_cast<int>(layer)) ? "sliding_attention" : "full_attention";
    NIBBLE_ASSIGN_OR_RETURN(const absl::string_view found, types.At(layer).String());
    if (found != type) return NotSupported(types.At(layer), absl::StrCat("\"", type, "\""));
  }
  return absl::OkStatus();
}

// kUnimplemented: YaRN whose correction dimensions are rounded, which a GGUF of this family cannot say.
absl::StatusOr<ResolvedRope> PublishedRope(const json::Value& config, const Fields& fields) {
  const json::Value parameters = RopeParameters(config);
  NIBBLE_ASSIGN_OR_RETURN(ResolvedRope rope, ResolveRope(parameters, ShapeOf(fields)));
  if (rope.scaling.type() != "yarn" || rope.scaling.untruncated()) return rope;
  return NotSupported(parameters.Get("truncate"), "false");
}

absl::StatusOr<float> Positive(const json::Value& value) {
  NIBBLE_ASSIGN_OR_RETURN(const double number, value.Number());
  if (0 < number && number <= kMaxLength) return static_cast<float>(number);
  return value.Error("a number above 0");
}

absl::StatusOr<ResolvedRope> OriginalRope(const json::Value& config, const Fields& fields) {
  NIBBLE_ASSIGN_OR_RETURN(const float factor, Positive(config.Get("rope_scaling_factor")));
  NIBBLE_ASSIGN_OR_RETURN(const int64_t context,
                          config.Get("initial_context_length").Int(1, static_cast<int64_t>(kMaxLength)));
  NIBBLE_ASSIGN_OR_RETURN(const float slow, Positive(config.Get("rope_ntk_alpha")));
  NIBBLE_ASSIGN_OR_RETURN(const float fast, Positive(config.Get(kOriginalKey)));
  ResolvedRope rope;
  rope.scaling.set_type("yarn");
  rope.scaling.set_factor(factor);
  rope.scaling.set_original_context(static_cast<uint32_t>(context));
  rope.scaling.set_beta_fast(fast);
  rope.scaling.set_beta_slow(slow);
  rope.scaling.set_untruncated(true);
  const RopeShape shape = ShapeOf(fields);
  rope.frequency_factors = YarnFactors(rope.scaling, shape.dimensions, shape.base);
  rope.magnitude = YarnMagnitude(rope.scaling);
  return rope;
}

absl::StatusOr<ModelSpec> SpecFromConfig(const json::Value& config) {
  const bool is_original = config.Get(kOriginalKey).exists();
  NIBBLE_RETURN_IF_ERROR(RequireSupported(config, kSupported));
  NIBBLE_ASSIGN_OR_RETURN(Fields fields, ReadFields(kFields, config));
  NIBBLE_RETURN_IF_ERROR(CheckHeads(fields));
  NIBBLE_RETURN_IF_ERROR(CheckLayerTypes(config, fields));
  if (fields[Field::kVocabSize] == 0) return config.Get("vocab_size").Error("an integer above 0");
  NIBBLE_ASSIGN_OR_RETURN(const bool tied, config.Get("tie_word_embeddings").BoolOr(false));
  NIBBLE_ASSIGN_OR_RETURN(const ResolvedRope rope,
                          is_original ? OriginalRope(config, fields) : PublishedRope(config, fields));
  if (is_original) {
    const double context = double{rope.scaling.factor()} * rope.scaling.original_context();
    if (context > kMaxLength) return config.Get("rope_scaling_factor").Error("a context of at most 2^30 tokens");
    fields.Set(Field::kContextLength, context);
  }
  if (fields[Field::kContextLength] == 0) return config.Get("max_position_embeddings").Error("an integer above 0");
  return SpecOf(fields, rope, tied);
}

absl::StatusOr<ModelSpec> SpecFromGguf(const gguf::Metadata& metadata, const TensorSource& source) {
  NIBBLE_ASSIGN_OR_RETURN(Fields fields, ReadFields(kFields, metadata, kArchitecture));
  NIBBLE_RETURN_IF_ERROR(CheckHeads(fields));
  const std::string pattern = absl::StrCat(kArchitecture, ".attention.sliding_window_pattern");
  if (metadata.Find(pattern) != nullptr) NIBBLE_RETURN_IF_ERROR(metadata.Uint(pattern, 2, 2).status());
  fields.Set(Field::kVocabSize, EmbeddingRows(source));
  NIBBLE_ASSIGN_OR_RETURN(const ResolvedRope rope,
                          ResolveRope(metadata, kArchitecture, source, ShapeOf(fields), {.untruncated = true}));
  return SpecOf(fields, rope, IsTied(source));
}

absl::StatusOr<TensorMap> TensorsFromCheckpoint(const ModelSpec& spec, const TensorSource& source) {
  const bool is_original = source.Find(kOriginalTensors[0].published) != nullptr;
  return MapCheckpoint(is_original ? kOriginalTable : kTable, spec, source);
}

absl::StatusOr<TensorMap> TensorsFromGguf(const ModelSpec& spec, const TensorSource& source) {
  return MapGguf(kTable, spec, source);
}

void SpecToGguf(const ModelSpec& spec, gguf::Metadata& metadata) {
  WriteFields(kFields, UniformFields(spec), kArchitecture, metadata);
  RopeScalingToGguf(spec, metadata);
}

absl::Status SpecToConfig(const ModelSpec& spec, const TensorList&, json::Object& config) {
  SetIdentity(kHfArchitectures[0], kName, spec, config);
  WriteFields(kFields, UniformFields(spec), config);
  config.SetString("hidden_act", "silu");
  config.SetBool("attention_bias", true);
  config.SetFloat("swiglu_limit", kLimit);
  std::vector<std::string> types;
  for (int layer = 0; layer < spec.layers_size(); ++layer) {
    types.push_back(HasWindow(layer) ? "\"sliding_attention\"" : "\"full_attention\"");
  }
  config.SetArray("layer_types", types);
  return AddRopeScaling(spec, config);
}

TensorTable PublishedTable(const ModelSpec&) { return kTable; }

}  // namespace

const Family kGptOss = {kName,          kHfArchitectures,      kNames,         kGgufArchitectures,
                        SpecFromConfig, TensorsFromCheckpoint, SpecFromGguf,   TensorsFromGguf,
                        SpecToGguf,     SpecToConfig,          PublishedTable, kOriginalKey};

}  // namespace nibble
