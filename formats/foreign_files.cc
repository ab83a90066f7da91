#include "formats/foreign_files.h"

#include <algorithm>
#include <cstddef>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "base/status.h"

namespace nibble {
namespace {

constexpr size_t kMagicBytes = 4;
constexpr absl::string_view kSafetensors = ".safetensors";

constexpr absl::string_view kPickle =
    "pickled weights, which can run code when loaded; publish or convert them as safetensors";
constexpr absl::string_view kFramework = "; convert it to safetensors with the library that wrote it";

struct Kind {
  absl::string_view sign;  // first bytes, or the end of the name
  absl::string_view what;
  absl::string_view advice;
};

// The magics of GGML are little-endian numbers: "ggml" reads backwards.
constexpr absl::string_view kUseGguf = "; use a GGUF of it, or the original checkpoint";
constexpr Kind kMagics[] = {
    {"lmgg", "a GGML file from before GGUF (magic ggml)", kUseGguf},
    {"fmgg", "a GGML file from before GGUF (magic ggmf)", kUseGguf},
    {"tjgg", "a GGML file from before GGUF (magic ggjt)", kUseGguf},
    {"algg", "a GGML adapter from before GGUF (magic ggla)", kUseGguf},
    {"PK\x03\x04", kPickle, ""},
    {"\x80\x02", kPickle, ""},
    {"\x89HDF", "HDF5, as Keras writes it", kFramework},
};

constexpr Kind kSuffixes[] = {
    {".bin", kPickle, ""},
    {".pt", kPickle, ""},
    {".pth", kPickle, ""},
    {".pkl", kPickle, ""},
    {".ckpt", kPickle, ""},
    {".ggml", "a GGML file from before GGUF", kUseGguf},
    {".gguf", "a GGUF", "; name the file itself"},
    {".h5", "HDF5, as Keras writes it", kFramework},
    {".msgpack", "MessagePack, as Flax writes it", kFramework},
    {".npz", "NumPy arrays, as early MLX models are", kFramework},
    {".onnx", "an ONNX graph", kFramework},
};

const Kind* FindSuffix(absl::string_view name) {
  const auto found = std::find_if(std::begin(kSuffixes), std::end(kSuffixes),
                                  [&](const Kind& kind) { return absl::EndsWithIgnoreCase(name, kind.sign); });
  return found == std::end(kSuffixes) ? nullptr : found;
}

absl::StatusOr<const Kind*> FindMagic(io::FileSystem& files, const std::string& path) {
  NIBBLE_ASSIGN_OR_RETURN(const auto file, files.Open(path));
  std::string head(std::min<uint64_t>(file->info().size, kMagicBytes), '\0');
  NIBBLE_RETURN_IF_ERROR(file->ReadAt(0, absl::MakeSpan(reinterpret_cast<std::byte*>(head.data()), head.size())));
  for (const Kind& kind : kMagics) {
    if (absl::StartsWith(head, kind.sign)) return &kind;
  }
  return nullptr;
}

absl::Status Refuse(io::FileSystem& files, const std::string& path, absl::string_view expected) {
  NIBBLE_ASSIGN_OR_RETURN(const Kind* kind, FindMagic(files, path));
  if (kind == nullptr) kind = FindSuffix(path);
  if (kind == nullptr) return absl::OkStatus();
  return absl::UnimplementedError(absl::StrCat(path, ": expected ", expected, kind->what, kind->advice));
}

}  // namespace

absl::Status RefuseForeignFile(io::FileSystem& files, const std::string& path) {
  if (absl::EndsWith(path, kSafetensors)) {
    return absl::UnimplementedError(absl::StrCat(
        path, ": expected a folder with config.json, or a GGUF, found one file of such a folder; name the folder"));
  }
  return Refuse(files, path, "a folder with config.json, or a GGUF, found ");
}

absl::Status RefuseForeignFolder(io::FileSystem& files, const std::string& folder) {
  NIBBLE_ASSIGN_OR_RETURN(const std::vector<std::string> names, files.List(folder));
  const auto is_safetensors = [](const std::string& name) { return absl::EndsWith(name, kSafetensors); };
  if (std::any_of(names.begin(), names.end(), is_safetensors)) return absl::OkStatus();
  for (const std::string& name : names) {
    if (FindSuffix(name) == nullptr) continue;
    return Refuse(files, io::JoinPath(folder, name), ".safetensors files, found only ");
  }
  return absl::OkStatus();
}

}  // namespace nibble
