// From one block to a run of them: what the format table's functions do around a format's own.
//
// A Block is a trivially copyable struct laid out as in the file, with kElements values. Runs may start at any address.
#ifndef NIBBLE_QUANT_BLOCK_BLOCK_RUN_H_
#define NIBBLE_QUANT_BLOCK_BLOCK_RUN_H_

#include <bit>
#include <cstddef>
#include <cstring>

namespace nibble {

static_assert(std::endian::native == std::endian::little, "block structs are the bytes of the file");

// kDecode: void(const Block&, float* values).
template <typename Block, auto kDecode>
void DecodeRun(const std::byte* in, size_t blocks, float* out) {
  for (size_t i = 0; i < blocks; ++i) {
    Block block;
    std::memcpy(&block, in + i * sizeof(Block), sizeof(Block));
    kDecode(block, out + i * Block::kElements);
  }
}

// kEncode: Block(const float* values).
template <typename Block, auto kEncode>
void EncodeRun(const float* values, size_t blocks, std::byte* out) {
  for (size_t i = 0; i < blocks; ++i) {
    const Block block = kEncode(values + i * Block::kElements);
    std::memcpy(out + i * sizeof(Block), &block, sizeof(Block));
  }
}

// sum w (value - decoded)^2 of a block; `weights` may be null.
template <typename Block, auto kDecode>
double BlockError(const float* values, const float* weights, const Block& block) {
  float decoded[Block::kElements];
  kDecode(block, decoded);
  double error = 0;
  for (int i = 0; i < Block::kElements; ++i) {
    const double rest = static_cast<double>(values[i]) - decoded[i];
    error += (weights == nullptr ? 1.0 : weights[i]) * rest * rest;
  }
  return error;
}

// kSearch: Block(const float* values, const float* weights), weights possibly null. What it finds is taken where it is
// better than the plain rule, kPlain.
template <typename Block, auto kDecode, auto kPlain, auto kSearch>
void EncodeBestRun(const float* values, const float* weights, size_t blocks, std::byte* out) {
  for (size_t i = 0; i < blocks; ++i) {
    const float* v = values + i * Block::kElements;
    const float* w = weights == nullptr ? nullptr : weights + i * Block::kElements;
    const Block plain = kPlain(v), found = kSearch(v, w);
    const bool better = BlockError<Block, kDecode>(v, w, found) < BlockError<Block, kDecode>(v, w, plain);
    std::memcpy(out + i * sizeof(Block), better ? &found : &plain, sizeof(Block));
  }
}

}  // namespace nibble

#endif  // NIBBLE_QUANT_BLOCK_BLOCK_RUN_H_
