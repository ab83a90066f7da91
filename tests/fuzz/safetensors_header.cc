// The header of a safetensors file.
#include <algorithm>
#include <cstdint>

#include "absl/strings/str_cat.h"
#include "formats/safetensors/header.h"
#include "tests/fuzz/memory_files.h"
#include "tests/fuzz/target.h"

namespace nibble::fuzz {
namespace {

std::string File(absl::string_view json, size_t data_bytes) {
  std::string length(8, '\0');
  for (size_t i = 0; i < length.size(); ++i) length[i] = static_cast<char>(json.size() >> (8 * i));
  return absl::StrCat(length, json, std::string(data_bytes, '\0'));
}

}  // namespace

std::vector<std::string> Seeds() {
  return {
      File(R"({"__metadata__":{"format":"pt"},"a":{"dtype":"F32","shape":[2,3],"data_offsets":[0,24]},)"
           R"("b.weight":{"dtype":"BF16","shape":[4],"data_offsets":[24,32]}})",
           32),
      File(R"({"x":{"dtype":"F4","shape":[2],"data_offsets":[0,1]},"s":{"dtype":"F8_E8M0","shape":[],)"
           R"("data_offsets":[1,2]},"z":{"dtype":"I64","shape":[0,7],"data_offsets":[2,2]}}   )",
           2),
      File("{}", 0),
  };
}

// The length is right again, mostly, and so is the file's.
std::string Mutated(const std::string& input, Random& random) {
  if (input.size() < 8 || Below(8, random) == 0) return MutatedBytes(input, random);
  const size_t json_bytes =
      std::min<size_t>(static_cast<uint8_t>(input[0]) | static_cast<uint8_t>(input[1]) << 8, input.size() - 8);
  const std::string json = MutatedJson(absl::string_view(input).substr(8, json_bytes), random);
  return File(json, input.size() - 8 - json_bytes);
}

void Run(absl::string_view input) { Judge(safetensors::ReadHeader(MemoryFile("f.safetensors", input, 1)).status()); }

}  // namespace nibble::fuzz
