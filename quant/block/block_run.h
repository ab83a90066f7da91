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

}  // namespace nibble

#endif  // NIBBLE_QUANT_BLOCK_BLOCK_RUN_H_
