#include "runtime/random_model.h"

#include <cmath>
#include <cstring>
#include <memory>
#include <random>

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
  return spec;
}

// Collects tensors and their bytes.
class Builder {
 public:
  Builder(std::mt19937& random, RandomModel& model) : random_(random), model_(model) {}

  void Add(Role role, int layer, int64_t rows, int64_t cols, Format format, float mean, float deviation) {
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
                                    .rows = rows,
                                    .cols = cols,
                                    .is_vector = rows == 1,
                                    .recipe = IdentityView(stored)});
    model_.values[{role, layer}] = std::move(values);
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

// The slow forward pass, one vector at a time.
class Slow {
 public:
  Slow(const RandomModel& model, int layer) : model_(model), spec_(model.model.spec), layer_(layer) {}

  bool Has(Role role) const { return model_.values.count({role, layer_}) > 0; }
  const std::vector<float>& Weight(Role role) const { return model_.values.at({role, layer_}); }

  Doubles Norm(Role role, const Doubles& x) const {
    double squares = 0;
    for (double value : x) squares += value * value;
    Doubles y = x;
    for (size_t i = 0; i < x.size(); ++i) {
      y[i] *= Weight(role)[i] / std::sqrt(squares / x.size() + spec_.norm().epsilon());
    }
    return y;
  }

  Doubles Linear(Role role, const Doubles& x) const {
    const std::vector<float>& w = Weight(role);
    Doubles y(w.size() / x.size());
    for (size_t out = 0; out < y.size(); ++out) {
      for (size_t in = 0; in < x.size(); ++in) y[out] += w[out * x.size() + in] * x[in];
    }
    return y;
  }

  Doubles LinearWithBias(Role role, Role bias, const Doubles& x) const {
    Doubles y = Linear(role, x);
    for (size_t i = 0; Has(bias) && i < y.size(); ++i) y[i] += Weight(bias)[i];
    return y;
  }

  void Turn(const Rope& rope, int position, double* head) const {
    const int pairs = rope.dimensions() / 2;
    for (int i = 0; i < pairs; ++i) {
      double angle = position * std::pow(rope.base(), -i / static_cast<double>(pairs));
      if (rope.frequency_factors_size() > 0) angle /= rope.frequency_factors(i);
      double& a = rope.pairing() == Rope::INTERLEAVED ? head[2 * i] : head[i];
      double& b = rope.pairing() == Rope::INTERLEAVED ? head[2 * i + 1] : head[i + pairs];
      const double turned = a * std::cos(angle) - b * std::sin(angle);
      b = b * std::cos(angle) + a * std::sin(angle);
      a = turned;
    }
  }

  void Run(std::vector<Doubles>& states) const {
    const Attention& attention = spec_.layers(layer_).attention();
    const int heads = attention.heads(), group = heads / attention.kv_heads();
    const int key_length = attention.key_length(), value_length = attention.value_length();
    std::vector<Doubles> keys, values;
    for (size_t t = 0; t < states.size(); ++t) {
      const Doubles x = Norm(Role::kAttentionNorm, states[t]);
      Doubles query = LinearWithBias(Role::kQuery, Role::kQueryBias, x);
      keys.push_back(LinearWithBias(Role::kKey, Role::kKeyBias, x));
      values.push_back(LinearWithBias(Role::kValue, Role::kValueBias, x));
      for (int h = 0; h < heads; ++h) Turn(attention.rope(), t, &query[h * key_length]);
      for (int h = 0; h < heads / group; ++h) Turn(attention.rope(), t, &keys.back()[h * key_length]);
      Doubles attended(heads * value_length);
      for (int h = 0; h < heads; ++h) {
        Doubles p;
        double sum = 0;
        for (const Doubles& key : keys) {
          double score = 0;
          for (int i = 0; i < key_length; ++i) score += query[h * key_length + i] * key[h / group * key_length + i];
          sum += p.emplace_back(std::exp(score * attention.scale()));
        }
        for (size_t n = 0; n <= t; ++n) {
          for (int i = 0; i < value_length; ++i) {
            attended[h * value_length + i] += p[n] / sum * values[n][h / group * value_length + i];
          }
        }
      }
      Accumulate(LinearWithBias(Role::kAttentionOutput, Role::kAttentionOutputBias, attended), states[t]);
    }
    for (Doubles& state : states) {
      const Doubles x = Norm(Role::kFeedForwardNorm, state);
      Doubles gate = Linear(Role::kGate, x);
      const Doubles up = Linear(Role::kUp, x);
      for (size_t i = 0; i < gate.size(); ++i) gate[i] *= up[i] / (1 + std::exp(-gate[i]));
      Accumulate(Linear(Role::kDown, gate), state);
    }
  }

 private:
  static void Accumulate(const Doubles& x, Doubles& y) {
    for (size_t i = 0; i < x.size(); ++i) y[i] += x[i];
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

RandomModel MakeRandomModel(const RandomModelOptions& options) {
  std::mt19937 random(options.seed);
  RandomModel model;
  model.model.path = absl::StrCat("random ", options.seed);
  model.model.spec = MakeSpec(options, random);
  Builder builder(random, model);
  const int64_t hidden = options.hidden_size;
  const auto matrix = [&](Role role, int layer, int64_t rows, int64_t cols) {
    builder.Add(role, layer, rows, cols, options.matrices, 0, 2 / std::sqrt(cols));
  };
  const auto norm = [&](Role role, int layer) { builder.Add(role, layer, 1, hidden, Format::kF32, 1, 0.2); };
  const auto bias = [&](Role role, int layer, int64_t length) {
    if (options.biases) builder.Add(role, layer, 1, length, Format::kF32, 0, 1);
  };
  matrix(Role::kTokenEmbedding, -1, options.vocab_size, hidden);
  norm(Role::kOutputNorm, -1);
  if (!options.tied) matrix(Role::kOutput, -1, options.vocab_size, hidden);
  const int64_t queries = options.heads * options.key_length, keys = options.kv_heads * options.key_length;
  const int64_t values = options.kv_heads * options.value_length, attended = options.heads * options.value_length;
  for (int layer = 0; layer < options.layers; ++layer) {
    norm(Role::kAttentionNorm, layer);
    matrix(Role::kQuery, layer, queries, hidden);
    matrix(Role::kKey, layer, keys, hidden);
    matrix(Role::kValue, layer, values, hidden);
    matrix(Role::kAttentionOutput, layer, hidden, attended);
    bias(Role::kQueryBias, layer, queries);
    bias(Role::kKeyBias, layer, keys);
    bias(Role::kValueBias, layer, values);
    bias(Role::kAttentionOutputBias, layer, hidden);
    norm(Role::kFeedForwardNorm, layer);
    matrix(Role::kGate, layer, options.feed_forward, hidden);
    matrix(Role::kUp, layer, options.feed_forward, hidden);
    matrix(Role::kDown, layer, hidden, options.feed_forward);
  }
  builder.Finish();
  return model;
}

SlowForward RunSlowly(const RandomModel& model, absl::Span<const uint32_t> ids) {
  const ModelSpec& spec = model.model.spec;
  const Slow whole(model, -1);
  std::vector<Doubles> states;
  for (uint32_t id : ids) {
    const float* row = &whole.Weight(Role::kTokenEmbedding)[id * spec.hidden_size()];
    states.emplace_back(row, row + spec.hidden_size());
  }
  SlowForward result;
  result.hidden.push_back(Flat(states));
  for (int layer = 0; layer < spec.layers_size(); ++layer) {
    Slow(model, layer).Run(states);
    result.hidden.push_back(Flat(states));
  }
  std::vector<Doubles> logits;
  const Role output = spec.tied_embeddings() ? Role::kTokenEmbedding : Role::kOutput;
  for (const Doubles& state : states) logits.push_back(whole.Linear(output, whole.Norm(Role::kOutputNorm, state)));
  result.logits = Flat(logits);
  return result;
}

}  // namespace nibble
