#include "converters/mistral.h"

#include <cstdint>
#include <string>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "base/status.h"
#include "converters/config.h"
#include "converters/decoder.h"
#include "converters/dims.h"
#include "converters/fields.h"
#include "converters/layouts.h"
#include "converters/llama.h"
#include "converters/publish.h"
#include "converters/published_names.h"
#include "converters/rope_scaling.h"
#include "converters/tensor_table.h"
#include "converters/yarn.h"
#include "model/role.h"
#include "model/tensor_list.h"

namespace nibble {
namespace {

constexpr absl::string_view kName = "mistral";
constexpr absl::string_view kLlamaName = "llama";
constexpr absl::string_view kMistral3 = "mistral3";
constexpr absl::string_view kArchitectures[] = {"MistralForCausalLM", "MixtralForCausalLM",
                                                "Mistral3ForConditionalGeneration", "Ministral3ForCausalLM"};
constexpr absl::string_view kModelTypes[] = {"mistral", "mixtral", "mistral3", "ministral3"};
constexpr absl::string_view kGgufArchitectures[] = {kMistral3};
constexpr absl::string_view kTelltale = "n_layers";  // of params.json, which names no architecture

// What mistral3's loader does otherwise than others with YaRN's keys.
constexpr YarnDefaults kYarnKeys = {.log_multiplier = 1};

// A model type of Hugging Face's, and what is not as usual where its config says nothing.
struct TextType {
  absl::string_view name;
  uint32_t window;
  double rope_base;
};
constexpr TextType kTextTypes[] = {{"mistral", 4096, 1e4}, {"mixtral", 0, 1e6}, {"ministral3", 0, 1e6}};

constexpr FieldKind kUint = FieldKind::kUint;
constexpr FieldKind kFloat = FieldKind::kFloat;

double AsFeedForward(const Fields& fields) { return fields[Field::kFeedForward]; }
double LongContext(const Fields&) { return 128'000; }

constexpr FieldRow kConfigFields[] = {
    {Field::kLayers, kUint, 1, kMaxLayers, {"num_hidden_layers"}, ""},
    {Field::kContextLength, kUint, 1, kMaxLength, {"max_position_embeddings"}, ""},
    {Field::kHiddenSize, kUint, 1, kMaxWidth, {"hidden_size"}, ""},
    {Field::kFeedForward, kUint, 1, kMaxWidth, {"intermediate_size"}, ""},
    {Field::kHeads, kUint, 1, kMaxWidth, {"num_attention_heads"}, ""},
    {Field::kKvHeads, kUint, 1, kMaxWidth, {"num_key_value_heads"}, "", AsHeads},
    {Field::kNormEpsilon, kFloat, 0, 1, {"rms_norm_eps"}, ""},
    {Field::kKeyLength, kUint, 1, kMaxWidth, {"head_dim"}, "", HeadLength},
    {Field::kValueLength, kUint, 1, kMaxWidth, {"head_dim"}, "", HeadLength},
    {Field::kRopeDimensions, kUint, 1, kMaxWidth, {}, "", AsKeyLength},
    {Field::kVocabSize, kUint, 1, kMaxLength, {"vocab_size"}, ""},
    {Field::kExperts, kUint, 1, kMaxWidth, {"num_local_experts"}, "", Zero},
    {Field::kExpertsUsed, kUint, 1, kMaxWidth, {"num_experts_per_tok"}, "", Zero},
    {Field::kExpertLength, kUint, 1, kMaxWidth, {}, "", AsFeedForward},
};

constexpr FieldRow kParamsFields[] = {
    {Field::kLayers, kUint, 1, kMaxLayers, {"n_layers"}, ""},
    {Field::kContextLength, kUint, 1, kMaxLength, {"max_position_embeddings", "max_seq_len"}, "", LongContext},
    {Field::kHiddenSize, kUint, 1, kMaxWidth, {"dim"}, ""},
    {Field::kFeedForward, kUint, 1, kMaxWidth, {"hidden_dim"}, ""},
    {Field::kHeads, kUint, 1, kMaxWidth, {"n_heads"}, ""},
    {Field::kKvHeads, kUint, 1, kMaxWidth, {"n_kv_heads"}, "", AsHeads},
    {Field::kNormEpsilon, kFloat, 0, 1, {"norm_eps"}, ""},
    {Field::kKeyLength, kUint, 1, kMaxWidth, {"head_dim"}, "", HeadLength},
    {Field::kValueLength, kUint, 1, kMaxWidth, {"head_dim"}, "", HeadLength},
    {Field::kRopeDimensions, kUint, 1, kMaxWidth, {}, "", AsKeyLength},
    {Field::kVocabSize, kUint, 1, kMaxLength, {"vocab_size"}, ""},
    {Field::kExperts, kUint, 1, kMaxWidth, {"moe.num_experts"}, "", Zero},
    {Field::kExpertsUsed, kUint, 1, kMaxWidth, {"moe.num_experts_per_tok"}, "", Zero},
    {Field::kExpertLength, kUint, 1, kMaxWidth, {}, "", AsFeedForward},
};

// YaRN's last two have no key in a GGUF.
constexpr Supported kConfigSupported[] = {
    {"hidden_act", absl::string_view("silu")}, {"rope_parameters.partial_rotary_factor", 1.0},
    {"rope_parameters.attention_factor", 1.0}, {"rope_parameters.truncate", true},
    {"rope_scaling.attention_factor", 1.0},    {"rope_scaling.truncate", true},
};
constexpr Supported kParamsSupported[] = {
    {"activation", absl::string_view("silu")},
    {"quantization.qformat_weight", absl::string_view("fp8_e4m3")},
    {"moe.num_shared_experts", 0.0},
    {"moe.first_k_dense_replace", 0.0},
    {"moe.route_every_n", 1.0},
    {"moe.routed_scale", 1.0},
    {"moe.num_expert_groups", 1.0},
    {"moe.expert_hidden_dim", 0.0},
    {"q_lora_rank", 0.0},
    {"kv_lora_rank", 0.0},
};

constexpr TensorRow kConsolidated[] = {
    {Role::kTokenEmbedding, "tok_embeddings.weight", Dim::kVocab, Dim::kHidden},
    {Role::kAttentionNorm, "layers.{}.attention_norm.weight", Dim::kHidden, Dim::kNone},
    {Role::kQuery, "layers.{}.attention.wq.weight", Dim::kQueries, Dim::kHidden},
    {Role::kKey, "layers.{}.attention.wk.weight", Dim::kKeys, Dim::kHidden},
    {Role::kValue, "layers.{}.attention.wv.weight", Dim::kValues, Dim::kHidden},
    {Role::kAttentionOutput, "layers.{}.attention.wo.weight", Dim::kHidden, Dim::kAttended},
    {Role::kFeedForwardNorm, "layers.{}.ffn_norm.weight", Dim::kHidden, Dim::kNone},
    {Role::kGate, "layers.{}.feed_forward.w1.weight", Dim::kFeedForward, Dim::kHidden},
    {Role::kUp, "layers.{}.feed_forward.w3.weight", Dim::kFeedForward, Dim::kHidden},
    {Role::kDown, "layers.{}.feed_forward.w2.weight", Dim::kHidden, Dim::kFeedForward},
    {Role::kRouter, "layers.{}.feed_forward.gate.weight", Dim::kExperts, Dim::kHidden},
    {Role::kExpertGate, "layers.{}.feed_forward.experts.{e}.w1.weight", Dim::kExpertLength, Dim::kHidden},
    {Role::kExpertUp, "layers.{}.feed_forward.experts.{e}.w3.weight", Dim::kExpertLength, Dim::kHidden},
    {Role::kExpertDown, "layers.{}.feed_forward.experts.{e}.w2.weight", Dim::kHidden, Dim::kExpertLength},
    {Role::kOutputNorm, "norm.weight", Dim::kHidden, Dim::kNone},
    {Role::kOutput, "output.weight", Dim::kVocab, Dim::kHidden, AsInGguf, Presence::kUnlessTied},
};

// Scales of activations that FP8 checkpoints were calibrated with.
constexpr absl::string_view kIgnored[] = {".rotary_emb.inv_freq", ".activation_scale", ".input_scale", ".qscale_act"};
constexpr Prefix kPrefixes[] = {{"model.language_model.", "model."}, {"language_model.", ""}};
constexpr absl::string_view kVision[] = {
    "vision_tower.",   "multi_modal_projector.",   "model.vision_tower.", "model.multi_modal_projector.",
    "vision_encoder.", "vision_language_adapter.", "patch_merger.",       "pre_mm_projector_norm.",
};

RopeShape ShapeOf(const Fields& fields) { return {fields.Uint(Field::kRopeDimensions), fields[Field::kRopeBase]}; }

// null, an integer, or an integer as a string.
absl::StatusOr<uint32_t> Window(const json::Value& config, uint32_t absent) {
  const json::Value value = config.Get("sliding_window");
  if (!value.exists()) return absent;
  if (value.is_null()) return 0;
  if (value.is_array()) {
    return NotSupported(value, "one window for all layers");
  }
  uint32_t window = 0;
  if (value.is_string() && absl::SimpleAtoi(*value.String(), &window) && window <= kMaxLength) return window;
  return value.Int(0, static_cast<int64_t>(kMaxLength));
}

void SetTemperature(float scale, uint32_t floor_scale, ModelSpec& spec) {
  for (Layer& layer : *spec.mutable_layers()) {
    layer.mutable_attention()->mutable_temperature()->set_scale(scale);
    layer.mutable_attention()->mutable_temperature()->set_floor_scale(floor_scale);
  }
}

absl::StatusOr<float> TemperatureScale(const json::Value& value) {
  NIBBLE_ASSIGN_OR_RETURN(const double scale, value.NumberOr(0));
  if (0 <= scale && scale <= 100) return static_cast<float>(scale);
  return value.Error("a number in [0, 100]");
}

// Hugging Face.

// A multimodal model that names no type has text of the first.
absl::StatusOr<TextType> TypeOf(const json::Value& text) {
  const json::Value value = text.Get("model_type");
  NIBBLE_ASSIGN_OR_RETURN(const absl::string_view name, value.StringOr(kTextTypes[0].name));
  for (const TextType& type : kTextTypes) {
    if (type.name == name) return type;
  }
  return NotSupported(value, "mistral, mixtral or ministral3");
}

// A GGUF's key says one of the two.
absl::Status CheckMscale(const json::Value& parameters) {
  const json::Value all = parameters.Get("mscale_all_dim");
  if (!all.exists() || all.is_null()) return absl::OkStatus();
  NIBBLE_ASSIGN_OR_RETURN(const double expected, all.Number());
  NIBBLE_ASSIGN_OR_RETURN(const double mscale, parameters.Get("mscale").NumberOr(expected));
  if (mscale == expected) return absl::OkStatus();
  return NotSupported(all, absl::StrCat("mscale's ", mscale));
}

absl::StatusOr<bool> Tied(const json::Value& config, const json::Value& text) {
  NIBBLE_ASSIGN_OR_RETURN(const bool outside, config.Get("tie_word_embeddings").BoolOr(false));
  return text.Get("tie_word_embeddings").BoolOr(outside);
}

absl::StatusOr<ModelSpec> SpecFromHuggingFace(const json::Value& config) {
  const json::Value text = TextConfig(config);
  NIBBLE_RETURN_IF_ERROR(RequireSupported(text, kConfigSupported));
  NIBBLE_ASSIGN_OR_RETURN(const TextType type, TypeOf(text));
  NIBBLE_ASSIGN_OR_RETURN(Fields fields, ReadFields(kConfigFields, text));
  NIBBLE_ASSIGN_OR_RETURN(const uint32_t window, Window(text, type.window));
  NIBBLE_ASSIGN_OR_RETURN(const double base, RopeBase(text, type.rope_base));
  fields.Set(Field::kWindow, window);
  fields.Set(Field::kRopeBase, base);
  NIBBLE_RETURN_IF_ERROR(CheckLlamaFields(fields));
  const json::Value parameters = RopeParameters(text);
  NIBBLE_RETURN_IF_ERROR(CheckMscale(parameters));
  NIBBLE_ASSIGN_OR_RETURN(const ResolvedRope rope, ResolveRope(parameters, ShapeOf(fields)));
  NIBBLE_ASSIGN_OR_RETURN(const bool tied, Tied(config, text));
  NIBBLE_ASSIGN_OR_RETURN(const float scale, TemperatureScale(parameters.Get("llama_4_scaling_beta")));
  const bool is_ministral3 = type.name == "ministral3";
  const bool is_llama = !is_ministral3 && !config.Get("text_config").is_object();
  ModelSpec spec =
      LlamaSpec(is_llama ? Identity{kLlamaName, kLlamaName, tied} : Identity{kName, kMistral3, tied}, fields, rope);
  if (!is_ministral3) return spec;
  if (rope.scaling.type() != "yarn") return parameters.Error("YaRN's parameters");
  if (scale > 0) SetTemperature(scale, rope.scaling.original_context(), spec);
  return spec;
}

// params.json.

absl::StatusOr<ResolvedRope> YarnFromParams(const json::Value& yarn, const RopeShape& shape) {
  ResolvedRope rope;
  if (!yarn.exists() || yarn.is_null()) return rope;
  struct Row {
    absl::string_view key;
    double min, max;
    void (RopeScaling::*set)(float);
  };
  constexpr Row kRows[] = {{"factor", 1e-3, 1e9, &RopeScaling::set_factor},
                           {"beta", 1e-3, 1e9, &RopeScaling::set_beta_fast},
                           {"alpha", 1e-3, 1e9, &RopeScaling::set_beta_slow}};
  rope.scaling.set_type("yarn");
  for (const Row& row : kRows) {
    NIBBLE_ASSIGN_OR_RETURN(const double value, yarn.Get(row.key).Number());
    if (value < row.min || value > row.max) return yarn.Get(row.key).Error("a number above 0");
    (rope.scaling.*row.set)(static_cast<float>(value));
  }
  NIBBLE_ASSIGN_OR_RETURN(const int64_t context,
                          yarn.Get("original_max_position_embeddings").Int(1, static_cast<int64_t>(kMaxLength)));
  NIBBLE_ASSIGN_OR_RETURN(const bool apply_scale, yarn.Get("apply_scale").BoolOr(true));
  rope.scaling.set_original_context(static_cast<uint32_t>(context));
  rope.scaling.set_mscale(apply_scale ? 0 : 1);
  rope.scaling.set_mscale_all_dim(apply_scale ? 0 : 1);
  rope.frequency_factors = YarnFactors(rope.scaling, shape.dimensions, shape.base);
  rope.magnitude = YarnMagnitude(rope.scaling);
  return rope;
}

// A GGUF has one original context for both.
absl::Status CheckScalingContext(const json::Value& llama_4_scaling, const ResolvedRope& rope) {
  const json::Value value = llama_4_scaling.Get("original_max_position_embeddings");
  NIBBLE_ASSIGN_OR_RETURN(const int64_t context, value.Int(1, static_cast<int64_t>(kMaxLength)));
  if (context == rope.scaling.original_context()) return absl::OkStatus();
  return NotSupported(value, absl::StrCat("yarn's ", rope.scaling.original_context()));
}

absl::StatusOr<ModelSpec> SpecFromParams(const json::Value& params) {
  NIBBLE_RETURN_IF_ERROR(RequireSupported(params, kParamsSupported));
  NIBBLE_ASSIGN_OR_RETURN(Fields fields, ReadFields(kParamsFields, params));
  NIBBLE_ASSIGN_OR_RETURN(const uint32_t window, Window(params, 0));
  // As Mistral's own program takes it.
  NIBBLE_ASSIGN_OR_RETURN(const double base, RopeBase(params, window > 0 ? 1e4 : 1e6));
  fields.Set(Field::kWindow, window);
  fields.Set(Field::kRopeBase, base);
  NIBBLE_RETURN_IF_ERROR(CheckLlamaFields(fields));
  NIBBLE_ASSIGN_OR_RETURN(const ResolvedRope rope, YarnFromParams(params.Get("yarn"), ShapeOf(fields)));
  NIBBLE_ASSIGN_OR_RETURN(const bool tied, params.Get("tied_embeddings").BoolOr(false));
  const json::Value llama_4_scaling = params.Get("llama_4_scaling");
  const bool is_llama = rope.scaling.type().empty() && !llama_4_scaling.is_object();
  ModelSpec spec =
      LlamaSpec(is_llama ? Identity{kLlamaName, kLlamaName, tied} : Identity{kName, kMistral3, tied}, fields, rope);
  if (!llama_4_scaling.is_object()) return spec;
  NIBBLE_RETURN_IF_ERROR(CheckScalingContext(llama_4_scaling, rope));
  NIBBLE_ASSIGN_OR_RETURN(const float scale, TemperatureScale(llama_4_scaling.Get("beta")));
  if (scale > 0) SetTemperature(scale, rope.scaling.original_context(), spec);
  return spec;
}

absl::StatusOr<ModelSpec> SpecFromConfig(const json::Value& config) {
  return config.Get(kTelltale).exists() ? SpecFromParams(config) : SpecFromHuggingFace(config);
}

absl::StatusOr<TensorMap> TensorsFromCheckpoint(const ModelSpec& spec, const TensorSource& source) {
  const bool is_consolidated = source.Find(kConsolidated[0].published) != nullptr;
  const TensorTable table = {is_consolidated ? absl::MakeConstSpan(kConsolidated) : LlamaTensors(), kIgnored, kPrefixes,
                             kVision};
  return MapCheckpoint(table, spec, source);
}

// GGUF: the architecture mistral3.

constexpr absl::string_view kTemperatureKey = "mistral3.attention.temperature_scale";

absl::StatusOr<ModelSpec> SpecFromGguf(const gguf::Metadata& metadata, const TensorSource& source) {
  NIBBLE_ASSIGN_OR_RETURN(ModelSpec spec, LlamaSpecFromGguf({kName, kMistral3}, metadata, source, kYarnKeys));
  if (metadata.Find(kTemperatureKey) == nullptr) return spec;
  NIBBLE_ASSIGN_OR_RETURN(const double scale, metadata.Float(kTemperatureKey));
  const uint32_t original = spec.rope_scaling().original_context();
  if (scale != 0) SetTemperature(static_cast<float>(scale), original > 0 ? original : spec.context_length(), spec);
  return spec;
}

absl::StatusOr<TensorMap> TensorsFromGguf(const ModelSpec& spec, const TensorSource& source) {
  return MapGguf({LlamaTensors()}, spec, source);
}

void SpecToGguf(const ModelSpec& spec, gguf::Metadata& metadata) {
  LlamaFieldsToGguf(spec, metadata);
  RopeScalingToGguf(spec, metadata, kYarnKeys.log_multiplier);
  const Temperature& temperature = spec.layers(0).attention().temperature();
  if (temperature.scale() > 0) metadata.Set(kTemperatureKey, temperature.scale());
}

// The text model alone: Ministral 3's where there is YaRN, which only it has.
absl::Status SpecToConfig(const ModelSpec& spec, const TensorList&, json::Object& config) {
  const bool is_ministral3 = spec.rope_scaling().type() == "yarn";
  if (is_ministral3) {
    SetIdentity("Ministral3ForCausalLM", "ministral3", spec, config);
  } else {
    SetIdentity("MistralForCausalLM", "mistral", spec, config);
  }
  LlamaFieldsToConfig(spec, config);
  if (!is_ministral3) return AddRopeScaling(spec, config);
  NIBBLE_ASSIGN_OR_RETURN(json::Object rope, RopeScalingToConfig(spec));
  rope.SetFloat("rope_theta", spec.layers(0).attention().rope().base());
  const Temperature& temperature = spec.layers(0).attention().temperature();
  if (temperature.scale() > 0) rope.SetFloat("llama_4_scaling_beta", temperature.scale());
  config.SetObject("rope_parameters", rope);
  return absl::OkStatus();
}

TensorTable PublishedTable(const ModelSpec&) { return {LlamaTensors()}; }

}  // namespace

const Family kMistral = {kName,          kArchitectures,        kModelTypes,    kGgufArchitectures,
                         SpecFromConfig, TensorsFromCheckpoint, SpecFromGguf,   TensorsFromGguf,
                         SpecToGguf,     SpecToConfig,          PublishedTable, kTelltale};

}  // namespace nibble
