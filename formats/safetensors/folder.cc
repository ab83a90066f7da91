// A folder of safetensors files (OpenFolder): which of them make up the checkpoint, and whether they keep to the index.
#include <algorithm>
#include <string>
#include <utility>
#include <vector>

#include "absl/container/btree_set.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "base/status.h"
#include "formats/foreign_files.h"
#include "formats/json/json.h"
#include "formats/safetensors/safetensors.h"
#include "formats/safetensors/shards.h"

namespace nibble::safetensors {
namespace {

constexpr absl::string_view kStems[] = {"model", "consolidated"};
constexpr uint64_t kMaxIndexBytes = 256 << 20;
constexpr size_t kMaxFileName = 255;   // bytes, of any file system
constexpr size_t kMaxShards = 99'999;  // names count them in five digits

// Shards lie beside their index, under plain names; where a link leads does not matter (a hub cache is made of links).
bool IsPlainName(absl::string_view name) {
  return !name.empty() && name.size() <= kMaxFileName && name != "." && name != ".." &&
         name.find_first_of(absl::string_view("/\\\0", 3)) == absl::string_view::npos;
}

// The names of all shards, sorted. Every entry of the weight map is checked.
absl::StatusOr<absl::btree_set<std::string>> ShardNames(const json::Value& weight_map) {
  if (!weight_map.is_object() || weight_map.size() == 0) {
    return weight_map.Error("an object that gives each tensor its file");
  }
  absl::btree_set<std::string> names;
  for (const auto& [tensor, value] : weight_map.Members()) {
    NIBBLE_ASSIGN_OR_RETURN(const absl::string_view name, value.String());
    if (!IsPlainName(name)) return value.Error("the name of a file in the same folder");
    names.emplace(name);
  }
  if (names.size() <= kMaxShards) return names;
  return BadData(weight_map.Place(), absl::StrCat("at most ", kMaxShards, " files"), absl::StrCat(names.size()));
}

absl::StatusOr<bool> IsThere(io::FileSystem& files, const std::string& path) {
  const absl::StatusOr<io::FileInfo> info = files.Stat(path);
  if (absl::IsNotFound(info.status())) return false;
  NIBBLE_RETURN_IF_ERROR(info.status());
  return info->kind != io::FileKind::kBrokenLink;
}

absl::Status CheckAllThere(io::FileSystem& files, const std::vector<std::string>& paths,
                           const json::Value& weight_map) {
  std::vector<std::string> missing;
  for (const std::string& path : paths) {
    NIBBLE_ASSIGN_OR_RETURN(const bool there, IsThere(files, path));
    if (!there) missing.push_back(path);
  }
  if (missing.empty()) return absl::OkStatus();
  return absl::NotFoundError(absl::StrCat(weight_map.Place(), ": expected all ", paths.size(), " files, found ",
                                          missing.size(), " missing: ", absl::StrJoin(missing, ", ")));
}

// Every tensor lies in the file that the index names, and no file holds one that the index does not.
absl::Status CompareWithIndex(const TensorSource& source, const std::string& directory, const json::Value& weight_map) {
  for (const auto& [name, value] : weight_map.Members()) {
    NIBBLE_ASSIGN_OR_RETURN(const absl::string_view shard, value.String());
    const StoredTensor* const tensor = source.Find(name);
    const std::string expected = absl::StrCat("this tensor in ", std::string(shard));
    if (!tensor) return BadData(value.Place(), expected, "it in none of the files");
    const std::string& path = source.files()[tensor->file]->path();
    if (path != io::JoinPath(directory, std::string(shard))) return BadData(value.Place(), expected, "it in " + path);
  }
  for (const StoredTensor& tensor : source.tensors()) {
    if (weight_map.Get(tensor.name).exists()) continue;
    return BadData(source.Place(tensor), absl::StrCat("an entry in ", weight_map.Place()), "none");
  }
  return absl::OkStatus();
}

// A warning if the index states another size than the tensors have; some tools write nonsense there.
std::vector<std::string> CheckTotalSize(const TensorSource& source, const json::Value& total_size) {
  if (!total_size.exists() || total_size.is_null()) return {};
  uint64_t bytes = 0;
  for (const StoredTensor& tensor : source.tensors()) bytes += tensor.bytes;
  const absl::StatusOr<double> stated = total_size.Number();
  if (stated.ok() && *stated == static_cast<double>(bytes)) return {};
  return {std::string(total_size.Error(absl::StrCat(bytes)).message())};
}

absl::StatusOr<Checkpoint> OpenIndexed(io::FileSystem& files, const std::string& directory, const std::string& index) {
  const std::string path = io::JoinPath(directory, index);
  NIBBLE_ASSIGN_OR_RETURN(std::string text, io::ReadWholeFile(files, path, kMaxIndexBytes));
  NIBBLE_ASSIGN_OR_RETURN(const json::Document document, json::Document::Parse(std::move(text), path));
  const json::Value weight_map = document.root().Get("weight_map");
  NIBBLE_ASSIGN_OR_RETURN(const absl::btree_set<std::string> names, ShardNames(weight_map));
  std::vector<std::string> paths;
  for (const std::string& name : names) paths.push_back(io::JoinPath(directory, name));
  NIBBLE_RETURN_IF_ERROR(CheckAllThere(files, paths, weight_map));
  NIBBLE_ASSIGN_OR_RETURN(Checkpoint checkpoint, OpenShards(files, paths));
  NIBBLE_RETURN_IF_ERROR(CompareWithIndex(checkpoint.tensors, directory, weight_map));
  checkpoint.warnings = CheckTotalSize(checkpoint.tensors, document.root().Get("metadata").Get("total_size"));
  return checkpoint;
}

}  // namespace

absl::StatusOr<Checkpoint> OpenFolder(io::FileSystem& files, const std::string& directory) {
  NIBBLE_ASSIGN_OR_RETURN(const std::vector<std::string> names, files.List(directory));
  const auto has = [&](const std::string& name) { return std::binary_search(names.begin(), names.end(), name); };
  for (const absl::string_view stem : kStems) {
    const std::string file = absl::StrCat(stem, ".safetensors");
    const std::string index = absl::StrCat(file, ".index.json");
    if (has(index)) return OpenIndexed(files, directory, index);
    if (has(file)) return OpenFile(files, io::JoinPath(directory, file));
  }
  std::vector<std::string> paths;
  for (const std::string& name : names) {
    const bool hidden = name[0] == '.';
    if (!hidden && absl::EndsWith(name, ".safetensors")) paths.push_back(io::JoinPath(directory, name));
  }
  if (!paths.empty()) return OpenShards(files, paths);
  NIBBLE_RETURN_IF_ERROR(RefuseForeignFolder(files, directory));
  return absl::NotFoundError(absl::StrCat(directory, ": expected .safetensors files, found none"));
}

}  // namespace nibble::safetensors
