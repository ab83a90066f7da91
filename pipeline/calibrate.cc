#include "pipeline/calibrate.h"

#include <algorithm>
#include <memory>
#include <utility>

#include "absl/container/flat_hash_map.h"
#include "absl/strings/str_cat.h"
#include "absl/types/span.h"
#include "base/status.h"
#include "converters/family.h"
#include "device/device.h"
#include "device/make_device.h"
#include "formats/io/atomic_file.h"
#include "formats/io/posix.h"
#include "formats/io/work_file.h"
#include "model/role.h"
#include "model/tensor_list.h"
#include "pipeline/calibration_text.h"
#include "pipeline/expert_coverage.h"
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

  void set_layer(int layer) { layer_ = layer; }

  void See(Role role, int slice, ConstMatrix x) override {
    const TensorStack stack = model_.tensors.Find(role, layer_);
    if (!IsWanted(role) || !SeesItsColumns(stack)) return;
    InputSums& sums = sums_[{role, layer_}];
    sums.squares.resize(stack.size() * x.cols);
    sums.counts.resize(stack.size());
    const int64_t at = std::max(slice, 0);
    sums.counts[at] += x.rows;
    device_.operations().add_squares(device_, x, absl::MakeSpan(sums.squares).subspan(at * x.cols, x.cols));
  }

  const InputSums* Find(Role role, int layer) const {
    const auto found = sums_.find({role, layer});
    return found == sums_.end() ? nullptr : &found->second;
  }

 private:
  // Routers stay as they are, but llama-imatrix lists them.
  static bool IsWanted(Role role) { return GetRole(role).is_linear || role == Role::kRouter; }
  // Slices of heads are columns of something else than what the runtime multiplies them with.
  static bool SeesItsColumns(TensorStack stack) {
    return !stack.empty() && (stack[0].slice < 0 || GetRole(stack[0].role).is_expert);
  }

  Device& device_;
  const Model& model_;
  int layer_ = 0;
  absl::flat_hash_map<std::pair<Role, int>, InputSums> sums_;
};

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
  NIBBLE_ASSIGN_OR_RETURN(const std::unique_ptr<Device> owned_device,
                          MakeDevice({.kind = options.texts.device, .threads = options.threads, .bf16 = true}));
  Device& device = *owned_device;
  calibration.report.set_device(std::string(device.name()));
  SumsTap tap(device, model);
  io::WorkFile file(*options.work.files, options.work.directory);
  const uint64_t working = Sequences::WorkingFloats(model, windows.length) * sizeof(float);
  RowBudget budget(options.work.BytesBeside(working), file);
  NIBBLE_ASSIGN_OR_RETURN(Sequences sequences, Sequences::Embed(device, model, windows.ids, windows.length, &budget));
  const uint64_t tokens = windows.ids.size(), layers = model.spec.layers_size();
  for (uint64_t layer = 0; layer < layers; ++layer) {
    progress.Update({.stage = absl::StrCat("layer ", layer + 1, "/", layers),
                     .detail = "",
                     .done = tokens * layer / layers,
                     .total = tokens,
                     .unit = "tok"});
    NIBBLE_ASSIGN_OR_RETURN(Weights weights, sequences.LoadLayer(layer));
    weights.set_tap(&tap);
    tap.set_layer(layer);
    NIBBLE_RETURN_IF_ERROR(sequences.RunPart(layer, Sequences::Part::kWhole, weights, Sequences::Outcome::kKept));
  }

  for (const auto& file : model.source.files()) NIBBLE_RETURN_IF_ERROR(io::CheckUnchanged(*file));
  for (const TextFile& file : options.texts.files) calibration.matrix.datasets.push_back(file.path);
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
  calibration.report.set_tokens(tokens);
  AddCoverage(model, tokens_of_slices, calibration.report);
  if (const auto warning = UnseenExperts(calibration.report)) calibration.warnings.push_back(*warning);
  return calibration;
}

absl::Status SaveImatrix(io::FileSystem& files, const Model& model, const imatrix::File& matrix,
                         const std::string& path, bool force) {
  const std::string bytes = imatrix::Encode(matrix);
  NIBBLE_ASSIGN_OR_RETURN(const auto out,
                          io::AtomicFile::Create(files, path, bytes.size(), {.force = force, .inputs = model.inputs}));
  NIBBLE_RETURN_IF_ERROR(
      out->file().WriteAt(0, absl::MakeSpan(reinterpret_cast<const std::byte*>(bytes.data()), bytes.size())));
  return out->Commit();
}

}  // namespace nibble
