#include "runtime/slow_forward.h"

#include <algorithm>
#include <cmath>
#include <utility>

#include "model/model_spec.pb.h"
#include "model/role.h"

namespace nibble {
namespace {

using Doubles = std::vector<double>;

// Which tensors a feed-forward part is made of.
struct Parts {
  Role gate, gate_bias, up, up_bias, down, down_bias;
};

constexpr Parts kDense = {Role::kGate, Role::kGateBias, Role::kUp, Role::kUpBias, Role::kDown, Role::kDownBias};
constexpr Parts kExpert = {Role::kExpertGate,   Role::kExpertGateBias, Role::kExpertUp,
                           Role::kExpertUpBias, Role::kExpertDown,     Role::kExpertDownBias};
constexpr Parts kShared = {Role::kSharedGate, Role::kGateBias,   Role::kSharedUp,
                           Role::kUpBias,     Role::kSharedDown, Role::kDownBias};

double Sigmoid(double x) { return 1 / (1 + std::exp(-x)); }
double Gelu(double x) { return x / 2 * (1 + std::tanh(std::sqrt(2 / M_PI) * (x + 0.044715 * x * x * x))); }

void Accumulate(double factor, const Doubles& x, Doubles& y) {
  for (size_t i = 0; i < x.size(); ++i) y[i] += factor * x[i];
}

void DivideByRootMeanSquare(double epsilon, int length, double* x) {
  double squares = 0;
  for (int i = 0; i < length; ++i) squares += x[i] * x[i];
  for (int i = 0; i < length; ++i) x[i] /= std::sqrt(squares / length + epsilon);
}

// The slow forward pass, one vector at a time.
class Slow {
 public:
  Slow(const RandomModel& model, int layer) : model_(model), spec_(model.model.spec), layer_(layer) {}

  bool Has(Role role) const { return model_.values.count({role, layer_}) > 0; }
  const std::vector<float>& Weight(Role role) const { return model_.values.at({role, layer_}); }

  Doubles Normed(Role role, Role bias, Doubles x) const {
    if (!Has(role)) return x;
    if (spec_.norm().kind() == Norm::LAYER) {
      double mean = 0;
      for (double value : x) mean += value / x.size();
      for (double& value : x) value -= mean;
    }
    DivideByRootMeanSquare(spec_.norm().epsilon(), x.size(), x.data());
    for (size_t i = 0; i < x.size(); ++i) x[i] = x[i] * Weight(role)[i] + (Has(bias) ? Weight(bias)[i] : 0);
    return x;
  }

  // With the part of the weight that is slice number `slice` of `slices`.
  Doubles Linear(Role role, const Doubles& x, int slices = 1, int slice = 0) const {
    Doubles y(Weight(role).size() / x.size() / slices);
    const float* w = &Weight(role)[slice * y.size() * x.size()];
    for (size_t out = 0; out < y.size(); ++out) {
      for (size_t in = 0; in < x.size(); ++in) y[out] += w[out * x.size() + in] * x[in];
    }
    return y;
  }

  Doubles LinearWithBias(Role role, Role bias, const Doubles& x, int slices = 1, int slice = 0) const {
    Doubles y = Linear(role, x, slices, slice);
    for (size_t i = 0; Has(bias) && i < y.size(); ++i) y[i] += Weight(bias)[slice * y.size() + i];
    return y;
  }

  void Run(std::vector<Doubles>& states) const {
    RunAttention(states);
    for (Doubles& state : states) {
      const Doubles x = Normed(Role::kFeedForwardNorm, Role::kFeedForwardNormBias, state);
      const Doubles y = feed_forward().has_experts() ? Mixture(x) : Dense(kDense, x);
      Accumulate(1, Normed(Role::kPostFeedForwardNorm, Role::kFeedForwardNormBias, y), state);
    }
  }

 private:
  struct Projected {
    Doubles query, key, value;  // head by head
  };

  const Attention& attention() const { return spec_.layers(layer_).attention(); }
  const FeedForward& feed_forward() const { return spec_.layers(layer_).feed_forward(); }
  double HeadEpsilon() const {
    return attention().head_norm_epsilon() > 0 ? attention().head_norm_epsilon() : spec_.norm().epsilon();
  }

  Projected Project(const Doubles& x) const {
    if (attention().has_latent()) return ProjectLatents(x);
    if (!Has(Role::kQueryKeyValue)) {
      return {LinearWithBias(Role::kQuery, Role::kQueryBias, x), LinearWithBias(Role::kKey, Role::kKeyBias, x),
              LinearWithBias(Role::kValue, Role::kValueBias, x)};
    }
    const Doubles all = LinearWithBias(Role::kQueryKeyValue, Role::kQueryKeyValueBias, x);
    const auto key = all.begin() + attention().heads() * attention().key_length();
    const auto value = key + attention().kv_heads() * attention().key_length();
    return {Doubles(all.begin(), key), Doubles(key, value), Doubles(value, all.end())};
  }

  Doubles NormedLatent(Role role, Doubles x) const {
    DivideByRootMeanSquare(HeadEpsilon(), x.size(), x.data());
    for (size_t i = 0; i < x.size(); ++i) x[i] *= Weight(role)[i];
    return x;
  }

  Projected ProjectLatents(const Doubles& x) const {
    const int heads = attention().heads(), rank = attention().latent().key_value_rank();
    const int nope = attention().key_length() - attention().rope().dimensions();
    Projected projected;
    projected.query = attention().latent().query_rank() == 0
                          ? Linear(Role::kQuery, x)
                          : Linear(Role::kQueryB, NormedLatent(Role::kQueryANorm, Linear(Role::kQueryA, x)));
    const Doubles both = Linear(Role::kKeyValueA, x);
    const Doubles latent = NormedLatent(Role::kKeyValueANorm, Doubles(both.begin(), both.begin() + rank));
    for (int h = 0; h < heads; ++h) {
      Doubles key(nope);  // the weight is [latent, key]
      for (int i = 0; i < nope; ++i) {
        for (int r = 0; r < rank; ++r) key[i] += Weight(Role::kKeyB)[(h * rank + r) * nope + i] * latent[r];
      }
      projected.key.insert(projected.key.end(), key.begin(), key.end());
      projected.key.insert(projected.key.end(), both.begin() + rank, both.end());
      const Doubles value = Linear(Role::kValueB, latent, heads, h);
      projected.value.insert(projected.value.end(), value.begin(), value.end());
    }
    return projected;
  }

  // What happens to each head of the queries or keys.
  void Turn(Role norm, int position, Doubles& heads) const {
    const int length = attention().key_length();
    for (double* head = heads.data(); head < heads.data() + heads.size(); head += length) {
      if (Has(norm)) {
        DivideByRootMeanSquare(HeadEpsilon(), length, head);
        for (int i = 0; i < length; ++i) head[i] *= Weight(norm)[i];
      }
      Rotate(position, head + (attention().has_latent() ? length - attention().rope().dimensions() : 0));
      if (attention().unit_norm()) DivideByRootMeanSquare(spec_.norm().epsilon(), length, head);
    }
  }

  void Rotate(int position, double* head) const {
    const Rope& rope = attention().rope();
    const double magnitude = rope.magnitude() == 0 ? 1 : rope.magnitude();
    const int pairs = rope.dimensions() / 2;
    for (int i = 0; i < pairs; ++i) {
      double angle = position * std::pow(rope.base(), -i / static_cast<double>(pairs));
      if (rope.frequency_factors_size() > 0) angle /= rope.frequency_factors(i);
      double& a = rope.pairing() == Rope::INTERLEAVED ? head[2 * i] : head[i];
      double& b = rope.pairing() == Rope::INTERLEAVED ? head[2 * i + 1] : head[i + pairs];
      const double turned = a * std::cos(angle) - b * std::sin(angle);
      b = magnitude * (b * std::cos(angle) + a * std::sin(angle));
      a = magnitude * turned;
    }
  }

  double TemperatureAt(int position) const {
    const Temperature& temperature = attention().temperature();
    if (temperature.floor_scale() == 0) return 1;
    return 1 + temperature.scale() *
                   std::log(1 + std::floor((position + temperature.offset()) / temperature.floor_scale()));
  }

  bool Sees(int query, int key) const {
    const int window = attention().window(), chunk = attention().chunk();
    return (window == 0 || key > query - window) && (chunk == 0 || key / chunk == query / chunk);
  }

  void RunAttention(std::vector<Doubles>& states) const {
    const int heads = attention().heads();
    const int key_length = attention().key_length(), value_length = attention().value_length();
    std::vector<Doubles> keys, values;
    for (int t = 0; t < static_cast<int>(states.size()); ++t) {
      Projected projected = Project(Normed(Role::kAttentionNorm, Role::kAttentionNormBias, states[t]));
      Doubles& query = projected.query;
      Turn(Role::kQueryNorm, t, query);
      Turn(Role::kKeyNorm, t, projected.key);
      keys.push_back(projected.key);
      values.push_back(projected.value);
      const int group = heads * value_length / projected.value.size();
      Doubles attended(heads * value_length);
      for (int h = 0; h < heads; ++h) {
        Doubles p(t + 1);
        double sum = Has(Role::kSinks) ? std::exp(Weight(Role::kSinks)[h]) : 0;
        for (int n = 0; n <= t; ++n) {
          if (!Sees(t, n)) continue;
          double score = 0;
          for (int i = 0; i < key_length; ++i) {
            score += query[h * key_length + i] * keys[n][h / group * key_length + i];
          }
          sum += p[n] = std::exp(score * attention().scale() * TemperatureAt(t));
        }
        for (int n = 0; n <= t; ++n) {
          for (int i = 0; i < value_length; ++i) {
            attended[h * value_length + i] += p[n] / sum * values[n][h / group * value_length + i];
          }
        }
      }
      const Doubles y = LinearWithBias(Role::kAttentionOutput, Role::kAttentionOutputBias, attended);
      Accumulate(1, Normed(Role::kPostAttentionNorm, Role::kAttentionNormBias, y), states[t]);
    }
  }

  Doubles Dense(const Parts& parts, const Doubles& x, int slices = 1, int slice = 0) const {
    Doubles up = LinearWithBias(parts.up, parts.up_bias, x, slices, slice);
    Doubles gate = up;
    if (feed_forward().activation() != FeedForward::GELU_TANH) {
      gate = LinearWithBias(parts.gate, parts.gate_bias, x, slices, slice);
    }
    for (size_t i = 0; i < up.size(); ++i) up[i] = Activation(gate[i], up[i]);
    return LinearWithBias(parts.down, parts.down_bias, up, slices, slice);
  }

  double Activation(double gate, double up) const {
    const double limit = feed_forward().limit();
    switch (feed_forward().activation()) {
      case FeedForward::GELU_TANH:
        return Gelu(up);
      case FeedForward::GEGLU_TANH:
        return Gelu(gate) * up;
      case FeedForward::SWIGLU_CLAMPED:
        gate = std::min(gate, limit);
        return gate * Sigmoid(feed_forward().alpha() * gate) * (std::clamp(up, -limit, limit) + 1);
      default:
        return gate * Sigmoid(gate) * up;
    }
  }

  Doubles Mixture(const Doubles& x) const {
    const Experts& experts = feed_forward().experts();
    Doubles y(x.size());
    if (Has(Role::kSharedUp)) Accumulate(1, Dense(kShared, x), y);
    for (const auto& [expert, weight] : Chosen(LinearWithBias(Role::kRouter, Role::kRouterBias, x))) {
      Doubles input = x;
      for (double& value : input) value *= experts.scale_input() ? weight : 1;
      Accumulate(experts.scale_input() ? 1 : weight, Dense(kExpert, input, experts.count(), expert), y);
    }
    return y;
  }

  std::vector<std::pair<int, double>> Chosen(const Doubles& logits) const {
    const Experts& experts = feed_forward().experts();
    const int count = logits.size(), used = experts.used();
    Doubles gates(count);
    double sum = 0;
    for (double logit : logits) sum += std::exp(logit);
    for (int i = 0; i < count; ++i) {
      gates[i] = experts.gating() == Experts::SIGMOID ? Sigmoid(logits[i]) : std::exp(logits[i]) / sum;
    }
    Doubles scores = gates;
    for (int i = 0; Has(Role::kExpertSelectionBias) && i < count; ++i) {
      scores[i] += Weight(Role::kExpertSelectionBias)[i];
    }
    std::vector<std::pair<double, int>> order;  // by falling score
    for (int i = 0; i < count; ++i) {
      if (InKeptGroup(scores, i)) order.push_back({-scores[i], i});
    }
    std::sort(order.begin(), order.end());
    double chosen_sum = 0;
    for (int i = 0; i < used; ++i) chosen_sum += gates[order[i].second];
    std::vector<std::pair<int, double>> chosen;
    for (int i = 0; i < used; ++i) {
      double weight = gates[order[i].second];
      if (experts.normalize() || experts.gating() == Experts::SOFTMAX_OF_CHOSEN) weight /= chosen_sum;
      chosen.push_back({order[i].second, weight * (experts.weight_scale() == 0 ? 1 : experts.weight_scale())});
    }
    return chosen;
  }

  bool InKeptGroup(const Doubles& scores, int expert) const {
    const Experts& experts = feed_forward().experts();
    if (experts.groups() == 0) return true;
    const int size = scores.size() / experts.groups();
    const auto sum_of_two_best = [&](int group) {
      Doubles members(scores.begin() + group * size, scores.begin() + (group + 1) * size);
      std::sort(members.rbegin(), members.rend());
      return members[0] + members[1];
    };
    uint32_t better = 0;
    for (uint32_t group = 0; group < experts.groups(); ++group) {
      better += sum_of_two_best(group) > sum_of_two_best(expert / size);
    }
    return better < experts.groups_used();
  }

  const RandomModel& model_;
  const ModelSpec& spec_;
  const int layer_;
};

Doubles Flat(const std::vector<Doubles>& rows) {
  Doubles flat;
  for (const Doubles& row : rows) flat.insert(flat.end(), row.begin(), row.end());
  return flat;
}

}  // namespace

SlowForward RunSlowly(const RandomModel& model, absl::Span<const uint32_t> ids) {
  const ModelSpec& spec = model.model.spec;
  const Slow whole(model, -1);
  std::vector<Doubles> states;
  for (uint32_t id : ids) {
    const float* row = &whole.Weight(Role::kTokenEmbedding)[id * spec.hidden_size()];
    Doubles& state = states.emplace_back(row, row + spec.hidden_size());
    for (double& value : state) value *= spec.embedding_scale() == 0 ? 1 : spec.embedding_scale();
    for (size_t i = 0; whole.Has(Role::kPositionEmbedding) && i < state.size(); ++i) {
      state[i] += whole.Weight(Role::kPositionEmbedding)[(states.size() - 1) * state.size() + i];
    }
  }
  SlowForward result;
  result.hidden.push_back(Flat(states));
  for (int layer = 0; layer < spec.layers_size(); ++layer) {
    Slow(model, layer).Run(states);
    result.hidden.push_back(Flat(states));
  }
  std::vector<Doubles> logits;
  const Role output = spec.tied_embeddings() ? Role::kTokenEmbedding : Role::kOutput;
  for (const Doubles& state : states) {
    logits.push_back(whole.Linear(output, whole.Normed(Role::kOutputNorm, Role::kOutputNormBias, state)));
  }
  result.logits = Flat(logits);
  return result;
}

}  // namespace nibble
