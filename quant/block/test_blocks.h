// Short hands for the tests of single formats.
#ifndef NIBBLE_QUANT_BLOCK_TEST_BLOCKS_H_
#define NIBBLE_QUANT_BLOCK_TEST_BLOCKS_H_

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <vector>

#include "quant/block/format.h"

namespace nibble {

// The block whose bytes are given, as its struct.
template <typename Block>
Block FromBytes(const std::vector<uint8_t>& bytes) {
  Block block;
  std::memcpy(&block, bytes.data(), sizeof(Block));
  return block;
}

// One block of floats from a function of the index.
template <typename Block, typename Function>
std::vector<float> Values(Function value) {
  std::vector<float> values(Block::kElements);
  for (int i = 0; i < Block::kElements; ++i) values[i] = static_cast<float>(value(i));
  return values;
}

template <typename Block, auto kDecode>
std::vector<float> Decoded(const Block& block) {
  std::vector<float> values(Block::kElements);
  kDecode(block, values.data());
  return values;
}

// What encode_weighted makes of one block; `weights` may be empty.
template <typename Block>
Block Searched(Format format, const std::vector<float>& values, const std::vector<float>& weights) {
  std::vector<std::byte> bytes(sizeof(Block));
  GetFormat(format).encode_weighted(values.data(), weights.empty() ? nullptr : weights.data(), 1, bytes.data());
  Block block;
  std::memcpy(&block, bytes.data(), sizeof(Block));
  return block;
}

}  // namespace nibble

#endif  // NIBBLE_QUANT_BLOCK_TEST_BLOCKS_H_
