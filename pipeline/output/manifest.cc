#include "pipeline/output/manifest.h"

#include <omp.h>

#include <algorithm>
#include <cstdint>
#include <utility>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/strings/str_cat.h"
#include "base/status.h"
#include "base/version.h"
#include "device/instruction_set.h"
#include "formats/io/sha256.h"
#include "formats/json/json.h"
#include "pipeline/output/published_sums.h"
#include "pipeline/proto_json.h"
#include "pipeline/source/published_tensors.h"

namespace nibble {
namespace {

constexpr char kAnyInstructionSet[] = "any";  // the encoders' bytes are the same on all
// What is told of a job takes a multiple of it: recipes of usual length take it once.
constexpr uint64_t kJobRoom = 4096;
constexpr size_t kNameRoom = 64;  // a source's name takes as much: so a GGUF's, which has none, does

const std::string& AnyHash() {
  static const std::string digits(io::kSha256Digits, '0');
  return digits;
}

// Names and sizes.
std::vector<FileFacts> SourcesOf(const Model& model) {
  std::vector<FileFacts> sources;
  for (const auto& file : model.source.files()) {
    FileFacts& facts = sources.emplace_back();
    // A GGUF is called as one likes.
    if (IsFromFolder(model)) facts.set_name(std::string(io::Basename(file->path())));
    facts.set_bytes(file->info().size);
  }
  return sources;
}

// Where the first tensor of each file begins: behind its header.
std::vector<uint64_t> HeaderEnds(const TensorSource& source) {
  std::vector<uint64_t> ends;
  for (const auto& file : source.files()) ends.push_back(file->info().size);
  for (const StoredTensor& tensor : source.tensors()) ends[tensor.file] = std::min(ends[tensor.file], tensor.offset);
  return ends;
}

absl::StatusOr<FileFacts> HashSource(const io::ReadableFile& file, uint64_t header_bytes, bool whole, FileFacts facts) {
  NIBBLE_ASSIGN_OR_RETURN(*facts.mutable_header_sha256(), io::Sha256Of(file, 0, header_bytes));
  if (whole) {
    NIBBLE_ASSIGN_OR_RETURN(*facts.mutable_sha256(), io::Sha256Of(file, 0, file.info().size));
  }
  return facts;
}

// Against the sums that lie beside the files.
absl::Status CompareWithPublished(io::FileSystem& files, const Model& model, const Manifest& manifest) {
  absl::flat_hash_map<std::string, absl::flat_hash_map<std::string, PublishedSum>> folders;
  for (size_t i = 0; i < model.source.files().size(); ++i) {
    const std::string& path = model.source.files()[i]->path();
    const std::string folder = io::DirectoryOf(path);
    if (!folders.contains(folder)) {
      NIBBLE_ASSIGN_OR_RETURN(folders[folder], ReadPublishedSums(files, folder));
    }
    const auto sum = folders[folder].find(io::Basename(path));
    if (sum == folders[folder].end() || sum->second.sha256 == manifest.sources(i).sha256()) continue;
    return BadData(path, absl::StrCat("SHA-256 ", sum->second.sha256, " by ", sum->second.path),
                   absl::StrCat(manifest.sources(i).sha256(), "; fetch it again"));
  }
  return absl::OkStatus();
}

absl::Status HashSources(const Model& model, bool whole, int threads, Manifest& manifest) {
  const std::vector<uint64_t> header_ends = HeaderEnds(model.source);
  std::vector<FileFacts> sources = SourcesOf(model);
  std::vector<absl::Status> failed(sources.size());
#pragma omp parallel for schedule(dynamic, 1) num_threads(threads > 0 ? threads : omp_get_max_threads())
  for (size_t i = 0; i < sources.size(); ++i) {
    absl::StatusOr<FileFacts> facts = HashSource(*model.source.files()[i], header_ends[i], whole, sources[i]);
    facts.ok() ? void(sources[i] = *std::move(facts)) : void(failed[i] = facts.status());
  }
  for (const absl::Status& status : failed) NIBBLE_RETURN_IF_ERROR(status);
  manifest.mutable_sources()->Assign(sources.begin(), sources.end());
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<Manifest> DescribeJob(const JobRecipe& recipe, const CalibrationOptions& calibration) {
  Manifest manifest;
  manifest.set_nibble(kVersion);
  manifest.set_instruction_set(kAnyInstructionSet);
  *manifest.mutable_recipe() = recipe;
  for (const TextFile& text : calibration.texts.files) {
    FileFacts& facts = *manifest.add_calibration_texts();
    facts.set_bytes(text.content.size());
    facts.set_sha256(io::Sha256Of(text.content));
  }
  if (!calibration.texts.empty()) {
    NIBBLE_ASSIGN_OR_RETURN(*manifest.mutable_instruction_set(), InstructionSetOf(calibration.texts.device));
  }
  return manifest;
}

absl::Status DescribeInputs(io::FileSystem& files, const Model& model, const CalibrationOptions& calibration,
                            bool hash_source, int threads, Manifest& manifest) {
  if (!calibration.imatrix_path.empty()) {
    NIBBLE_ASSIGN_OR_RETURN(const auto file, files.Open(calibration.imatrix_path));
    FileFacts& facts = *manifest.mutable_importance_matrix();
    facts.set_bytes(file->info().size);
    NIBBLE_ASSIGN_OR_RETURN(*facts.mutable_sha256(), io::Sha256Of(*file, 0, file->info().size));
  }
  NIBBLE_RETURN_IF_ERROR(HashSources(model, hash_source, threads, manifest));
  return hash_source ? CompareWithPublished(files, model, manifest) : absl::OkStatus();
}

std::string ManifestText(const Manifest& manifest) { return ProtoToJson(manifest); }

uint64_t ManifestRoom(const Model& model, const Manifest& manifest) {
  Manifest job = manifest, files;
  job.clear_sources();
  job.clear_tensors();
  job.mutable_importance_matrix()->set_bytes(UINT64_MAX);
  job.mutable_importance_matrix()->set_sha256(AnyHash());
  for (const FileFacts& facts : SourcesOf(model)) {
    FileFacts& longest = *files.add_sources();
    longest.set_name(facts.name());
    longest.mutable_name()->resize(std::max(kNameRoom, facts.name().size()), '0');
    longest.set_bytes(UINT64_MAX);
    longest.set_header_sha256(AnyHash());
    longest.set_sha256(AnyHash());
  }
  for (const TensorHash& tensor : manifest.tensors()) {
    *files.add_tensors() = tensor;
    files.mutable_tensors()->rbegin()->set_sha256(AnyHash());
  }
  return (ManifestText(job).size() / kJobRoom + 1) * kJobRoom + ManifestText(files).size();
}

absl::StatusOr<Manifest> ParseManifest(absl::string_view text, const std::string& place) {
  NIBBLE_ASSIGN_OR_RETURN(const json::Document document, json::Document::Parse(std::string(text), place));
  Manifest manifest;
  NIBBLE_RETURN_IF_ERROR(JsonToProto(document.root(), manifest));
  return manifest;
}

}  // namespace nibble
