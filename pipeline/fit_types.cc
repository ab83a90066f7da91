#include "pipeline/fit_types.h"

#include <omp.h>

#include <algorithm>
#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "base/status.h"
#include "converters/family.h"
#include "model/tensor_list.h"
#include "pipeline/container.h"
#include "pipeline/context_memory.h"
#include "pipeline/knapsack.h"
#include "pipeline/plan.h"
#include "pipeline/sensitivity_prior.h"
#include "pipeline/type_errors.h"
#include "pipeline/type_table.h"
#include "quant/block/format.h"

namespace nibble {
namespace {

constexpr char kBaseType[] = "Q8_0";  // while types are open; its blocks of 32 are the smallest that there are

constexpr double kUnused = 0.005;  // of the size asked for, at most, where the tensors allow it

// A tensor whose type is open: where it stands, and what it may have.
struct OpenTensor {
  size_t stack;
  double sensitivity = 0;
  std::vector<Format> formats;
  std::vector<uint64_t> bytes;  // of each
  std::vector<double> errors;   // of each
};

// Those that a file can hold, whose blocks divide the rows, and which take less than what loses nothing; and that.
void AddFormats(TensorStack slices, Format lossless, OpenTensor& tensor) {
  const auto add = [&](Format format, uint64_t bytes) {
    tensor.formats.push_back(format);
    tensor.bytes.push_back(bytes);
  };
  const int64_t cols = slices[0].cols;
  const uint64_t most = PlacedBytes(slices, lossless);
  for (const BlockFormat& format : Formats()) {
    if (format.gguf_type < 0 || format.encode_rtn == nullptr || cols % format.block_elements != 0) continue;
    const uint64_t bytes = PlacedBytes(slices, format.id);
    if (bytes < most) add(format.id, bytes);
  }
  add(lossless, most);
}

std::string Bytes(uint64_t bytes) { return absl::StrFormat("%d bytes (%.1f MiB)", bytes, bytes / 1048576.0); }

class Fitter {
 public:
  Fitter(const Model& model, const TypeOptions& options, int threads)
      : model_(model),
        options_(options),
        threads_(threads > 0 ? threads : omp_get_max_threads()),
        stored_(FindStoredFormats(model)),
        memory_(MemoryAtContext(model.spec, options.fit.context)) {
    base_options_.type = kBaseType;
  }

  absl::Status Check() {
    if (options_.container != Container::kGguf) {
      return absl::InvalidArgumentError("--fit: expected a GGUF to be written, found a folder");
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
  absl::Status FindOpenTensors() {
    NIBBLE_ASSIGN_OR_RETURN(base_, ChooseQuantizedTypes(model_, stored_, base_options_));
    for (size_t i = 0; i < stacks().size(); ++i) {
      if (!base_.each[i].is_open) continue;
      OpenTensor& tensor = open_.emplace_back(OpenTensor{i, Sensitivity(stacks()[i][0]), {}, {}, {}});
      AddFormats(stacks()[i], Lossless(i), tensor);
    }
    return absl::OkStatus();
  }

  absl::Span<const TensorStack> stacks() const { return model_.tensors.stacks(); }
  Format Lossless(size_t stack) const { return LosslessFormat(model_, stacks()[stack], stored_[stack]); }

  double Sensitivity(const LogicalTensor& tensor) const {
    const auto measured = options_.fit.sensitivities.find(GgufName(tensor));
    return measured != options_.fit.sensitivities.end() ? measured->second : PriorSensitivity(model_, tensor);
  }

  // The header, and the tensors whose type is given.
  uint64_t BytesOfTheRest() const {
    uint64_t bytes = MakeReport(model_, base_, HeaderBytes(model_)).file_bytes();
    for (const OpenTensor& tensor : open_) {
      bytes -= PlacedBytes(stacks()[tensor.stack], base_.each[tensor.stack].format);
    }
    return bytes;
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
    std::vector<absl::Status> statuses(open_.size());
#pragma omp parallel for num_threads(threads_) schedule(dynamic, 1)
    for (size_t i = 0; i < open_.size(); ++i) {
      OpenTensor& tensor = open_[i];
      const absl::Span<const Format> lossy = absl::MakeSpan(tensor.formats).first(tensor.formats.size() - 1);
      auto errors = RelativeErrors(model_, stacks()[tensor.stack], lossy, options_.method == "rtn");
      if (errors.ok()) {
        tensor.errors = *std::move(errors);
        tensor.errors.push_back(0);
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
        group.push_back({tensor.bytes[i], tensor.sensitivity * tensor.errors[i]});
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
      wishes[tensor.stack] = {
          format, absl::StrFormat("fit: sensitivity %.2g, error %.2g", tensor.sensitivity, tensor.errors[chosen])};
      const TensorStack slices = stacks()[tensor.stack];
      elements[format] += slices.size() * slices[0].rows * slices[0].cols;
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
