#include "pipeline/calibration/calibrate.h"

#include <algorithm>
#include <memory>
#include <utility>

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
#include "model/tensor_list.h"
#include "pipeline/calibration/calibration_text.h"
#include "pipeline/calibration/checkpoints.h"
#include "pipeline/calibration/expert_coverage.h"
#include "pipeline/calibration/input_sums.pb.h"
#include "pipeline/calibration/square_sums.h"
#include "pipeline/calibration/window_blocks.h"
#include "pipeline/comm/rank_shares.h"
#include "pipeline/device_use.h"
#include "pipeline/output/job_identity.h"
#include "pipeline/output/manifest.h"
#include "pipeline/verify/verify_windows.h"
#include "runtime/row_store.h"
#include "runtime/sequences.h"
#include "runtime/weights.h"

namespace nibble {
namespace {

// The layers that an earlier run did.
absl::StatusOr<int> Restore(Checkpoints* checkpoints, Sequences& sequences, SquareSums& sums) {
  if (checkpoints == nullptr) return 0;
  NIBBLE_ASSIGN_OR_RETURN(const Checkpoints::Restored restored,
                          checkpoints->Restore({&sequences}, [](int /*layers*/) { return true; }));
  for (const std::string& kept : restored.kept) {
    ObservedInputs inputs;
    if (!inputs.ParseFromString(kept)) return absl::InternalError("checkpoint: expected sums of inputs, found none");
    sums.Take(inputs);
  }
  return restored.layers;
}

// What all layers' sums take in a file, about.
uint64_t BytesOfSums(const Model& model) {
  constexpr uint64_t kBesideSums = 64;
  uint64_t bytes = 0;
  for (const TensorStack stack : model.tensors.stacks()) {
    if (SquareSums::Gathers(stack)) bytes += kBesideSums + stack.size() * (stack[0].cols + 1) * sizeof(double);
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
  Comm& comm = *options.comm;
  const RankClock clock(comm, options.threads, options.texts.device);
  Calibration calibration;
  NIBBLE_ASSIGN_OR_RETURN(const Windows windows,
                          CalibrationWindows(
                              model, options.texts, [](const LogicalTensor&) { return true; }, calibration.warnings));
  NIBBLE_ASSIGN_OR_RETURN(
      const std::unique_ptr<MeasuredDevice> measured,
      MakeDevice({.device = options.texts.device, .threads = options.threads, .bf16 = true, .steady = true}));
  MeasuredDevice& device = *measured;
  const uint64_t tokens = windows.ids.size(), layers = model.spec.layers_size();
  const WindowBlocks blocks(windows.count(), windows.length);
  const Windows own = windows.Between(blocks.FirstWindowOf(comm.rank(), comm.size()),
                                      blocks.FirstWindowOf(comm.rank() + 1, comm.size()));
  std::unique_ptr<Checkpoints> checkpoints;
  if (options.checkpoints != nullptr) {
    const uint64_t bytes = CheckpointBytes(1, tokens, model.spec.hidden_size()) + BytesOfSums(model);
    NIBBLE_ASSIGN_OR_RETURN(checkpoints,
                            Checkpoints::Open(*options.work.files, comm, *options.checkpoints, blocks, bytes));
  }
  SquareSums sums(device, model, blocks, comm);
  io::WorkFile file(*options.work.files, options.work.directory);
  const uint64_t working = Sequences::WorkingFloats(model, windows.length) * sizeof(float);
  RowBudget budget(options.work.BytesBeside(working), file);
  NIBBLE_ASSIGN_OR_RETURN(Sequences sequences, Sequences::Embed(device, model, own.ids, own.length, &budget, 0,
                                                                {.block = blocks.size(), .all = windows.count()}));
  NIBBLE_ASSIGN_OR_RETURN(int saved, Restore(checkpoints.get(), sequences, sums));
  for (uint64_t layer = saved; layer < layers; ++layer) {
    progress.Update({.stage = absl::StrCat("layer ", layer + 1, "/", layers),
                     .detail = "",
                     .done = tokens * layer / layers,
                     .total = tokens,
                     .unit = "tok",
                     .device = LoadOf(device)});
    NIBBLE_ASSIGN_OR_RETURN(Weights weights, sequences.LoadLayer(layer));
    weights.set_tap(&sums);
    sums.Begin(layer);
    NIBBLE_RETURN_IF_ERROR(sequences.RunPart(layer, Sequences::Part::kWhole, weights, Sequences::Outcome::kKept));
    NIBBLE_RETURN_IF_ERROR(sums.End());
    if (checkpoints == nullptr) continue;
    NIBBLE_ASSIGN_OR_RETURN(const bool is_due, checkpoints->IsDue());
    if (!is_due) continue;
    const InStage stage(device, kWriteStage);
    const ObservedInputs since = sums.Between(saved, layer + 1);
    saved = layer + 1;
    NIBBLE_RETURN_IF_ERROR(checkpoints->Save(saved, {&sequences}, since.SerializeAsString()));
  }

  for (const auto& file : model.source.files()) NIBBLE_RETURN_IF_ERROR(io::CheckUnchanged(*file));
  calibration.matrix.datasets = DatasetsOf(options.texts);
  calibration.matrix.chunk_count = static_cast<uint32_t>(windows.count());
  calibration.matrix.chunk_size = static_cast<uint32_t>(windows.length);
  for (const TensorStack stack : model.tensors.stacks()) {
    const InputSums* found = sums.Find(stack[0].role, stack[0].layer);
    if (found == nullptr) continue;
    calibration.matrix.entries.push_back(EntryOf(GgufName(stack[0]), *found));
  }
  const auto tokens_of_slices = [&](TensorStack stack) {
    const InputSums* found = sums.Find(stack[0].role, stack[0].layer);
    return found == nullptr ? std::vector<int64_t>() : found->counts;
  };
  calibration.report.set_device(std::string(device.name()));
  *calibration.report.mutable_device_use() = UseOf(device);
  calibration.report.set_tokens(tokens);
  AddCoverage(model, tokens_of_slices, calibration.report);
  if (const auto warning = UnseenExperts(calibration.report)) calibration.warnings.push_back(*warning);
  NIBBLE_ASSIGN_OR_RETURN(calibration.ranks, clock.Gather(own.ids.size(), 0, 0));
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

// Whether ranks have one job.
absl::Status AgreeOnJob(const JobIdentity& job, const CalibrateOptions& options, const OutputOptions& output) {
  if (options.comm->size() == 1) return absl::OkStatus();
  std::vector<Fact> facts = FactsOf(job);
  facts.push_back({"the options", absl::StrCat(output.path, "\n", output.force, output.resume)});
  return SameEverywhere(*options.comm, facts);
}

absl::Status Write(const Calibration& calibration, io::AtomicFile& out) {
  const std::string bytes = imatrix::Encode(calibration.matrix);
  NIBBLE_RETURN_IF_ERROR(out.file().Preallocate(bytes.size()));
  NIBBLE_RETURN_IF_ERROR(
      out.file().WriteAt(0, absl::MakeSpan(reinterpret_cast<const std::byte*>(bytes.data()), bytes.size())));
  return out.Commit();
}

// `out`: the first rank's.
absl::StatusOr<Calibration> CalibrateInto(io::AtomicFile* out, const Model& model, const CalibrateOptions& options,
                                          Progress& progress) {
  NIBBLE_ASSIGN_OR_RETURN(Calibration calibration, Calibrate(model, options, progress));
  NIBBLE_RETURN_IF_ERROR(options.comm->Agree(out == nullptr ? absl::OkStatus() : Write(calibration, *out)));
  return calibration;
}

}  // namespace

absl::StatusOr<Calibration> CalibrateToFile(io::FileSystem& files, const Model& model, CalibrateOptions options,
                                            const OutputOptions& output, Progress& progress) {
  Comm& comm = *options.comm;
  std::unique_ptr<io::AtomicFile> out;
  std::unique_ptr<Journal> journal;
  // Empty until the end: that it can be made is known before the work is done.
  const auto create = [&]() -> absl::Status {
    NIBBLE_ASSIGN_OR_RETURN(
        out, io::AtomicFile::Create(files, output.path, 0, {.force = output.force, .inputs = model.inputs}));
    return absl::OkStatus();
  };
  NIBBLE_RETURN_IF_ERROR(comm.Agree(comm.is_first() ? create() : absl::OkStatus()));
  NIBBLE_ASSIGN_OR_RETURN(const JobIdentity job, IdentityOf(files, model, options, output));
  NIBBLE_RETURN_IF_ERROR(AgreeOnJob(job, options, output));
  const auto begin = [&]() -> absl::Status {
    NIBBLE_ASSIGN_OR_RETURN(journal, OpenJournal(files, job, output));
    return absl::OkStatus();
  };
  NIBBLE_RETURN_IF_ERROR(comm.Agree(comm.is_first() ? begin() : absl::OkStatus()));
  const CheckpointPlace place = {StatesPath(output.path), journal.get()};
  options.checkpoints = &place;
  absl::StatusOr<Calibration> calibration = CalibrateInto(out.get(), model, options, progress);
  absl::Status status = comm.Agree(calibration.status());
  const bool may_pass = MayPass(status);
  status = AsInterrupted(comm, status);
  if (may_pass) return WithResumeHint(status);
  if (journal != nullptr) journal->Remove().IgnoreError();
  NIBBLE_RETURN_IF_ERROR(status);
  return calibration;
}

}  // namespace nibble
