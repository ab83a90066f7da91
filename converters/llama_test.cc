#include "converters/llama.h"

#include <filesystem>
#include <functional>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "base/status.h"
#include "converters/families.h"
#include "converters/family.h"
#include "converters/test_checkpoint.h"
#include "formats/gguf/gguf.h"
#include "formats/io/file.h"
#include "formats/json/json.h"
#include "formats/safetensors/safetensors.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "model/logical_tensor.h"
#include "model/model_spec.pb.h"

namespace nibble {
namespace {

using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::FloatNear;
using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::Pointwise;

// A checkpoint as the family reads it.
struct Read {
  ModelSpec spec;
  TensorSource source;
  TensorMap map;

  const LogicalTensor& Find(absl::string_view gguf_name) const {
    for (const LogicalTensor& tensor : map.tensors) {
      if (GgufName(tensor) == gguf_name) return tensor;
    }
    ADD_FAILURE() << gguf_name;
    return map.tensors[0];
  }

  std::vector<float> Values(absl::string_view gguf_name) const {
    const LogicalTensor& tensor = Find(gguf_name);
    std::vector<float> values(tensor.rows * tensor.cols);
    EXPECT_EQ(ReadRows(source, tensor, 0, tensor.rows, absl::MakeSpan(values)), absl::OkStatus());
    return values;
  }
};

absl::StatusOr<ModelSpec> SpecOf(const TestCheckpoint& checkpoint) {
  NIBBLE_ASSIGN_OR_RETURN(const json::Document config, json::Document::Parse(checkpoint.ConfigText(), "config.json"));
  NIBBLE_ASSIGN_OR_RETURN(const Family* family, FindFamily(config.root()));
  return family->spec_from_config(config.root());
}

absl::StatusOr<Read> Open(const TestCheckpoint& checkpoint) {
  Read read;
  NIBBLE_ASSIGN_OR_RETURN(read.spec, SpecOf(checkpoint));
  const std::string folder = testing::TempDir() + "/llama_test";
  std::filesystem::create_directories(folder);
  NIBBLE_RETURN_IF_ERROR(checkpoint.Write(folder));
  NIBBLE_ASSIGN_OR_RETURN(safetensors::Checkpoint file, safetensors::OpenFolder(io::Posix(), folder));
  read.source = std::move(file.tensors);
  NIBBLE_ASSIGN_OR_RETURN(read.map, kLlama.tensors_from_checkpoint(read.spec, read.source));
  return read;
}

TEST(Llama, SpecHoldsWhatTheConfigSays) {
  const ModelSpec spec = SpecOf(RandomLlama()).value();
  EXPECT_EQ(spec.architecture(), "llama");
  EXPECT_EQ(spec.vocab_size(), 48);
  EXPECT_EQ(spec.hidden_size(), 64);
  EXPECT_EQ(spec.context_length(), 128);
  EXPECT_FALSE(spec.tied_embeddings());
  EXPECT_EQ(spec.norm().epsilon(), 1e-5f);
  ASSERT_EQ(spec.layers_size(), 2);
  const Attention& attention = spec.layers(1).attention();
  EXPECT_EQ(attention.heads(), 4);
  EXPECT_EQ(attention.kv_heads(), 2);
  EXPECT_EQ(attention.key_length(), 16);
  EXPECT_EQ(attention.value_length(), 16);
  EXPECT_EQ(attention.scale(), 0.25f);
  EXPECT_EQ(attention.rope().pairing(), Rope::INTERLEAVED);
  EXPECT_EQ(attention.rope().dimensions(), 16);
  EXPECT_EQ(attention.rope().base(), 10000);
  EXPECT_EQ(attention.rope().frequency_factors_size(), 0);
  EXPECT_EQ(spec.layers(1).feed_forward().length(), 96);
}

TEST(Llama, DefaultsAreThoseOfThePublishedCode) {
  TestCheckpoint checkpoint = RandomLlama();
  for (const char* key : {"num_key_value_heads", "head_dim", "rope_theta", "tie_word_embeddings", "hidden_act"}) {
    checkpoint.config.erase(key);
  }
  const ModelSpec spec = SpecOf(checkpoint).value();
  EXPECT_EQ(spec.layers(0).attention().kv_heads(), 4);
  EXPECT_EQ(spec.layers(0).attention().key_length(), 16);
  EXPECT_EQ(spec.layers(0).attention().rope().base(), 10000);
  EXPECT_FALSE(spec.tied_embeddings());
}

TEST(Llama, ModelTypeServesWhereThereAreNoArchitectures) {
  TestCheckpoint checkpoint = RandomLlama();
  checkpoint.config.erase("architectures");
  EXPECT_EQ(SpecOf(checkpoint).status(), absl::OkStatus());
}

std::vector<float> FactorsOf(const std::string& key, const std::string& value) {
  TestCheckpoint checkpoint = RandomLlama();
  checkpoint.config[key] = value;
  const ModelSpec spec = SpecOf(checkpoint).value();
  const auto& factors = spec.layers(0).attention().rope().frequency_factors();
  return {factors.begin(), factors.end()};
}

TEST(Llama, RopeScalingIsReadInEverySpelling) {
  // Eight frequencies 10000^(-i/8): wavelengths 6.3, 19.9, 62.8, 198.7, 628, ... between 64/4 and 64/1.
  const std::string llama3 =
      R"("factor": 8.0, "low_freq_factor": 1.0, "high_freq_factor": 4.0, "original_max_position_embeddings": 64)";
  const std::vector<float> scaled = {1, 1.29398f, 7.66739f, 8, 8, 8, 8, 8};
  EXPECT_THAT(FactorsOf("rope_scaling", absl::StrCat(R"({"rope_type": "llama3", )", llama3, "}")),
              Pointwise(FloatNear(1e-4), scaled));
  EXPECT_THAT(FactorsOf("rope_scaling", absl::StrCat(R"({"type": "llama3", )", llama3, "}")),
              Pointwise(FloatNear(1e-4), scaled));
  EXPECT_THAT(FactorsOf("rope_parameters", absl::StrCat(R"({"rope_type": "llama3", )", llama3, "}")),
              Pointwise(FloatNear(1e-4), scaled));
  EXPECT_THAT(FactorsOf("rope_scaling", R"({"type": "linear", "factor": 2})"), ElementsAre(2, 2, 2, 2, 2, 2, 2, 2));
  EXPECT_THAT(FactorsOf("rope_scaling", R"({"type": "linear", "factor": 1})"), ElementsAre());
  EXPECT_THAT(FactorsOf("rope_scaling", "null"), ElementsAre());
  EXPECT_THAT(FactorsOf("rope_parameters", R"({"rope_type": "default", "rope_theta": 5})"), ElementsAre());
}

TEST(Llama, EqualLowAndHighFactorsDoNotDivideByZero) {
  const std::string scaling = R"({"rope_type": "llama3", "factor": 8.0, "low_freq_factor": 1.0,
                                  "high_freq_factor": 1.0, "original_max_position_embeddings": 64})";
  EXPECT_THAT(FactorsOf("rope_scaling", scaling), ElementsAre(1, 1, 1, 8, 8, 8, 8, 8));
}

TEST(Llama, NewSpellingOfTheRopeBaseWins) {
  TestCheckpoint checkpoint = RandomLlama();
  checkpoint.config["rope_parameters"] = R"({"rope_type": "default", "rope_theta": 500000.0})";
  EXPECT_EQ(SpecOf(checkpoint)->layers(0).attention().rope().base(), 500000);
}

TEST(Llama, TensorsAreInTheOrderOfAGguf) {
  const Read read = Open(RandomLlama({.layers = 1, .biases = true})).value();
  std::vector<std::string> names;
  for (const LogicalTensor& tensor : read.map.tensors) names.push_back(GgufName(tensor));
  EXPECT_THAT(names, ElementsAre("token_embd.weight", "blk.0.attn_norm.weight", "blk.0.attn_q.weight",
                                 "blk.0.attn_q.bias", "blk.0.attn_k.weight", "blk.0.attn_k.bias", "blk.0.attn_v.weight",
                                 "blk.0.attn_v.bias", "blk.0.attn_output.weight", "blk.0.attn_output.bias",
                                 "blk.0.ffn_norm.weight", "blk.0.ffn_gate.weight", "blk.0.ffn_up.weight",
                                 "blk.0.ffn_down.weight", "output_norm.weight", "output.weight"));
}

TEST(Llama, RopeRowsOfQueriesAndKeysAreInterleavedHeadByHead) {
  TestCheckpoint checkpoint = RandomLlama({.biases = true});
  checkpoint.dtype = DType::kF32;
  const Read read = Open(checkpoint).value();
  const auto expect = [&](const std::string& published, const std::string& name, int64_t heads, bool permuted) {
    const TestCheckpoint::Tensor& tensor = checkpoint.Find(published);
    const int64_t width = tensor.shape.size() == 1 ? 1 : tensor.shape[1];
    const int64_t head = tensor.shape[0] / heads;
    const std::vector<float> values = read.Values(name);
    for (int64_t row = 0; row < tensor.shape[0]; ++row) {
      const int64_t within = row % head;
      const int64_t stored = permuted ? row - within + within % 2 * (head / 2) + within / 2 : row;
      for (int64_t col = 0; col < width; ++col) {
        ASSERT_EQ(values[row * width + col], tensor.values[stored * width + col]) << name << " " << row;
      }
    }
  };
  for (const char* kind : {"weight", "bias"}) {
    const auto published = [&](const char* role) { return absl::StrCat("model.layers.1.self_attn.", role, ".", kind); };
    expect(published("q_proj"), absl::StrCat("blk.1.attn_q.", kind), 4, true);
    expect(published("k_proj"), absl::StrCat("blk.1.attn_k.", kind), 2, true);
    expect(published("v_proj"), absl::StrCat("blk.1.attn_v.", kind), 2, false);
    expect(published("o_proj"), absl::StrCat("blk.1.attn_output.", kind), 4, false);
  }
}

TEST(Llama, RopeFactorsThatDifferBecomeATensor) {
  TestCheckpoint checkpoint = RandomLlama();
  checkpoint.config["rope_scaling"] = R"({"rope_type": "llama3", "factor": 8.0, "low_freq_factor": 1.0,
                                          "high_freq_factor": 4.0, "original_max_position_embeddings": 64})";
  const Read read = Open(checkpoint).value();
  const LogicalTensor& factors = read.Find("rope_freqs.weight");
  EXPECT_TRUE(factors.is_vector);
  EXPECT_EQ(factors.cols, 8);
}

TEST(Llama, TiedEmbeddingsNeedNoOutputAndWarnOfOne) {
  const Read tied = Open(RandomLlama({.tied = true})).value();
  EXPECT_TRUE(tied.spec.tied_embeddings());
  EXPECT_TRUE(tied.map.warnings.empty());
  TestCheckpoint both = RandomLlama();
  both.config["tie_word_embeddings"] = "true";
  const Read read = Open(both).value();
  EXPECT_THAT(read.map.warnings, ElementsAre(HasSubstr("tensor 'lm_head.weight' is not used")));
  for (const LogicalTensor& tensor : read.map.tensors) EXPECT_NE(tensor.role, Role::kOutput);
}

TEST(Llama, BuffersOfOldCheckpointsAreIgnored) {
  TestCheckpoint checkpoint = RandomLlama();
  checkpoint.tensors.push_back({"model.layers.0.self_attn.rotary_emb.inv_freq", {8}, std::vector<float>(8, 1)});
  EXPECT_EQ(Open(checkpoint)->map.warnings.size(), 0);
}

struct BadConfig {
  const char* name;
  std::vector<std::pair<std::string, std::string>> set;  // an empty value removes the key
  absl::StatusCode code;
  const char* message;
};

class BadConfigs : public testing::TestWithParam<BadConfig> {};

constexpr absl::StatusCode kBad = absl::StatusCode::kDataLoss;
constexpr absl::StatusCode kNot = absl::StatusCode::kUnimplemented;

INSTANTIATE_TEST_SUITE_P(
    Config, BadConfigs,
    testing::Values(
        BadConfig{"NoArchitecture", {{"architectures", ""}, {"model_type", ""}}, kBad, "$.architectures: expected"},
        BadConfig{"UnknownArchitecture", {{"architectures", R"(["FooForCausalLM"])"}}, kNot, "\"FooForCausalLM\""},
        BadConfig{"ArchitectureOfAnotherKind", {{"architectures", "[3]"}}, kBad, "$.architectures[0]: expected"},
        BadConfig{"WrongType", {{"num_hidden_layers", "\"four\""}}, kBad, "$.num_hidden_layers: expected an integer"},
        BadConfig{"Missing", {{"hidden_size", ""}}, kBad, "$.hidden_size: expected an integer"},
        BadConfig{"MissingVocabulary", {{"vocab_size", ""}}, kBad, "$.vocab_size: expected an integer"},
        BadConfig{"Null", {{"intermediate_size", "null"}}, kBad, "$.intermediate_size: expected an integer"},
        BadConfig{"Fraction", {{"hidden_size", "64.5"}}, kBad, "$.hidden_size: expected an integer"},
        BadConfig{"NoLayers", {{"num_hidden_layers", "0"}}, kBad, "$.num_hidden_layers: expected an integer in [1, "},
        BadConfig{"NegativeLayers", {{"num_hidden_layers", "-1"}}, kBad, "$.num_hidden_layers: expected"},
        BadConfig{"TooManyLayers", {{"num_hidden_layers", "1000000000"}}, kBad, "$.num_hidden_layers: expected"},
        BadConfig{"NoHeads", {{"num_attention_heads", "0"}}, kBad, "$.num_attention_heads: expected"},
        BadConfig{"HeadsDoNotDivideHidden",
                  {{"head_dim", ""}, {"num_attention_heads", "6"}},
                  kBad,
                  "$.num_attention_heads: expected a divisor of the hidden size 64, found 6"},
        BadConfig{"MoreHeadsThanHidden",
                  {{"head_dim", "null"}, {"num_attention_heads", "100"}},
                  kBad,
                  "$.num_attention_heads: expected a divisor of the hidden size 64, found 100"},
        BadConfig{"NoKvHeads", {{"num_key_value_heads", "0"}}, kBad, "$.num_key_value_heads: expected"},
        BadConfig{"KvHeadsDoNotDivideHeads",
                  {{"num_key_value_heads", "3"}},
                  kBad,
                  "$.num_key_value_heads: expected a divisor of the 4 heads, found 3"},
        BadConfig{"OddHead", {{"head_dim", "15"}}, kBad, "$.head_dim: expected an even head length, found 15"},
        BadConfig{"EpsilonOfAnotherKind", {{"rms_norm_eps", "true"}}, kBad, "$.rms_norm_eps: expected"},
        BadConfig{"NegativeEpsilon", {{"rms_norm_eps", "-1e-5"}}, kBad, "$.rms_norm_eps: expected a number in [0, 1]"},
        BadConfig{"RopeBaseZero", {{"rope_theta", "0"}}, kBad, "$.rope_theta: expected a number in [1, "},
        BadConfig{"TiedOfAnotherKind", {{"tie_word_embeddings", "\"yes\""}}, kBad, "$.tie_word_embeddings: expected"},
        BadConfig{"RopeScalingOfAnotherKind", {{"rope_scaling", "[1]"}}, kBad, "$.rope_scaling: expected an object"},
        BadConfig{"Dynamic",
                  {{"rope_scaling", R"({"type": "dynamic", "factor": 2})"}},
                  kNot,
                  "$.rope_scaling.type: expected"},
        BadConfig{"LinearWithoutFactor", {{"rope_scaling", R"({"type": "linear"})"}}, kBad, "$.rope_scaling.factor"},
        BadConfig{"LinearByZero",
                  {{"rope_scaling", R"({"type": "linear", "factor": 0})"}},
                  kBad,
                  "$.rope_scaling.factor: expected a number above 0"},
        BadConfig{"OtherActivation", {{"hidden_act", "\"gelu\""}}, kNot, "$.hidden_act: expected \"silu\", found"},
        BadConfig{"MlpBias", {{"mlp_bias", "true"}}, kNot, "$.mlp_bias: expected false, found true"},
        BadConfig{"PartialRotary", {{"partial_rotary_factor", "0.5"}}, kNot, "$.partial_rotary_factor: expected 1"}),
    [](const auto& info) { return info.param.name; });

TEST_P(BadConfigs, NameThePlace) {
  TestCheckpoint checkpoint = RandomLlama();
  for (const auto& [key, value] : GetParam().set) {
    checkpoint.config[key] = value;
    if (value.empty()) checkpoint.config.erase(key);
  }
  const absl::Status status = SpecOf(checkpoint).status();
  EXPECT_EQ(status.code(), GetParam().code) << status;
  EXPECT_THAT(std::string(status.message()), AllOf(HasSubstr("config.json: "), HasSubstr(GetParam().message)));
}

struct BadTensors {
  const char* name;
  std::function<void(TestCheckpoint&)> change;
  std::vector<const char*> message;
};

class BadTensorSets : public testing::TestWithParam<BadTensors> {};

INSTANTIATE_TEST_SUITE_P(
    Tensors, BadTensorSets,
    testing::Values(
        BadTensors{"Missing",
                   [](TestCheckpoint& c) {
                     c.Remove("model.norm.weight");
                     c.Remove("model.layers.1.mlp.up_proj.weight");
                   },
                   {"no 'model.layers.1.mlp.up_proj.weight', 'model.norm.weight'"}},
        BadTensors{"ManyMissing",
                   [](TestCheckpoint& c) { c.config["num_hidden_layers"] = "4"; },
                   {"'model.layers.2.input_layernorm.weight'", "and 10 more"}},
        BadTensors{"NoOutput", [](TestCheckpoint& c) { c.Remove("lm_head.weight"); }, {"no 'lm_head.weight'"}},
        BadTensors{"OtherShape",
                   [](TestCheckpoint& c) { c.config["intermediate_size"] = "97"; },
                   {"'model.layers.0.mlp.gate_proj.weight' [96, 64] instead of [97, 64]",
                    "'model.layers.0.mlp.down_proj.weight' [64, 96] instead of [64, 97]"}},
        BadTensors{"ExtraLayer",
                   [](TestCheckpoint& c) { c.config["num_hidden_layers"] = "1"; },
                   {"unknown 'model.layers.1.input_layernorm.weight'", "and 1 more"}},
        BadTensors{"UnknownTensor",
                   [](TestCheckpoint& c) {
                     c.tensors.push_back({"model.layers.0.extra", {1}, {1}});
                   },
                   {"unknown 'model.layers.0.extra'"}},
        BadTensors{"BiasInOneLayerAlone",
                   [](TestCheckpoint& c) {
                     c.tensors.push_back({"model.layers.1.self_attn.v_proj.bias", {32}, std::vector<float>(32, 1)});
                   },
                   {"no 'model.layers.0.self_attn.v_proj.bias'"}}),
    [](const auto& info) { return info.param.name; });

TEST_P(BadTensorSets, AreNamed) {
  TestCheckpoint checkpoint = RandomLlama();
  GetParam().change(checkpoint);
  const absl::Status status = Open(checkpoint).status();
  EXPECT_EQ(status.code(), absl::StatusCode::kDataLoss) << status;
  EXPECT_THAT(std::string(status.message()),
              AllOf(HasSubstr("model.safetensors: expected the tensors of a llama"), Not(HasSubstr("\n"))));
  for (const char* part : GetParam().message) EXPECT_THAT(std::string(status.message()), HasSubstr(part));
}

// A GGUF's keys from a spec, and back.
ModelSpec ThroughGguf(const ModelSpec& spec, const TensorSource& source,
                      const std::function<void(gguf::Metadata&)>& change = nullptr) {
  gguf::Metadata metadata("x.gguf");
  metadata.Set("general.architecture", spec.architecture());
  kLlama.spec_to_gguf(spec, metadata);
  if (change) change(metadata);
  EXPECT_EQ(FindFamily(metadata).value(), &kLlama);
  return kLlama.spec_from_gguf(metadata, source).value();
}

// Nothing but what GGUF names say: the embedding and, unless tied, the output.
TensorSource GgufTensors(bool tied) {
  std::vector<StoredTensor> tensors = {{.name = "token_embd.weight", .shape = {48, 64}}};
  if (!tied) tensors.push_back({.name = "output.weight", .shape = {48, 64}});
  std::vector<std::unique_ptr<io::ReadableFile>> files(1);  // never read
  return TensorSource::Create(std::move(files), std::move(tensors)).value();
}

TEST(LlamaGguf, KeysGiveBackTheSpec) {
  for (const bool tied : {false, true}) {
    for (const char* scaling : {"null", R"({"type": "linear", "factor": 4})"}) {
      TestCheckpoint checkpoint = RandomLlama({.tied = tied});
      checkpoint.config["rope_scaling"] = scaling;
      const ModelSpec spec = SpecOf(checkpoint).value();
      EXPECT_EQ(ThroughGguf(spec, GgufTensors(tied)).DebugString(), spec.DebugString());
    }
  }
}

TEST(LlamaGguf, KeysThatMayBeAbsentHaveLlamaCppsDefaults) {
  const ModelSpec spec = SpecOf(RandomLlama({.kv_heads = 4})).value();
  gguf::Metadata metadata("x.gguf");
  metadata.Set("general.architecture", spec.architecture());
  const char* needed[] = {"block_count",         "context_length",       "embedding_length",
                          "feed_forward_length", "attention.head_count", "attention.layer_norm_rms_epsilon"};
  gguf::Metadata all;
  kLlama.spec_to_gguf(spec, all);
  for (const char* key : needed) {
    metadata.Set(absl::StrCat("llama.", key), *all.Find(absl::StrCat("llama.", key)));
  }
  const TensorSource source = GgufTensors(false);
  EXPECT_EQ(kLlama.spec_from_gguf(metadata, source)->DebugString(), spec.DebugString());
}

TEST(LlamaGguf, BadKeysAreNamed) {
  struct Case {
    const char* key;
    gguf::Value value;
    absl::StatusCode code;
  };
  const Case cases[] = {
      {"llama.block_count", uint32_t{0}, kBad},
      {"llama.block_count", uint32_t{1'000'000}, kBad},
      {"llama.embedding_length", std::string("wide"), kBad},
      {"llama.attention.head_count", uint32_t{5}, kBad},
      {"llama.attention.head_count_kv", uint32_t{3}, kBad},
      {"llama.attention.value_length", uint32_t{8}, kBad},
      {"llama.rope.dimension_count", uint32_t{8}, kBad},
      {"llama.rope.freq_base", 0.0f, kBad},
      {"llama.rope.scaling.type", std::string("longrope"), kNot},
  };
  const ModelSpec spec = SpecOf(RandomLlama()).value();
  for (const Case& c : cases) {
    gguf::Metadata metadata("x.gguf");
    kLlama.spec_to_gguf(spec, metadata);
    metadata.Set(c.key, c.value);
    const absl::Status status = kLlama.spec_from_gguf(metadata, GgufTensors(false)).status();
    EXPECT_EQ(status.code(), c.code) << c.key << ": " << status;
    EXPECT_THAT(std::string(status.message()), AllOf(HasSubstr("x.gguf"), HasSubstr(c.key)));
  }
}

TEST(Family, GgufOfAnUnknownArchitectureIsRefusedByName) {
  gguf::Metadata metadata("x.gguf");
  metadata.Set("general.architecture", std::string("mamba"));
  const absl::Status status = FindFamily(metadata).status();
  EXPECT_EQ(status.code(), absl::StatusCode::kUnimplemented);
  EXPECT_THAT(std::string(status.message()), HasSubstr("\"mamba\""));
}

}  // namespace
}  // namespace nibble
