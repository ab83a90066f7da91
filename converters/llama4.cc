#include "converters/llama4.h"

#include <algorithm>
#include <cstdint>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "base/status.h"
#include "converters/config.h"
#include "converters/decoder.h"
#include "converters/dims.h"
#include "converters/fields.h"
#include "converters/layer_pattern.h"
#include "converters/layouts.h"
#include "converters/publish.h"
#include "converters/published_names.h"
#include "converters/rope_scaling.h"
#include "converters/tensor_table.h"
#include "model/role.h"
#include "model/tensor_list.h"

namespace nibble {
namespace {

constexpr absl::string_view kName = "llama4";
constexpr absl::string_view kArchitectures[] = {"Llama4ForCausalLM", "Llama4ForConditionalGeneration"};
constexpr absl::string_view kModelTypes[] = {"llama4_text", "llama4"};
constexpr absl::string_view kGgufArchitectures[] = {kName};

// What llama.cpp takes for granted. A GGUF has keys of ours where a model is otherwise.
constexpr uint32_t kPeriod = 4;  // of layers without rope, which see all positions
constexpr double kChunk = 8192;
constexpr float kTemperature = 0.1f;
constexpr uint32_t kFloorScale = 8192;
constexpr uint32_t kExpertsWithoutNorm = 128;

double DefaultBase(const Fields&) { return 5e5; }
double DefaultChunk(const Fields&) { return kChunk; }
bool IsOtherChunk(const Fields& fields) { return fields[Field::kWindow] != kChunk; }

constexpr FieldKind kUint = FieldKind::kUint;
constexpr FieldKind kFloat = FieldKind::kFloat;

constexpr FieldRow kFields[] = {
    {Field::kLayers, kUint, 1, kMaxLayers, {"num_hidden_layers"}, "block_count"},
    {Field::kContextLength, kUint, 1, kMaxLength, {"max_position_embeddings"}, "context_length"},
    {Field::kHiddenSize, kUint, 1, kMaxWidth, {"hidden_size"}, "embedding_length"},
    {Field::kFeedForward, kUint, 1, kMaxWidth, {"intermediate_size_mlp"}, "feed_forward_length"},
    {Field::kHeads, kUint, 1, kMaxWidth, {"num_attention_heads"}, "attention.head_count"},
    {Field::kKvHeads, kUint, 1, kMaxWidth, {"num_key_value_heads"}, "attention.head_count_kv", AsHeads},
    {Field::kRopeBase, kFloat, 1, 1e12, {"rope_parameters.rope_theta", "rope_theta"}, "rope.freq_base", DefaultBase},
    {Field::kNormEpsilon, kFloat, 0, 1, {"rms_norm_eps"}, "attention.layer_norm_rms_epsilon"},
    {Field::kExperts, kUint, 1, kMaxWidth, {"num_local_experts"}, "expert_count"},
    {Field::kExpertsUsed, kUint, 1, kMaxWidth, {"num_experts_per_tok"}, "expert_used_count"},
    {Field::kKeyLength, kUint, 1, kMaxWidth, {"head_dim"}, "attention.key_length", HeadLength},
    {Field::kValueLength, kUint, 1, kMaxWidth, {"head_dim"}, "attention.value_length", HeadLength},
    {Field::kVocabSize, kUint, 1, kMaxLength, {"vocab_size"}, "vocab_size", Zero},
    {Field::kRopeDimensions, kUint, 1, kMaxWidth, {}, "rope.dimension_count", AsKeyLength},
    {Field::kMoeStep, kUint, 1, kMaxLayers, {"interleave_moe_layer_step"}, "interleave_moe_layer_step", One},
    {Field::kExpertLength, kUint, 1, kMaxWidth, {"intermediate_size"}, "expert_feed_forward_length"},
    {Field::kWindow,
     kUint,
     1,
     kMaxLength,
     {"attention_chunk_size"},
     "attention.sliding_window",
     DefaultChunk,
     IsOtherChunk},
};

constexpr Supported kSupported[] = {
    {"hidden_act", absl::string_view("silu")},
    {"attention_bias", false},
};

constexpr TensorRow kTensors[] = {
    {Role::kTokenEmbedding, "model.embed_tokens.weight", Dim::kVocab, Dim::kHidden},
    {Role::kAttentionNorm, "model.layers.{}.input_layernorm.weight", Dim::kHidden, Dim::kNone},
    {Role::kQuery, "model.layers.{}.self_attn.q_proj.weight", Dim::kQueries, Dim::kHidden},
    {Role::kKey, "model.layers.{}.self_attn.k_proj.weight", Dim::kKeys, Dim::kHidden},
    {Role::kValue, "model.layers.{}.self_attn.v_proj.weight", Dim::kValues, Dim::kHidden},
    {Role::kAttentionOutput, "model.layers.{}.self_attn.o_proj.weight", Dim::kHidden, Dim::kAttended},
    {Role::kFeedForwardNorm, "model.layers.{}.post_attention_layernorm.weight", Dim::kHidden, Dim::kNone},
    {Role::kGate, "model.layers.{}.feed_forward.gate_proj.weight", Dim::kFeedForward, Dim::kHidden},
    {Role::kUp, "model.layers.{}.feed_forward.up_proj.weight", Dim::kFeedForward, Dim::kHidden},
    {Role::kDown, "model.layers.{}.feed_forward.down_proj.weight", Dim::kHidden, Dim::kFeedForward},
    {Role::kRouter, "model.layers.{}.feed_forward.router.weight", Dim::kExperts, Dim::kHidden},
    {Role::kExpertGate, "model.layers.{}.feed_forward.experts.gate_up_proj", Dim::kExpertLength, Dim::kHidden,
     FirstHalfTransposed},
    {Role::kExpertUp, "model.layers.{}.feed_forward.experts.gate_up_proj", Dim::kExpertLength, Dim::kHidden,
     SecondHalfTransposed},
    {Role::kExpertDown, "model.layers.{}.feed_forward.experts.down_proj", Dim::kHidden, Dim::kExpertLength, Transposed},
    {Role::kSharedGate, "model.layers.{}.feed_forward.shared_expert.gate_proj.weight", Dim::kSharedLength,
     Dim::kHidden},
    {Role::kSharedUp, "model.layers.{}.feed_forward.shared_expert.up_proj.weight", Dim::kSharedLength, Dim::kHidden},
    {Role::kSharedDown, "model.layers.{}.feed_forward.shared_expert.down_proj.weight", Dim::kHidden,
     Dim::kSharedLength},
    {Role::kOutputNorm, "model.norm.weight", Dim::kHidden, Dim::kNone},
    {Role::kOutput, "lm_head.weight", Dim::kVocab, Dim::kHidden, AsInGguf, Presence::kUnlessTied},
};

constexpr absl::string_view kIgnored[] = {".rotary_emb.inv_freq"};
constexpr Prefix kPrefixes[] = {{"model.language_model.", "model."}, {"language_model.", ""}};
constexpr absl::string_view kVision[] = {"vision_model.", "multi_modal_projector.", "model.vision_model.",
                                         "model.multi_modal_projector."};
constexpr TensorTable kTable = {kTensors, kIgnored, kPrefixes, kVision};

RopeShape ShapeOf(const Fields& fields) { return {fields.Uint(Field::kRopeDimensions), fields[Field::kRopeBase]}; }

absl::Status Check(const Fields& fields) {
  NIBBLE_RETURN_IF_ERROR(CheckHeads(fields));
  if (fields[Field::kRopeDimensions] != fields[Field::kKeyLength]) {
    return fields.Error(Field::kRopeDimensions, absl::StrCat("the head length ", fields[Field::kKeyLength]));
  }
  if (fields[Field::kMoeStep] <= fields[Field::kLayers]) return absl::OkStatus();
  return fields.Error(Field::kMoeStep, absl::StrCat("at most the ", fields[Field::kLayers], " layers"));
}

// What layers have besides that which all have.
struct Attentions {
  LayerPattern local;  // layers with rope; they see their own chunk
  bool unit_norm = true;
  Temperature temperature;  // of the other layers; floor_scale 0: none
};

Temperature MakeTemperature(float scale, uint32_t floor_scale) {
  Temperature temperature;
  if (scale == 0) return temperature;
  temperature.set_scale(scale);
  temperature.set_floor_scale(floor_scale);
  temperature.set_offset(1);
  return temperature;
}

void SetAttention(const Fields& fields, const Attentions& attentions, bool is_local, Attention& attention) {
  attention.set_window(0);
  if (is_local) {
    attention.set_chunk(fields.Uint(Field::kWindow));
    attention.set_unit_norm(attentions.unit_norm);
    return;
  }
  attention.clear_rope();
  if (attentions.temperature.scale() != 0) *attention.mutable_temperature() = attentions.temperature;
}

ModelSpec SpecOf(const Fields& fields, const ResolvedRope& rope, const Attentions& attentions, bool tied) {
  ModelSpec spec = UniformSpec({kName, kName, tied}, fields, Rope::INTERLEAVED, rope);
  for (int i = 0; i < spec.layers_size(); ++i) {
    Layer& layer = *spec.mutable_layers(i);
    SetAttention(fields, attentions, attentions.local[i], *layer.mutable_attention());
    if ((i + 1) % fields.Uint(Field::kMoeStep) != 0) {
      layer.mutable_feed_forward()->clear_experts();
      continue;
    }
    Experts& experts = *layer.mutable_feed_forward()->mutable_experts();
    experts.set_gating(Experts::SIGMOID);
    experts.set_scale_input(true);
    experts.set_shared_length(experts.length());
  }
  return spec;
}

// Hugging Face.

// `moe_layers` wins over the step; a GGUF has a step alone.
absl::Status SetMoeStep(const json::Value& config, Fields& fields) {
  const json::Value list = config.Get("moe_layers");
  if (!list.is_array()) return absl::OkStatus();
  const int64_t layers = static_cast<int64_t>(fields[Field::kLayers]);
  std::vector<int64_t> found;
  for (const json::Value& value : list.Elements()) {
    NIBBLE_ASSIGN_OR_RETURN(const int64_t layer, value.Int(0, layers - 1));
    found.push_back(layer);
  }
  if (found.empty()) return NotSupported(list, "layers with experts");
  const int64_t step = found[0] + 1;
  std::vector<int64_t> expected;
  for (int64_t layer = step - 1; layer < layers; layer += step) expected.push_back(layer);
  if (found != expected) return NotSupported(list, "layers in equal steps, the last of each");
  fields.Set(Field::kMoeStep, static_cast<double>(step), list.Place());
  return absl::OkStatus();
}

// `no_rope_layers` has a 1 for each layer with rope; where it is empty, every no_rope_layer_interval-th has none.
absl::StatusOr<LayerPattern> LocalLayers(const json::Value& config, int layers) {
  const json::Value list = config.Get("no_rope_layers");
  if (list.size() == 0) {
    NIBBLE_ASSIGN_OR_RETURN(const int64_t period, config.Get("no_rope_layer_interval").IntOr(kPeriod, 1, kMaxLayers));
    return EveryNthGlobal(layers, static_cast<uint32_t>(period));
  }
  if (list.size() < static_cast<size_t>(layers))
    return list.Error(absl::StrCat("an entry for each of ", layers, " layers"));
  LayerPattern pattern;
  for (int layer = 0; layer < layers; ++layer) {
    NIBBLE_ASSIGN_OR_RETURN(const int64_t has_rope, list.At(layer).Int(0, 1));
    pattern.push_back(has_rope == 1);
  }
  return pattern;
}

// Layers with rope, and no others, see chunks.
absl::Status CheckLayerTypes(const json::Value& config, const LayerPattern& local) {
  const json::Value types = config.Get("layer_types");
  if (!types.is_array()) return absl::OkStatus();
  for (size_t layer = 0; layer < local.size(); ++layer) {
    const absl::string_view expected = local[layer] ? "chunked_attention" : "full_attention";
    NIBBLE_ASSIGN_OR_RETURN(const absl::string_view found, types.At(layer).String());
    if (found != expected) return NotSupported(types.At(layer), absl::StrCat("no_rope_layers' ", expected));
  }
  return absl::OkStatus();
}

// A boolean, or the integer that Scout's config has there.
absl::StatusOr<bool> Truth(const json::Value& value, bool absent) {
  if (!value.is_number()) return value.BoolOr(absent);
  NIBBLE_ASSIGN_OR_RETURN(const double number, value.Number());
  return number != 0;
}

absl::StatusOr<Attentions> AttentionsOf(const json::Value& config, int layers) {
  Attentions attentions;
  NIBBLE_ASSIGN_OR_RETURN(attentions.local, LocalLayers(config, layers));
  NIBBLE_RETURN_IF_ERROR(CheckLayerTypes(config, attentions.local));
  NIBBLE_ASSIGN_OR_RETURN(attentions.unit_norm, config.Get("use_qk_norm").BoolOr(true));
  NIBBLE_ASSIGN_OR_RETURN(const bool is_tuned, Truth(config.Get("attn_temperature_tuning"), true));
  const json::Value scale_value = config.Get("attn_scale");
  NIBBLE_ASSIGN_OR_RETURN(const double scale, scale_value.NumberOr(kTemperature));
  if (scale < 0 || scale > 100) return scale_value.Error("a number in [0, 100]");
  NIBBLE_ASSIGN_OR_RETURN(const int64_t floor_scale,
                          config.Get("floor_scale").IntOr(kFloorScale, 1, static_cast<int64_t>(kMaxLength)));
  attentions.temperature =
      MakeTemperature(is_tuned ? static_cast<float>(scale) : 0, static_cast<uint32_t>(floor_scale));
  return attentions;
}

absl::StatusOr<ModelSpec> SpecFromConfig(const json::Value& config) {
  const json::Value text = TextConfig(config);
  NIBBLE_RETURN_IF_ERROR(RequireSupported(text, kSupported));
  NIBBLE_ASSIGN_OR_RETURN(Fields fields, ReadFields(kFields, text));
  NIBBLE_RETURN_IF_ERROR(SetMoeStep(text, fields));
  NIBBLE_RETURN_IF_ERROR(Check(fields));
  if (fields[Field::kVocabSize] == 0) return text.Get("vocab_size").Error("an integer above 0");
  NIBBLE_ASSIGN_OR_RETURN(const Attentions attentions, AttentionsOf(text, static_cast<int>(fields[Field::kLayers])));
  NIBBLE_ASSIGN_OR_RETURN(const ResolvedRope rope, ResolveRope(RopeParameters(text), ShapeOf(fields)));
  NIBBLE_ASSIGN_OR_RETURN(const bool tied_outside, config.Get("tie_word_embeddings").BoolOr(false));
  NIBBLE_ASSIGN_OR_RETURN(const bool tied, text.Get("tie_word_embeddings").BoolOr(tied_outside));
  return SpecOf(fields, rope, attentions, tied);
}

absl::StatusOr<TensorMap> TensorsFromCheckpoint(const ModelSpec& spec, const TensorSource& source) {
  return MapCheckpoint(kTable, spec, source);
}

// GGUF.

constexpr absl::string_view kTemperatureKey = "llama4.attention.temperature_scale";
constexpr absl::string_view kFloorScaleKey = "llama4.attention.temperature_length";
constexpr absl::string_view kUnitNormKey = "llama4.attention.qk_norm";

bool LlamaCppHasUnitNorm(const Fields& fields) { return fields.Uint(Field::kExperts) != kExpertsWithoutNorm; }

absl::StatusOr<Attentions> AttentionsOf(const gguf::Metadata& metadata, const Fields& fields) {
  Attentions attentions;
  NIBBLE_ASSIGN_OR_RETURN(attentions.local,
                          PatternFromGguf(metadata, kName, static_cast<int>(fields[Field::kLayers]), kPeriod));
  attentions.unit_norm = LlamaCppHasUnitNorm(fields);
  if (metadata.Find(kUnitNormKey) != nullptr) {
    NIBBLE_ASSIGN_OR_RETURN(attentions.unit_norm, metadata.Bool(kUnitNormKey));
  }
  double scale = kTemperature;
  if (metadata.Find(kTemperatureKey) != nullptr) {
    NIBBLE_ASSIGN_OR_RETURN(scale, metadata.Float(kTemperatureKey));
  }
  uint64_t floor_scale = kFloorScale;
  if (metadata.Find(kFloorScaleKey) != nullptr) {
    NIBBLE_ASSIGN_OR_RETURN(floor_scale, metadata.Uint(kFloorScaleKey, 1, static_cast<uint64_t>(kMaxLength)));
  }
  attentions.temperature = MakeTemperature(static_cast<float>(scale), static_cast<uint32_t>(floor_scale));
  return attentions;
}

absl::StatusOr<ModelSpec> SpecFromGguf(const gguf::Metadata& metadata, const TensorSource& source) {
  NIBBLE_ASSIGN_OR_RETURN(Fields fields, ReadFields(kFields, metadata, kName));
  NIBBLE_RETURN_IF_ERROR(Check(fields));
  if (fields[Field::kVocabSize] == 0) fields.Set(Field::kVocabSize, EmbeddingRows(source));
  NIBBLE_ASSIGN_OR_RETURN(const Attentions attentions, AttentionsOf(metadata, fields));
  NIBBLE_ASSIGN_OR_RETURN(const ResolvedRope rope, ResolveRope(metadata, kName, source, ShapeOf(fields)));
  return SpecOf(fields, rope, attentions, IsTied(source));
}

absl::StatusOr<TensorMap> TensorsFromGguf(const ModelSpec& spec, const TensorSource& source) {
  return MapGguf(kTable, spec, source);
}

// And what the layers say to `fields`.
Attentions AttentionsOf(const ModelSpec& spec, Fields& fields) {
  Attentions attentions;
  attentions.unit_norm = LlamaCppHasUnitNorm(fields);  // as long as no layer says
  attentions.temperature = MakeTemperature(kTemperature, kFloorScale);
  fields.Set(Field::kWindow, kChunk);
  for (const Layer& layer : spec.layers()) {
    const Attention& attention = layer.attention();
    attentions.local.push_back(attention.chunk() > 0);
    if (attentions.local.back()) {
      attentions.unit_norm = attention.unit_norm();
      fields.Set(Field::kWindow, attention.chunk());
      fields.Set(Field::kRopeBase, attention.rope().base());
    } else {
      attentions.temperature = attention.temperature();
    }
  }
  return attentions;
}

void AttentionsToGguf(const Attentions& attentions, const Fields& fields, gguf::Metadata& metadata) {
  const Temperature& temperature = attentions.temperature;
  PatternToGguf(attentions.local, kName, kPeriod, metadata);
  if (attentions.unit_norm != LlamaCppHasUnitNorm(fields)) metadata.Set(kUnitNormKey, attentions.unit_norm);
  if (temperature.scale() != kTemperature) metadata.Set(kTemperatureKey, temperature.scale());
  if (temperature.scale() != 0 && temperature.floor_scale() != kFloorScale) {
    metadata.Set(kFloorScaleKey, static_cast<uint32_t>(temperature.floor_scale()));
  }
}

Fields FieldsOf(const ModelSpec& spec) {
  Fields fields = UniformFields(spec);
  const auto has_experts = [](const Layer& layer) { return layer.feed_forward().has_experts(); };
  const auto first = std::find_if(spec.layers().begin(), spec.layers().end(), has_experts);
  fields.Set(Field::kMoeStep, static_cast<double>(first - spec.layers().begin()) + 1);
  fields.Set(Field::kRopeDimensions, fields[Field::kKeyLength]);
  fields.Set(Field::kRopeBase, DefaultBase(fields));
  return fields;
}

void SpecToGguf(const ModelSpec& spec, gguf::Metadata& metadata) {
  Fields fields = FieldsOf(spec);
  AttentionsToGguf(AttentionsOf(spec, fields), fields, metadata);
  WriteFields(kFields, fields, kName, metadata);
  RopeScalingToGguf(spec, metadata);
}

absl::Status SpecToConfig(const ModelSpec& spec, const TensorList&, json::Object& config) {
  Fields fields = FieldsOf(spec);
  const Attentions attentions = AttentionsOf(spec, fields);
  SetIdentity(kArchitectures[0], kModelTypes[0], spec, config);
  WriteFields(kFields, fields, config);
  config.SetString("hidden_act", "silu");
  config.SetBool("attention_bias", false);
  config.SetBool("use_qk_norm", attentions.unit_norm);
  std::vector<std::string> has_rope;
  for (const bool is_local : attentions.local) has_rope.push_back(is_local ? "1" : "0");
  config.SetArray("no_rope_layers", has_rope);
  const Temperature& temperature = attentions.temperature;
  config.SetBool("attn_temperature_tuning", temperature.scale() != 0);
  if (temperature.scale() != 0) {
    config.SetFloat("attn_scale", temperature.scale());
    config.SetInt("floor_scale", static_cast<int64_t>(temperature.floor_scale()));
  }
  return AddRopeScaling(spec, config);
}

TensorTable PublishedTable(const ModelSpec&) { return kTable; }

}  // namespace

const Family kLlama4 = {kName,          kArchitectures,        kModelTypes,    kGgufArchitectures,
                        SpecFromConfig, TensorsFromCheckpoint, SpecFromGguf,   TensorsFromGguf,
                        SpecToGguf,     SpecToConfig,          PublishedTable, /*telltale=*/"",
                        kName};

}  // namespace nibble
