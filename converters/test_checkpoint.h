// A small random Llama checkpoint for tests, made on the fly, and changed as a test likes before it is written.
#ifndef NIBBLE_CONVERTERS_TEST_CHECKPOINT_H_
#define NIBBLE_CONVERTERS_TEST_CHECKPOINT_H_

#include <cstddef>
#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "absl/container/btree_map.h"
#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "formats/dtype.h"

namespace nibble {

struct TestCheckpoint {
  struct Tensor {
    std::string name;
    std::vector<int64_t> shape;
    std::vector<float> values;
    // As it is stored, where that is not the checkpoint's dtype.
    DType stored_as = DType::kF32;
    std::vector<std::byte> bytes = {};
  };

  absl::btree_map<std::string, std::string> config;  // key -> JSON text
  std::vector<Tensor> tensors;
  DType dtype = DType::kBF16;

  Tensor& Find(absl::string_view name);  // REQUIRES: it is there
  void Remove(absl::string_view name);
  std::string ConfigText() const;

  // config.json and model.safetensors, over what was there.
  absl::Status Write(const std::string& directory) const;
};

struct TestShape {
  int layers = 2;
  int64_t hidden = 64;
  int64_t heads = 4;
  int64_t kv_heads = 2;
  int64_t head_dim = 16;
  int64_t feed_forward = 96;
  int64_t vocab = 48;
  bool tied = false;
  bool biases = false;
};

TestCheckpoint RandomLlama(const TestShape& shape = {});

// A Qwen3-MoE: every layer but `dense_layer` has so many experts of length 32, two of them used.
TestCheckpoint RandomQwen3Moe(const TestShape& shape = {}, int experts = 3, int dense_layer = -1);

// A DeepSeek-V3 of two layers, the first dense, and one for multi-token prediction behind them.
TestCheckpoint RandomDeepseek();

}  // namespace nibble

#endif  // NIBBLE_CONVERTERS_TEST_CHECKPOINT_H_
