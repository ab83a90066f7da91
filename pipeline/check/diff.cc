#include "pipeline/check/diff.h"

#include <omp.h>

#include <algorithm>
#include <optional>
#include <utility>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/synchronization/mutex.h"
#include "base/status.h"
#include "pipeline/check/comparable_keys.h"
#include "pipeline/check/comparable_tensor.h"
#include "pipeline/check/stored_output.h"
#include "pipeline/output/plan.h"
#include "pipeline/source/open_model.h"

namespace nibble {
namespace {

// In what two of one name differ; nothing if in nothing.
absl::StatusOr<std::optional<TensorDifference>> Difference(const ComparableTensor* a, const ComparableTensor* b) {
  TensorDifference difference;
  difference.set_name(a != nullptr ? a->name : b->name);
  if (a != nullptr) difference.set_a(Described(*a));
  if (b != nullptr) difference.set_b(Described(*b));
  if (a == nullptr || b == nullptr) {
    difference.set_what(b == nullptr ? "only in A" : "only in B");
    return difference;
  }
  if (a->shape != b->shape) {
    difference.set_what("shape");
    return difference;
  }
  NIBBLE_ASSIGN_OR_RETURN(const Comparison comparison, Compare(*a, *b));
  if (comparison.same && a->type == b->type) return std::nullopt;
  difference.set_what(a->type != b->type ? "type" : a->stored != nullptr ? "bytes" : "values");
  if (comparison.relative_error) difference.set_relative_error(*comparison.relative_error);
  return difference;
}

absl::Status CompareTensors(const std::vector<ComparableTensor>& a, const std::vector<ComparableTensor>& b, int threads,
                            Progress& progress, DiffReport& report) {
  std::vector<std::pair<const ComparableTensor*, const ComparableTensor*>> pairs;
  absl::flat_hash_map<absl::string_view, size_t> by_name;
  for (const ComparableTensor& tensor : a) {
    by_name[tensor.name] = pairs.size();
    pairs.emplace_back(&tensor, nullptr);
  }
  for (const ComparableTensor& tensor : b) {
    const auto [found, is_new] = by_name.try_emplace(tensor.name, pairs.size());
    if (is_new) pairs.emplace_back(nullptr, nullptr);
    pairs[found->second].second = &tensor;
  }
  using Found = absl::StatusOr<std::optional<TensorDifference>>;
  std::vector<Found> differences(pairs.size(), Found(std::optional<TensorDifference>()));
  absl::Mutex mutex;
  ProgressUpdate update{.stage = "diff", .detail = "", .done = 0, .total = pairs.size(), .unit = "tensors"};
#pragma omp parallel for schedule(dynamic, 1) num_threads(threads > 0 ? threads : omp_get_max_threads())
  for (size_t i = 0; i < pairs.size(); ++i) {
    differences[i] = Difference(pairs[i].first, pairs[i].second);
    absl::MutexLock lock(&mutex);
    ++update.done;
    progress.Update(update);
  }
  for (Found& difference : differences) {
    NIBBLE_RETURN_IF_ERROR(difference.status());
    if (*difference) {
      *report.add_tensors() = **std::move(difference);
    } else {
      report.set_same_tensors(report.same_tensors() + 1);
    }
  }
  return absl::OkStatus();
}

bool HaveSameNames(const TensorSource& a, const TensorSource& b) {
  return a.tensors().size() == b.tensors().size() &&
         std::all_of(a.tensors().begin(), a.tensors().end(),
                     [&b](const StoredTensor& tensor) { return b.Find(tensor.name) != nullptr; });
}

}  // namespace

absl::StatusOr<DiffReport> Diff(io::FileSystem& files, const std::string& a, const std::string& b, int threads,
                                Progress& progress) {
  NIBBLE_ASSIGN_OR_RETURN(const StoredOutput of_a, OpenStored(files, a));
  NIBBLE_ASSIGN_OR_RETURN(const StoredOutput of_b, OpenStored(files, b));
  DiffReport report;
  const bool both_folders = of_a.is_folder && of_b.is_folder;
  if (both_folders) {
    NIBBLE_ASSIGN_OR_RETURN(const Keys keys_a, KeysOfFolder(files, a));
    NIBBLE_ASSIGN_OR_RETURN(const Keys keys_b, KeysOfFolder(files, b));
    CompareKeys(keys_a, keys_b, report);
  } else if (!of_a.is_folder && !of_b.is_folder) {
    CompareKeys(KeysOf(of_a.metadata), KeysOf(of_b.metadata), report);
  }
  if (of_a.is_folder == of_b.is_folder && (!both_folders || HaveSameNames(of_a.tensors, of_b.tensors))) {
    NIBBLE_RETURN_IF_ERROR(
        CompareTensors(StoredTensors(of_a.tensors), StoredTensors(of_b.tensors), threads, progress, report));
    return report;
  }
  NIBBLE_ASSIGN_OR_RETURN(const Model model_a, OpenModel(files, a));
  NIBBLE_ASSIGN_OR_RETURN(const Model model_b, OpenModel(files, b));
  if (!both_folders) CompareKeys(KeysOf(GgufMetadata(model_a, 0)), KeysOf(GgufMetadata(model_b, 0)), report);
  NIBBLE_RETURN_IF_ERROR(CompareTensors(ModelTensors(model_a), ModelTensors(model_b), threads, progress, report));
  return report;
}

}  // namespace nibble
