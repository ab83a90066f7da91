// Makes a folder with the headers of a published checkpoint and no weights: sparse files of the full size.
//
// usage: sparse_checkpoint NAME FOLDER [INDEX]
//
// With INDEX, a model.safetensors.index.json, the files that it assigns tensors to, and a copy of it; else as many
// files as the checkpoint was published in. FOLDER must exist; a config.json in it stays.
#include <algorithm>
#include <cstdint>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <map>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_join.h"
#include "base/status.h"
#include "formats/io/file.h"
#include "formats/json/json.h"
#include "formats/safetensors/safetensors.h"
#include "tests/shapes/published.h"

namespace nibble::tests {
namespace {

using Shards = std::map<std::string, std::vector<safetensors::TensorInfo>>;

constexpr char kIndex[] = "model.safetensors.index.json";

void WriteText(const std::string& path, const std::string& text) { std::ofstream(path, std::ios::binary) << text; }

absl::StatusOr<Shards> ShardsOfIndex(const Checkpoint& checkpoint, const std::string& index) {
  NIBBLE_ASSIGN_OR_RETURN(std::string text, io::ReadWholeFile(io::Posix(), index, 1 << 28));
  NIBBLE_ASSIGN_OR_RETURN(const json::Document document, json::Document::Parse(std::move(text), index));
  Shards shards;
  for (const safetensors::TensorInfo& tensor : checkpoint.tensors) {
    NIBBLE_ASSIGN_OR_RETURN(const absl::string_view file, document.root().Get("weight_map").Get(tensor.name).String());
    shards[std::string(file)].push_back(tensor);
  }
  return shards;
}

Shards ShardsInTurn(const Checkpoint& checkpoint) {
  Shards shards;
  const size_t count = checkpoint.tensors.size();
  for (size_t i = 0; i < count; ++i) {
    const int shard = i * checkpoint.shards / count;
    shards[absl::StrFormat("model-%05d-of-%05d.safetensors", shard + 1, checkpoint.shards)].push_back(
        checkpoint.tensors[i]);
  }
  return shards;
}

// Header and length; the bytes behind it are a hole.
uint64_t WriteShard(const std::string& path, const std::vector<safetensors::TensorInfo>& tensors) {
  const safetensors::Layout layout = safetensors::MakeLayout(tensors, {{"format", "pt"}});
  WriteText(path, layout.header);
  std::filesystem::resize_file(path, layout.file_bytes);
  return layout.file_bytes - layout.header.size();
}

void WriteIndex(const std::string& path, const Shards& shards, uint64_t bytes) {
  std::vector<std::string> entries;
  for (const auto& [name, tensors] : shards) {
    for (const safetensors::TensorInfo& tensor : tensors) {
      entries.push_back(absl::StrCat("    \"", tensor.name, "\": \"", name, "\""));
    }
  }
  WriteText(path, absl::StrCat("{\n  \"metadata\": {\n    \"total_size\": ", bytes, "\n  },\n  \"weight_map\": {\n",
                               absl::StrJoin(entries, ",\n"), "\n  }\n}\n"));
}

absl::Status Make(const Checkpoint& checkpoint, const std::string& folder, const std::string& index) {
  Shards shards = ShardsInTurn(checkpoint);
  if (!index.empty()) {
    NIBBLE_ASSIGN_OR_RETURN(shards, ShardsOfIndex(checkpoint, index));
  }
  uint64_t bytes = 0;
  for (const auto& [name, tensors] : shards) bytes += WriteShard(io::JoinPath(folder, name), tensors);
  if (index.empty()) {
    WriteIndex(io::JoinPath(folder, kIndex), shards, bytes);
  } else {
    std::filesystem::copy(index, folder, std::filesystem::copy_options::overwrite_existing);
  }
  const std::string config = io::JoinPath(folder, "config.json");
  if (!std::filesystem::exists(config)) WriteText(config, checkpoint.config);
  return absl::OkStatus();
}

absl::Status Run(const std::string& name, const std::string& folder, const std::string& index) {
  for (const Published& published : AllPublished()) {
    if (name == published.name) return Make(published.make(), folder, index);
  }
  return absl::InvalidArgumentError(absl::StrCat("unknown checkpoint '", name, "'"));
}

}  // namespace
}  // namespace nibble::tests

int main(int argc, char** argv) {
  if (argc < 3) return 64;
  const absl::Status status = nibble::tests::Run(argv[1], argv[2], argc > 3 ? argv[3] : "");
  if (!status.ok()) std::fprintf(stderr, "%s\n", std::string(status.message()).c_str());
  return nibble::ExitCode(status);
}
