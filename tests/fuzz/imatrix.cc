// An importance matrix, in either form.
#include "formats/imatrix/imatrix.h"

#include <cstdint>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "tests/fuzz/memory_files.h"
#include "tests/fuzz/target.h"

namespace nibble::fuzz {
namespace {

std::string Int(int32_t value) { return std::string(reinterpret_cast<const char*>(&value), sizeof(value)); }
std::string Float(float value) { return std::string(reinterpret_cast<const char*>(&value), sizeof(value)); }

}  // namespace

std::vector<std::string> Seeds() {
  imatrix::File file;
  file.datasets = {"text"};
  file.chunk_count = 2;
  file.chunk_size = 512;
  file.entries = {{.name = "blk.0.attn_q.weight", .sums = {1, 2, 3, 4}, .counts = {2}},
                  {.name = "blk.0.ffn_up_exps.weight", .sums = {1, 2, 3, 4}, .counts = {1, 0}}};
  return {imatrix::Encode(file), absl::StrCat(Int(2), Int(1), "a", Int(4), Int(2), Float(8), Float(2), Int(2), "bb",
                                              Int(0), Int(1), Float(7), Int(9), Int(4), "text")};
}

std::string Mutated(const std::string& input, Random& random) {
  return absl::StartsWith(input, "GGUF") ? MutatedGguf(input, random) : MutatedBytes(input, random);
}

void Run(absl::string_view input) {
  MemoryFiles files;
  files.Put("matrix", input);
  const absl::StatusOr<imatrix::File> file = imatrix::Read(files, "m/matrix");
  Judge(file.status());
  if (!file.ok()) return;
  for (const imatrix::Entry& entry : file->entries) {
    for (const int64_t matrices : {1, 2}) {
      for (int64_t slice = 0; slice < matrices; ++slice)
        Judge(imatrix::MeanSquares(entry, matrices, 2, slice).status());
    }
  }
}

}  // namespace nibble::fuzz
