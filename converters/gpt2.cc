#include "converters/gpt2.h"

#include "base/status.h"
#include "converters/config.h"
#include "converters/decoder.h"
#include "converters/dims.h"
#include "converters/fields.h"
#include "converters/layouts.h"
#include "converters/publish.h"
#include "converters/published_names.h"
#include "converters/rope_scaling.h"
#include "converters/tensor_table.h"
#include "model/logical_tensor.h"
#include "model/role.h"
#include "model/tensor_list.h"

namespace nibble {
namespace {

constexpr absl::string_view kName = "gpt2";
constexpr absl::string_view kNames[] = {kName};
constexpr absl::string_view kArchitectures[] = {"GPT2LMHeadModel"};

double FourTimesHidden(const Fields& fields) { return 4 * fields[Field::kHiddenSize]; }
double DefaultEpsilon(const Fields&) { return 1e-5; }

constexpr FieldKind kUint = FieldKind::kUint;
constexpr FieldKind kFloat = FieldKind::kFloat;

constexpr FieldRow kFields[] = {
    {Field::kLayers, kUint, 1, kMaxLayers, {"n_layer"}, "block_count"},
    {Field::kContextLength, kUint, 1, kMaxLength, {"n_positions", "n_ctx"}, "context_length"},
    {Field::kHiddenSize, kUint, 1, kMaxWidth, {"n_embd"}, "embedding_length"},
    {Field::kFeedForward, kUint, 1, kMaxWidth, {"n_inner"}, "feed_forward_length", FourTimesHidden},
    {Field::kHeads, kUint, 1, kMaxWidth, {"n_head"}, "attention.head_count"},
    {Field::kKvHeads, kUint, 1, kMaxWidth, {}, "", AsHeads},
    {Field::kKeyLength, kUint, 1, kMaxWidth, {}, "", HeadLength},
    {Field::kValueLength, kUint, 1, kMaxWidth, {}, "", HeadLength},
    {Field::kNormEpsilon, kFloat, 0, 1, {"layer_norm_epsilon"}, "attention.layer_norm_epsilon", DefaultEpsilon},
    {Field::kVocabSize, kUint, 1, kMaxLength, {"vocab_size"}, "", Zero},
};

constexpr Supported kSupported[] = {
    {"activation_function", absl::string_view("gelu_new")},
    {"scale_attn_weights", true},
    {"scale_attn_by_inverse_layer_idx", false},
    {"add_cross_attention", false},
};

constexpr Layout kConv1D = Transposed;  // [in, out]

constexpr TensorRow kTensors[] = {
    {Role::kTokenEmbedding, "wte.weight", Dim::kVocab, Dim::kHidden},
    {Role::kPositionEmbedding, "wpe.weight", Dim::kContext, Dim::kHidden},
    {Role::kAttentionNorm, "h.{}.ln_1.weight", Dim::kHidden, Dim::kNone},
    {Role::kAttentionNormBias, "h.{}.ln_1.bias", Dim::kHidden, Dim::kNone},
    {Role::kQueryKeyValue, "h.{}.attn.c_attn.weight", Dim::kQueryKeyValues, Dim::kHidden, kConv1D},
    {Role::kQueryKeyValueBias, "h.{}.attn.c_attn.bias", Dim::kQueryKeyValues, Dim::kNone},
    {Role::kAttentionOutput, "h.{}.attn.c_proj.weight", Dim::kHidden, Dim::kAttended, kConv1D},
    {Role::kAttentionOutputBias, "h.{}.attn.c_proj.bias", Dim::kHidden, Dim::kNone},
    {Role::kFeedForwardNorm, "h.{}.ln_2.weight", Dim::kHidden, Dim::kNone},
    {Role::kFeedForwardNormBias, "h.{}.ln_2.bias", Dim::kHidden, Dim::kNone},
    {Role::kUp, "h.{}.mlp.c_fc.weight", Dim::kFeedForward, Dim::kHidden, kConv1D},
    {Role::kUpBias, "h.{}.mlp.c_fc.bias", Dim::kFeedForward, Dim::kNone},
    {Role::kDown, "h.{}.mlp.c_proj.weight", Dim::kHidden, Dim::kFeedForward, kConv1D},
    {Role::kDownBias, "h.{}.mlp.c_proj.bias", Dim::kHidden, Dim::kNone},
    {Role::kOutputNorm, "ln_f.weight", Dim::kHidden, Dim::kNone},
    {Role::kOutputNormBias, "ln_f.bias", Dim::kHidden, Dim::kNone},
    {Role::kOutput, "lm_head.weight", Dim::kVocab, Dim::kHidden, AsInGguf, Presence::kUnlessTied},
};

constexpr absl::string_view kMasks[] = {".attn.bias", ".attn.masked_bias"};
constexpr Prefix kPrefixes[] = {{"transformer.", ""}};
constexpr TensorTable kTable = {kTensors, kMasks, kPrefixes};

ModelSpec SpecOf(const Fields& fields, bool tied) {
  ModelSpec spec = UniformSpec({kName, kName, tied}, fields, Rope::INTERLEAVED, ResolvedRope());
  spec.mutable_norm()->set_kind(Norm::LAYER);
  for (Layer& layer : *spec.mutable_layers()) {
    layer.mutable_attention()->clear_rope();  // positions are learned
    layer.mutable_feed_forward()->set_activation(FeedForward::GELU_TANH);
  }
  return spec;
}

absl::StatusOr<ModelSpec> SpecFromConfig(const json::Value& config) {
  NIBBLE_RETURN_IF_ERROR(RequireSupported(config, kSupported));
  NIBBLE_ASSIGN_OR_RETURN(const Fields fields, ReadFields(kFields, config));
  NIBBLE_RETURN_IF_ERROR(CheckHeads(fields));
  if (fields[Field::kVocabSize] == 0) return config.Get("vocab_size").Error("an integer above 0");
  NIBBLE_ASSIGN_OR_RETURN(const bool tied, config.Get("tie_word_embeddings").BoolOr(true));
  return SpecOf(fields, tied);
}

absl::StatusOr<ModelSpec> SpecFromGguf(const gguf::Metadata& metadata, const TensorSource& source) {
  NIBBLE_ASSIGN_OR_RETURN(Fields fields, ReadFields(kFields, metadata, kName));
  NIBBLE_RETURN_IF_ERROR(CheckHeads(fields));
  fields.Set(Field::kVocabSize, EmbeddingRows(source));
  // llama.cpp's converter writes 4 times the hidden size, whatever n_inner is.
  const StoredTensor* up = source.Find(GgufName({.role = Role::kUp, .layer = 0}));
  const bool is_matrix = up != nullptr && up->shape.size() == 2 && up->shape[0] <= kMaxWidth;
  if (is_matrix) fields.Set(Field::kFeedForward, up->shape[0]);
  return SpecOf(fields, IsTied(source));
}

absl::StatusOr<TensorMap> TensorsFromCheckpoint(const ModelSpec& spec, const TensorSource& source) {
  return MapCheckpoint(kTable, spec, source);
}

absl::StatusOr<TensorMap> TensorsFromGguf(const ModelSpec& spec, const TensorSource& source) {
  return MapGguf(kTable, spec, source);
}

void SpecToGguf(const ModelSpec& spec, gguf::Metadata& metadata) {
  WriteFields(kFields, UniformFields(spec), kName, metadata);
}

absl::Status SpecToConfig(const ModelSpec& spec, const TensorList&, json::Object& config) {
  SetIdentity(kArchitectures[0], kName, spec, config);
  WriteFields(kFields, UniformFields(spec), config);
  config.SetString("activation_function", "gelu_new");
  return absl::OkStatus();
}

TensorTable PublishedTable(const ModelSpec&) { return kTable; }

}  // namespace

const Family kGpt2 = {kName,        kArchitectures,  kNames,     kNames,       SpecFromConfig, TensorsFromCheckpoint,
                      SpecFromGguf, TensorsFromGguf, SpecToGguf, SpecToConfig, PublishedTable};

}  // namespace nibble
