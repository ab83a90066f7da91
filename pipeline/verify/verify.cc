#include "pipeline/verify/verify.h"

#include <algorithm>
#include <chrono>
#include <cmath>
#include <memory>
#include <numeric>
#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/types/span.h"
#include "base/status.h"
#include "base/version.h"
#include "device/in_stage.h"
#include "device/instruction_set.h"
#include "device/make_device.h"
#include "device/measured_device.h"
#include "formats/io/file.h"
#include "formats/tensor_source.h"
#include "model/model_spec.pb.h"
#include "pipeline/comm/comm.h"
#include "pipeline/comm/packed_values.h"
#include "pipeline/comm/rank_shares.h"
#include "pipeline/context_memory.h"
#include "pipeline/device_use.h"
#include "pipeline/source/model_tokenizer.h"
#include "pipeline/source/residual_basis.h"
#include "pipeline/verify/predict_scored.h"
#include "pipeline/verify/tensor_figures.h"
#include "pipeline/verify/verify_figures.h"
#include "pipeline/verify/verify_windows.h"
#include "pipeline/verify/worst_positions.h"
#include "pipeline/work_space.h"
#include "runtime/predictions.h"
#include "runtime/sequences.h"
#include "runtime/state_difference.h"
#include "runtime/statistics.h"
#include "runtime/weights.h"

namespace nibble {
namespace {

// What the program, its tokenizer and the models' headers take is not counted by the formulas below.
constexpr double kShareForStates = 0.75;
constexpr int64_t kComparedAtOnce = 1024;  // states that are copied

uint64_t StoredBytes(const Model& model) {
  uint64_t bytes = 0;
  for (const StoredTensor& tensor : model.source.tensors()) bytes += tensor.bytes;
  return bytes;
}

// That most people start with; a model that was made for less has less.
constexpr uint64_t kContext = 8192;

ContextMemory SetContextMemory(const ModelSpec& spec, VerifyReport& report) {
  const uint64_t context = spec.context_length() == 0 ? kContext : std::min<uint64_t>(kContext, spec.context_length());
  const ContextMemory memory = MemoryAtContext(spec, context);
  report.set_context(context);
  report.set_cache_bytes(memory.cache);
  report.set_buffer_bytes(memory.buffers);
  return memory;
}

absl::Status CheckVocabulary(const Model& reference, const Model& candidate) {
  if (candidate.spec.vocab_size() != reference.spec.vocab_size()) {
    return BadData(candidate.path, absl::StrCat("the reference's vocabulary of ", reference.spec.vocab_size()),
                   absl::StrCat(candidate.spec.vocab_size()));
  }
  if (!candidate.vocabulary) return absl::OkStatus();
  const std::vector<std::string>& expected = reference.vocabulary->tokens;
  const std::vector<std::string>& found = candidate.vocabulary->tokens;
  if (found.size() != expected.size()) {
    return BadData(candidate.path, absl::StrCat("the reference's ", expected.size(), " tokens"),
                   absl::StrCat(found.size()));
  }
  const auto [e, f] = std::mismatch(expected.begin(), expected.end(), found.begin());
  if (e == expected.end()) return absl::OkStatus();
  return BadData(absl::StrCat(candidate.path, ": token ", e - expected.begin()),
                 absl::StrCat("the reference's '", *e, "'"), absl::StrCat("'", *f, "'"));
}

absl::Status CheckShape(const Model& reference, const Model& candidate) {
  const auto shape = [](const Model& model) {
    return absl::StrCat(model.spec.layers_size(), " layers of width ", model.spec.hidden_size());
  };
  if (shape(candidate) == shape(reference)) return absl::OkStatus();
  return BadData(candidate.path, absl::StrCat("the reference's ", shape(reference)), shape(candidate));
}

// One model on its way; models[0] is the reference.
struct Lane {
  const Model* model;
  std::vector<StateDifference> layers;  // against the reference: [windows, layers]
  Predictions predictions;
  WorstPositions worst;
};

class VerifyJob {
 public:
  VerifyJob(const Model& reference, const std::vector<const Model*>& candidates, const VerifyOptions& options,
            MeasuredDevice& device, Windows windows, Progress& progress)
      : device_(device), comm_(*options.comm), windows_(std::move(windows)), progress_(progress) {
    lanes_.push_back({.model = &reference});
    for (const Model* candidate : candidates) lanes_.push_back({.model = candidate});
    details_ = options.details;
    first_ = windows_.count() * comm_.rank() / comm_.size();
    last_ = windows_.count() * (comm_.rank() + 1) / comm_.size();
    group_ = WindowsAtATime(options.memory == 0 ? kDefaultMemory : options.memory);
  }

  absl::Status Run() {
    for (int64_t first = first_; first < last_; first += group_) {
      if (comm_.HasFailed()) return comm_.Agree(absl::OkStatus());
      NIBBLE_RETURN_IF_ERROR(RunGroup(first, std::min(group_, last_ - first)));
    }
    return comm_.size() == 1 ? absl::OkStatus() : Gather();
  }

  int64_t own_windows() const { return last_ - first_; }

  VerifyReport Report() const {
    VerifyReport report;
    const Lane& reference = lanes_[0];
    const Estimate perplexity = Perplexity(reference.predictions);
    report.set_device(std::string(device_.name()));
    report.set_tokens(reference.predictions.log_likelihood.size());
    report.set_ppl_reference(perplexity.value);
    report.set_ppl_reference_se(perplexity.se);
    report.set_reference_bytes(StoredBytes(*reference.model));
    report.set_reference(reference.model->path);
    report.set_windows(windows_.count());
    report.set_window_tokens(windows_.length);
    const ContextMemory memory = SetContextMemory(reference.model->spec, report);
    for (const Lane& lane : absl::MakeSpan(lanes_).subspan(1)) {
      Candidate& candidate = *report.add_candidates();
      candidate.set_path(lane.model->path);
      candidate.set_bytes(StoredBytes(*lane.model));
      candidate.set_memory_bytes(candidate.bytes() + memory.cache + memory.buffers);
      FillFigures(reference.predictions, lane.predictions, candidate);
      for (const double mean : WindowMeans(lane.predictions.divergence)) candidate.add_kld_windows(mean);
      for (int layer = 0; layer < layers(); ++layer) {
        StateDifference sum;
        for (size_t at = layer; at < lane.layers.size(); at += layers()) sum += lane.layers[at];
        LayerError& error = *candidate.add_layers();
        error.set_layer(layer);
        error.set_relative_error(sum.RelativeError());
        error.set_cosine(sum.Cosine());
      }
    }
    return report;
  }

  // What Report leaves out.
  absl::Status AddDetails(VerifyReport& report) {
    const InStage stage(device_, "details");
    const Model& reference = *lanes_[0].model;
    NIBBLE_ASSIGN_OR_RETURN(const auto tokenizer, MakeTokenizer(reference));
    for (size_t i = 1; i < lanes_.size(); ++i) {
      const Lane& lane = lanes_[i];
      Candidate& candidate = *report.mutable_candidates(i - 1);
      if (comm_.is_first()) {
        NIBBLE_RETURN_IF_ERROR(lane.worst.Describe(device_, reference, *lane.model, windows_, *tokenizer, candidate));
      }
      NIBBLE_RETURN_IF_ERROR(FillTensors(reference, *lane.model, device_.threads(), comm_, progress_, candidate));
    }
    return absl::OkStatus();
  }

 private:
  int layers() const { return lanes_[0].model->spec.layers_size(); }
  int64_t width() const { return lanes_[0].model->spec.hidden_size(); }

  std::vector<double> WindowMeans(const std::vector<double>& values) const {
    std::vector<double> means;
    for (auto begin = values.begin(); begin != values.end(); begin += windows_.scored()) {
      means.push_back(std::accumulate(begin, begin + windows_.scored(), 0.0) / windows_.scored());
    }
    return means;
  }

  // All ranks' windows, in their order: from here on every rank has what one alone would have.
  absl::Status Gather() {
    Packer packer;
    for (const Lane& lane : lanes_) {
      packer.Add(lane.layers);
      packer.Add(lane.predictions.log_likelihood);
      packer.Add(lane.predictions.top);
      packer.Add(lane.predictions.divergence);
      lane.worst.Pack(packer);
    }
    NIBBLE_ASSIGN_OR_RETURN(const std::vector<std::string> all, comm_.AllGather(packer.Take()));
    for (Lane& lane : lanes_) lane = {.model = lane.model};
    for (const std::string& packed : all) {
      Unpacker its(packed);
      for (Lane& lane : lanes_) {
        const std::vector<StateDifference> layers = its.Take<StateDifference>();
        lane.layers.insert(lane.layers.end(), layers.begin(), layers.end());
        const Predictions predictions{its.Take<double>(), its.Take<uint32_t>(), its.Take<double>()};
        Append(predictions, lane.predictions);
        lane.worst.Take(its);
      }
    }
    return absl::OkStatus();
  }

  // As many as fit beside one layer, or beside the logits: the more, the less often the weights are read.
  int64_t WindowsAtATime(uint64_t memory) const {
    int64_t working = 0, logits = 0, sums = 0;
    for (const Lane& lane : lanes_) {
      working = std::max(working, Sequences::WorkingFloats(*lane.model, windows_.length));
      logits += PredictionFloats(*lane.model);
      sums = std::max(sums, Sequences::FloatsPerToken(*lane.model) - width());
    }
    // All states of all models, what experts add to those of one, and the scored ones again when they are normed.
    const int64_t window = lanes_.size() * (windows_.length + windows_.scored()) * width() + sums * windows_.length;
    const int64_t budget = kShareForStates * memory / sizeof(float);
    return std::clamp<int64_t>((budget - std::max(working, logits)) / window, 1, windows_.count());
  }

  absl::Status RunGroup(int64_t first, int64_t count) {
    const Windows windows = windows_.Between(first, first + count);
    for (Lane& lane : lanes_) lane.layers.resize((first - first_ + count) * layers());
    std::vector<ScoredRun> runs;
    int64_t ahead = 0;  // layers of the others that are loaded ahead
    for (const Lane& lane : lanes_) ahead += LargestLayer(*lane.model);
    for (const Lane& lane : lanes_) {
      NIBBLE_ASSIGN_OR_RETURN(Sequences embedded, Sequences::Embed(device_, *lane.model, windows.ids, windows.length,
                                                                   /*budget=*/nullptr, ahead));
      runs.push_back({lane.model, std::move(embedded)});
    }
    for (int layer = 0; layer < layers(); ++layer) {
      for (size_t i = 0; i < lanes_.size(); ++i) {
        ShowProgress(absl::StrCat("layer ", layer + 1, "/", layers()), *lanes_[i].model, first, count,
                     layer * lanes_.size() + i);
        NIBBLE_RETURN_IF_ERROR(runs[i].sequences.RunLayer(layer));
        if (i == 0) continue;
        for (int64_t window = 0; window < count; ++window) {
          NIBBLE_RETURN_IF_ERROR(Compare(runs[0].sequences, runs[i].sequences, window, lanes_[i],
                                         lanes_[i].layers[(first - first_ + window) * layers() + layer]));
        }
      }
    }
    ShowProgress("logits", *lanes_[0].model, first, count, layers() * lanes_.size());
    NIBBLE_ASSIGN_OR_RETURN(const std::vector<Predictions> predictions, PredictScored(device_, windows, runs));
    for (size_t i = 0; i < lanes_.size(); ++i) {
      NIBBLE_RETURN_IF_ERROR(CheckFinite(*lanes_[i].model, predictions[i], first));
      Append(predictions[i], lanes_[i].predictions);
    }
    return details_ ? KeepWorst(first, predictions, runs) : absl::OkStatus();
  }

  // Of windows from `first` on.
  absl::Status KeepWorst(int64_t first, const std::vector<Predictions>& predictions,
                         const std::vector<ScoredRun>& runs) {
    const InStage stage(device_, "details");
    for (size_t i = 1; i < lanes_.size(); ++i) {
      NIBBLE_RETURN_IF_ERROR(
          lanes_[i].worst.Take(windows_, first, predictions[0], predictions[i], runs[0].sequences, runs[i].sequences));
    }
    return absl::OkStatus();
  }

  // One window of the runs, in the reference's basis.
  absl::Status Compare(const Sequences& reference, const Sequences& candidate, int64_t window, const Lane& lane,
                       StateDifference& difference) const {
    const InStage stage(device_, "compare");
    const ModelSpec &own = lane.model->spec, &its = lanes_[0].model->spec;
    const bool has_other_basis = !HaveOneBasis(own, its);
    const int64_t end = (window + 1) * windows_.length;
    for (int64_t first = window * windows_.length; first < end; first += kComparedAtOnce) {
      const int64_t count = std::min(kComparedAtOnce, end - first);
      NIBBLE_ASSIGN_OR_RETURN(const std::vector<float> expected, reference.States(first, count));
      NIBBLE_ASSIGN_OR_RETURN(std::vector<float> found, candidate.States(first, count));
      if (has_other_basis) ChangeBasis(own, its, absl::MakeSpan(found));
      difference += CompareStates(expected, found, width(), device_.threads());
    }
    return absl::OkStatus();
  }

  absl::Status CheckFinite(const Model& model, const Predictions& predictions, int64_t first_window) const {
    for (size_t i = 0; i < predictions.log_likelihood.size(); ++i) {
      const double value = predictions.log_likelihood[i];
      if (std::isfinite(value)) continue;
      return BadData(absl::StrCat(model.path, ": window ", first_window + i / windows_.scored(), ", position ",
                                  windows_.first_scored() + i % windows_.scored()),
                     "a finite log-likelihood", absl::StrCat(value));
    }
    return absl::OkStatus();
  }

  // Windows `first` ... + `count` have `step` of their (layers + 1) * models steps behind them.
  void ShowProgress(std::string stage, const Model& model, int64_t first, int64_t count, int64_t step) {
    const uint64_t models = lanes_.size(), steps = (layers() + 1) * models;
    const uint64_t tokens = models * windows_.length;  // of one window
    progress_.Update({.stage = std::move(stage),
                      .detail = model.path,
                      .done = (first - first_) * tokens + count * tokens * step / steps,
                      .total = own_windows() * tokens,
                      .unit = "tok",
                      .device = LoadOf(device_)});
  }

  MeasuredDevice& device_;
  Comm& comm_;
  const Windows windows_;
  Progress& progress_;
  std::vector<Lane> lanes_;
  bool details_ = false;
  int64_t group_ = 1;             // windows whose states are there at a time
  int64_t first_ = 0, last_ = 0;  // this rank's windows
};

// What ranks must have alike.
std::string FactsOf(const Model& model) {
  std::string facts;
  for (const auto& file : model.source.files()) {
    absl::StrAppend(&facts, io::Basename(file->path()), " ", file->info().size, "\n");
  }
  for (const StoredTensor& tensor : model.source.tensors()) {
    absl::StrAppend(&facts, tensor.name, " ", static_cast<int>(tensor.dtype), " ", tensor.file, " ", tensor.offset,
                    "\n");
  }
  return facts;
}

absl::Status AgreeOnJob(const Model& reference, const std::vector<const Model*>& candidates,
                        const VerifyOptions& options) {
  if (options.comm->size() == 1) return absl::OkStatus();
  NIBBLE_ASSIGN_OR_RETURN(const std::string instructions, InstructionSetOf(options.device));
  std::vector<Fact> facts = {
      {"the version of nibble", std::string(kVersion)},
      {"the instruction set", instructions},
      {"the options", absl::StrCat(options.ctx, " ", options.chunks, " ", options.details, " ", candidates.size())},
      {"the text", options.text},
      {absl::StrCat("the files of ", reference.path), FactsOf(reference)}};
  for (const Model* candidate : candidates) {
    facts.push_back({absl::StrCat("the files of ", candidate->path), FactsOf(*candidate)});
  }
  return SameEverywhere(*options.comm, facts);
}

absl::StatusOr<VerifyReport> RunVerify(const Model& reference, const std::vector<const Model*>& candidates,
                                       const VerifyOptions& options, Progress& progress) {
  const RankClock clock(*options.comm, options.threads, options.device);
  NIBBLE_RETURN_IF_ERROR(AgreeOnJob(reference, candidates, options));
  NIBBLE_ASSIGN_OR_RETURN(Windows windows, CutWindows(reference, options.text, options.ctx, options.chunks));
  for (const Model* candidate : candidates) {
    NIBBLE_RETURN_IF_ERROR(CheckVocabulary(reference, *candidate));
    NIBBLE_RETURN_IF_ERROR(CheckShape(reference, *candidate));
  }
  const int64_t count = windows.count();
  NIBBLE_ASSIGN_OR_RETURN(auto device,
                          MakeDevice({.device = options.device, .threads = options.threads, .steady = true}));
  VerifyJob job(reference, candidates, options, *device, std::move(windows), progress);
  NIBBLE_RETURN_IF_ERROR(job.Run());
  VerifyReport report = job.Report();
  if (options.details) NIBBLE_RETURN_IF_ERROR(job.AddDetails(report));
  *report.mutable_device_use() = UseOf(*device);
  NIBBLE_ASSIGN_OR_RETURN(const std::vector<RankShare> shares, clock.Gather(job.own_windows(), 0, 0));
  report.mutable_ranks()->Assign(shares.begin(), shares.end());
  if (count < options.chunks) {
    report.add_warnings(
        absl::StrCat("the text has ", count, " windows, fewer than the ", options.chunks, " asked for"));
  }
  return report;
}

}  // namespace

absl::StatusOr<VerifyReport> Verify(const Model& reference, const std::vector<const Model*>& candidates,
                                    const VerifyOptions& options, Progress& progress) {
  const auto start = std::chrono::steady_clock::now();
  absl::StatusOr<VerifyReport> report = RunVerify(reference, candidates, options, progress);
  const absl::Status agreed = options.comm->Agree(report.status());
  if (!agreed.ok()) return AsInterrupted(*options.comm, agreed);
  report->set_seconds(std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count());
  return report;
}

}  // namespace nibble
