#include "runtime/random_model.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <memory>
#include <random>
#include <utility>

#include "absl/strings/str_cat.h"
#include "formats/dtype.h"
#include "formats/io/file.h"
#include "formats/tensor_source.h"

namespace nibble {
namespace {

class MemoryFile : public io::ReadableFile {
 public:
  explicit MemoryFile(std::vector<std::byte> bytes) : bytes_(std::move(bytes)) { info_.size = bytes_.size(); }

  absl::Status ReadAt(uint64_t offset, absl::Span<std::byte> out) const override {
    if (offset + out.size() > bytes_.size()) return absl::DataLossError("memory: past the end");
    std::memcpy(out.data(), bytes_.data() + offset, out.size());
    return absl::OkStatus();
  }
  const std::string& path() const override { return path_; }
  const io::FileInfo& info() const override { return info_; }

 private:
  std::string path_ = "memory";
  io::FileInfo info_;
  std::vector<std::byte> bytes_;
};

ModelSpec MakeSpec(const RandomModelOptions& options, std::mt19937& random) {
  ModelSpec spec;
  spec.set_family("llama");
  spec.set_architecture("llama");
  spec.set_vocab_size(options.vocab_size);
  spec.set_hidden_size(options.hidden_size);
  spec.set_context_length(1000);
  spec.set_tied_embeddings(options.tied);
  spec.mutable_norm()->set_kind(options.norm);
  spec.mutable_norm()->set_epsilon(1e-5);
  for (int i = 0; i < options.layers; ++i) {
    Layer& layer = *spec.add_layers();
    Attention& attention = *layer.mutable_attention();
    attention.set_heads(options.heads);
    attention.set_kv_heads(options.kv_heads);
    attention.set_key_length(options.key_length);
    attention.set_value_length(options.value_length);
    attention.set_scale(1 / std::sqrt(options.key_length));
    Rope& rope = *attention.mutable_rope();
    rope.set_pairing(options.pairing);
    rope.set_dimensions(options.rope_dimensions);
    rope.set_base(100 + i);  // layers differ
    for (int pair = 0; options.frequency_factors && pair < options.rope_dimensions / 2; ++pair) {
      rope.add_frequency_factors(std::uniform_real_distribution<float>(1, 8)(random));
    }
    layer.mutable_feed_forward()->set_length(options.feed_forward);
  }
  if (options.edit != nullptr) options.edit(spec);
  return spec;
}

// Collects tensors and their bytes.
class Builder {
 public:
  Builder(std::mt19937& random, RandomModel& model) : random_(random), model_(model) {}

  void Add(Role role, int layer, int slice, int64_t rows, int64_t cols, Format format, float mean, float deviation) {
    std::normal_distribution<float> normal(mean, deviation);
    std::vector<float> values(rows * cols);
    for (float& value : values) value = normal(random_);
    const BlockFormat& codec = GetFormat(format);
    const size_t blocks = values.size() / codec.block_elements;
    const size_t offset = bytes_.size();
    bytes_.resize(offset + blocks * codec.block_bytes);
    codec.encode_rtn(values.data(), blocks, &bytes_[offset]);
    codec.decode(&bytes_[offset], blocks, values.data());

    StoredTensor stored{.name = absl::StrCat("tensor ", tensors_.size()),
                        .dtype = DTypeOf(format),
                        .shape = {rows, cols},
                        .offset = offset,
                        .bytes = bytes_.size() - offset};
    model_.model.tensors.push_back({.role = role,
                                    .layer = layer,
                                    .slice = slice,
                                    .rows = rows,
                                    .cols = cols,
                                    .is_vector = rows == 1,
                                    .recipe = IdentityView(stored)});
    std::vector<float>& all = model_.values[{role, layer}];
    all.insert(all.end(), values.begin(), values.end());
    tensors_.push_back(std::move(stored));
  }

  void Finish() {
    std::vector<std::unique_ptr<io::ReadableFile>> files;
    files.push_back(std::make_unique<MemoryFile>(std::move(bytes_)));
    model_.model.source = *TensorSource::Create(std::move(files), std::move(tensors_));
  }

 private:
  std::mt19937& random_;
  RandomModel& model_;
  std::vector<StoredTensor> tensors_;
  std::vector<std::byte> bytes_;
};

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
    return 1 + temperature.scale() * std::log(1 + std::floor((position + 1) / temperature.floor_scale()));
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

// Adds every tensor that the spec and the options ask for.
class TensorMaker {
 public:
  TensorMaker(const RandomModelOptions& options, const ModelSpec& spec, Builder& builder)
      : options_(options), spec_(spec), builder_(builder) {}

  void MakeAll() {
    Matrix(Role::kTokenEmbedding, spec_.vocab_size(), hidden());
    if (options_.learned_positions) Matrix(Role::kPositionEmbedding, spec_.context_length(), hidden());
    StreamNorm(Role::kOutputNorm, Role::kOutputNormBias);
    if (!spec_.tied_embeddings()) Matrix(Role::kOutput, spec_.vocab_size(), hidden());
    for (layer_ = 0; layer_ < spec_.layers_size(); ++layer_) {
      MakeAttention(spec_.layers(layer_).attention());
      MakeFeedForward(spec_.layers(layer_).feed_forward());
    }
  }

 private:
  int64_t hidden() const { return spec_.hidden_size(); }

  void Matrix(Role role, int64_t rows, int64_t cols, int slice = -1) {
    builder_.Add(role, layer_, slice, rows, cols, options_.matrices, 0, 2 / std::sqrt(cols));
  }
  void Vector(Role role, int64_t length, float mean, float deviation, int slice = -1) {
    builder_.Add(role, layer_, slice, 1, length, Format::kF32, mean, deviation);
  }
  void Norm(Role role, int64_t length) { Vector(role, length, 1, 0.2); }
  void StreamNorm(Role role, Role bias) {
    Norm(role, hidden());
    if (options_.norm == nibble::Norm::LAYER) Vector(bias, hidden(), 0, 1);
  }
  void Linear(Role role, Role bias, int64_t rows, int64_t cols, int slice = -1) {
    Matrix(role, rows, cols, slice);
    if (options_.biases) Vector(bias, rows, 0, 1, slice);
  }

  void MakeAttention(const Attention& attention) {
    const int64_t queries = attention.heads() * attention.key_length();
    const int64_t keys = attention.kv_heads() * attention.key_length();
    const int64_t values = attention.kv_heads() * attention.value_length();
    StreamNorm(Role::kAttentionNorm, Role::kAttentionNormBias);
    if (attention.has_latent()) {
      MakeLatents(attention);
    } else if (options_.fused) {
      Linear(Role::kQueryKeyValue, Role::kQueryKeyValueBias, queries + keys + values, hidden());
    } else {
      Linear(Role::kQuery, Role::kQueryBias, queries, hidden());
      Linear(Role::kKey, Role::kKeyBias, keys, hidden());
      Linear(Role::kValue, Role::kValueBias, values, hidden());
    }
    if (options_.head_norms) Norm(Role::kQueryNorm, attention.key_length());
    if (options_.head_norms) Norm(Role::kKeyNorm, attention.key_length());
    if (options_.sinks) Vector(Role::kSinks, attention.heads(), 0, 1);
    Linear(Role::kAttentionOutput, Role::kAttentionOutputBias, hidden(), attention.heads() * attention.value_length());
    if (options_.post_norms) Norm(Role::kPostAttentionNorm, hidden());
  }

  void MakeLatents(const Attention& attention) {
    const int64_t queries = attention.heads() * attention.key_length();
    const int64_t query_rank = attention.latent().query_rank(), rank = attention.latent().key_value_rank();
    if (query_rank == 0) {
      Matrix(Role::kQuery, queries, hidden());
    } else {
      Matrix(Role::kQueryA, query_rank, hidden());
      Norm(Role::kQueryANorm, query_rank);
      Matrix(Role::kQueryB, queries, query_rank);
    }
    Matrix(Role::kKeyValueA, rank + attention.rope().dimensions(), hidden());
    Norm(Role::kKeyValueANorm, rank);
    const int heads = attention.heads();
    for (int h = 0; h < heads; ++h) {
      Matrix(Role::kKeyB, rank, attention.key_length() - attention.rope().dimensions(), h);
    }
    for (int h = 0; h < heads; ++h) Matrix(Role::kValueB, attention.value_length(), rank, h);
  }

  void MakeFeedForward(const FeedForward& feed_forward) {
    StreamNorm(Role::kFeedForwardNorm, Role::kFeedForwardNormBias);
    if (feed_forward.has_experts()) {
      MakeExperts(feed_forward.experts());
    } else {
      const int64_t length = feed_forward.length();
      if (feed_forward.activation() != FeedForward::GELU_TANH) Linear(Role::kGate, Role::kGateBias, length, hidden());
      Linear(Role::kUp, Role::kUpBias, length, hidden());
      Linear(Role::kDown, Role::kDownBias, hidden(), length);
    }
    if (options_.post_norms) Norm(Role::kPostFeedForwardNorm, hidden());
  }

  void MakeExperts(const Experts& experts) {
    Linear(Role::kRouter, Role::kRouterBias, experts.count(), hidden());
    if (options_.selection_bias) Vector(Role::kExpertSelectionBias, experts.count(), 0, 0.3);
    struct Part {
      Role role, bias;
      int64_t rows, cols;
    };
    for (const Part& part : {Part{Role::kExpertGate, Role::kExpertGateBias, experts.length(), hidden()},
                             Part{Role::kExpertUp, Role::kExpertUpBias, experts.length(), hidden()},
                             Part{Role::kExpertDown, Role::kExpertDownBias, hidden(), experts.length()}}) {
      const int count = experts.count();
      for (int e = 0; e < count; ++e) Matrix(part.role, part.rows, part.cols, e);
      for (int e = 0; options_.biases && e < count; ++e) Vector(part.bias, part.rows, 0, 1, e);
    }
    if (experts.shared_length() == 0) return;
    Matrix(Role::kSharedGate, experts.shared_length(), hidden());
    Matrix(Role::kSharedUp, experts.shared_length(), hidden());
    Matrix(Role::kSharedDown, hidden(), experts.shared_length());
  }

  const RandomModelOptions& options_;
  const ModelSpec& spec_;
  Builder& builder_;
  int layer_ = -1;
};

}  // namespace

RandomModel MakeRandomModel(const RandomModelOptions& options) {
  std::mt19937 random(options.seed);
  RandomModel model;
  model.model.path = absl::StrCat("random ", options.seed);
  model.model.spec = MakeSpec(options, random);
  Builder builder(random, model);
  TensorMaker(options, model.model.spec, builder).MakeAll();
  builder.Finish();
  return model;
}

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
