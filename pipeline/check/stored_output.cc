#include "pipeline/check/stored_output.h"

#include <utility>

#include "absl/strings/ascii.h"
#include "base/status.h"
#include "formats/safetensors/safetensors.h"
#include "pipeline/output/manifest.h"

namespace nibble {
namespace {

constexpr uint64_t kMaxManifestBytes = uint64_t{1} << 30;

std::string Stripped(const std::string& text) { return std::string(absl::StripAsciiWhitespace(text)); }

absl::StatusOr<StoredOutput> OpenStoredFolder(io::FileSystem& files, const std::string& path) {
  StoredOutput stored{.is_folder = true, .manifest_place = io::JoinPath(path, kManifestFile)};
  NIBBLE_ASSIGN_OR_RETURN(safetensors::Checkpoint checkpoint, safetensors::OpenFolder(files, path));
  stored.tensors = std::move(checkpoint.tensors);
  if (!files.Stat(stored.manifest_place).ok()) return stored;
  NIBBLE_ASSIGN_OR_RETURN(const std::string text, io::ReadWholeFile(files, stored.manifest_place, kMaxManifestBytes));
  stored.manifest_text = Stripped(text);
  return stored;
}

}  // namespace

absl::StatusOr<StoredOutput> OpenStored(io::FileSystem& files, const std::string& path) {
  NIBBLE_ASSIGN_OR_RETURN(const io::FileInfo info, files.Stat(path));
  if (info.kind == io::FileKind::kDirectory) return OpenStoredFolder(files, path);
  NIBBLE_ASSIGN_OR_RETURN(gguf::File file, gguf::Open(files, path));
  StoredOutput stored{.tensors = std::move(file.tensors), .metadata = std::move(file.metadata)};
  stored.manifest_place = stored.metadata.Place(kManifestKey);
  if (stored.metadata.Find(kManifestKey) == nullptr) return stored;
  NIBBLE_ASSIGN_OR_RETURN(const std::string text, stored.metadata.String(kManifestKey));
  stored.manifest_text = Stripped(text);
  return stored;
}

}  // namespace nibble
