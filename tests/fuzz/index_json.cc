// model.safetensors.index.json, beside two shards that are sound.
#include "absl/strings/str_cat.h"
#include "formats/safetensors/safetensors.h"
#include "tests/fuzz/memory_files.h"
#include "tests/fuzz/target.h"

namespace nibble::fuzz {
namespace {

std::string Shard(absl::string_view names) {
  std::string json = "{";
  for (const char name : names) {
    absl::StrAppend(&json, json.size() > 1 ? "," : "", "\"", std::string(1, name),
                    R"(":{"dtype":"U8","shape":[0],"data_offsets":[0,0]})");
  }
  absl::StrAppend(&json, "}");
  return absl::StrCat(std::string(1, static_cast<char>(json.size())), std::string(7, '\0'), json);
}

}  // namespace

std::vector<std::string> Seeds() {
  return {
      R"({"metadata":{"total_size":0},"weight_map":{"a":"m1.safetensors","b":"m1.safetensors","c":"m2.safetensors"}})",
      R"({"weight_map":{"a":"../m1.safetensors"}})",
      R"({"weight_map":{"a":"m1.safetensors","b":"gone.safetensors"}})",
  };
}

std::string Mutated(const std::string& input, Random& random) { return MutatedJson(input, random); }

void Run(absl::string_view input) {
  static const std::string first = Shard("ab"), second = Shard("c");
  MemoryFiles files;
  files.Put("model.safetensors.index.json", input);
  files.Put("m1.safetensors", first);
  files.Put("m2.safetensors", second);
  Judge(safetensors::OpenFolder(files, "m").status());
}

}  // namespace nibble::fuzz
