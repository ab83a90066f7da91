#include "runtime/random_cases.h"

namespace nibble {
namespace {

void AddExperts(Experts experts, Layer& layer) {
  experts.set_length(40);
  *layer.mutable_feed_forward()->mutable_experts() = experts;
}

void ForEachLayer(ModelSpec& spec, void (*edit)(int index, Layer& layer)) {
  for (int i = 0; i < spec.layers_size(); ++i) edit(i, *spec.mutable_layers(i));
}

void LikeGpt2(ModelSpec& spec) {
  ForEachLayer(spec, [](int, Layer& layer) { layer.mutable_feed_forward()->set_activation(FeedForward::GELU_TANH); });
}

void LikeGemma3(ModelSpec& spec) {
  spec.set_embedding_scale(5.5);
  ForEachLayer(spec, [](int i, Layer& layer) {
    layer.mutable_attention()->set_window(i == 0 ? 6 : 0);
    layer.mutable_attention()->set_scale(0.4);
    layer.mutable_attention()->set_head_norm_epsilon(0.02);
    layer.mutable_feed_forward()->set_activation(FeedForward::GEGLU_TANH);
  });
}

void LikeGptOss(ModelSpec& spec) {
  ForEachLayer(spec, [](int i, Layer& layer) {
    layer.mutable_attention()->set_window(i % 2 == 0 ? 6 : 0);
    layer.mutable_attention()->mutable_rope()->set_magnitude(1.3);
    FeedForward& feed_forward = *layer.mutable_feed_forward();
    feed_forward.set_activation(FeedForward::SWIGLU_CLAMPED);
    feed_forward.set_limit(1.5);
    feed_forward.set_alpha(1.7);
    Experts experts;
    experts.set_count(5);
    experts.set_used(2);
    experts.set_gating(Experts::SOFTMAX_OF_CHOSEN);
    AddExperts(experts, layer);
  });
}

// A dense layer among those with experts, and weights that do not add up to 1.
void LikeQwen3Moe(ModelSpec& spec) {
  Experts experts;
  experts.set_count(6);
  experts.set_used(2);
  AddExperts(experts, *spec.mutable_layers(0));
}

void LikeLlama4(ModelSpec& spec) {
  ForEachLayer(spec, [](int i, Layer& layer) {
    Attention& attention = *layer.mutable_attention();
    attention.set_unit_norm(true);
    if (i == 0) {
      attention.set_chunk(8);
      return;
    }
    attention.mutable_rope()->set_dimensions(0);
    attention.mutable_temperature()->set_scale(0.3);
    attention.mutable_temperature()->set_floor_scale(4);
    attention.mutable_temperature()->set_offset(i % 2);
    Experts experts;
    experts.set_count(4);
    experts.set_used(1);
    experts.set_gating(Experts::SIGMOID);
    experts.set_scale_input(true);
    experts.set_shared_length(24);
    AddExperts(experts, layer);
  });
}

void LikeDeepSeek(ModelSpec& spec) {
  ForEachLayer(spec, [](int i, Layer& layer) {
    Attention& attention = *layer.mutable_attention();
    attention.mutable_latent()->set_query_rank(20);
    attention.mutable_latent()->set_key_value_rank(12);
    attention.set_head_norm_epsilon(0.02);
    if (i == 0) return;
    Experts experts;
    experts.set_count(8);
    experts.set_used(2);
    experts.set_gating(Experts::SIGMOID);
    experts.set_groups(4);
    experts.set_groups_used(2);
    experts.set_normalize(true);
    experts.set_weight_scale(2.5);
    experts.set_shared_length(24);
    AddExperts(experts, layer);
  });
}

void WithoutQueryRank(ModelSpec& spec) {
  LikeDeepSeek(spec);
  ForEachLayer(spec, [](int, Layer& layer) { layer.mutable_attention()->mutable_latent()->set_query_rank(0); });
}

const RandomCase kCases[] = {
    {"GroupedHeads", {}},
    {"OneHeadPerGroup", {.kv_heads = 4}},
    {"OneGroup", {.kv_heads = 1}},
    {"Tied", {.tied = true}},
    {"Biases", {.biases = true}},
    {"HalfSplit", {.pairing = Rope::HALF_SPLIT}},
    {"PartOfHeadTurns", {.pairing = Rope::HALF_SPLIT, .rope_dimensions = 4}},
    {"NothingTurns", {.rope_dimensions = 0}},
    {"FrequencyFactors", {.frequency_factors = true}},
    {"HeadLengthsOfTheirOwn", {.key_length = 12, .value_length = 16}},
    {"Quantized", {.matrices = Format::kQ8_0}},
    {"VocabularyOfPanels", {.vocab_size = 2500}},
    {"Gpt2",
     {.kv_heads = 4,
      .rope_dimensions = 0,
      .tied = true,
      .biases = true,
      .fused = true,
      .learned_positions = true,
      .norm = Norm::LAYER,
      .edit = LikeGpt2}},
    {"FusedGroups", {.fused = true}},
    {"Gemma3", {.pairing = Rope::HALF_SPLIT, .tied = true, .head_norms = true, .post_norms = true, .edit = LikeGemma3}},
    {"GptOss", {.pairing = Rope::HALF_SPLIT, .biases = true, .sinks = true, .edit = LikeGptOss}},
    {"Mixtral", {.edit = LikeMixtral}},
    {"Qwen3Moe", {.pairing = Rope::HALF_SPLIT, .head_norms = true, .edit = LikeQwen3Moe}},
    {"PostNormOfExperts", {.post_norms = true, .edit = LikeMixtral}},
    {"Llama4", {.edit = LikeLlama4}},
    {"DeepSeek",
     {.kv_heads = 1,
      .key_length = 14,
      .value_length = 10,
      .rope_dimensions = 6,
      .selection_bias = true,
      .edit = LikeDeepSeek}},
    {"DeepSeekWithoutQueryRank",
     {.kv_heads = 4, .key_length = 14, .value_length = 10, .rope_dimensions = 6, .edit = WithoutQueryRank}},
};

}  // namespace

void LikeMixtral(ModelSpec& spec) {
  ForEachLayer(spec, [](int, Layer& layer) {
    layer.mutable_attention()->set_window(6);
    Experts experts;
    experts.set_count(4);
    experts.set_used(2);
    experts.set_normalize(true);
    AddExperts(experts, layer);
  });
}

absl::Span<const RandomCase> RandomCases() { return kCases; }

}  // namespace nibble
