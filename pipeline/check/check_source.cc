#include "pipeline/check/check_source.h"

#include <algorithm>
#include <map>
#include <utility>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "base/status.h"
#include "formats/imatrix/imatrix.h"
#include "pipeline/check/comparable_keys.h"
#include "pipeline/check/file_problem.h"
#include "pipeline/check/stored_output.h"
#include "pipeline/output/manifest.h"
#include "pipeline/run_recipe.h"
#include "pipeline/source/open_model.h"

namespace nibble {
namespace {

std::string HashesOf(const google::protobuf::RepeatedPtrField<FileFacts>& files) {
  std::string hashes;
  for (const FileFacts& facts : files) absl::StrAppend(&hashes, facts.sha256(), "\n");
  return hashes;
}

// Why another job cannot be expected to give the same bytes; empty if it can.
std::string WhyNot(const Manifest& told, const Manifest& again) {
  const auto needs = [](absl::string_view what, absl::string_view expected, absl::string_view found) {
    return absl::StrCat(what, ": expected ", expected, ", found ", found);
  };
  if (told.nibble() != again.nibble()) return needs("nibble's version", told.nibble(), again.nibble());
  if (told.calibration_texts_size() > 0 && again.calibration_texts_size() == 0) {
    return needs("--calibration-text", "the text that it was made with", "none");
  }
  if (HashesOf(told.calibration_texts()) != HashesOf(again.calibration_texts())) {
    return needs("--calibration-text", "the text that it was made with", "another");
  }
  if (told.importance_matrix().sha256() != again.importance_matrix().sha256()) {
    return needs("--imatrix", told.has_importance_matrix() ? "the matrix that it was made with" : "none",
                 again.has_importance_matrix() ? "another" : "none");
  }
  if (told.instruction_set() != again.instruction_set()) {
    return needs("instruction set", told.instruction_set(), again.instruction_set());
  }
  return "";
}

// Removes what is made at a path, if something is.
class Scratch {
 public:
  Scratch(io::FileSystem& files, std::string path) : files_(files), path_(std::move(path)) {}
  Scratch(const Scratch&) = delete;
  Scratch& operator=(const Scratch&) = delete;
  ~Scratch() {
    if (!made_) return;
    if (const absl::StatusOr<std::vector<std::string>> names = files_.List(path_); names.ok()) {
      for (const std::string& name : *names) files_.Remove(io::JoinPath(path_, name)).IgnoreError();
    } else {
      files_.Remove(absl::StrCat(path_, kManifestSuffix)).IgnoreError();
    }
    files_.Remove(path_).IgnoreError();
  }

  void Made() { made_ = true; }

 private:
  io::FileSystem& files_;
  const std::string path_;
  bool made_ = false;
};

void CompareTensors(const StoredOutput& stored, const Manifest& told, const Manifest& again, FileCheck& check) {
  std::map<std::string, std::string> hashes;
  for (const TensorHash& tensor : again.tensors()) hashes[tensor.name()] = tensor.sha256();
  for (const TensorHash& tensor : told.tensors()) {
    const std::string place = absl::StrCat(stored.manifest_place, ": tensor '", tensor.name(), "'");
    const auto found = hashes.find(tensor.name());
    if (found == hashes.end()) {
      AddProblem(place, "none, made again", "one", check);
    } else if (found->second != tensor.sha256()) {
      AddProblem(place, absl::StrCat("SHA-256 ", found->second, ", made again"), tensor.sha256(), check);
    }
    if (found != hashes.end()) hashes.erase(found);
  }
  for (const auto& [name, hash] : hashes) {
    AddProblem(absl::StrCat(stored.manifest_place, ": tensor '", name, "'"), absl::StrCat("SHA-256 ", hash), "none",
               check);
  }
}

absl::StatusOr<Keys> KeysOfOutput(io::FileSystem& files, const std::string& path, const StoredOutput& stored) {
  if (!stored.is_folder) return KeysOf(stored.metadata);
  return KeysOfFolder(files, path);
}

// The manifest tells more than the bytes depend on, and a model is called as its folder is.
bool IsFree(absl::string_view key) {
  return absl::StartsWith(key, kManifestKey) || key == "general.name";  // kManifestFile begins so, too
}

void CompareOutputKeys(const std::string& path, const Keys& found, const Keys& again, FileCheck& check) {
  DiffReport differences;
  CompareKeys(again, found, differences);
  for (const KeyDifference& key : differences.keys()) {
    if (IsFree(key.key())) continue;
    AddProblem(absl::StrCat(path, ": '", key.key(), "'"), key.a().empty() ? "none, made again" : key.a(),
               key.b().empty() ? "none" : key.b(), check);
  }
}

absl::Status MakeAndCompare(io::FileSystem& files, const std::string& path, const StoredOutput& stored,
                            const Manifest& told, const Model& model, SourceCheck options, Progress& progress,
                            FileCheck& check) {
  Scratch scratch(files, options.scratch);
  const OutputOptions output{.path = options.scratch, .threads = options.threads, .recipe = told.recipe()};
  NIBBLE_RETURN_IF_ERROR(RunRecipe(files, model, output, std::move(options.calibration), progress).status());
  scratch.Made();
  NIBBLE_ASSIGN_OR_RETURN(const StoredOutput made, OpenStored(files, options.scratch));
  NIBBLE_ASSIGN_OR_RETURN(const Manifest again, ParseManifest(made.manifest_text.value_or(""), made.manifest_place));
  CompareTensors(stored, told, again, check);
  NIBBLE_ASSIGN_OR_RETURN(const Keys keys, KeysOfOutput(files, path, stored));
  NIBBLE_ASSIGN_OR_RETURN(const Keys keys_again, KeysOfOutput(files, options.scratch, made));
  CompareOutputKeys(path, keys, keys_again, check);
  check.add_notes(absl::StrCat("made again from ", options.source, ": ", again.tensors_size(), " tensors compared"));
  return absl::OkStatus();
}

}  // namespace

std::string ScratchPath(const std::string& directory, const std::string& path) {
  const absl::string_view name = io::Basename(path);
  return io::JoinPath(directory,
                      absl::StrCat(name, absl::EndsWithIgnoreCase(name, ".gguf") ? ".again.gguf" : ".again"));
}

absl::Status CheckAgainstSource(io::FileSystem& files, const std::string& path, SourceCheck options, Progress& progress,
                                FileCheck& check) {
  const auto cannot = [&check](absl::string_view why) {
    check.add_notes(absl::StrCat("not made again: ", why));
    return absl::OkStatus();
  };
  NIBBLE_ASSIGN_OR_RETURN(const StoredOutput stored, OpenStored(files, path));
  if (!stored.manifest_text) return cannot("it has no manifest");
  NIBBLE_ASSIGN_OR_RETURN(const Manifest told, ParseManifest(*stored.manifest_text, stored.manifest_place));
  if (told.recipe().job().empty()) return cannot("its manifest has no recipe");
  NIBBLE_ASSIGN_OR_RETURN(
      const Model model,
      OpenModel(files, options.source, {.pre = told.recipe().pre(), .keep_mtp = told.recipe().keep_mtp()}));
  NIBBLE_ASSIGN_OR_RETURN(Manifest again, DescribeJob(told.recipe(), options.calibration));
  if (!options.calibration.imatrix_path.empty()) {  // before its bytes are hashed, as quantize does
    NIBBLE_RETURN_IF_ERROR(imatrix::Read(files, options.calibration.imatrix_path).status());
  }
  NIBBLE_RETURN_IF_ERROR(DescribeInputs(files, model, options.calibration, false, options.threads, again));
  if (const std::string why = WhyNot(told, again); !why.empty()) return cannot(why);
  const bool same_source = told.sources_size() == again.sources_size() &&
                           std::equal(told.sources().begin(), told.sources().end(), again.sources().begin(),
                                      [](const FileFacts& a, const FileFacts& b) {
                                        return a.bytes() == b.bytes() && a.header_sha256() == b.header_sha256();
                                      });
  if (!same_source) check.add_notes(absl::StrCat(options.source, " is not the files that it was made from"));
  return MakeAndCompare(files, path, stored, told, model, std::move(options), progress, check);
}

}  // namespace nibble
