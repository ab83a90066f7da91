// Small models with random weights, in memory. For tests.
#ifndef NIBBLE_RUNTIME_RANDOM_MODEL_H_
#define NIBBLE_RUNTIME_RANDOM_MODEL_H_

#include <cstdint>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "model/model.h"
#include "quant/block/format.h"

namespace nibble {

struct RandomModelOptions {
  uint32_t seed = 1;
  int vocab_size = 50;
  int hidden_size = 32;
  int layers = 2;
  int heads = 4;
  int kv_heads = 2;
  int key_length = 8;
  int value_length = 8;
  int feed_forward = 64;
  Rope::Pairing pairing = Rope::INTERLEAVED;
  int rope_dimensions = 8;
  bool frequency_factors = false;
  bool tied = false;
  bool biases = false;  // of every matrix of a layer that may have one
  bool fused = false;   // queries, keys and values are one matrix
  bool learned_positions = false;
  bool head_norms = false;
  bool post_norms = false;
  bool sinks = false;
  bool selection_bias = false;
  Norm::Kind norm = Norm::RMS;     // LAYER: with biases
  Format matrices = Format::kF32;  // what the matrices are stored as
  // What else the model is: called with the spec that the options above make, before tensors are made of it.
  void (*edit)(ModelSpec& spec) = nullptr;
};

struct RandomModel {
  Model model;
  // Every tensor's values as the file holds them, by role and layer; slices one after the other.
  std::map<std::pair<Role, int>, std::vector<float>> values;
};

RandomModel MakeRandomModel(const RandomModelOptions& options);

}  // namespace nibble

#endif  // NIBBLE_RUNTIME_RANDOM_MODEL_H_
