// Makes a Hugging Face folder of a Llama, or a Qwen3-MoE, of any shape with random weights, for measuring where nothing
// can be fetched.
//
// usage: random_checkpoint TOKENIZER_FOLDER OUT_FOLDER [LAYERS HIDDEN WIDE HEADS KV_HEADS [EXPERTS USED]]
//
// The tokenizer, and so the vocabulary, are those of TOKENIZER_FOLDER. Heads are of length 128. The default shape is
// Llama 3.1 8B's; with EXPERTS, WIDE is an expert's. OUT_FOLDER must not exist.
#include <cmath>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "base/status.h"
#include "formats/dtype.h"
#include "formats/io/file.h"
#include "formats/json/json.h"
#include "formats/safetensors/safetensors.h"

namespace nibble::tests {
namespace {

struct Shape {
  static constexpr int64_t kHead = 128;
  int64_t layers = 32, hidden = 4096, wide = 14336, heads = 32, kv_heads = 8;
  int64_t experts = 0, used = 0;
  int64_t vocabulary = 0;
};

absl::StatusOr<int64_t> VocabularyOf(const std::string& folder) {
  const std::string path = absl::StrCat(folder, "/config.json");
  NIBBLE_ASSIGN_OR_RETURN(std::string text, io::ReadWholeFile(io::Posix(), path, 1 << 20));
  NIBBLE_ASSIGN_OR_RETURN(const json::Document document, json::Document::Parse(std::move(text), path));
  return document.root().Get("vocab_size").Int(1, 1 << 30);
}

std::string Config(const Shape& shape) {
  const std::string family =
      shape.experts == 0
          ? R"("architectures": ["LlamaForCausalLM"], "model_type": "llama")"
          : absl::StrCat(
                R"("architectures": ["Qwen3MoeForCausalLM"], "model_type": "qwen3_moe", "norm_topk_prob": true,)",
                R"( "num_experts": )", shape.experts, R"(, "num_experts_per_tok": )", shape.used,
                R"(, "moe_intermediate_size": )", shape.wide);
  return absl::StrCat("{", family, R"(, "hidden_act": "silu",)",
                      R"( "rms_norm_eps": 1e-05, "rope_theta": 500000.0, "max_position_embeddings": 8192,)",
                      R"( "tie_word_embeddings": true, "torch_dtype": "bfloat16", "bos_token_id": 1022,)",
                      R"( "eos_token_id": 1023, "num_hidden_layers": )", shape.layers, R"(, "hidden_size": )",
                      shape.hidden, R"(, "intermediate_size": )", shape.wide, R"(, "num_attention_heads": )",
                      shape.heads, R"(, "num_key_value_heads": )", shape.kv_heads, R"(, "head_dim": )", Shape::kHead,
                      R"(, "vocab_size": )", shape.vocabulary, "}\n");
}

std::vector<safetensors::TensorInfo> TensorsOf(const Shape& shape) {
  const int64_t kv = Shape::kHead * shape.kv_heads, queries = Shape::kHead * shape.heads;
  std::vector<safetensors::TensorInfo> tensors = {
      {"model.embed_tokens.weight", DType::kBF16, {shape.vocabulary, shape.hidden}},
      {"model.norm.weight", DType::kBF16, {shape.hidden}}};
  for (int64_t layer = 0; layer < shape.layers; ++layer) {
    const auto add = [&](const std::string& name, std::vector<int64_t> dimensions) {
      tensors.push_back({absl::StrCat("model.layers.", layer, ".", name, ".weight"), DType::kBF16, dimensions});
    };
    add("input_layernorm", {shape.hidden});
    add("self_attn.q_proj", {queries, shape.hidden});
    add("self_attn.k_proj", {kv, shape.hidden});
    add("self_attn.v_proj", {kv, shape.hidden});
    add("self_attn.o_proj", {shape.hidden, queries});
    add("post_attention_layernorm", {shape.hidden});
    const auto add_feed_forward = [&](const std::string& of) {
      add(of + "gate_proj", {shape.wide, shape.hidden});
      add(of + "up_proj", {shape.wide, shape.hidden});
      add(of + "down_proj", {shape.hidden, shape.wide});
    };
    if (shape.experts == 0) {
      add_feed_forward("mlp.");
      continue;
    }
    add("self_attn.q_norm", {Shape::kHead});
    add("self_attn.k_norm", {Shape::kHead});
    add("mlp.gate", {shape.experts, shape.hidden});
    for (int64_t e = 0; e < shape.experts; ++e) add_feed_forward(absl::StrCat("mlp.experts.", e, "."));
  }
  return tensors;
}

uint16_t Bf16(float value) {
  uint32_t bits;
  std::memcpy(&bits, &value, sizeof(bits));
  return static_cast<uint16_t>(bits >> 16);
}

// Uniform, of the variance that keeps outputs as large as inputs; 1 for norms.
void Fill(const safetensors::TensorInfo& tensor, uint64_t seed, std::vector<uint16_t>& values) {
  int64_t count = 1;
  for (const int64_t dimension : tensor.shape) count *= dimension;
  values.assign(count, Bf16(1));
  if (tensor.shape.size() == 1) return;
  const float width = std::sqrt(12.0f / static_cast<float>(tensor.shape[1]));
#pragma omp parallel for schedule(static)
  for (int64_t i = 0; i < count; ++i) {
    uint64_t bits = (seed << 40) + i + 1;  // splitmix64
    bits = (bits ^ bits >> 30) * 0xbf58476d1ce4e5b9;
    bits = (bits ^ bits >> 27) * 0x94d049bb133111eb;
    values[i] = Bf16((static_cast<float>(bits >> 40) * 0x1p-24f - 0.5f) * width);
  }
}

absl::Status Make(const std::string& tokenizer, const std::string& folder, Shape shape) {
  NIBBLE_ASSIGN_OR_RETURN(shape.vocabulary, VocabularyOf(tokenizer));
  if (!std::filesystem::create_directory(folder)) {
    return absl::AlreadyExistsError(absl::StrCat(folder, ": expected no such folder, found one"));
  }
  for (const char* file : {"tokenizer.json", "tokenizer_config.json"}) {
    std::filesystem::copy_file(absl::StrCat(tokenizer, "/", file), absl::StrCat(folder, "/", file));
  }
  std::ofstream(absl::StrCat(folder, "/config.json")) << Config(shape);
  const std::vector<safetensors::TensorInfo> tensors = TensorsOf(shape);
  std::ofstream file(absl::StrCat(folder, "/model.safetensors"), std::ios::binary);
  file << safetensors::MakeLayout(tensors, {{"format", "pt"}}).header;
  std::vector<uint16_t> values;
  for (size_t i = 0; i < tensors.size(); ++i) {
    Fill(tensors[i], i, values);
    file.write(reinterpret_cast<const char*>(values.data()), values.size() * sizeof(uint16_t));
  }
  file.close();
  return file ? absl::OkStatus() : absl::UnavailableError(absl::StrCat(folder, ": expected it to be written"));
}

absl::Status Main(int argc, char** argv) {
  if (argc != 3 && argc != 8 && argc != 10) {
    return absl::InvalidArgumentError(
        "usage: random_checkpoint TOKENIZER_FOLDER OUT_FOLDER [LAYERS HIDDEN WIDE HEADS KV_HEADS [EXPERTS USED]]");
  }
  Shape shape;
  int64_t* const fields[] = {&shape.layers,   &shape.hidden,  &shape.wide, &shape.heads,
                             &shape.kv_heads, &shape.experts, &shape.used};
  for (int i = 3; i < argc; ++i) *fields[i - 3] = std::atoll(argv[i]);
  return Make(argv[1], argv[2], shape);
}

}  // namespace
}  // namespace nibble::tests

int main(int argc, char** argv) {
  const absl::Status status = nibble::tests::Main(argc, argv);
  if (!status.ok()) std::fprintf(stderr, "random_checkpoint: %s\n", std::string(status.message()).c_str());
  return nibble::ExitCode(status);
}
