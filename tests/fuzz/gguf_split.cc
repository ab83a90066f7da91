// A GGUF in two parts: behind two bytes that say how long the first is lie both.
#include <algorithm>
#include <cstdint>

#include "absl/strings/str_cat.h"
#include "formats/dtype.h"
#include "formats/gguf/gguf.h"
#include "tests/fuzz/memory_files.h"
#include "tests/fuzz/target.h"

namespace nibble::fuzz {
namespace {

constexpr size_t kLengthBytes = 2;

std::string Part(uint16_t number, uint16_t count, const char* tensor) {
  gguf::Metadata keys;
  keys.Set("split.no", number);
  keys.Set("split.count", count);
  keys.Set("split.tensors.count", int32_t{2});
  const gguf::Layout layout = gguf::MakeLayout(keys, {{tensor, DType::kF32, {1}}});
  std::string bytes = layout.header;
  bytes.resize(layout.file_bytes);
  return bytes;
}

std::string Both(absl::string_view first, absl::string_view second) {
  const char length[kLengthBytes] = {static_cast<char>(first.size()), static_cast<char>(first.size() >> 8)};
  return absl::StrCat(absl::string_view(length, kLengthBytes), first, second);
}

size_t FirstBytes(absl::string_view input) {
  const size_t said = static_cast<uint8_t>(input[0]) | static_cast<uint8_t>(input[1]) << 8;
  return std::min(said, input.size() - kLengthBytes);
}

}  // namespace

std::vector<std::string> Seeds() {
  return {Both(Part(0, 2, "a"), Part(1, 2, "b")), Both(Part(0, 3, "a"), Part(1, 3, "b")),
          Both(Part(0, 2, "a"), Part(1, 2, "a"))};
}

std::string Mutated(const std::string& input, Random& random) {
  if (input.size() < kLengthBytes) return MutatedBytes(input, random);
  const size_t first = FirstBytes(input);
  const std::string one = input.substr(kLengthBytes, first), two = input.substr(kLengthBytes + first);
  return Below(2, random) == 0 ? Both(MutatedGguf(one, random), two) : Both(one, MutatedGguf(two, random));
}

void Run(absl::string_view input) {
  if (input.size() < kLengthBytes) return;
  const size_t first = FirstBytes(input);
  MemoryFiles files;
  files.Put("f-00001-of-00002.gguf", input.substr(kLengthBytes, first));
  files.Put("f-00002-of-00002.gguf", input.substr(kLengthBytes + first));
  Judge(gguf::Open(files, "m/f-00001-of-00002.gguf").status());
}

}  // namespace nibble::fuzz
