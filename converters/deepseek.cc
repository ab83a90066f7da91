#include "converters/deepseek.h"

#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/types/span.h"
#include "base/status.h"
#include "converters/config.h"
#include "converters/decoder.h"
#include "converters/dims.h"
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

constexpr absl::string_view kName = "deepseek";
constexpr absl::string_view kHfArchitectures[] = {"DeepseekV3ForCausalLM"};
constexpr absl::string_view kModelTypes[] = {"deepseek_v3", "kimi_k2"};
constexpr absl::string_view kArchitecture = "deepseek2";
constexpr absl::string_view kGgufArchitectures[] = {kArchitecture};

// transformers gives the latents' norms this epsilon, whatever the config says about the others.
constexpr float kLatentEpsilon = 1e-6f;
constexpr uint32_t kSigmoid = 2;  // of expert_gating_func

double DefaultEpsilon(const Fields&) { return 1e-6; }
double NopeAndRope(const Fields& fields) { return fields[Field::kNopeLength] + fields[Field::kRopeDimensions]; }
bool HasQueryRank(const Fields& fields) { return fields[Field::kQueryRank] > 0; }
bool HasPredictions(const Fields& fields) { return fields[Field::kPredictionLayers] > 0; }

constexpr FieldKind kUint = FieldKind::kUint;
constexpr FieldKind kFloat = FieldKind::kFloat;

constexpr FieldRow kFields[] = {
    {Field::kLayers, kUint, 1, kMaxLayers, {"num_hidden_layers"}, "block_count"},
    {Field::kContextLength, kUint, 1, kMaxLength, {"max_position_embeddings"}, "context_length"},
    {Field::kHiddenSize, kUint, 1, kMaxWidth, {"hidden_size"}, "embedding_length"},
    {Field::kFeedForward, kUint, 1, kMaxWidth, {"intermediate_size"}, "feed_forward_length"},
    {Field::kHeads, kUint, 1, kMaxWidth, {"num_attention_heads"}, "attention.head_count"},
    {Field::kRopeBase,
     kFloat,
     1.5,
     1e12,
     {"rope_parameters.rope_theta", "rope_theta"},
     "rope.freq_base",
     DefaultRopeBase},
    {Field::kNormEpsilon, kFloat, 0, 1, {"rms_norm_eps"}, "attention.layer_norm_rms_epsilon", DefaultEpsilon},
    {Field::kExperts, kUint, 1, kMaxWidth, {"n_routed_experts"}, "expert_count"},
    {Field::kExpertsUsed, kUint, 1, kMaxWidth, {"num_experts_per_tok"}, "expert_used_count"},
    {Field::kDenseLayers, kUint, 0, kMaxLayers, {"first_k_dense_replace"}, "leading_dense_block_count", Zero},
    {Field::kVocabSize, kUint, 1, kMaxLength, {"vocab_size"}, "vocab_size", Zero},
    {Field::kQueryRank, kUint, 1, kMaxWidth, {"q_lora_rank"}, "attention.q_lora_rank", Zero, HasQueryRank},
    {Field::kKeyValueRank, kUint, 1, kMaxWidth, {"kv_lora_rank"}, "attention.kv_lora_rank"},
    {Field::kExpertLength, kUint, 1, kMaxWidth, {"moe_intermediate_size"}, "expert_feed_forward_length"},
    {Field::kSharedExperts, kUint, 0, kMaxWidth, {"n_shared_experts"}, "expert_shared_count", Zero},
    {Field::kRopeDimensions, kUint, 2, kMaxWidth, {"qk_rope_head_dim"}, "rope.dimension_count"},
    {Field::kPredictionLayers,
     kUint,
     0,
     kMaxLayers,
     {"num_nextn_predict_layers"},
     "nextn_predict_layers",
     Zero,
     HasPredictions},
};
// What a config must say; what a GGUF may leave out, or has in another form.
constexpr FieldRow kPublishedFields[] = {
    {Field::kExpertGroups, kUint, 1, kMaxWidth, {"n_group"}, ""},
    {Field::kExpertGroupsUsed, kUint, 1, kMaxWidth, {"topk_group"}, ""},
    {Field::kExpertWeightScale, kFloat, 1e-6, 1e6, {"routed_scaling_factor"}, ""},
    {Field::kNopeLength, kUint, 1, kMaxWidth, {"qk_nope_head_dim"}, ""},
    {Field::kKeyLength, kUint, 1, kMaxWidth, {}, "", NopeAndRope},
    {Field::kValueLength, kUint, 1, kMaxWidth, {"v_head_dim"}, ""},
};
constexpr FieldRow kGgufFields[] = {
    {Field::kExpertGroups, kUint, 1, kMaxWidth, {}, "expert_group_count", One},
    {Field::kExpertGroupsUsed, kUint, 1, kMaxWidth, {}, "expert_group_used_count", One},
    {Field::kExpertGating, kUint, 0, 4, {}, "expert_gating_func", Zero},
    {Field::kExpertWeightScale, kFloat, 1e-6, 1e6, {}, "expert_weights_scale", One},
    {Field::kKeyLength, kUint, 1, kMaxWidth, {}, "attention.key_length_mla"},
    {Field::kValueLength, kUint, 1, kMaxWidth, {}, "attention.value_length_mla"},
};

std::vector<FieldRow> Rows(absl::Span<const FieldRow> further) {
  std::vector<FieldRow> rows(std::begin(kFields), std::end(kFields));
  rows.insert(rows.end(), further.begin(), further.end());
  return rows;
}

constexpr Supported kSupported[] = {
    {"hidden_act", absl::string_view("silu")},
    {"attention_bias", false},
    {"moe_layer_freq", 1.0},
    {"rope_interleave", true},
    {"scoring_func", absl::string_view("sigmoid")},
    {"topk_method", absl::string_view("noaux_tc")},
};

// kv_b_proj gives every head the part of its keys that rope leaves alone, and its values behind that. GGUF has a
// tensor of each, of heads; the keys' transposed.
Placement OfKeysAndValues(const Slot& slot, Dim first_row, Axis rows, Axis cols) {
  const auto length = [&](Dim dim) { return Length(dim, slot.spec, slot.layer); };
  const int64_t head_rows = length(Dim::kNope) + length(Dim::kValueLength);
  const int64_t rank = length(Dim::kKeyValueRank);
  const int64_t first = first_row == Dim::kNone ? 0 : length(first_row);
  Placement placement;
  placement.shape = {slot.slices * head_rows, rank};
  placement.view.base = (slot.slice * head_rows + first) * rank;
  placement.view.rows = {rows};
  placement.view.cols = cols;
  return placement;
}

Placement KeyOfHead(const Slot& slot) {
  return OfKeysAndValues(slot, Dim::kNone, {slot.rows, 1}, {slot.cols, slot.rows});
}
Placement ValueOfHead(const Slot& slot) {
  return OfKeysAndValues(slot, Dim::kNope, {slot.rows, slot.cols}, {slot.cols, 1});
}

constexpr Layout kAsIs = AsInGguf;
constexpr Presence kOptional = Presence::kOptional;

constexpr TensorRow kTensors[] = {
    {Role::kTokenEmbedding, "model.embed_tokens.weight", Dim::kVocab, Dim::kHidden},
    {Role::kAttentionNorm, "model.layers.{}.input_layernorm.weight", Dim::kHidden, Dim::kNone},
    {Role::kQuery, "model.layers.{}.self_attn.q_proj.weight", Dim::kQueries, Dim::kHidden},
    {Role::kQueryA, "model.layers.{}.self_attn.q_a_proj.weight", Dim::kQueryRank, Dim::kHidden},
    {Role::kQueryANorm, "model.layers.{}.self_attn.q_a_layernorm.weight", Dim::kQueryRank, Dim::kNone},
    {Role::kQueryB, "model.layers.{}.self_attn.q_b_proj.weight", Dim::kQueries, Dim::kQueryRank},
    {Role::kKeyValueA, "model.layers.{}.self_attn.kv_a_proj_with_mqa.weight", Dim::kKeyValueRankAndRope, Dim::kHidden},
    {Role::kKeyValueANorm, "model.layers.{}.self_attn.kv_a_layernorm.weight", Dim::kKeyValueRank, Dim::kNone},
    {Role::kKeyB, "model.layers.{}.self_attn.kv_b_proj.weight", Dim::kKeyValueRank, Dim::kNope, KeyOfHead},
    {Role::kValueB, "model.layers.{}.self_attn.kv_b_proj.weight", Dim::kValueLength, Dim::kKeyValueRank, ValueOfHead},
    {Role::kAttentionOutput, "model.layers.{}.self_attn.o_proj.weight", Dim::kHidden, Dim::kAttended},
    {Role::kFeedForwardNorm, "model.layers.{}.post_attention_layernorm.weight", Dim::kHidden, Dim::kNone},
    {Role::kGate, "model.layers.{}.mlp.gate_proj.weight", Dim::kFeedForward, Dim::kHidden},
    {Role::kUp, "model.layers.{}.mlp.up_proj.weight", Dim::kFeedForward, Dim::kHidden},
    {Role::kDown, "model.layers.{}.mlp.down_proj.weight", Dim::kHidden, Dim::kFeedForward},
    {Role::kRouter, "model.layers.{}.mlp.gate.weight", Dim::kExperts, Dim::kHidden},
    {Role::kExpertSelectionBias, "model.layers.{}.mlp.gate.e_score_correction_bias", Dim::kExperts, Dim::kNone},
    {Role::kExpertGate, "model.layers.{}.mlp.experts.{e}.gate_proj.weight", Dim::kExpertLength, Dim::kHidden},
    {Role::kExpertUp, "model.layers.{}.mlp.experts.{e}.up_proj.weight", Dim::kExpertLength, Dim::kHidden},
    {Role::kExpertDown, "model.layers.{}.mlp.experts.{e}.down_proj.weight", Dim::kHidden, Dim::kExpertLength},
    {Role::kSharedGate, "model.layers.{}.mlp.shared_experts.gate_proj.weight", Dim::kSharedLength, Dim::kHidden},
    {Role::kSharedUp, "model.layers.{}.mlp.shared_experts.up_proj.weight", Dim::kSharedLength, Dim::kHidden},
    {Role::kSharedDown, "model.layers.{}.mlp.shared_experts.down_proj.weight", Dim::kHidden, Dim::kSharedLength},
    // of prediction layers alone
    {Role::kPredictionProjection, "model.layers.{}.eh_proj.weight", Dim::kHidden, Dim::kTwiceHidden},
    {Role::kPredictionEmbeddingNorm, "model.layers.{}.enorm.weight", Dim::kHidden, Dim::kNone},
    {Role::kPredictionHiddenNorm, "model.layers.{}.hnorm.weight", Dim::kHidden, Dim::kNone},
    {Role::kPredictionEmbedding, "model.layers.{}.embed_tokens.weight", Dim::kVocab, Dim::kHidden, kAsIs, kOptional},
    {Role::kPredictionOutput, "model.layers.{}.shared_head.head.weight", Dim::kVocab, Dim::kHidden, kAsIs, kOptional},
    {Role::kPredictionOutputNorm, "model.layers.{}.shared_head.norm.weight", Dim::kHidden, Dim::kNone, kAsIs,
     kOptional},
    {Role::kOutputNorm, "model.norm.weight", Dim::kHidden, Dim::kNone},
    {Role::kOutput, "lm_head.weight", Dim::kVocab, Dim::kHidden, kAsIs, Presence::kUnlessTied},
};

constexpr absl::string_view kIgnored[] = {".rotary_emb.inv_freq"};
constexpr TensorTable kTable = {kTensors, kIgnored};

RopeShape ShapeOf(const Fields& fields) { return {fields.Uint(Field::kRopeDimensions), fields[Field::kRopeBase]}; }

absl::Status Check(const Fields& fields) {
  const uint32_t experts = fields.Uint(Field::kExperts), groups = fields.Uint(Field::kExpertGroups);
  const uint32_t groups_used = fields.Uint(Field::kExpertGroupsUsed);
  if (fields.Uint(Field::kRopeDimensions) % 2 != 0) return fields.Error(Field::kRopeDimensions, "an even length");
  if (fields[Field::kKeyLength] <= fields[Field::kRopeDimensions]) {
    return fields.Error(Field::kKeyLength, absl::StrCat("more than rope's ", fields[Field::kRopeDimensions]));
  }
  if (experts % groups != 0)
    return fields.Error(Field::kExpertGroups, absl::StrCat("a divisor of the ", experts, " experts"));
  if (groups_used > groups)
    return fields.Error(Field::kExpertGroupsUsed, absl::StrCat("at most the ", groups, " groups"));
  if (fields[Field::kDenseLayers] >= fields[Field::kLayers]) {
    return fields.Error(Field::kDenseLayers, absl::StrCat("less than the ", fields[Field::kLayers], " layers"));
  }
  const uint32_t eligible = experts / groups * groups_used;
  if (fields.Uint(Field::kExpertsUsed) > eligible) {
    return fields.Error(Field::kExpertsUsed,
                        absl::StrCat("at most the ", eligible, " experts of the groups that are used"));
  }
  if (fields[Field::kSharedExperts] * fields[Field::kExpertLength] > kMaxWidth) {
    return fields.Error(Field::kSharedExperts, absl::StrCat("shared experts of ", kMaxWidth, " rows at most"));
  }
  return absl::OkStatus();
}

void SetExperts(const Fields& fields, bool normalize, Experts& experts) {
  experts.set_gating(Experts::SIGMOID);
  experts.set_normalize(normalize);
  experts.set_weight_scale(static_cast<float>(fields[Field::kExpertWeightScale]));
  experts.set_groups(fields.Uint(Field::kExpertGroups));
  experts.set_groups_used(fields.Uint(Field::kExpertGroupsUsed));
  experts.set_shared_length(fields.Uint(Field::kSharedExperts) * fields.Uint(Field::kExpertLength));
}

void SetAttention(const Fields& fields, const RopeScaling& scaling, Attention& attention) {
  attention.set_kv_heads(attention.heads());
  attention.set_head_norm_epsilon(kLatentEpsilon);
  attention.mutable_latent()->set_query_rank(fields.Uint(Field::kQueryRank));
  attention.mutable_latent()->set_key_value_rank(fields.Uint(Field::kKeyValueRank));
  if (scaling.mscale_all_dim() == 0) return;
  const double mscale = YarnMscale(scaling.factor(), scaling.mscale_all_dim());
  attention.set_scale(static_cast<float>(attention.scale() * mscale * mscale));
}

ModelSpec SpecOf(Fields fields, const ResolvedRope& rope, bool tied, bool normalize) {
  const int layers = static_cast<int>(fields[Field::kLayers]);
  const int dense = static_cast<int>(fields[Field::kDenseLayers]);
  const int predictions = static_cast<int>(fields[Field::kPredictionLayers]);
  fields.Set(Field::kLayers, layers + predictions);
  ModelSpec spec = UniformSpec({kName, kArchitecture, tied}, fields, Rope::INTERLEAVED, rope);
  for (int i = 0; i < layers + predictions; ++i) {
    Layer& layer = *spec.mutable_layers(i);
    SetAttention(fields, rope.scaling, *layer.mutable_attention());
    SetExperts(fields, normalize, *layer.mutable_feed_forward()->mutable_experts());
    if (i < dense) layer.mutable_feed_forward()->clear_experts();
    if (i < layers) continue;
    layer.set_is_prediction(true);
    *spec.add_prediction_layers() = layer;
  }
  spec.mutable_layers()->DeleteSubrange(layers, predictions);
  return spec;
}

// kUnimplemented: YaRN of which a GGUF says less than the config: it has one multiplier.
absl::Status CheckYarn(const json::Value& parameters, const RopeScaling& scaling) {
  if (scaling.type() != "yarn") return absl::OkStatus();
  if (scaling.untruncated()) return NotSupported(parameters.Get("truncate"), "true");
  if (scaling.mscale_all_dim() == 0 || scaling.mscale() == scaling.mscale_all_dim()) return absl::OkStatus();
  return NotSupported(parameters.Get("mscale"), absl::StrCat("mscale_all_dim, ", scaling.mscale_all_dim()));
}

absl::StatusOr<ModelSpec> SpecFromConfig(const json::Value& config) {
  NIBBLE_RETURN_IF_ERROR(RequireSupported(config, kSupported));
  NIBBLE_ASSIGN_OR_RETURN(const Fields fields, ReadFields(Rows(kPublishedFields), config));
  NIBBLE_RETURN_IF_ERROR(Check(fields));
  if (fields[Field::kVocabSize] == 0) return config.Get("vocab_size").Error("an integer above 0");
  NIBBLE_ASSIGN_OR_RETURN(const bool tied, config.Get("tie_word_embeddings").BoolOr(false));
  NIBBLE_ASSIGN_OR_RETURN(const bool normalize, config.Get("norm_topk_prob").BoolOr(true));
  const json::Value parameters = RopeParameters(config);
  NIBBLE_ASSIGN_OR_RETURN(const ResolvedRope rope, ResolveRope(parameters, ShapeOf(fields)));
  NIBBLE_RETURN_IF_ERROR(CheckYarn(parameters, rope.scaling));
  return SpecOf(fields, rope, tied, normalize);
}

std::string Key(absl::string_view name) { return absl::StrCat(kArchitecture, ".", name); }

absl::Status CheckGguf(const gguf::Metadata& metadata, const Fields& fields) {
  if (fields.Uint(Field::kExpertGating) == kSigmoid) return absl::OkStatus();
  return absl::UnimplementedError(absl::StrCat(metadata.Place(Key("expert_gating_func")), ": expected ", kSigmoid,
                                               " (sigmoid), found ", fields[Field::kExpertGating],
                                               ", which is not supported"));
}

// Keys and values still in one tensor, from before llama.cpp took them apart.
absl::Status RequireSplitLatents(const gguf::Metadata& metadata) {
  const std::string key = Key("attention.key_length_mla");
  if (metadata.Find(key) != nullptr) return absl::OkStatus();
  return absl::UnimplementedError(
      absl::StrCat(metadata.Place(key),
                   ": expected the length of a head's keys, found nothing: files with attn_kv_b in one piece are "
                   "not supported"));
}

// The layers that are there: block_count counts those for prediction, which a file may have left out all the same.
absl::Status SetLayers(const TensorSource& source, Fields& fields) {
  const uint32_t all = fields.Uint(Field::kLayers), predictions = fields.Uint(Field::kPredictionLayers);
  if (predictions >= all) return fields.Error(Field::kPredictionLayers, absl::StrCat("less than all ", all, " layers"));
  const int first = static_cast<int>(all - predictions);
  fields.Set(Field::kLayers, first);
  const bool are_there = source.Find(GgufName({.role = Role::kPredictionProjection, .layer = first})) != nullptr;
  if (!are_there) fields.Set(Field::kPredictionLayers, 0);
  return absl::OkStatus();
}

absl::StatusOr<ModelSpec> SpecFromGguf(const gguf::Metadata& metadata, const TensorSource& source) {
  NIBBLE_RETURN_IF_ERROR(RequireSplitLatents(metadata));
  NIBBLE_ASSIGN_OR_RETURN(Fields fields, ReadFields(Rows(kGgufFields), metadata, kArchitecture));
  NIBBLE_RETURN_IF_ERROR(CheckGguf(metadata, fields));
  NIBBLE_RETURN_IF_ERROR(SetLayers(source, fields));
  NIBBLE_RETURN_IF_ERROR(Check(fields));
  if (fields[Field::kVocabSize] == 0) fields.Set(Field::kVocabSize, EmbeddingRows(source));
  bool normalize = false;
  if (metadata.Find(Key("expert_weights_norm")) != nullptr) {
    NIBBLE_ASSIGN_OR_RETURN(normalize, metadata.Bool(Key("expert_weights_norm")));
  }
  NIBBLE_ASSIGN_OR_RETURN(const ResolvedRope rope, ResolveRope(metadata, kArchitecture, source, ShapeOf(fields)));
  return SpecOf(fields, rope, IsTied(source), normalize);
}

absl::StatusOr<TensorMap> TensorsFromCheckpoint(const ModelSpec& spec, const TensorSource& source) {
  return MapCheckpoint(kTable, spec, source);
}

absl::StatusOr<TensorMap> TensorsFromGguf(const ModelSpec& spec, const TensorSource& source) {
  return MapGguf(kTable, spec, source);
}

int DenseLayers(const ModelSpec& spec) {
  int dense = 0;
  while (!spec.layers(dense).feed_forward().has_experts()) ++dense;
  return dense;
}

const Experts& ExpertsOf(const ModelSpec& spec) { return spec.layers(DenseLayers(spec)).feed_forward().experts(); }

Fields FieldsOf(const ModelSpec& spec) {
  const Attention& attention = spec.layers(0).attention();
  const Experts& experts = ExpertsOf(spec);
  Fields fields = UniformFields(spec);
  fields.Set(Field::kPredictionLayers, spec.prediction_layers_size());
  fields.Set(Field::kDenseLayers, DenseLayers(spec));
  fields.Set(Field::kQueryRank, attention.latent().query_rank());
  fields.Set(Field::kKeyValueRank, attention.latent().key_value_rank());
  fields.Set(Field::kSharedExperts, experts.shared_length() / experts.length());
  fields.Set(Field::kExpertGroups, experts.groups());
  fields.Set(Field::kExpertGroupsUsed, experts.groups_used());
  fields.Set(Field::kExpertGating, kSigmoid);
  fields.Set(Field::kExpertWeightScale, experts.weight_scale());
  fields.Set(Field::kNopeLength, attention.key_length() - attention.rope().dimensions());
  return fields;
}

void SpecToGguf(const ModelSpec& spec, gguf::Metadata& metadata) {
  const Attention& attention = spec.layers(0).attention();
  Fields fields = FieldsOf(spec);
  fields.Set(Field::kLayers, spec.layers_size() + spec.prediction_layers_size());
  WriteFields(Rows(kGgufFields), fields, kArchitecture, metadata);
  // What llama.cpp attends with: latents as the one head of keys and values.
  const uint32_t rank = attention.latent().key_value_rank();
  metadata.Set(Key("attention.head_count_kv"), uint32_t{1});
  metadata.Set(Key("attention.key_length"), rank + attention.rope().dimensions());
  metadata.Set(Key("attention.value_length"), rank);
  if (ExpertsOf(spec).normalize()) metadata.Set(Key("expert_weights_norm"), true);
  RopeScalingToGguf(spec, metadata);
}

absl::Status SpecToConfig(const ModelSpec& spec, const TensorList&, json::Object& config) {
  const Fields fields = FieldsOf(spec);
  SetIdentity(kHfArchitectures[0], kModelTypes[0], spec, config);
  WriteFields(Rows(kPublishedFields), fields, config);
  if (!HasQueryRank(fields)) config.SetNull("q_lora_rank");
  config.SetInt("num_key_value_heads", fields.Uint(Field::kHeads));
  config.SetString("hidden_act", "silu");
  config.SetBool("attention_bias", false);
  config.SetInt("moe_layer_freq", 1);
  config.SetBool("norm_topk_prob", ExpertsOf(spec).normalize());
  config.SetString("scoring_func", "sigmoid");
  config.SetString("topk_method", "noaux_tc");
  return AddRopeScaling(spec, config);
}

TensorTable PublishedTable(const ModelSpec&) { return kTable; }

}  // namespace

const Family kDeepseek = {kName,          kHfArchitectures,      kModelTypes,   kGgufArchitectures,
                          SpecFromConfig, TensorsFromCheckpoint, SpecFromGguf,  TensorsFromGguf,
                          SpecToGguf,     SpecToConfig,          PublishedTable};

}  // namespace nibble
