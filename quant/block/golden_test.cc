// Every decoder, and every plain encoder that gguf-py has too, against gguf-py bit by bit (testdata/make_goldens.py).
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <fstream>
#include <iterator>
#include <string>
#include <vector>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "gtest/gtest.h"
#include "quant/block/format.h"

namespace nibble {
namespace {

// The bytes of a golden file; none if it does not exist.
std::vector<std::byte> Read(const std::string& name) {
  std::ifstream file(absl::StrCat("quant/block/testdata/", name), std::ios::binary);
  const std::string bytes((std::istreambuf_iterator<char>(file)), std::istreambuf_iterator<char>());
  std::vector<std::byte> result(bytes.size());
  std::memcpy(result.data(), bytes.data(), bytes.size());
  return result;
}

std::string Lower(const BlockFormat& format) { return absl::AsciiStrToLower(format.name); }

TEST(GoldenTest, Decode) {
  for (const BlockFormat& format : Formats()) {
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

TEST(GoldenTest, EncodeRtn) {
  const std::vector<std::byte> raw = Read("inputs.f32");
  std::vector<float> inputs(raw.size() / sizeof(float));
  ASSERT_FALSE(inputs.empty());
  std::memcpy(inputs.data(), raw.data(), raw.size());
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

}  // namespace
}  // namespace nibble
