// A GGUF: keys and tensor infos, the vocabulary, and what a family makes of the keys.
#include "formats/gguf/gguf.h"

#include <utility>

#include "converters/families.h"
#include "converters/family.h"
#include "formats/dtype.h"
#include "formats/tokenizer/load.h"
#include "tests/fuzz/memory_files.h"
#include "tests/fuzz/target.h"

namespace nibble::fuzz {
namespace {

gguf::Metadata LlamaKeys() {
  gguf::Metadata keys;
  keys.Set("general.architecture", std::string("llama"));
  for (const char* key : {"block_count", "context_length", "embedding_length", "feed_forward_length",
                          "attention.head_count", "attention.head_count_kv", "vocab_size", "rope.dimension_count"}) {
    keys.Set(std::string("llama.") + key, uint32_t{2});
  }
  keys.Set("llama.block_count", uint32_t{1});
  keys.Set("llama.embedding_length", uint32_t{4});
  keys.Set("llama.rope.freq_base", 10000.0f);
  keys.Set("llama.attention.layer_norm_rms_epsilon", 1e-5f);
  keys.Set("tokenizer.ggml.model", std::string("gpt2"));
  keys.Set("tokenizer.ggml.pre", std::string("llama-bpe"));
  keys.Set("tokenizer.ggml.tokens", gguf::Array(std::vector<std::string>{"a", "b", "ab"}));
  keys.Set("tokenizer.ggml.token_type", gguf::Array(std::vector<int32_t>{1, 1, 1}));
  keys.Set("tokenizer.ggml.merges", gguf::Array(std::vector<std::string>{"a b"}));
  keys.Set("tokenizer.ggml.bos_token_id", uint32_t{0});
  keys.Set("tokenizer.ggml.add_bos_token", true);
  keys.Set("tokenizer.chat_template", std::string("{{ messages }}"));
  return keys;
}

gguf::Metadata OddKeys() {
  gguf::Metadata keys;
  keys.Set("u8", uint8_t{1});
  keys.Set("i64", int64_t{-1});
  keys.Set("f64", 0.5);
  keys.Set("general.alignment", uint32_t{8});
  keys.Set("bools", gguf::Array(std::vector<bool>{true, false}));
  keys.Set("u64s", gguf::Array(std::vector<uint64_t>{1, 2, 3}));
  return keys;
}

std::string File(const gguf::Metadata& keys, const std::vector<gguf::TensorInfo>& tensors) {
  const gguf::Layout layout = gguf::MakeLayout(keys, tensors);
  std::string bytes = layout.header;
  bytes.resize(layout.file_bytes);
  return bytes;
}

absl::Status Understand(const gguf::File& file) {
  const absl::StatusOr<const Family*> family = FindFamily(file.metadata);
  if (!family.ok()) return family.status();
  absl::StatusOr<ModelSpec> spec = (*family)->spec_from_gguf(file.metadata, file.tensors);
  if (!spec.ok()) return spec.status();
  return (*family)->tensors_from_gguf(*spec, file.tensors).status();
}

}  // namespace

std::vector<std::string> Seeds() {
  return {
      File(LlamaKeys(), {{"token_embd.weight", DType::kF32, {3, 4}}, {"output_norm.weight", DType::kF32, {4}}}),
      File(OddKeys(), {{"t", DType::kQ4_0, {2, 32}}, {"u", DType::kF16, {1, 2, 3, 1}}}),
      File(gguf::Metadata(), {}),
  };
}

std::string Mutated(const std::string& input, Random& random) { return MutatedGguf(input, random); }

void Run(absl::string_view input) {
  MemoryFiles files;
  files.Put("f.gguf", input);
  const absl::StatusOr<gguf::File> file = gguf::Open(files, "m/f.gguf");
  Judge(file.status());
  if (!file.ok()) return;
  Judge(Understand(*file));
  Judge(tokenizer::FromGguf(file->metadata).status());
}

}  // namespace nibble::fuzz
