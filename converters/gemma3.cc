#include "converters/gemma3.h"

#include <cmath>
#include <cstdint>
#include <iterator>
#include <string>
#include <utility>
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

constexpr absl::string_view kName = "gemma3";
constexpr absl::string_view kArchitectures[] = {"Gemma3ForCausalLM", "Gemma3ForConditionalGeneration"};
constexpr absl::string_view kModelTypes[] = {"gemma3_text", "gemma3"};
constexpr absl::string_view kGgufArchitectures[] = {kName};

constexpr uint32_t kPeriod = 6;  // of global layers
constexpr double kGlobalBase = 1e6;
constexpr double kLocalBase = 1e4;

constexpr FieldKind kUint = FieldKind::kUint;
constexpr FieldKind kFloat = FieldKind::kFloat;

// Published configs leave out what has transformers' defaults.
template <int value>
double Default(const Fields&) {
  return value;
}
double DefaultEpsilon(const Fields&) { return 1e-6; }

constexpr FieldRow kFields[] = {
    {Field::kLayers, kUint, 1, kMaxLayers, {"num_hidden_layers"}, "block_count", Default<26>},
    {Field::kContextLength, kUint, 1, kMaxLength, {"max_position_embeddings"}, "context_length", Default<131'072>},
    {Field::kHiddenSize, kUint, 1, kMaxWidth, {"hidden_size"}, "embedding_length", Default<2304>},
    {Field::kFeedForward, kUint, 1, kMaxWidth, {"intermediate_size"}, "feed_forward_length", Default<9216>},
    {Field::kHeads, kUint, 1, kMaxWidth, {"num_attention_heads"}, "attention.head_count", Default<8>},
    {Field::kKvHeads, kUint, 1, kMaxWidth, {"num_key_value_heads"}, "attention.head_count_kv", Default<4>},
    {Field::kNormEpsilon, kFloat, 0, 1, {"rms_norm_eps"}, "attention.layer_norm_rms_epsilon", DefaultEpsilon},
    {Field::kKeyLength, kUint, 1, kMaxWidth, {"head_dim"}, "attention.key_length", Default<256>},
    {Field::kValueLength, kUint, 1, kMaxWidth, {"head_dim"}, "attention.value_length", Default<256>},
    {Field::kVocabSize, kUint, 1, kMaxLength, {"vocab_size"}, "", Default<262'208>},
    {Field::kWindow, kUint, 1, kMaxLength, {"sliding_window"}, "attention.sliding_window", Default<4096>},
    {Field::kRopeBase, kFloat, 1, 1e12, {}, "rope.freq_base", Default<1'000'000>},
    {Field::kRopeBaseLocal, kFloat, 1, 1e12, {}, "rope.freq_base_swa", Default<10'000>},
};

// A GGUF has the keys: only what llama.cpp has a default for may be missing.
std::vector<FieldRow> GgufFields() {
  std::vector<FieldRow> rows(std::begin(kFields), std::end(kFields));
  for (FieldRow& row : rows) {
    if (row.field == Field::kWindow) row.min = 0;
    if (row.field == Field::kWindow) row.absent = Zero;
    const bool has_default = row.gguf.empty() || row.field == Field::kWindow || row.field == Field::kRopeBase ||
                             row.field == Field::kRopeBaseLocal;
    if (!has_default) row.absent = nullptr;
  }
  return rows;
}

constexpr Supported kSupported[] = {
    {"hidden_activation", absl::string_view("gelu_pytorch_tanh")},
    {"attention_bias", false},
    {"use_bidirectional_attention", false},
    {"attn_logit_softcapping", 0.0},
    {"final_logit_softcapping", 0.0},
    {"rope_parameters.sliding_attention.rope_type", absl::string_view("default")},
};

// Norms multiply by 1 + w; a GGUF holds that sum.
constexpr TensorRow NormRow(Role role, absl::string_view name, Dim length) {
  return {role, name, length, Dim::kNone, AsInGguf, Presence::kRequired, 1};
}

constexpr TensorRow kTensors[] = {
    {Role::kTokenEmbedding, "model.embed_tokens.weight", Dim::kVocab, Dim::kHidden},
    NormRow(Role::kAttentionNorm, "model.layers.{}.input_layernorm.weight", Dim::kHidden),
    {Role::kQuery, "model.layers.{}.self_attn.q_proj.weight", Dim::kQueries, Dim::kHidden},
    NormRow(Role::kQueryNorm, "model.layers.{}.self_attn.q_norm.weight", Dim::kKeyLength),
    {Role::kKey, "model.layers.{}.self_attn.k_proj.weight", Dim::kKeys, Dim::kHidden},
    NormRow(Role::kKeyNorm, "model.layers.{}.self_attn.k_norm.weight", Dim::kKeyLength),
    {Role::kValue, "model.layers.{}.self_attn.v_proj.weight", Dim::kValues, Dim::kHidden},
    {Role::kAttentionOutput, "model.layers.{}.self_attn.o_proj.weight", Dim::kHidden, Dim::kAttended},
    NormRow(Role::kPostAttentionNorm, "model.layers.{}.post_attention_layernorm.weight", Dim::kHidden),
    NormRow(Role::kFeedForwardNorm, "model.layers.{}.pre_feedforward_layernorm.weight", Dim::kHidden),
    {Role::kGate, "model.layers.{}.mlp.gate_proj.weight", Dim::kFeedForward, Dim::kHidden},
    {Role::kUp, "model.layers.{}.mlp.up_proj.weight", Dim::kFeedForward, Dim::kHidden},
    {Role::kDown, "model.layers.{}.mlp.down_proj.weight", Dim::kHidden, Dim::kFeedForward},
    NormRow(Role::kPostFeedForwardNorm, "model.layers.{}.post_feedforward_layernorm.weight", Dim::kHidden),
    NormRow(Role::kOutputNorm, "model.norm.weight", Dim::kHidden),
    {Role::kOutput, "lm_head.weight", Dim::kVocab, Dim::kHidden, AsInGguf, Presence::kUnlessTied},
};

constexpr Prefix kPrefixes[] = {{"model.language_model.", "model."}, {"language_model.", ""}};
constexpr absl::string_view kVision[] = {"vision_tower.", "multi_modal_projector.", "model.vision_tower.",
                                         "model.multi_modal_projector."};
constexpr TensorTable kTable = {kTensors, {}, kPrefixes, kVision};

float InverseRoot(double scalar) { return 1.0f / std::sqrt(static_cast<float>(scalar)); }

// What llama.cpp takes: it knows the 27B model, the one with another scale than its heads' length, by its layers.
float LlamaCppScale(const Fields& fields) {
  const bool is_27b = fields[Field::kLayers] == 62;
  return InverseRoot(is_27b ? std::floor(fields[Field::kHiddenSize] / fields[Field::kHeads])
                            : fields[Field::kKeyLength]);
}

RopeShape GlobalRope(const Fields& fields) { return {fields.Uint(Field::kKeyLength), fields[Field::kRopeBase]}; }

ModelSpec SpecOf(const Fields& fields, const ResolvedRope& rope, const LayerPattern& pattern, float scale, bool tied) {
  ModelSpec spec = UniformSpec({kName, kName, tied}, fields, Rope::HALF_SPLIT, rope);
  spec.set_embedding_scale(std::sqrt(static_cast<float>(spec.hidden_size())));
  for (int i = 0; i < spec.layers_size(); ++i) {
    Attention& attention = *spec.mutable_layers(i)->mutable_attention();
    attention.set_scale(scale);
    spec.mutable_layers(i)->mutable_feed_forward()->set_activation(FeedForward::GEGLU_TANH);
    if (!pattern[i]) {
      attention.set_window(0);
      continue;
    }
    attention.mutable_rope()->set_base(static_cast<float>(fields[Field::kRopeBaseLocal]));
    ResolvedRope().CopyTo(*attention.mutable_rope());
  }
  return spec;
}

// `layer_types`, or every `sliding_window_pattern`-th layer.
absl::StatusOr<LayerPattern> PatternOf(const json::Value& config, int layers) {
  const json::Value types = config.Get("layer_types");
  if (!types.is_array()) {
    NIBBLE_ASSIGN_OR_RETURN(const int64_t period, config.Get("sliding_window_pattern").IntOr(kPeriod, 1, kMaxLayers));
    return EveryNthGlobal(layers, static_cast<uint32_t>(period));
  }
  if (types.size() != static_cast<size_t>(layers)) return types.Error(absl::StrCat(layers, " types of layers"));
  LayerPattern pattern;
  for (const json::Value& type : types.Elements()) {
    NIBBLE_ASSIGN_OR_RETURN(const absl::string_view name, type.String());
    if (name != "sliding_attention" && name != "full_attention") {
      return NotSupported(type, "sliding_attention or full_attention");
    }
    pattern.push_back(name == "sliding_attention");
  }
  return pattern;
}

absl::StatusOr<double> LocalBase(const json::Value& config) {
  const json::Value newer = Lookup(config, "rope_parameters.sliding_attention.rope_theta");
  const json::Value value = newer.exists() ? newer : config.Get("rope_local_base_freq");
  NIBBLE_ASSIGN_OR_RETURN(const double base, value.NumberOr(kLocalBase));
  if (1 <= base && base <= 1e12) return base;
  return value.Error("a number in [1, 1e12]");
}

// A GGUF of this architecture knows linear scaling alone.
absl::StatusOr<ResolvedRope> GlobalScaling(const json::Value& config, const RopeShape& shape) {
  const json::Value parameters = RopeParameters(config, "full_attention");
  NIBBLE_ASSIGN_OR_RETURN(ResolvedRope rope, ResolveRope(parameters, shape));
  const std::string& type = rope.scaling.type();
  if (type.empty() || type == "linear") return rope;
  return NotSupported(parameters, "linear scaling");
}

absl::StatusOr<ModelSpec> SpecFromConfig(const json::Value& config) {
  const json::Value text = TextConfig(config);
  NIBBLE_RETURN_IF_ERROR(RequireSupported(text, kSupported));
  NIBBLE_ASSIGN_OR_RETURN(Fields fields, ReadFields(kFields, text));
  NIBBLE_RETURN_IF_ERROR(CheckHeads(fields));
  NIBBLE_ASSIGN_OR_RETURN(const double global_base, RopeBase(text, kGlobalBase, "full_attention"));
  NIBBLE_ASSIGN_OR_RETURN(const double local_base, LocalBase(text));
  fields.Set(Field::kRopeBase, global_base);
  fields.Set(Field::kRopeBaseLocal, local_base);
  NIBBLE_ASSIGN_OR_RETURN(const LayerPattern pattern, PatternOf(text, static_cast<int>(fields[Field::kLayers])));
  NIBBLE_ASSIGN_OR_RETURN(const ResolvedRope rope, GlobalScaling(text, GlobalRope(fields)));
  const json::Value scalar = text.Get("query_pre_attn_scalar");
  NIBBLE_ASSIGN_OR_RETURN(const double scale_of, scalar.NumberOr(256));
  if (scale_of <= 0 || scale_of > kMaxWidth) return scalar.Error("a number above 0");
  NIBBLE_ASSIGN_OR_RETURN(const bool tied_outside, config.Get("tie_word_embeddings").BoolOr(true));
  NIBBLE_ASSIGN_OR_RETURN(const bool tied, text.Get("tie_word_embeddings").BoolOr(tied_outside));
  return SpecOf(fields, rope, pattern, InverseRoot(scale_of), tied);
}

// The key is ours, written where the rule does not hold.
constexpr absl::string_view kScaleKey = "gemma3.attention.scale";
constexpr absl::string_view kSoftcapKey = "gemma3.final_logit_softcapping";

absl::StatusOr<float> ScaleFromGguf(const gguf::Metadata& metadata, const Fields& fields) {
  if (metadata.Find(kScaleKey) == nullptr) return LlamaCppScale(fields);
  NIBBLE_ASSIGN_OR_RETURN(const double scale, metadata.Float(kScaleKey));
  if (0 < scale && scale <= 1e3) return static_cast<float>(scale);
  return BadData(metadata.Place(kScaleKey), "a number in (0, 1000]", absl::StrCat(scale));
}

absl::Status RefuseSoftcap(const gguf::Metadata& metadata) {
  if (metadata.Find(kSoftcapKey) == nullptr) return absl::OkStatus();
  NIBBLE_ASSIGN_OR_RETURN(const double softcap, metadata.Float(kSoftcapKey));
  if (softcap == 0) return absl::OkStatus();
  return absl::UnimplementedError(
      absl::StrCat(metadata.Place(kSoftcapKey), ": expected 0, found ", softcap, ", which is not supported"));
}

absl::StatusOr<ModelSpec> SpecFromGguf(const gguf::Metadata& metadata, const TensorSource& source) {
  NIBBLE_RETURN_IF_ERROR(RefuseSoftcap(metadata));
  NIBBLE_ASSIGN_OR_RETURN(Fields fields, ReadFields(GgufFields(), metadata, kName));
  NIBBLE_RETURN_IF_ERROR(CheckHeads(fields));
  fields.Set(Field::kVocabSize, EmbeddingRows(source));
  const int layers = static_cast<int>(fields[Field::kLayers]);
  const uint32_t period = fields[Field::kWindow] > 0 ? kPeriod : 1;
  NIBBLE_ASSIGN_OR_RETURN(const LayerPattern pattern, PatternFromGguf(metadata, kName, layers, period));
  NIBBLE_ASSIGN_OR_RETURN(const ResolvedRope rope, ResolveRope(metadata, kName, source, GlobalRope(fields)));
  NIBBLE_ASSIGN_OR_RETURN(const float scale, ScaleFromGguf(metadata, fields));
  return SpecOf(fields, rope, pattern, scale, IsTied(source));
}

absl::StatusOr<TensorMap> TensorsFromCheckpoint(const ModelSpec& spec, const TensorSource& source) {
  return MapCheckpoint(kTable, spec, source);
}

absl::StatusOr<TensorMap> TensorsFromGguf(const ModelSpec& spec, const TensorSource& source) {
  return MapGguf(kTable, spec, source);
}

// The fields, and which layers are local.
std::pair<Fields, LayerPattern> FieldsOf(const ModelSpec& spec) {
  std::pair<Fields, LayerPattern> result = {UniformFields(spec), {}};
  auto& [fields, pattern] = result;
  fields.Set(Field::kWindow, 0);
  fields.Set(Field::kRopeBase, kGlobalBase);
  fields.Set(Field::kRopeBaseLocal, kLocalBase);
  for (const Layer& layer : spec.layers()) {
    const Attention& attention = layer.attention();
    const bool is_local = attention.window() > 0;
    pattern.push_back(is_local);
    fields.Set(is_local ? Field::kRopeBaseLocal : Field::kRopeBase, attention.rope().base());
    if (is_local) fields.Set(Field::kWindow, attention.window());
  }
  return result;
}

void SpecToGguf(const ModelSpec& spec, gguf::Metadata& metadata) {
  const auto [fields, pattern] = FieldsOf(spec);
  WriteFields(kFields, fields, kName, metadata);
  RopeScalingToGguf(spec, metadata);
  PatternToGguf(pattern, kName, fields[Field::kWindow] > 0 ? kPeriod : 1, metadata);
  const float scale = spec.layers(0).attention().scale();
  if (scale != LlamaCppScale(fields)) metadata.Set(kScaleKey, scale);
}

// The number whose inverse root a scale is: a whole one, if one is.
void SetScale(float scale, json::Object& config) {
  const double exact = 1.0 / (static_cast<double>(scale) * scale);
  const double whole = std::round(exact);
  if (InverseRoot(whole) == scale) {
    config.SetInt("query_pre_attn_scalar", static_cast<int64_t>(whole));
  } else {
    config.SetFloat("query_pre_attn_scalar", static_cast<float>(exact));
  }
}

absl::Status SpecToConfig(const ModelSpec& spec, const TensorList&, json::Object& config) {
  auto [fields, pattern] = FieldsOf(spec);
  SetIdentity(kArchitectures[0], kModelTypes[0], spec, config);
  if (fields[Field::kWindow] == 0) fields.Set(Field::kWindow, Default<4096>(fields));  // which no layer has
  WriteFields(kFields, fields, config);
  config.SetString("hidden_activation", "gelu_pytorch_tanh");
  config.SetBool("attention_bias", false);
  config.SetNull("attn_logit_softcapping");
  config.SetNull("final_logit_softcapping");
  SetScale(spec.layers(0).attention().scale(), config);
  config.SetFloat("rope_theta", static_cast<float>(fields[Field::kRopeBase]));
  config.SetFloat("rope_local_base_freq", static_cast<float>(fields[Field::kRopeBaseLocal]));
  std::vector<std::string> types;
  for (const bool is_local : pattern) types.push_back(is_local ? "\"sliding_attention\"" : "\"full_attention\"");
  config.SetArray("layer_types", types);
  if (pattern == EveryNthGlobal(spec.layers_size(), kPeriod)) config.SetInt("sliding_window_pattern", kPeriod);
  return AddRopeScaling(spec, config);
}

TensorTable PublishedTable(const ModelSpec&) { return kTable; }

}  // namespace

const Family kGemma3 = {kName,          kArchitectures,        kModelTypes,   kGgufArchitectures,
                        SpecFromConfig, TensorsFromCheckpoint, SpecFromGguf,  TensorsFromGguf,
                        SpecToGguf,     SpecToConfig,          PublishedTable};

}  // namespace nibble
