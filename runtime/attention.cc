#include "runtime/attention.h"

#include <algorithm>
#include <cmath>
#include <vector>

#include "base/status.h"
#include "runtime/linear.h"
#include "runtime/rope.h"

namespace nibble {
namespace {

int64_t KvHeads(const Attention& attention) {
  return attention.has_latent() ? attention.heads() : attention.kv_heads();
}

int64_t QueryWidth(const Attention& attention) { return int64_t{attention.heads()} * attention.key_length(); }
int64_t AttendedWidth(const Attention& attention) { return int64_t{attention.heads()} * attention.value_length(); }

int64_t QueryRank(const Attention& attention) { return attention.latent().query_rank(); }
int64_t KeyValueRank(const Attention& attention) { return attention.latent().key_value_rank(); }
int64_t SharedKeyWidth(const Attention& attention) {
  return attention.has_latent() ? attention.rope().dimensions() : 0;
}
int64_t NopeKeyWidth(const Attention& attention) {
  return attention.has_latent() ? KeyWidth(attention) - int64_t{attention.heads()} * attention.rope().dimensions() : 0;
}

int64_t Widest(const ModelSpec& spec, int64_t (*width)(const Attention&)) {
  int64_t widest = 0;
  for (const Layer& layer : spec.layers()) widest = std::max(widest, width(layer.attention()));
  return widest;
}

RopePairing Pairing(const Rope& rope) {
  return rope.pairing() == Rope::HALF_SPLIT ? RopePairing::kHalfSplit : RopePairing::kInterleaved;
}

float HeadEpsilon(const ModelSpec& spec, const Attention& attention) {
  return attention.head_norm_epsilon() == 0 ? spec.norm().epsilon() : attention.head_norm_epsilon();
}

}  // namespace

int64_t KeyWidth(const Attention& attention) { return KvHeads(attention) * attention.key_length(); }
int64_t ValueWidth(const Attention& attention) { return KvHeads(attention) * attention.value_length(); }

absl::StatusOr<AttentionPass> AttentionPass::Create(Device& device, const ModelSpec& spec, int64_t max_tokens) {
  AttentionPass pass(device, spec);
  struct Row {
    Buffer* buffer;
    int64_t (*width)(const Attention&);
  };
  const Row rows[] = {{&pass.query_, QueryWidth},          {&pass.key_, KeyWidth},
                      {&pass.value_, ValueWidth},          {&pass.attended_, AttendedWidth},
                      {&pass.query_latent_, QueryRank},    {&pass.latent_, KeyValueRank},
                      {&pass.shared_key_, SharedKeyWidth}, {&pass.nope_key_, NopeKeyWidth}};
  for (const Row& row : rows) {
    NIBBLE_ASSIGN_OR_RETURN(*row.buffer, device.Allocate(max_tokens * Widest(spec, row.width)));
  }
  return pass;
}

int64_t AttentionPass::FloatsPerToken(const ModelSpec& spec) {
  int64_t floats = 0;
  for (const auto width :
       {QueryWidth, KeyWidth, ValueWidth, AttendedWidth, QueryRank, KeyValueRank, SharedKeyWidth, NopeKeyWidth}) {
    floats += Widest(spec, width);
  }
  return floats;
}

absl::Status AttentionPass::Run(const Attention& attention, const Weights& weights, int64_t sequences, ConstMatrix x,
                                const LayerCache* cache, Matrix y) {
  const int64_t tokens = x.rows, length = tokens / sequences;
  const int64_t past = cache == nullptr ? 0 : cache->past;
  const Matrix keys = cache == nullptr ? key_.matrix(tokens, KeyWidth(attention)) : cache->key.Rows(0, past + tokens);
  const Matrix values =
      cache == nullptr ? value_.matrix(tokens, ValueWidth(attention)) : cache->value.Rows(0, past + tokens);
  const Projections current = {query_.matrix(tokens, QueryWidth(attention)), keys.Rows(past, past + tokens),
                               values.Rows(past, past + tokens)};
  const bool projected = attention.has_latent()              ? ProjectLatents(attention, weights, x, current)
                         : weights.has(Role::kQueryKeyValue) ? ProjectFused(weights, x, current)
                                                             : ProjectEach(weights, x, current);
  if (!projected) return absl::OkStatus();

  const float epsilon = HeadEpsilon(*spec_, attention);
  if (weights.has(Role::kQueryNorm)) {
    NormHeads(weights.vector(Role::kQueryNorm), epsilon, attention.heads(), current.query);
  }
  if (weights.has(Role::kKeyNorm)) {
    NormHeads(weights.vector(Role::kKeyNorm), epsilon, KvHeads(attention), current.key);
  }
  NIBBLE_RETURN_IF_ERROR(Rotate(attention, past, length, current));
  if (attention.unit_norm()) {
    NormHeads(nullptr, spec_->norm().epsilon(), attention.heads(), current.query);
    NormHeads(nullptr, spec_->norm().epsilon(), KvHeads(attention), current.key);
  }
  NIBBLE_RETURN_IF_ERROR(ScaleQueries(attention.temperature(), past, length, current.query));

  const Matrix attended = attended_.matrix(tokens, AttendedWidth(attention));
  device_->operations().attention(*device_,
                                  {.sequences = sequences,
                                   .heads = attention.heads(),
                                   .kv_heads = KvHeads(attention),
                                   .scale = attention.scale(),
                                   .query = current.query,
                                   .key = keys,
                                   .value = values,
                                   .window = attention.window(),
                                   .chunk = attention.chunk(),
                                   .sinks = weights.vector(Role::kSinks)},
                                  attended);
  Linear(*device_, weights, Role::kAttentionOutput, weights.vector(Role::kAttentionOutputBias), attended, y);
  return absl::OkStatus();
}

bool AttentionPass::ProjectEach(const Weights& weights, ConstMatrix x, const Projections& to) {
  bool all = Linear(*device_, weights, Role::kQuery, weights.vector(Role::kQueryBias), x, to.query);
  all &= Linear(*device_, weights, Role::kKey, weights.vector(Role::kKeyBias), x, to.key);
  all &= Linear(*device_, weights, Role::kValue, weights.vector(Role::kValueBias), x, to.value);
  return all;
}

bool AttentionPass::ProjectFused(const Weights& weights, ConstMatrix x, const Projections& to) {
  const float* bias = weights.vector(Role::kQueryKeyValueBias);
  int64_t first = 0;
  for (const Matrix& part : {to.query, to.key, to.value}) {
    if (!Linear(*device_, weights, Role::kQueryKeyValue, bias == nullptr ? nullptr : bias + first, x, part, first)) {
      return false;
    }
    first += part.cols;
  }
  return true;
}

bool AttentionPass::ProjectLatents(const Attention& attention, const Weights& weights, ConstMatrix x,
                                   const Projections& to) {
  const Operations& operations = device_->operations();
  const float epsilon = HeadEpsilon(*spec_, attention);
  const Matrix latent = latent_.matrix(x.rows, KeyValueRank(attention));
  const Matrix shared_key = shared_key_.matrix(x.rows, SharedKeyWidth(attention));
  bool all = Linear(*device_, weights, Role::kKeyValueA, nullptr, x, latent);
  all = all && Linear(*device_, weights, Role::kKeyValueA, nullptr, x, shared_key, latent.cols);
  if (QueryRank(attention) == 0) {
    all &= Linear(*device_, weights, Role::kQuery, nullptr, x, to.query);
  } else {
    const Matrix query_latent = query_latent_.matrix(x.rows, QueryRank(attention));
    if (!Linear(*device_, weights, Role::kQueryA, nullptr, x, query_latent)) return false;
    operations.rms_norm(*device_, query_latent, weights.vector(Role::kQueryANorm), epsilon, query_latent);
    all &= Linear(*device_, weights, Role::kQueryB, nullptr, query_latent, to.query);
  }
  if (!all) return false;

  const int64_t heads = attention.heads(), dimensions = attention.rope().dimensions();
  const Matrix nope_key = nope_key_.matrix(x.rows, NopeKeyWidth(attention));
  operations.rms_norm(*device_, latent, weights.vector(Role::kKeyValueANorm), epsilon, latent);
  all &= Linear(*device_, weights, Role::kKeyB, nullptr, latent, nope_key);
  all &= Linear(*device_, weights, Role::kValueB, nullptr, latent, to.value);
  operations.copy_heads(*device_, heads, false, nope_key, 0, to.key);
  operations.copy_heads(*device_, heads, true, shared_key, attention.key_length() - dimensions, to.key);
  return all;
}

void AttentionPass::NormHeads(const float* weight, float epsilon, int64_t heads, Matrix x) {
  const Matrix by_head = {x.data, x.rows * heads, x.cols / heads};
  device_->operations().rms_norm(*device_, by_head, weight, epsilon, by_head);
}

absl::Status AttentionPass::Rotate(const Attention& attention, int64_t past, int64_t length,
                                   const Projections& projections) {
  const Rope& rope = attention.rope();
  const int64_t pairs = rope.dimensions() / 2;
  if (pairs == 0) return absl::OkStatus();
  NIBBLE_ASSIGN_OR_RETURN(const RopeTable table, MakeRopeTable(*device_, rope, past, length));
  RopeArguments arguments = {.pairing = Pairing(rope),
                             .heads = attention.heads(),
                             .first = attention.has_latent() ? attention.key_length() - rope.dimensions() : 0,
                             .cosine = table.cosine.matrix(length, pairs),
                             .sine = table.sine.matrix(length, pairs)};
  device_->operations().rope(*device_, arguments, projections.query);
  arguments.heads = KvHeads(attention);
  device_->operations().rope(*device_, arguments, projections.key);
  return absl::OkStatus();
}

absl::Status AttentionPass::ScaleQueries(const Temperature& temperature, int64_t past, int64_t length, Matrix query) {
  if (temperature.floor_scale() == 0) return absl::OkStatus();
  std::vector<float> factors;
  for (int64_t position = past; position < past + length; ++position) {
    const double steps = std::floor((position + temperature.offset()) / static_cast<double>(temperature.floor_scale()));
    factors.push_back(1 + temperature.scale() * std::log(1 + steps));
  }
  NIBBLE_ASSIGN_OR_RETURN(const Buffer buffer, device_->Allocate(length));
  device_->Upload(factors, buffer.data());
  device_->operations().scale_rows(*device_, buffer.data(), length, query);
  return absl::OkStatus();
}

}  // namespace nibble
