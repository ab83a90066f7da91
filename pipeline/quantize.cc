#include "pipeline/quantize.h"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <utility>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/container/flat_hash_set.h"
#include "absl/strings/str_cat.h"
#include "base/status.h"
#include "converters/family.h"
#include "device/make_device.h"
#include "device/measured_device.h"
#include "formats/imatrix/imatrix.h"
#include "formats/io/work_file.h"
#include "model/tensor_list.h"
#include "pipeline/calibration/calibrated_linears.h"
#include "pipeline/calibration/calibration_memory.h"
#include "pipeline/calibration/calibration_text.h"
#include "pipeline/calibration/checkpoints.h"
#include "pipeline/calibration/expert_coverage.h"
#include "pipeline/calibration/window_blocks.h"
#include "pipeline/calibration/write_linears.h"
#include "pipeline/comm/comm.h"
#include "pipeline/comm/rank_shares.h"
#include "pipeline/device_use.h"
#include "pipeline/expected_time.h"
#include "pipeline/fit/fit_types.h"
#include "pipeline/output/column_weights.h"
#include "pipeline/output/create_output.h"
#include "pipeline/output/journal.h"
#include "pipeline/output/manifest.h"
#include "pipeline/output/output.h"
#include "pipeline/output/plan.h"
#include "pipeline/output/stream.h"
#include "pipeline/output/tensor_multipliers.h"
#include "pipeline/types/container.h"
#include "pipeline/types/converted_types.h"
#include "pipeline/types/folder_types.h"
#include "pipeline/types/quantized_types.h"
#include "pipeline/types/type_choices.h"
#include "pipeline/verify/verify_windows.h"
#include "pipeline/work_space.h"
#include "runtime/row_store.h"

namespace nibble {
namespace {

// What a method does with linears, with what else, and which knowledge of activations it works with.
struct MethodRow {
  absl::string_view name;
  LinearMethod linears;  // where there are texts
  Method others;
  bool needs_texts;
  bool uses_statistics;
};

constexpr MethodRow kMethods[] = {
    {"rtn", LinearMethod::kWeighted, Method::kRtn, false, false},
    {"weighted", LinearMethod::kWeighted, Method::kWeighted, false, true},
    {"gptq", LinearMethod::kGptq, Method::kWeighted, true, true},
    {"auto", LinearMethod::kGptq, Method::kWeighted, false, true},
};

absl::StatusOr<MethodRow> FindMethod(const std::string& name, const CalibrationOptions& calibration) {
  if (!calibration.texts.empty() && !calibration.imatrix_path.empty()) {
    return absl::InvalidArgumentError("--imatrix: expected no --calibration-text beside it, found one");
  }
  const absl::string_view wanted = name.empty() ? absl::string_view("auto") : absl::string_view(name);
  for (const MethodRow& row : kMethods) {
    if (row.name != wanted) continue;
    if (row.needs_texts && calibration.texts.empty()) {
      return absl::InvalidArgumentError(absl::StrCat("--method ", name, ": expected --calibration-text, found none"));
    }
    if (!row.uses_statistics && (!calibration.texts.empty() || !calibration.imatrix_path.empty())) {
      return absl::InvalidArgumentError(absl::StrCat(
          "--method ", name, ": expected no --calibration-text or --imatrix, which it cannot use, found one"));
    }
    return row;
  }
  return absl::InvalidArgumentError(
      absl::StrCat("--method: expected auto, rtn, weighted or gptq, found \"", name, "\""));
}

OutputPlan PlanOf(const Model& model, const TypeChoices& choices, const OutputOptions& output,
                  const Manifest& manifest) {
  if (choices.container == Container::kGguf) return MakePlan(model, choices, manifest);
  return MakeFolderPlan(model, choices, output.max_shard_bytes, manifest);
}

// SizeBudget::left_in_linears.
double LeftInLinears(const MethodRow& method, const CalibrationOptions& calibration) {
  if (calibration.texts.empty()) return calibration.imatrix_path.empty() ? 1 : kLeftByImportance;
  return method.linears == LinearMethod::kGptq ? kLeftByFeedback : kLeftByImportance;
}

absl::StatusOr<OutputPlan> Planned(const Model& model, TypeOptions types, double left_in_linears,
                                   const OutputOptions& output, const Manifest& manifest) {
  types.fit.left_in_linears = left_in_linears;
  NIBBLE_ASSIGN_OR_RETURN(const TypeChoices choices, types.fit.bytes > 0 ? FitTypes(model, types, output.threads)
                                                                         : ChooseQuantizedTypes(model, types));
  OutputPlan plan = PlanOf(model, choices, output, manifest);
  plan.report.set_buffer_bytes(BufferBytes(model, plan, output.threads));
  return plan;
}

// The plan without what WriteLinears writes.
OutputPlan WithoutLinears(const OutputPlan& plan, LinearMethod method) {
  const std::vector<bool> calibrated = CalibratedTensors(plan, method);
  OutputPlan rest;
  for (size_t i = 0; i < plan.tensors.size(); ++i) {
    if (!calibrated[i]) rest.tensors.push_back(plan.tensors[i]);
  }
  return rest;
}

// What calibration knows of the linears' inputs: either, or neither.
struct Knowledge {
  std::optional<Windows> windows;
  ColumnWeights weights;
};

absl::StatusOr<std::optional<imatrix::File>> ReadMatrix(io::FileSystem& files, const CalibrationOptions& calibration) {
  if (calibration.imatrix_path.empty()) return std::nullopt;
  return imatrix::Read(files, calibration.imatrix_path);
}

// Its warnings go to the plan's.
absl::StatusOr<Knowledge> Learn(const Model& model, const CalibrationOptions& calibration,
                                const std::optional<imatrix::File>& matrix, LinearMethod method, OutputPlan& plan) {
  Knowledge knowledge;
  std::vector<std::string> warnings;
  if (matrix) {
    NIBBLE_ASSIGN_OR_RETURN(knowledge.weights, ColumnWeights::Match(*matrix, plan, warnings));
  }
  if (!calibration.texts.empty()) {
    const std::vector<bool> is_calibrated = CalibratedTensors(plan, method);
    absl::flat_hash_set<const LogicalTensor*> calibrated;
    for (size_t i = 0; i < plan.tensors.size(); ++i) {
      if (is_calibrated[i]) calibrated.insert(&plan.tensors[i].slices[0]);
    }
    const auto learns = [&](const LogicalTensor& tensor) { return calibrated.contains(&tensor); };
    NIBBLE_ASSIGN_OR_RETURN(knowledge.windows, CalibrationWindows(model, calibration.texts, learns, warnings));
  }
  plan.report.mutable_warnings()->Add(warnings.begin(), warnings.end());
  return knowledge;
}

LinearOptions LinearsBy(const MethodRow& method, const CalibrationOptions& calibration, int threads, Comm& comm) {
  return {.method = method.linears,
          .judge = calibration.judge,
          .scale_channels = calibration.scale_channels,
          .comm = &comm,
          .threads = threads,
          .device = calibration.texts.device};
}

// What the linears take of memory and disk goes to the plan's.
void AddMemory(const Model& model, const Windows& windows, const LinearOptions& options, const WorkSpace& work,
               OutputPlan& plan) {
  const CalibrationMemory memory = MemoryOf(model, plan, windows, options);
  const uint64_t resident = std::min(memory.states, work.BytesBeside(memory.working));
  plan.report.set_buffer_bytes(std::max<uint64_t>(plan.report.buffer_bytes(), memory.working + resident));
  plan.report.set_work_file_bytes(memory.states - resident);
  plan.report.set_checkpoint_bytes(memory.checkpoints);
}

// WriteLinears with as many hidden states in memory as there is room for, and the others in a work file.
absl::StatusOr<WrittenLinears> WriteWithin(const WorkSpace& work, const Model& model, const OutputPlan& plan,
                                           const Windows& windows, LinearOptions options, Output& output,
                                           Progress& progress) {
  io::WorkFile file(*work.files, work.directory);
  const CalibrationMemory memory = MemoryOf(model, plan, windows, options);
  RowBudget budget(work.BytesBeside(memory.working), file);
  options.states = &budget;
  options.working = memory.working;
  return WriteLinears(model, plan, windows, options, output, progress);
}

// How many tokens each expert saw, by the linears that were made.
void AddCoverageOfLinears(const Model& model, Plan& report) {
  CalibrationReport& calibration = *report.mutable_calibration();
  absl::flat_hash_map<std::string, std::vector<int64_t>> tokens;
  for (const CalibratedLinear& linear : calibration.linears()) {
    if (linear.slice() >= 0) tokens[linear.name()].push_back(linear.tokens());
  }
  AddCoverage(
      model, [&](TensorStack stack) { return tokens[GgufName(stack[0])]; }, calibration);
  if (const auto warning = UnseenExperts(calibration)) report.add_warnings(*warning);
}

// Writes `what`, of a plan that has more or all of it, and reports.
absl::StatusOr<StreamFigures> Stream(const Model& model, const OutputPlan& what, const StreamOptions& options,
                                     Output& output, Progress& progress, Plan& report) {
  NIBBLE_ASSIGN_OR_RETURN(const StreamFigures figures, WriteTensors(model, what, options, output, progress));
  if (figures.rounded_scales > 0) {
    report.add_warnings(absl::StrCat(figures.rounded_scales,
                                     " scales of kept 4-bit codes lie between two halves: the nearest was taken"));
  }
  return figures;
}

absl::Status AddRanks(const RankClock& clock, const StreamFigures& figures, Plan& report) {
  NIBBLE_ASSIGN_OR_RETURN(const std::vector<RankShare> shares,
                          clock.Gather(figures.cost, figures.source_bytes, figures.output_bytes));
  report.mutable_ranks()->Assign(shares.begin(), shares.end());
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<Plan> PlanQuantize(io::FileSystem& files, const Model& model, const TypeOptions& types,
                                  const OutputOptions& output, const CalibrationOptions& calibration) {
  NIBBLE_ASSIGN_OR_RETURN(const MethodRow method, FindMethod(types.method, calibration));
  NIBBLE_ASSIGN_OR_RETURN(const Manifest manifest, DescribeJob(output.recipe, calibration));
  NIBBLE_ASSIGN_OR_RETURN(OutputPlan plan, Planned(model, types, LeftInLinears(method, calibration), output, manifest));
  NIBBLE_ASSIGN_OR_RETURN(const auto matrix, ReadMatrix(files, calibration));
  NIBBLE_ASSIGN_OR_RETURN(const Knowledge knowledge, Learn(model, calibration, matrix, method.linears, plan));
  const LinearOptions linears = LinearsBy(method, calibration, output.threads, *output.comm);
  if (knowledge.windows) AddMemory(model, *knowledge.windows, linears, calibration.work, plan);
  const StreamOptions stream{.method = method.others, .threads = output.threads};
  const int64_t tokens = knowledge.windows ? static_cast<int64_t>(knowledge.windows->ids.size()) : 0;
  NIBBLE_ASSIGN_OR_RETURN(*plan.report.mutable_time(), ExpectTime(model, plan, stream, tokens, linears));
  return std::move(plan.report);
}

absl::StatusOr<Plan> Quantize(io::FileSystem& files, const Model& model, const TypeOptions& types,
                              const OutputOptions& output, Progress& progress, const CalibrationOptions& calibration) {
  NIBBLE_ASSIGN_OR_RETURN(const auto job, QuantizeJob::Create(files, model, types, output, calibration, progress));
  NIBBLE_RETURN_IF_ERROR(job->Write(progress));
  NIBBLE_RETURN_IF_ERROR(job->Commit());
  return job->report();
}

struct QuantizeJob::Parts {
  const Model& model;
  Comm& comm;
  RankClock clock;
  Method others;
  LinearOptions linears;
  WorkSpace work;
  OutputPlan plan;
  Knowledge knowledge;
  std::unique_ptr<Output> output;
  std::unique_ptr<Checkpoints> checkpoints;  // where there are windows, and the output has a journal
  StreamFigures figures = {};
};

QuantizeJob::QuantizeJob(std::unique_ptr<Parts> parts) : parts_(std::move(parts)) {}
QuantizeJob::~QuantizeJob() = default;

absl::StatusOr<std::unique_ptr<QuantizeJob>> QuantizeJob::Create(io::FileSystem& files, const Model& model,
                                                                 const TypeOptions& types, const OutputOptions& output,
                                                                 const CalibrationOptions& calibration,
                                                                 Progress& progress) {
  NIBBLE_ASSIGN_OR_RETURN(const MethodRow method, FindMethod(types.method, calibration));
  auto parts = std::make_unique<Parts>(Parts{model,
                                             *output.comm,
                                             RankClock(*output.comm, output.threads, calibration.texts.device),
                                             method.others,
                                             LinearsBy(method, calibration, output.threads, *output.comm),
                                             calibration.work,
                                             {},
                                             {},
                                             {},
                                             {}});
  NIBBLE_ASSIGN_OR_RETURN(Manifest manifest, DescribeJob(output.recipe, calibration));
  // Before its bytes are hashed: what is none may have any number of them.
  NIBBLE_ASSIGN_OR_RETURN(auto matrix, ReadMatrix(files, calibration));
  NIBBLE_RETURN_IF_ERROR(DescribeInputs(files, model, calibration, output.hash_source, output.threads, manifest));
  NIBBLE_ASSIGN_OR_RETURN(parts->plan, Planned(model, types, LeftInLinears(method, calibration), output, manifest));
  NIBBLE_ASSIGN_OR_RETURN(parts->knowledge, Learn(model, calibration, matrix, method.linears, parts->plan));
  matrix.reset();
  if (parts->plan.folder) NIBBLE_RETURN_IF_ERROR(SetMultipliers(model, output.threads, *output.comm, parts->plan));
  NIBBLE_ASSIGN_OR_RETURN(parts->output, CreateOutput(files, model, parts->plan, output, progress));
  if (Journal* journal = parts->output->journal(); journal != nullptr && parts->knowledge.windows) {
    const Windows& windows = *parts->knowledge.windows;
    const CheckpointPlace place = {StatesPath(output.path), output.comm->is_first() ? journal : nullptr};
    absl::StatusOr<std::unique_ptr<Checkpoints>> checkpoints =
        Checkpoints::Open(files, *output.comm, place, WindowBlocks(windows.count(), windows.length),
                          MemoryOf(model, parts->plan, windows, parts->linears).checkpoints);
    NIBBLE_RETURN_IF_ERROR(parts->output->Ended(checkpoints.status()));
    parts->checkpoints = *std::move(checkpoints);
    parts->linears.checkpoints = parts->checkpoints.get();
  }
  return std::unique_ptr<QuantizeJob>(new QuantizeJob(std::move(parts)));
}

absl::Status QuantizeJob::Write(Progress& progress) { return parts_->output->Ended(WriteAll(progress)); }

absl::Status QuantizeJob::WriteAll(Progress& progress) {
  auto& [model, comm, clock, others, linears, work, plan, knowledge, output, checkpoints, figures] = *parts_;
  std::unique_ptr<MeasuredDevice> device;  // that encodes; the host does without
  if (linears.device.kind != DeviceKind::kCpu) {
    NIBBLE_ASSIGN_OR_RETURN(device, MakeDevice({.device = linears.device, .threads = linears.threads}));
  }
  const StreamOptions stream{.method = others,
                             .threads = linears.threads,
                             .stage = "quantize",
                             .weights = &knowledge.weights,
                             .comm = &comm,
                             .device = device.get()};
  const OutputPlan rest = knowledge.windows ? WithoutLinears(plan, linears.method) : OutputPlan();
  NIBBLE_ASSIGN_OR_RETURN(figures,
                          Stream(model, knowledge.windows ? rest : plan, stream, *output, progress, plan.report));
  if (device != nullptr) AddUse(UseOf(*device), *plan.report.mutable_device_use());
  if (!knowledge.windows) return absl::OkStatus();
  NIBBLE_ASSIGN_OR_RETURN(WrittenLinears written,
                          WriteWithin(work, model, plan, *knowledge.windows, linears, *output, progress));
  *plan.report.mutable_calibration() = std::move(written.report);
  AddUse(plan.report.calibration().device_use(), *plan.report.mutable_device_use());
  plan.report.mutable_calibration()->clear_device_use();
  // The text is nearly all of the work. What was read of the model meanwhile is not known.
  figures.cost = WindowBlocks(knowledge.windows->count(), knowledge.windows->length).TokensOf(comm.rank(), comm.size());
  figures.source_bytes = 0;
  figures.output_bytes += written.bytes;
  AddCoverageOfLinears(model, plan.report);
  return absl::OkStatus();
}

absl::Status QuantizeJob::Commit() {
  NIBBLE_RETURN_IF_ERROR(parts_->output->Ended(parts_->output->Commit()));
  return AddRanks(parts_->clock, parts_->figures, parts_->plan.report);
}

const Plan& QuantizeJob::report() const { return parts_->plan.report; }

absl::StatusOr<CalibrationReport> JudgeQuantized(io::FileSystem& files, const Model& model, const TypeOptions& types,
                                                 int layers, int threads, const CalibrationOptions& calibration,
                                                 Comm& comm, Progress& progress) {
  // Takes all and keeps nothing.
  class NoOutput : public Output {
    absl::Status WriteRows(const OutputTensor& /*tensor*/, size_t /*slice*/, int64_t /*first_row*/,
                           absl::Span<const std::byte> /*rows*/) override {
      return absl::OkStatus();
    }
    absl::Status Commit() override { return absl::OkStatus(); }
  };

  NIBBLE_ASSIGN_OR_RETURN(const MethodRow method, FindMethod(types.method, calibration));
  NIBBLE_ASSIGN_OR_RETURN(OutputPlan plan,
                          Planned(model, types, LeftInLinears(method, calibration), {.threads = threads}, {}));
  NIBBLE_ASSIGN_OR_RETURN(const auto matrix, ReadMatrix(files, calibration));
  NIBBLE_ASSIGN_OR_RETURN(const Knowledge knowledge, Learn(model, calibration, matrix, method.linears, plan));
  LinearOptions linears = LinearsBy(method, calibration, threads, comm);
  linears.judge = true;
  linears.layers = layers;
  NoOutput output;
  NIBBLE_ASSIGN_OR_RETURN(WrittenLinears written,
                          WriteWithin(calibration.work, model, plan, *knowledge.windows, linears, output, progress));
  return std::move(written.report);
}

namespace {

absl::StatusOr<Plan> WriteConverted(io::FileSystem& files, const Model& model, const TypeChoices& choices,
                                    const OutputOptions& output, Progress& progress) {
  const RankClock clock(*output.comm, output.threads);
  NIBBLE_ASSIGN_OR_RETURN(Manifest manifest, DescribeJob(output.recipe, {}));
  NIBBLE_RETURN_IF_ERROR(DescribeInputs(files, model, {}, output.hash_source, output.threads, manifest));
  OutputPlan plan = PlanOf(model, choices, output, manifest);
  // To the nearest value: there is nothing to search for.
  const StreamOptions stream{
      .method = Method::kRtn, .threads = output.threads, .stage = "convert", .comm = output.comm};
  NIBBLE_ASSIGN_OR_RETURN(const auto out, CreateOutput(files, model, plan, output, progress));
  const absl::StatusOr<StreamFigures> figures = Stream(model, plan, stream, *out, progress, plan.report);
  NIBBLE_RETURN_IF_ERROR(out->Ended(figures.status()));
  NIBBLE_RETURN_IF_ERROR(out->Ended(out->Commit()));
  NIBBLE_RETURN_IF_ERROR(AddRanks(clock, *figures, plan.report));
  return std::move(plan.report);
}

}  // namespace

absl::StatusOr<Plan> Convert(io::FileSystem& files, const Model& model, const std::string& dtype,
                             const OutputOptions& output, Progress& progress) {
  NIBBLE_ASSIGN_OR_RETURN(const TypeChoices choices, ChooseConvertedTypes(model, dtype));
  return WriteConverted(files, model, choices, output, progress);
}

absl::StatusOr<Plan> ConvertToFolder(io::FileSystem& files, const Model& model, const std::string& dtype,
                                     const OutputOptions& output, Progress& progress) {
  NIBBLE_ASSIGN_OR_RETURN(const TypeChoices choices, ChooseFolderTypes(model, dtype));
  return WriteConverted(files, model, choices, output, progress);
}

}  // namespace nibble
