// Every decoder, and every plain encoder that gguf-py has too, against gguf-py bit by bit (testdata/make_goldens.py).
// And every searching encoder against itself: its bytes must not depend on the compiler or the machine.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <fstream>
#include <iterator>
#include <map>
#include <string>
#include <vector>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "gtest/gtest.h"
#include "quant/block/format.h"

namespace nibble {
namespace {

// The bytes of a golden file; none if it does not exist.
std::vector<std::byte> Read(const std::string& name) {
  std::ifstream file(absl::StrCat("quant/block/testdata/", name), std::ios::binary);
  const std::string bytes((std::istreambuf_iterator<char>(file)), std::istreambuf_iterator<char>());
  std::vector<std::byte> result(bytes.size());
  std::transform(bytes.begin(), bytes.end(), result.begin(), [](char c) { return static_cast<std::byte>(c); });
  return result;
}

std::string Lower(const BlockFormat& format) { return absl::AsciiStrToLower(format.name); }

TEST(GoldenTest, Decode) {
  for (const BlockFormat& format : Formats()) {
    if (format.gguf_type < 0) continue;
    SCOPED_TRACE(std::string(format.name));
    const std::vector<std::byte> blocks = Read(absl::StrCat(Lower(format), ".blocks"));
    const std::vector<std::byte> expected = Read(absl::StrCat(Lower(format), ".decoded"));
    const size_t count = blocks.size() / format.block_bytes;
    ASSERT_GT(count, 0);
    ASSERT_EQ(expected.size(), count * format.block_elements * sizeof(uint32_t));
    std::vector<uint32_t> decoded(count * format.block_elements), golden(decoded.size());
    format.decode(blocks.data(), count, reinterpret_cast<float*>(decoded.data()));
    std::memcpy(golden.data(), expected.data(), expected.size());
    for (size_t i = 0; i < golden.size(); ++i) ASSERT_EQ(decoded[i], golden[i]) << "value " << i;
  }
}

std::vector<float> Inputs() {
  const std::vector<std::byte> raw = Read("inputs.f32");
  std::vector<float> inputs(raw.size() / sizeof(float));
  std::memcpy(inputs.data(), raw.data(), raw.size());
  return inputs;
}

TEST(GoldenTest, EncodeRtn) {
  const std::vector<float> inputs = Inputs();
  ASSERT_FALSE(inputs.empty());
  int compared = 0;
  for (const BlockFormat& format : Formats()) {
    SCOPED_TRACE(std::string(format.name));
    const std::vector<std::byte> expected = Read(absl::StrCat(Lower(format), ".encoded"));
    if (expected.empty()) continue;
    ++compared;
    std::vector<std::byte> encoded(format.BytesFor(inputs.size()));
    ASSERT_EQ(encoded.size(), expected.size());
    format.encode_rtn(inputs.data(), inputs.size() / format.block_elements, encoded.data());
    const auto differs = std::mismatch(encoded.begin(), encoded.end(), expected.begin()).first;
    EXPECT_EQ(differs - encoded.begin(), encoded.size()) << "the first byte that differs";
  }
  EXPECT_EQ(compared, 10);
}

// FNV-1a.
uint64_t Hash(const std::vector<std::byte>& bytes) {
  uint64_t hash = 0xcbf29ce484222325;
  for (std::byte byte : bytes) hash = (hash ^ static_cast<uint64_t>(byte)) * 0x100000001b3;
  return hash;
}

// When a search is changed on purpose these change with it; under another compiler or processor they must not.
const std::map<std::string, uint64_t> kWeightedHashes = {
    {"F32", 0xb3d67b0f72907e25},      {"F16", 0xc87da52222838ca9},       {"BF16", 0xd8fe7a6fc346c301},
    {"Q8_0", 0x7cd62da001d54ae4},     {"Q4_0", 0x8e9e32bfb9b5da23},      {"Q4_1", 0xb8727564fbaefd1c},
    {"Q5_0", 0x831a6cc385c9b215},     {"Q5_1", 0x20c4b2d01940c006},      {"Q4_K", 0x7d2594e9d055b3c0},
    {"Q5_K", 0x9a6aa31bb6c743a8},     {"Q6_K", 0xf60c4282f4aa635c},      {"IQ4_NL", 0x3e8c48df1fe6b36d},
    {"IQ4_XS", 0x94721ecdd03943cf},   {"MXFP4", 0xeabc672b831d6438},     {"NVFP4", 0xe8e132d82356730a},
    {"INT4_G32", 0xc36e19ecc6538da8}, {"INT4_G128", 0xcb065f8640b216a5},
};

TEST(GoldenTest, EncodeWeighted) {
  std::vector<float> inputs = Inputs();
  inputs.resize(inputs.size() / 256 * 256);
  std::vector<float> weights(inputs.size());
  for (size_t i = 0; i < weights.size(); ++i) weights[i] = 0.125f + static_cast<float>(i * 37 % 101);
  for (const BlockFormat& format : Formats()) {
    if (format.encode_weighted == nullptr) continue;
    SCOPED_TRACE(std::string(format.name));
    std::vector<std::byte> encoded(2 * format.BytesFor(inputs.size()));
    const size_t blocks = inputs.size() / format.block_elements;
    format.encode_weighted(inputs.data(), nullptr, blocks, encoded.data());
    format.encode_weighted(inputs.data(), weights.data(), blocks, encoded.data() + encoded.size() / 2);
    const auto expected = kWeightedHashes.find(std::string(format.name));
    ASSERT_NE(expected, kWeightedHashes.end());
    EXPECT_EQ(Hash(encoded), expected->second) << absl::StrFormat("now {\"%s\", 0x%016x},", format.name, Hash(encoded));
  }
}

}  // namespace
}  // namespace nibble
