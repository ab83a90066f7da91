#include "runtime/layer.h"

#include <algorithm>
#include <initializer_list>

#include "base/status.h"
#include "runtime/rope.h"

namespace nibble {
namespace {

// Columns of each activation, the widest over all layers.
struct Widths {
  int64_t hidden = 0, query = 0, key = 0, value = 0, attended = 0, feed_forward = 0;
};

Widths WidestOf(const ModelSpec& spec) {
  Widths widths{.hidden = spec.hidden_size()};
  const auto widen = [](int64_t& width, int64_t other) { width = std::max(width, other); };
  for (const Layer& layer : spec.layers()) {
    const Attention& attention = layer.attention();
    widen(widths.query, int64_t{attention.heads()} * attention.key_length());
    widen(widths.key, int64_t{attention.kv_heads()} * attention.key_length());
    widen(widths.value, int64_t{attention.kv_heads()} * attention.value_length());
    widen(widths.attended, int64_t{attention.heads()} * attention.value_length());
    widen(widths.feed_forward, layer.feed_forward().length());
  }
  return widths;
}

RopePairing Pairing(const Rope& rope) {
  return rope.pairing() == Rope::HALF_SPLIT ? RopePairing::kHalfSplit : RopePairing::kInterleaved;
}

}  // namespace

absl::StatusOr<LayerForward> LayerForward::Create(Device& device, const ModelSpec& spec, int64_t max_tokens) {
  const Widths widths = WidestOf(spec);
  LayerForward forward(device, spec);
  struct Row {
    Buffer* buffer;
    int64_t width;
  };
  for (const auto& [buffer, width] :
       {Row{&forward.normed_, widths.hidden}, Row{&forward.query_, widths.query}, Row{&forward.key_, widths.key},
        Row{&forward.value_, widths.value}, Row{&forward.attended_, widths.attended},
        Row{&forward.gate_, widths.feed_forward}, Row{&forward.up_, widths.feed_forward},
        Row{&forward.projected_, widths.hidden}}) {
    NIBBLE_ASSIGN_OR_RETURN(*buffer, device.Allocate(max_tokens * width));
  }
  return forward;
}

int64_t LayerForward::FloatsPerToken(const ModelSpec& spec) {
  const Widths widths = WidestOf(spec);
  return 2 * widths.hidden + widths.query + widths.key + widths.value + widths.attended + 2 * widths.feed_forward;
}

absl::Status LayerForward::Run(const Layer& layer, const LayerWeights& weights, int64_t sequences, Matrix hidden,
                               const LayerCache* cache) {
  NIBBLE_RETURN_IF_ERROR(RunAttention(layer.attention(), weights, sequences, hidden, cache));
  RunFeedForward(layer.feed_forward(), weights, hidden);
  return absl::OkStatus();
}

absl::Status LayerForward::RunAttention(const Attention& attention, const LayerWeights& weights, int64_t sequences,
                                        Matrix hidden, const LayerCache* cache) {
  const Operations& operations = device_->operations();
  const int64_t tokens = hidden.rows;
  const int64_t past = cache == nullptr ? 0 : cache->past;
  const int64_t heads = attention.heads(), kv_heads = attention.kv_heads();
  const Matrix query = query_.matrix(tokens, heads * attention.key_length());
  const Matrix keys =
      cache == nullptr ? key_.matrix(tokens, kv_heads * attention.key_length()) : cache->key.Rows(0, past + tokens);
  const Matrix values = cache == nullptr ? value_.matrix(tokens, kv_heads * attention.value_length())
                                         : cache->value.Rows(0, past + tokens);
  const Matrix new_keys = keys.Rows(past, past + tokens);

  const Matrix x = Normed(weights, Role::kAttentionNorm, hidden);
  Linear(weights, Role::kQuery, weights.vector(Role::kQueryBias), x, query);
  Linear(weights, Role::kKey, weights.vector(Role::kKeyBias), x, new_keys);
  Linear(weights, Role::kValue, weights.vector(Role::kValueBias), x, values.Rows(past, past + tokens));

  const int64_t length = tokens / sequences, pairs = attention.rope().dimensions() / 2;
  if (pairs > 0) {
    NIBBLE_ASSIGN_OR_RETURN(const RopeTable table, MakeRopeTable(*device_, attention.rope(), past, length));
    RopeArguments rope = {Pairing(attention.rope()), heads, table.cosine.matrix(length, pairs),
                          table.sine.matrix(length, pairs)};
    operations.rope(*device_, rope, query);
    rope.heads = kv_heads;
    operations.rope(*device_, rope, new_keys);
  }

  const Matrix attended = attended_.matrix(tokens, heads * attention.value_length());
  operations.attention(*device_, {sequences, heads, kv_heads, attention.scale(), query, keys, values}, attended);
  const Matrix projected = projected_.matrix(tokens, hidden.cols);
  Linear(weights, Role::kAttentionOutput, weights.vector(Role::kAttentionOutputBias), attended, projected);
  operations.add(*device_, projected, hidden);
  return absl::OkStatus();
}

void LayerForward::RunFeedForward(const FeedForward& feed_forward, const LayerWeights& weights, Matrix hidden) {
  const Operations& operations = device_->operations();
  const Matrix gate = gate_.matrix(hidden.rows, feed_forward.length());
  const Matrix up = up_.matrix(hidden.rows, feed_forward.length());
  const Matrix projected = projected_.matrix(hidden.rows, hidden.cols);

  const Matrix x = Normed(weights, Role::kFeedForwardNorm, hidden);
  Linear(weights, Role::kGate, nullptr, x, gate);
  Linear(weights, Role::kUp, nullptr, x, up);
  operations.swiglu(*device_, up, gate);
  Linear(weights, Role::kDown, nullptr, gate, projected);
  operations.add(*device_, projected, hidden);
}

void LayerForward::Linear(const LayerWeights& weights, Role role, const float* bias, ConstMatrix x, Matrix y) const {
  device_->operations().matmul(*device_, x, weights.matrix(role), bias, y);
}

Matrix LayerForward::Normed(const LayerWeights& weights, Role role, ConstMatrix hidden) const {
  const Matrix x = normed_.matrix(hidden.rows, hidden.cols);
  device_->operations().rms_norm(*device_, hidden, weights.vector(role), spec_->norm().epsilon(), x);
  return x;
}

}  // namespace nibble
