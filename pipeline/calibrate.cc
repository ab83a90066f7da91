#include "pipeline/calibrate.h"

#include <algorithm>
#include <memory>
#include <utility>

#include "absl/container/flat_hash_map.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/types/span.h"
#include "base/status.h"
#include "converters/family.h"
#include "device/device.h"
#include "device/in_stage.h"
#include "device/make_device.h"
#include "device/measured_device.h"
#include "formats/io/atomic_file.h"
#include "formats/io/posix.h"
#include "formats/io/work_file.h"
#include "model/role.h"
#include "model/tensor_list.h"
#include "pipeline/calibration_text.h"
#include "pipeline/checkpoints.h"
#include "pipeline/device_use.h"
#include "pipeline/expert_coverage.h"
#include "pipeline/input_sums.pb.h"
#include "pipeline/job_identity.h"
#include "pipeline/manifest.h"
#include "pipeline/verify_windows.h"
#include "runtime/row_store.h"
#include "runtime/sequences.h"
#include "runtime/tap.h"
#include "runtime/weights.h"

namespace nibble {
namespace {

// The inputs of one linear, or of all slices of a stack of them.
struct InputSums {
  std::vector<double> squares;  // [slices, columns]
  std::vector<int64_t> counts;  // [slices]
};

// Gathers one layer's inputs at a time.
class SumsTap : public Tap {
 public:
  SumsTap(Device& device, const Model& model) : device_(device), model_(model) {}

  // Whether it sums what these are multiplied with.
  static bool Gathers(TensorStack stack) {
    if (stack.empty()) return false;
    const RoleInfo& role = GetRole(stack[0].role);
    // Routers stay as they are, but llama-imatrix lists them.
    const bool is_wanted = role.is_linear || stack[0].role == Role::kRouter;
    // Slices of heads are columns of something else than what the runtime multiplies them with.
    return is_wanted && (stack[0].slice < 0 || role.is_expert);
  }

  void set_layer(int layer) { layer_ = layer; }

  // What layers [first, last) showed, and the same from an earlier run.
  ObservedInputs Between(int first, int last) const {
    ObservedInputs inputs;
    for (const auto& [key, sums] : sums_) {
      if (key.second < first || key.second >= last) continue;
      LinearInputs& linear = *inputs.add_linears();
      linear.set_role(static_cast<int>(key.first));
      linear.set_layer(key.second);
      linear.mutable_squares()->Assign(sums.squares.begin(), sums.squares.end());
      linear.mutable_counts()->Assign(sums.counts.begin(), sums.counts.end());
    }
    return inputs;
  }
  void Take(const ObservedInputs& inputs) {
    for (const LinearInputs& linear : inputs.linears()) {
      InputSums& sums = sums_[{static_cast<Role>(linear.role()), linear.layer()}];
      sums.squares.assign(linear.squares().begin(), linear.squares().end());
      sums.counts.assign(linear.counts().begin(), linear.counts().end());
    }
  }

  void See(Role role, int slice, ConstMatrix x) override {
    const TensorStack stack = model_.tensors.Find(role, layer_);
    if (!Gathers(stack)) return;
    InputSums& sums = sums_[{role, layer_}];
    sums.squares.resize(stack.size() * x.cols);
    sums.counts.resize(stack.size());
    const int64_t at = std::max(slice, 0);
    sums.counts[at] += x.rows;
    const InStage stage(device_, "statistics");
    device_.operations().add_squares(device_, x, absl::MakeSpan(sums.squares).subspan(at * x.cols, x.cols));
  }

  const InputSums* Find(Role role, int layer) const {
    const auto found = sums_.find({role, layer});
    return found == sums_.end() ? nullptr : &found->second;
  }

 private:
  Device& device_;
  const Model& model_;
  int layer_ = 0;
  absl::flat_hash_map<std::pair<Role, int>, InputSums> sums_;
};

// The layers that an earlier run did.
absl::StatusOr<int> Restore(Checkpoints* checkpoints, Sequences& sequences, SumsTap& tap) {
  if (checkpoints == nullptr) return 0;
  NIBBLE_ASSIGN_OR_RETURN(const Checkpoints::Restored restored,
                          checkpoints->Restore({&sequences}, [](int /*layers*/) { return true; }));
  for (const std::string& kept : restored.kept) {
    ObservedInputs inputs;
    if (!inputs.ParseFromString(kept)) return absl::InternalError("checkpoint: expected sums of inputs, found none");
    tap.Take(inputs);
  }
  return restored.layers;
}

// What all layers' sums take in a file, about.
uint64_t BytesOfSums(const Model& model) {
  constexpr uint64_t kBesideSums = 64;
  uint64_t bytes = 0;
  for (const TensorStack stack : model.tensors.stacks()) {
    if (SumsTap::Gathers(stack)) bytes += kBesideSums + stack.size() * (stack[0].cols + 1) * sizeof(double);
  }
  return bytes;
}

std::vector<std::string> DatasetsOf(const CalibrationTexts& texts) {
  std::vector<std::string> paths;
  for (const TextFile& file : texts.files) paths.push_back(file.path);
  return paths;
}

imatrix::Entry EntryOf(const std::string& name, const InputSums& sums) {
  imatrix::Entry entry{.name = name, .sums = {}, .counts = {}};
  entry.sums.assign(sums.squares.begin(), sums.squares.end());
  entry.counts.assign(sums.counts.begin(), sums.counts.end());
  return entry;
}

}  // namespace

absl::StatusOr<Calibration> Calibrate(const Model& model, const CalibrateOptions& options, Progress& progress) {
  Calibration calibration;
  NIBBLE_ASSIGN_OR_RETURN(const Windows windows,
                          CalibrationWindows(
                              model, options.texts, [](const LogicalTensor&) { return true; }, calibration.warnings));
  NIBBLE_ASSIGN_OR_RETURN(const std::unique_ptr<MeasuredDevice> measured,
                          MakeDevice({.kind = options.texts.device, .threads = options.threads, .bf16 = true}));
  MeasuredDevice& device = *measured;
  const uint64_t tokens = windows.ids.size(), layers = model.spec.layers_size();
  std::unique_ptr<Checkpoints> checkpoints;
  if (options.journal != nullptr) {
    const uint64_t bytes = CheckpointBytes(1, tokens, model.spec.hidden_size()) + BytesOfSums(model);
    NIBBLE_ASSIGN_OR_RETURN(checkpoints, Checkpoints::Open(*options.work.files, *options.journal, bytes));
  }
  SumsTap tap(device, model);
  io::WorkFile file(*options.work.files, options.work.directory);
  const uint64_t working = Sequences::WorkingFloats(model, windows.length) * sizeof(float);
  RowBudget budget(options.work.BytesBeside(working), file);
  NIBBLE_ASSIGN_OR_RETURN(Sequences sequences, Sequences::Embed(device, model, windows.ids, windows.length, &budget));
  NIBBLE_ASSIGN_OR_RETURN(int saved, Restore(checkpoints.get(), sequences, tap));
  for (uint64_t layer = saved; layer < layers; ++layer) {
    progress.Update({.stage = absl::StrCat("layer ", layer + 1, "/", layers),
                     .detail = "",
                     .done = tokens * layer / layers,
                     .total = tokens,
                     .unit = "tok",
                     .device = LoadOf(device)});
    NIBBLE_ASSIGN_OR_RETURN(Weights weights, sequences.LoadLayer(layer));
    weights.set_tap(&tap);
    tap.set_layer(layer);
    NIBBLE_RETURN_IF_ERROR(sequences.RunPart(layer, Sequences::Part::kWhole, weights, Sequences::Outcome::kKept));
    if (checkpoints == nullptr || !checkpoints->IsDue()) continue;
    const InStage stage(device, "write");
    const ObservedInputs since = tap.Between(saved, layer + 1);
    saved = layer + 1;
    NIBBLE_RETURN_IF_ERROR(checkpoints->Save(saved, {&sequences}, since.SerializeAsString()));
  }

  for (const auto& file : model.source.files()) NIBBLE_RETURN_IF_ERROR(io::CheckUnchanged(*file));
  calibration.matrix.datasets = DatasetsOf(options.texts);
  calibration.matrix.chunk_count = static_cast<uint32_t>(windows.count());
  calibration.matrix.chunk_size = static_cast<uint32_t>(windows.length);
  for (const TensorStack stack : model.tensors.stacks()) {
    const InputSums* sums = tap.Find(stack[0].role, stack[0].layer);
    if (sums == nullptr) continue;
    calibration.matrix.entries.push_back(EntryOf(GgufName(stack[0]), *sums));
  }
  const auto tokens_of_slices = [&](TensorStack stack) {
    const InputSums* sums = tap.Find(stack[0].role, stack[0].layer);
    return sums == nullptr ? std::vector<int64_t>() : sums->counts;
  };
  calibration.report.set_device(std::string(device.name()));
  *calibration.report.mutable_device_use() = UseOf(device);
  calibration.report.set_tokens(tokens);
  AddCoverage(model, tokens_of_slices, calibration.report);
  if (const auto warning = UnseenExperts(calibration.report)) calibration.warnings.push_back(*warning);
  return calibration;
}

namespace {

// By what another run knows that it is the same job.
absl::StatusOr<JobIdentity> IdentityOf(io::FileSystem& files, const Model& model, const CalibrateOptions& options,
                                       const OutputOptions& output) {
  JobRecipe recipe = output.recipe;
  recipe.set_job("calibrate");
  recipe.mutable_calibration()->set_ctx(options.texts.ctx);
  recipe.mutable_calibration()->set_chunks(options.texts.chunks);
  recipe.mutable_calibration()->set_seed(options.texts.seed);
  NIBBLE_ASSIGN_OR_RETURN(Manifest manifest, DescribeJob(recipe, {.texts = options.texts}));
  NIBBLE_RETURN_IF_ERROR(DescribeInputs(files, model, {}, output.hash_source, options.threads, manifest));
  return nibble::IdentityOf(model, manifest, absl::StrJoin(DatasetsOf(options.texts), "\n"));
}

absl::StatusOr<std::unique_ptr<Journal>> OpenJournal(io::FileSystem& files, const JobIdentity& job,
                                                     const OutputOptions& output) {
  const std::string path = JournalPath(output.path, 0);
  absl::StatusOr<std::unique_ptr<Journal>> journal = absl::NotFoundError("");
  if (output.resume) journal = Journal::Resume(files, path, job);
  return absl::IsNotFound(journal.status()) ? Journal::Begin(files, path, job) : std::move(journal);
}

absl::StatusOr<Calibration> CalibrateInto(io::AtomicFile& out, const Model& model, const CalibrateOptions& options,
                                          Progress& progress) {
  NIBBLE_ASSIGN_OR_RETURN(Calibration calibration, Calibrate(model, options, progress));
  const std::string bytes = imatrix::Encode(calibration.matrix);
  NIBBLE_RETURN_IF_ERROR(out.file().Preallocate(bytes.size()));
  NIBBLE_RETURN_IF_ERROR(
      out.file().WriteAt(0, absl::MakeSpan(reinterpret_cast<const std::byte*>(bytes.data()), bytes.size())));
  NIBBLE_RETURN_IF_ERROR(out.Commit());
  return calibration;
}

}  // namespace

absl::StatusOr<Calibration> CalibrateToFile(io::FileSystem& files, const Model& model, CalibrateOptions options,
                                            const OutputOptions& output, Progress& progress) {
  // Empty until the end: that it can be made is known before the work is done.
  NIBBLE_ASSIGN_OR_RETURN(
      const auto out, io::AtomicFile::Create(files, output.path, 0, {.force = output.force, .inputs = model.inputs}));
  NIBBLE_ASSIGN_OR_RETURN(const JobIdentity job, IdentityOf(files, model, options, output));
  NIBBLE_ASSIGN_OR_RETURN(const std::unique_ptr<Journal> journal, OpenJournal(files, job, output));
  options.journal = journal.get();
  absl::StatusOr<Calibration> calibration = CalibrateInto(*out, model, options, progress);
  if (!calibration.ok() && MayPass(calibration.status())) return WithResumeHint(calibration.status());
  journal->Remove().IgnoreError();
  return calibration;
}

}  // namespace nibble
