#include "pipeline/fit/fit_types.h"

#include <omp.h>

#include <algorithm>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "base/status.h"
#include "converters/family.h"
#include "model/role.h"
#include "model/tensor_list.h"
#include "pipeline/context_memory.h"
#include "pipeline/fit/knapsack.h"
#include "pipeline/fit/sensitivity_prior.h"
#include "pipeline/fit/type_errors.h"
#include "pipeline/output/folder_layout.h"
#include "pipeline/output/plan.h"
#include "pipeline/source/publication.h"
#include "pipeline/types/container.h"
#include "pipeline/types/fused_linears.h"
#include "pipeline/types/quantized_types.h"
#include "pipeline/types/stored_formats.h"
#include "pipeline/types/type_choices.h"
#include "pipeline/types/type_table.h"
#include "quant/block/format.h"

namespace nibble {
namespace {

constexpr char kBaseType[] = "Q8_0";  // while types are open; its blocks of 32 are the smallest that there are

constexpr char kFolderBaseType[] = "INT4_G32";

constexpr uint64_t kOneFile = UINT64_MAX;
constexpr uint64_t kHeadersOfShards = 1 << 16;  // of so many bytes in a folder, one is for headers of further files

constexpr double kUnused = 0.005;  // of the size asked for, at most, where the tensors allow it

// Tensors whose type is open, and what they may have: one, but for linears of a folder that have to have one type.
struct OpenTensor {
  std::vector<size_t> stacks;
  std::vector<double> sensitivities;  // of each
  std::vector<Format> formats;
  std::vector<uint64_t> bytes;                // of each format
  std::vector<std::vector<double>> errors{};  // of each stack, in each format
};

std::string Bytes(uint64_t bytes) { return absl::StrFormat("%d bytes (%.1f MiB)", bytes, bytes / 1048576.0); }

class Fitter {
 public:
  Fitter(const Model& model, const TypeOptions& options, int threads)
      : model_(model),
        options_(options),
        threads_(threads > 0 ? threads : omp_get_max_threads()),
        stored_(FindStoredFormats(model)),
        memory_(MemoryAtContext(model.spec, options.fit.context)) {
    base_options_.type = IsFolder() ? kFolderBaseType : kBaseType;
  }

  absl::Status Check() {
    if (options_.container == Container::kMxfp4) {
      return absl::InvalidArgumentError("--fit: expected another --format than mxfp4, whose experts have one type");
    }
    NIBBLE_RETURN_IF_ERROR(FindOpenTensors());
    beside_ = memory_.cache + memory_.buffers + BytesOfTheRest();
    return CheckBudget();
  }

  absl::StatusOr<TypeChoices> Fit() {
    NIBBLE_RETURN_IF_ERROR(Check());
    NIBBLE_RETURN_IF_ERROR(MeasureErrors());
    const uint64_t budget = options_.fit.bytes - beside_;
    const auto unused = static_cast<uint64_t>(kUnused * (options_.fit.bytes - memory_.cache - memory_.buffers));
    return Choices(*SolveKnapsack(Groups(), budget, budget - std::min(budget, unused)));
  }

 private:
  bool IsFolder() const { return options_.container != Container::kGguf; }

  absl::Status FindOpenTensors() {
    NIBBLE_ASSIGN_OR_RETURN(base_, ChooseQuantizedTypes(model_, stored_, base_options_));
    std::map<FusedKey, size_t> fused;  // into open_
    for (size_t i = 0; i < stacks().size(); ++i) {
      if (!base_.each[i].is_open) continue;
      const std::optional<FusedKey> key = IsFolder() ? FusedWith(stacks()[i][0]) : std::nullopt;
      const size_t place = key ? fused.emplace(*key, open_.size()).first->second : open_.size();
      if (place == open_.size()) open_.emplace_back();
      open_[place].stacks.push_back(i);
      open_[place].sensitivities.push_back(Sensitivity(stacks()[i][0]));
    }
    for (OpenTensor& tensor : open_) AddFormats(tensor);
    return absl::OkStatus();
  }

  // Those that the output can hold, whose blocks divide the rows, and which take less than what loses nothing; and
  // that.
  void AddFormats(OpenTensor& tensor) const {
    const Format lossless = Lossless(tensor);
    const uint64_t most = BytesOf(tensor, lossless);
    for (const BlockFormat& format : Formats()) {
      const auto divides = [&](size_t stack) { return stacks()[stack][0].cols % format.block_elements == 0; };
      if (format.encode_rtn == nullptr || (IsFolder() && format.block_elements == 1) ||
          !CanHold(options_.container, TypeOf(format.id)) ||
          !std::all_of(tensor.stacks.begin(), tensor.stacks.end(), divides)) {
        continue;
      }
      const uint64_t bytes = BytesOf(tensor, format.id);
      if (bytes >= most) continue;
      tensor.formats.push_back(format.id);
      tensor.bytes.push_back(bytes);
    }
    tensor.formats.push_back(lossless);
    tensor.bytes.push_back(most);
  }

  // What it adds to the output, at most.
  uint64_t BytesOf(const OpenTensor& tensor, Format format) const {
    uint64_t bytes = 0;
    for (const size_t stack : tensor.stacks) {
      bytes +=
          IsFolder() ? BytesInFolder(published()[stack], format, Digits()).most : PlacedBytes(stacks()[stack], format);
    }
    return bytes;
  }

  // Of an offset in a file within the budget.
  int Digits() const { return static_cast<int>(absl::StrCat(options_.fit.bytes).size()); }

  absl::Span<const TensorStack> stacks() const { return model_.tensors.stacks(); }
  absl::Span<const TensorStack> published() const {
    return base_.publication == nullptr ? stacks() : base_.publication->model.tensors.stacks();
  }
  Format Lossless(const OpenTensor& tensor) const {
    const size_t stack = tensor.stacks[0];
    return LosslessFormat(model_, stacks()[stack], stored_[stack]);
  }

  double Sensitivity(const LogicalTensor& tensor) const {
    const auto measured = options_.fit.sensitivities.find(GgufName(tensor));
    const double whole =
        measured != options_.fit.sensitivities.end() ? measured->second : PriorSensitivity(model_, tensor);
    return GetRole(tensor.role).is_linear ? options_.fit.left_in_linears * whole : whole;
  }

  // Headers, and the tensors whose type is given.
  uint64_t BytesOfTheRest() const {
    if (IsFolder()) return BytesOfTheRestOfFolder();
    uint64_t bytes = MakeReport(model_, base_, HeaderBytes(model_)).file_bytes();
    for (const OpenTensor& tensor : open_) {
      bytes -= PlacedBytes(stacks()[tensor.stacks[0]], base_.each[tensor.stacks[0]].format);
    }
    return bytes;
  }

  uint64_t BytesOfTheRestOfFolder() const {
    const uint64_t bytes = MakeFolderPlan(model_, base_, kOneFile).folder->file_bytes;
    uint64_t open = 0;
    for (const OpenTensor& tensor : open_) {
      for (const size_t stack : tensor.stacks) {
        open += BytesInFolder(published()[stack], base_.each[stack].format, 0).least;
      }
    }
    return bytes - open + bytes / kHeadersOfShards;
  }

  absl::Status CheckBudget() const {
    uint64_t least = beside_, most = beside_;
    for (const OpenTensor& tensor : open_) {
      least += *std::min_element(tensor.bytes.begin(), tensor.bytes.end());
      most += tensor.bytes.back();
    }
    const uint64_t budget = options_.fit.bytes;
    if (budget >= least && budget <= most) return absl::OkStatus();
    const std::string context = options_.fit.context == 0
                                    ? ""
                                    : absl::StrCat(", of these ", Bytes(memory_.cache + memory_.buffers),
                                                   " for a context of ", options_.fit.context);
    if (budget < least) {
      return absl::InvalidArgumentError(absl::StrCat("--fit: expected at least ", Bytes(least),
                                                     ", the smallest possible size", context, ", found ",
                                                     Bytes(budget)));
    }
    return absl::InvalidArgumentError(absl::StrCat("--fit: expected from ", Bytes(least),
                                                   ", the smallest possible size, to ", Bytes(most),
                                                   ", with all that the source has", context, ", found ", Bytes(budget),
                                                   "; nothing has to be quantized: convert"));
  }

  absl::Status MeasureErrors() {
    struct Place {
      OpenTensor* tensor;
      size_t member;
    };
    std::vector<Place> places;
    for (OpenTensor& tensor : open_) {
      tensor.errors.resize(tensor.stacks.size());
      for (size_t i = 0; i < tensor.stacks.size(); ++i) places.push_back({&tensor, i});
    }
    std::vector<absl::Status> statuses(places.size());
#pragma omp parallel for num_threads(threads_) schedule(dynamic, 1)
    for (size_t i = 0; i < places.size(); ++i) {
      const auto [tensor, member] = places[i];
      const absl::Span<const Format> lossy = absl::MakeSpan(tensor->formats).first(tensor->formats.size() - 1);
      auto errors = RelativeErrors(model_, stacks()[tensor->stacks[member]], lossy, options_.method == "rtn");
      if (errors.ok()) {
        errors->push_back(0);
        tensor->errors[member] = *std::move(errors);
      }
      statuses[i] = errors.status();
    }
    for (const absl::Status& status : statuses) NIBBLE_RETURN_IF_ERROR(status);
    return absl::OkStatus();
  }

  std::vector<KnapsackGroup> Groups() const {
    std::vector<KnapsackGroup> groups;
    for (const OpenTensor& tensor : open_) {
      KnapsackGroup& group = groups.emplace_back();
      for (size_t i = 0; i < tensor.formats.size(); ++i) {
        double harm = 0;
        for (size_t member = 0; member < tensor.stacks.size(); ++member) {
          harm += tensor.sensitivities[member] * tensor.errors[member][i];
        }
        group.push_back({tensor.bytes[i], harm});
      }
    }
    return groups;
  }

  absl::StatusOr<TypeChoices> Choices(const KnapsackSolution& solution) const {
    WishedTypes wishes(stacks().size());
    absl::flat_hash_map<Format, int64_t> elements;
    Format commonest = Format::kF32;
    for (size_t i = 0; i < open_.size(); ++i) {
      const OpenTensor& tensor = open_[i];
      const size_t chosen = solution.chosen[i];
      const Format format = tensor.formats[chosen];
      for (size_t member = 0; member < tensor.stacks.size(); ++member) {
        wishes[tensor.stacks[member]] = {
            format, absl::StrFormat("fit: sensitivity %.2g, error %.2g", tensor.sensitivities[member],
                                    tensor.errors[member][chosen])};
        const TensorStack slices = stacks()[tensor.stacks[member]];
        elements[format] += slices.size() * slices[0].rows * slices[0].cols;
      }
      if (elements[format] > elements[commonest]) commonest = format;
    }
    NIBBLE_ASSIGN_OR_RETURN(TypeChoices choices, ChooseQuantizedTypes(model_, stored_, base_options_, wishes));
    choices.name = "fit";
    choices.file_type = TypeOf(commonest).file_type;
    FitReport& report = choices.fit.emplace();
    report.set_budget_bytes(options_.fit.bytes);
    report.set_context(options_.fit.context);
    report.set_cache_bytes(memory_.cache);
    report.set_activation_bytes(memory_.buffers);
    report.set_is_measured(!options_.fit.sensitivities.empty());
    report.set_expected_kld(solution.harm);
    report.set_expected_kld_bound(solution.bound);
    return choices;
  }

  const Model& model_;
  const TypeOptions& options_;
  TypeOptions base_options_ = options_;
  const int threads_;
  const StoredFormats stored_;
  const ContextMemory memory_;
  TypeChoices base_;
  uint64_t beside_ = 0;  // of the budget, what no choice has a part in
  std::vector<OpenTensor> open_;
};

}  // namespace

absl::Status CheckFit(const Model& model, const TypeOptions& options) { return Fitter(model, options, 1).Check(); }

absl::StatusOr<TypeChoices> FitTypes(const Model& model, const TypeOptions& options, int threads) {
  return Fitter(model, options, threads).Fit();
}

}  // namespace nibble
