#include "runtime/random_model.h"

#include <cmath>
#include <cstring>
#include <memory>
#include <random>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "formats/dtype.h"
#include "formats/io/file.h"
#include "formats/tensor_source.h"
#include "model/logical_tensor.h"
#include "model/tensor_list.h"

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
    logical_.push_back({.role = role,
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
    model_.model.tensors = TensorList(std::move(logical_));
  }

 private:
  std::mt19937& random_;
  RandomModel& model_;
  std::vector<StoredTensor> tensors_;
  std::vector<LogicalTensor> logical_;
  std::vector<std::byte> bytes_;
};

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

}  // namespace nibble
