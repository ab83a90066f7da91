#include "cli/missing_model.h"

#include <algorithm>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "cli/printable.h"
#include "cli/suggest.h"

namespace nibble::cli {
namespace {

std::string WithoutSlash(const std::string& path) { return std::string(absl::StripSuffix(path, "/")); }

// Of a folder that is there, but has no config.
std::string FolderAdvice(io::FileSystem& files, const std::string& folder) {
  const absl::StatusOr<std::vector<std::string>> names = files.List(folder);
  if (!names.ok()) return "";
  for (const std::string& name : *names) {
    if (absl::EndsWith(name, ".gguf")) return absl::StrCat("; it holds a GGUF: name ", io::JoinPath(folder, name));
  }
  return "; a model is a folder with config.json, tokenizer and *.safetensors, or a .gguf";
}

// "owner/name", as a hub calls it, where nothing here is called so.
bool IsHubName(io::FileSystem& files, const std::string& path) {
  return std::count(path.begin(), path.end(), '/') == 1 && path.front() != '/' && path.front() != '.' &&
         !absl::EndsWith(path, "/") && !absl::EndsWith(path, ".gguf") && !files.Stat(io::DirectoryOf(path)).ok();
}

}  // namespace

std::string MissingModelAdvice(io::FileSystem& files, const std::string& path) {
  if (path.empty()) return "";
  const absl::StatusOr<io::FileInfo> info = files.Stat(path);
  if (info.ok()) return info->kind == io::FileKind::kDirectory ? FolderAdvice(files, path) : "";
  if (IsHubName(files, path)) {
    return absl::StrCat("; if it is a model of Hugging Face, download it first: hf download ", ShellWord(path),
                        " --local-dir ", ShellWord(io::Basename(path)));
  }
  const std::string plain = WithoutSlash(path);
  const absl::StatusOr<std::vector<std::string>> names = files.List(io::DirectoryOf(plain));
  return names.ok() ? Suggestion(io::Basename(plain), *names) : "";
}

}  // namespace nibble::cli
