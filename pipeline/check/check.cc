#include "pipeline/check/check.h"

#include <omp.h>

#include <algorithm>
#include <cmath>
#include <optional>
#include <utility>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "absl/synchronization/mutex.h"
#include "absl/types/span.h"
#include "base/status.h"
#include "formats/dtype.h"
#include "formats/io/sha256.h"
#include "formats/tensor_source.h"
#include "pipeline/check/file_problem.h"
#include "pipeline/check/stored_output.h"
#include "pipeline/output/manifest.h"
#include "pipeline/source/open_model.h"
#include "quant/block/format.h"

namespace nibble {
namespace {

constexpr uint64_t kBlocksAtOnce = 1 << 12;
constexpr uint64_t kMaxManifestBytes = uint64_t{1} << 30;

// What a look at all bytes of a tensor shows.
struct Look {
  std::string sha256;
  std::optional<std::string> odd_value;  // the first that is not finite: "nan at element 7"
};

std::optional<std::string> OddValue(absl::Span<const float> values, uint64_t first) {
  const auto odd = std::find_if(values.begin(), values.end(), [](float value) { return !std::isfinite(value); });
  if (odd == values.end()) return std::nullopt;
  return absl::StrCat(*odd, " at element ", first + (odd - values.begin()));
}

absl::StatusOr<Look> LookAt(const TensorSource& source, const StoredTensor& tensor) {
  const DTypeInfo& dtype = GetDType(tensor.dtype);
  const BlockFormat* format = dtype.format ? &GetFormat(*dtype.format) : nullptr;  // null: no floats
  const uint64_t block_bytes = format == nullptr ? 1 << 6 : format->block_bytes;
  io::Sha256 hash;
  Look look;
  std::vector<std::byte> bytes;
  std::vector<float> values;
  for (uint64_t done = 0; done < tensor.bytes; done += bytes.size()) {
    bytes.resize(std::min(tensor.bytes - done, kBlocksAtOnce * block_bytes));
    NIBBLE_RETURN_IF_ERROR(source.Read(tensor, done, absl::MakeSpan(bytes)));
    hash.Add(bytes);
    if (format == nullptr || look.odd_value) continue;
    const uint64_t blocks = bytes.size() / block_bytes;
    values.resize(blocks * format->block_elements);
    format->decode(bytes.data(), blocks, values.data());
    look.odd_value = OddValue(values, done / block_bytes * format->block_elements);
  }
  look.sha256 = hash.Finish();
  return look;
}

// Tells how far all threads are.
class Done {
 public:
  Done(const TensorSource& source, Progress& progress) : progress_(progress) {
    update_.stage = "check";
    for (const StoredTensor& tensor : source.tensors()) update_.total += tensor.bytes;
  }

  void Add(const StoredTensor& tensor) {
    absl::MutexLock lock(&mutex_);
    update_.done += tensor.bytes;
    update_.detail = tensor.name;
    progress_.Update(update_);
  }

 private:
  absl::Mutex mutex_;
  Progress& progress_;
  ProgressUpdate update_;
};

// Of every tensor, in the source's order. A tensor that cannot be read is the error.
absl::StatusOr<std::vector<Look>> LookAtAll(const TensorSource& source, int threads, Progress& progress) {
  const absl::Span<const StoredTensor> tensors = source.tensors();
  std::vector<absl::StatusOr<Look>> looks(tensors.size(), Look());
  Done done(source, progress);
#pragma omp parallel for schedule(dynamic, 1) num_threads(threads > 0 ? threads : omp_get_max_threads())
  for (size_t i = 0; i < tensors.size(); ++i) {
    looks[i] = LookAt(source, tensors[i]);
    done.Add(tensors[i]);
  }
  std::vector<Look> all;
  for (absl::StatusOr<Look>& look : looks) {
    NIBBLE_RETURN_IF_ERROR(look.status());
    all.push_back(*std::move(look));
  }
  return all;
}

// What was found is a problem of the file; what keeps from looking is an error.
bool IsProblem(const absl::Status& status) {
  return absl::IsDataLoss(status) || absl::IsUnimplemented(status) || absl::IsInvalidArgument(status);
}

absl::Status CheckModel(io::FileSystem& files, const std::string& path, FileCheck& check) {
  const absl::Status status = OpenModel(files, path).status();
  if (status.ok()) return status;
  if (absl::IsUnimplemented(status)) {
    check.add_notes(absl::StrCat("not checked as a model: ", status.message()));
  } else if (IsProblem(status)) {
    check.add_problems(std::string(status.message()));
  } else {
    return status;
  }
  return absl::OkStatus();
}

void CompareHashes(const StoredOutput& stored, const std::vector<Look>& looks, const Manifest& manifest,
                   FileCheck& check) {
  absl::flat_hash_map<absl::string_view, const TensorHash*> told;
  for (const TensorHash& tensor : manifest.tensors()) {
    told[tensor.name()] = &tensor;
    if (stored.tensors.Find(tensor.name()) != nullptr) continue;
    AddProblem(stored.manifest_place, absl::StrCat("tensor '", tensor.name(), "', which it tells of"), "none", check);
  }
  for (size_t i = 0; i < looks.size(); ++i) {
    const StoredTensor& tensor = stored.tensors.tensors()[i];
    const auto found = told.find(tensor.name);
    if (found == told.end()) {
      AddProblem(stored.tensors.Place(tensor), "a tensor that the manifest tells of", "another", check);
    } else if (found->second->sha256() != looks[i].sha256) {
      AddProblem(stored.tensors.Place(tensor), absl::StrCat("SHA-256 ", found->second->sha256(), " by the manifest"),
                 looks[i].sha256, check);
    }
  }
}

absl::Status CompareSidecar(io::FileSystem& files, const std::string& path, const StoredOutput& stored,
                            FileCheck& check) {
  const std::string sidecar = absl::StrCat(path, kManifestSuffix);
  if (stored.is_folder || !files.Stat(sidecar).ok()) return absl::OkStatus();
  NIBBLE_ASSIGN_OR_RETURN(const std::string text, io::ReadWholeFile(files, sidecar, kMaxManifestBytes));
  if (absl::StripSuffix(text, "\n") == *stored.manifest_text) return absl::OkStatus();
  AddProblem(sidecar, "the manifest that is in the file", "another", check);
  return absl::OkStatus();
}

absl::Status CheckManifest(io::FileSystem& files, const std::string& path, const StoredOutput& stored,
                           const std::vector<Look>& looks, FileCheck& check) {
  check.set_has_manifest(stored.manifest_text.has_value());
  if (!stored.manifest_text) {
    check.add_notes("no manifest: nothing says what its bytes should be");
    return absl::OkStatus();
  }
  const absl::StatusOr<Manifest> manifest = ParseManifest(*stored.manifest_text, stored.manifest_place);
  if (manifest.ok()) {
    CompareHashes(stored, looks, *manifest, check);
  } else {
    check.add_problems(std::string(manifest.status().message()));
  }
  return CompareSidecar(files, path, stored, check);
}

}  // namespace

absl::StatusOr<FileCheck> CheckFile(io::FileSystem& files, const std::string& path, int threads, Progress& progress) {
  FileCheck check;
  check.set_path(path);
  const absl::StatusOr<StoredOutput> stored = OpenStored(files, path);
  if (IsProblem(stored.status())) {
    check.add_problems(std::string(stored.status().message()));
    return check;
  }
  NIBBLE_RETURN_IF_ERROR(stored.status());
  NIBBLE_RETURN_IF_ERROR(CheckModel(files, path, check));
  NIBBLE_ASSIGN_OR_RETURN(const std::vector<Look> looks, LookAtAll(stored->tensors, threads, progress));
  check.set_tensors(looks.size());
  for (size_t i = 0; i < looks.size(); ++i) {
    const StoredTensor& tensor = stored->tensors.tensors()[i];
    check.set_bytes(check.bytes() + tensor.bytes);
    if (looks[i].odd_value) AddProblem(stored->tensors.Place(tensor), "finite values", *looks[i].odd_value, check);
  }
  NIBBLE_RETURN_IF_ERROR(CheckManifest(files, path, *stored, looks, check));
  return check;
}

}  // namespace nibble
