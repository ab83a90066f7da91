// The whole job on random models, against the slow forward pass.
#include "pipeline/verify/verify.h"

#include <algorithm>
#include <cmath>
#include <numeric>
#include <string>
#include <utility>
#include <vector>

#include "base/status.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "pipeline/comm/comm.h"
#include "pipeline/comm/thread_ranks.h"
#include "pipeline/no_progress.h"
#include "pipeline/source/byte_vocabulary.h"
#include "pipeline/transform/transform.h"
#include "runtime/random_model.h"
#include "runtime/slow_forward.h"

namespace nibble {
namespace {

using ::testing::HasSubstr;

constexpr int kCtx = 16;
constexpr int kWindows = 3;
constexpr int kFirstScored = 8;
const char kText[] =
    "The_quick_brown_fox_jumps_over_the_lazy_dog.";  // 44 bytes, no space: SentencePiece writes it as three

class RecordedProgress : public Progress {
 public:
  void Update(const ProgressUpdate& update) override { updates.push_back(update); }
  void Warn(const std::string&) override {}
  std::vector<ProgressUpdate> updates;
};

RandomModel ByteModel(RandomModelOptions options) {
  options.vocab_size = kByteVocabularySize;
  RandomModel random = MakeRandomModel(options);
  random.model.vocabulary = MakeByteVocabulary();
  return random;
}

std::string Text() { return std::string(kText) + kText; }  // BOS and 88 bytes

VerifyReport RunVerify(const Model& reference, const std::vector<const Model*>& candidates, int threads = 2,
                       uint64_t memory = 0) {
  RecordedProgress progress;
  absl::StatusOr<VerifyReport> report =
      Verify(reference, candidates,
             {.text = Text(), .ctx = kCtx, .chunks = kWindows, .threads = threads, .memory = memory}, progress);
  EXPECT_TRUE(report.ok()) << report.status();
  EXPECT_FALSE(progress.updates.empty());
  for (size_t i = 0; i < progress.updates.size(); ++i) {
    EXPECT_LE(progress.updates[i].done, progress.updates[i].total);
    EXPECT_GE(progress.updates[i].done, progress.updates[std::max<size_t>(i, 1) - 1].done);
  }
  report->set_seconds(0);
  report->clear_device_use();
  return *report;
}

// One window of a model, slowly: log-probabilities of the scored positions, and the hidden states.
struct SlowWindow {
  std::vector<std::vector<double>> log_probabilities;
  std::vector<uint32_t> targets;
  SlowForward forward;
};

std::vector<SlowWindow> RunWindowsSlowly(const RandomModel& random) {
  std::vector<SlowWindow> windows;
  for (int window = 0; window < kWindows; ++window) {
    std::vector<uint32_t> ids = {kBos};
    for (int i = 1; i < kCtx; ++i) ids.push_back(ByteId(Text()[window * kCtx + i - 1]));
    SlowWindow slow{.log_probabilities = {}, .targets = {}, .forward = RunSlowly(random, ids)};
    for (int position = kFirstScored; position < kCtx - 1; ++position) {
      const auto logits = slow.forward.logits.begin() + position * kByteVocabularySize;
      std::vector<double>& row = slow.log_probabilities.emplace_back(logits, logits + kByteVocabularySize);
      double sum = 0;
      for (double logit : row) sum += std::exp(logit);
      for (double& logit : row) logit -= std::log(sum);
      slow.targets.push_back(ids[position + 1]);
    }
    windows.push_back(std::move(slow));
  }
  return windows;
}

// A rotated residual stream has the same outputs and other hidden states, which are compared as the reference has them.
TEST(VerifyTest, HiddenStatesAreComparedInTheReferencesBasis) {
  const RandomModel random = ByteModel({});
  std::vector<std::string> notes;
  const Model rotated = *FoldTransform(random.model, {.name = "hadamard"}, nullptr, {}, notes);
  const auto expect_same = [](const Model& reference, const Model& candidate) {
    const VerifyReport report = RunVerify(reference, {&candidate});
    EXPECT_LT(report.candidates(0).kld().mean(), 1e-8);
    for (const LayerError& layer : report.candidates(0).layers()) {
      EXPECT_LT(layer.relative_error(), 1e-5);
      EXPECT_GT(layer.cosine(), 1 - 1e-8);
    }
  };
  expect_same(random.model, rotated);
  expect_same(rotated, random.model);
  expect_same(rotated, rotated);
}

// To the last digit, however windows are divided among ranks or cut by the memory that there is.
TEST(VerifyTest, RanksFindWhatOneProcessFinds) {
  const RandomModel reference = ByteModel({.seed = 1}), candidate = ByteModel({.seed = 2});
  const std::string expected = RunVerify(reference.model, {&candidate.model}).SerializeAsString();
  for (const int ranks : {1, 2, 3, 5}) {
    for (const uint64_t memory : {uint64_t{1}, uint64_t{1} << 30}) {
      std::vector<VerifyReport> reports(ranks);
      const auto outcomes = RunRanks(ranks, [&](Comm& comm) -> absl::Status {
        RecordedProgress progress;
        NIBBLE_ASSIGN_OR_RETURN(
            VerifyReport report,
            Verify(reference.model, {&candidate.model},
                   {.text = Text(), .ctx = kCtx, .chunks = kWindows, .threads = 1, .memory = memory, .comm = &comm},
                   progress));
        EXPECT_EQ(report.ranks_size(), ranks == 1 ? 0 : ranks);
        report.set_seconds(0);
        report.clear_device_use();
        report.clear_ranks();
        reports[comm.rank()] = report;
        return absl::OkStatus();
      });
      EXPECT_THAT(outcomes, testing::Each(absl::OkStatus()));
      for (const VerifyReport& report : reports) EXPECT_EQ(report.SerializeAsString(), expected) << ranks;
    }
  }
}

TEST(VerifyTest, RanksWithOtherTextsStop) {
  const RandomModel reference = ByteModel({.seed = 1});
  const auto outcomes = RunRanks(2, [&](Comm& comm) {
    RecordedProgress progress;
    const std::string text = comm.rank() == 0 ? Text() : Text() + Text();
    return Verify(reference.model, {&reference.model}, {.text = text, .ctx = kCtx, .threads = 1, .comm = &comm},
                  progress)
        .status();
  });
  for (const absl::Status& outcome : outcomes) {
    EXPECT_TRUE(absl::IsInvalidArgument(outcome)) << outcome;
    EXPECT_THAT(std::string(outcome.message()), HasSubstr("rank 1 on thread-1: expected the text that rank 0"));
  }
}

TEST(VerifyTest, AgreesWithTheSlowForwardPass) {
  const RandomModel reference = ByteModel({.seed = 1}), candidate = ByteModel({.seed = 2});
  const VerifyReport report = RunVerify(reference.model, {&candidate.model});

  const std::vector<SlowWindow> r = RunWindowsSlowly(reference), c = RunWindowsSlowly(candidate);
  double divergence = 0, surprise_r = 0, surprise_c = 0, same = 0;
  int64_t positions = 0;
  std::vector<double> error(2), norm(2), of_windows;
  for (int window = 0; window < kWindows; ++window) {
    for (size_t i = 0; i < r[window].targets.size(); ++i, ++positions) {
      const std::vector<double>&p = r[window].log_probabilities[i], &q = c[window].log_probabilities[i];
      for (size_t id = 0; id < p.size(); ++id) divergence += std::exp(p[id]) * (p[id] - q[id]);
      surprise_r -= p[r[window].targets[i]];
      surprise_c -= q[r[window].targets[i]];
      same += std::max_element(p.begin(), p.end()) - p.begin() == std::max_element(q.begin(), q.end()) - q.begin();
    }
    of_windows.push_back(divergence - std::accumulate(of_windows.begin(), of_windows.end(), 0.0));
    for (int layer : {0, 1}) {
      const std::vector<double>&a = r[window].forward.hidden[layer + 1], &b = c[window].forward.hidden[layer + 1];
      for (size_t i = 0; i < a.size(); ++i) {
        error[layer] += (b[i] - a[i]) * (b[i] - a[i]);
        norm[layer] += a[i] * a[i];
      }
    }
  }
  EXPECT_EQ(report.tokens(), positions);
  EXPECT_NEAR(report.ppl_reference() / std::exp(surprise_r / positions), 1, 1e-5);
  const Candidate& figures = report.candidates(0);
  EXPECT_EQ(figures.path(), "random 2");
  EXPECT_NEAR(figures.ppl() / std::exp(surprise_c / positions), 1, 1e-5);
  EXPECT_NEAR(figures.kld().mean() / (divergence / positions), 1, 1e-5);
  EXPECT_NEAR(figures.top1(), same / positions, 1e-9);
  ASSERT_EQ(figures.kld_windows_size(), kWindows);
  for (int window = 0; window < kWindows; ++window) {
    EXPECT_NEAR(figures.kld_windows(window) / (of_windows[window] * kWindows / positions), 1, 1e-5);
  }
  ASSERT_EQ(figures.layers_size(), 2);
  for (int layer : {0, 1}) {
    EXPECT_EQ(figures.layers(layer).layer(), layer);
    EXPECT_NEAR(figures.layers(layer).relative_error(), std::sqrt(error[layer] / norm[layer]), 1e-5);
  }
}

TEST(VerifyTest, AModelIsNoDistanceFromItself) {
  const RandomModel model = ByteModel({});
  const VerifyReport report = RunVerify(model.model, {&model.model});
  const Candidate& figures = report.candidates(0);
  EXPECT_EQ(figures.kld().max(), 0);
  EXPECT_EQ(figures.ppl(), report.ppl_reference());
  EXPECT_EQ(figures.top1(), 1);
  EXPECT_EQ(figures.delta_p_rms(), 0);
  EXPECT_NEAR(figures.ln_ppl_correlation(), 1, 1e-12);
  EXPECT_EQ(figures.bytes(), report.reference_bytes());
  for (const LayerError& layer : figures.layers()) {
    EXPECT_EQ(layer.relative_error(), 0);
    EXPECT_NEAR(layer.cosine(), 1, 1e-12);
  }
}

TEST(VerifyTest, SeveralCandidatesInOnePassAsOneByOne) {
  const RandomModel reference = ByteModel({.seed = 1}), a = ByteModel({.seed = 2}), b = ByteModel({.seed = 3});
  const VerifyReport both = RunVerify(reference.model, {&a.model, &b.model});
  EXPECT_EQ(both.candidates(0).SerializeAsString(),
            RunVerify(reference.model, {&a.model}).candidates(0).SerializeAsString());
  EXPECT_EQ(both.candidates(1).SerializeAsString(),
            RunVerify(reference.model, {&b.model}).candidates(0).SerializeAsString());
}

TEST(VerifyTest, TellsWhatItsDeviceDid) {
  const RandomModel reference = ByteModel({.seed = 1}), candidate = ByteModel({.seed = 2});
  RecordedProgress progress;
  const absl::StatusOr<VerifyReport> report =
      Verify(reference.model, {&candidate.model},
             {.text = Text(), .ctx = kCtx, .chunks = kWindows, .threads = 1, .details = true}, progress);
  ASSERT_TRUE(report.ok()) << report.status();
  EXPECT_EQ(report->device_use().device(), "cpu");
  double seconds = 0;
  std::vector<std::string> names;
  for (const DeviceStage& stage : report->device_use().stages()) {
    names.push_back(stage.stage());
    seconds += stage.seconds();
    EXPECT_LE(stage.busy_seconds(), stage.seconds()) << stage.stage();
    EXPECT_EQ(stage.flops() > 0, stage.stage() == "attention" || stage.stage() == "feed-forward" ||
                                     stage.stage() == "predict" || stage.stage() == "details")
        << stage.stage();
    // Every position that is scored, by both models.
    if (stage.stage() == "predict") {
      const double positions = kWindows * (kCtx - 1 - kFirstScored), width = reference.model.spec.hidden_size();
      EXPECT_EQ(stage.flops(), 2 * positions * 2 * width * kByteVocabularySize);
    }
  }
  EXPECT_THAT(names, testing::ElementsAre("other", "embed", "load", "attention", "feed-forward", "compare", "predict",
                                          "details"));
  EXPECT_LE(seconds, report->seconds());
  ASSERT_FALSE(progress.updates.empty());
  ASSERT_TRUE(progress.updates[0].device.has_value());
  EXPECT_EQ(progress.updates[0].device->name, "cpu");
}

TEST(VerifyTest, TheSameForAnyNumberOfThreads) {
  const RandomModel reference = ByteModel({.seed = 1}), candidate = ByteModel({.seed = 2});
  const std::string one = RunVerify(reference.model, {&candidate.model}, 1).SerializeAsString();
  for (int threads : {2, 3})
    EXPECT_EQ(RunVerify(reference.model, {&candidate.model}, threads).SerializeAsString(), one);
}

// With next to no memory the windows go one at a time.
TEST(VerifyTest, MemoryDoesNotChangeTheFigures) {
  const RandomModel reference = ByteModel({.seed = 1}), candidate = ByteModel({.seed = 2});
  const VerifyReport plenty = RunVerify(reference.model, {&candidate.model});
  const VerifyReport little = RunVerify(reference.model, {&candidate.model}, 2, 1);
  EXPECT_EQ(little.tokens(), plenty.tokens());
  EXPECT_NEAR(little.candidates(0).kld().mean(), plenty.candidates(0).kld().mean(), 1e-5);
  EXPECT_NEAR(little.candidates(0).ppl() / plenty.candidates(0).ppl(), 1, 1e-5);
  EXPECT_NEAR(little.candidates(0).layers(1).cosine(), plenty.candidates(0).layers(1).cosine(), 1e-6);
}

VerifyReport RunWithDetails(const Model& reference, const Model& candidate, int threads = 2, uint64_t memory = 0) {
  NoProgress progress;
  return *Verify(
      reference, {&candidate},
      {.text = Text(), .ctx = kCtx, .chunks = kWindows, .threads = threads, .memory = memory, .details = true},
      progress);
}

TEST(VerifyTest, TheWorstTokensAreThoseOfTheLargestDivergence) {
  const RandomModel reference = ByteModel({.seed = 1}), candidate = ByteModel({.seed = 2});
  const std::vector<SlowWindow> r = RunWindowsSlowly(reference), c = RunWindowsSlowly(candidate);
  struct Slow {
    double divergence = 0;
    int window = 0, position = 0;
  };
  std::vector<Slow> all;
  for (int window = 0; window < kWindows; ++window) {
    for (size_t i = 0; i < r[window].targets.size(); ++i) {
      Slow& slow = all.emplace_back(Slow{0, window, static_cast<int>(kFirstScored + i)});
      const std::vector<double>&p = r[window].log_probabilities[i], &q = c[window].log_probabilities[i];
      for (size_t id = 0; id < p.size(); ++id) slow.divergence += std::exp(p[id]) * (p[id] - q[id]);
    }
  }
  std::sort(all.begin(), all.end(), [](const Slow& a, const Slow& b) { return a.divergence > b.divergence; });

  const VerifyReport report = RunWithDetails(reference.model, candidate.model);
  const Candidate& figures = report.candidates(0);
  ASSERT_EQ(figures.worst_tokens_size(), 12);
  EXPECT_EQ(figures.worst_tokens(0).kld(), figures.kld().max());
  for (int i = 0; i < figures.worst_tokens_size(); ++i) {
    const WorstToken& token = figures.worst_tokens(i);
    EXPECT_EQ(token.window(), all[i].window);
    EXPECT_EQ(token.position(), all[i].position);
    EXPECT_NEAR(token.kld() / all[i].divergence, 1, 1e-4);
    const size_t at = token.window() * kCtx + token.position();  // in the text: BOS stands for one byte
    const std::string text = Text();
    EXPECT_THAT(token.before(), testing::EndsWith(text.substr(at - 4, 4)));
    EXPECT_EQ(token.actual(), text.substr(at, 1));
    EXPECT_EQ(token.after(), text.substr(at + 1, std::min<size_t>(8, (token.window() + 1) * kCtx - 2 - at)));
    const auto expect_choices = [&](const std::vector<double>& log_probabilities, const auto& choices, double actual) {
      const auto best = std::max_element(log_probabilities.begin(), log_probabilities.end());
      ASSERT_EQ(choices.size(), 3);
      EXPECT_NEAR(choices[0].p(), std::exp(*best), 1e-5);
      EXPECT_GE(choices[0].p(), choices[1].p());
      EXPECT_NEAR(actual, std::exp(log_probabilities[ByteId(text[at])]), 1e-5);
    };
    const size_t scored = token.position() - kFirstScored;
    expect_choices(r[token.window()].log_probabilities[scored], token.reference_choices(), token.reference_p());
    expect_choices(c[token.window()].log_probabilities[scored], token.candidate_choices(), token.candidate_p());
  }
}

TEST(VerifyTest, DetailsDependNeitherOnThreadsNorOnMemory) {
  const RandomModel reference = ByteModel({.seed = 1}), candidate = ByteModel({.seed = 2});
  VerifyReport plenty = RunWithDetails(reference.model, candidate.model);
  VerifyReport other = RunWithDetails(reference.model, candidate.model, 3);
  for (VerifyReport* report : {&plenty, &other}) {
    report->clear_seconds();
    report->clear_device_use();
  }
  EXPECT_EQ(other.SerializeAsString(), plenty.SerializeAsString());
  const VerifyReport little = RunWithDetails(reference.model, candidate.model, 2, 1);
  for (int i = 0; i < plenty.candidates(0).worst_tokens_size(); ++i) {
    const WorstToken &a = plenty.candidates(0).worst_tokens(i), &b = little.candidates(0).worst_tokens(i);
    EXPECT_EQ(a.window(), b.window());
    EXPECT_EQ(a.position(), b.position());
    EXPECT_EQ(a.before(), b.before());
  }
}

TEST(VerifyTest, MemoryIsThatOfTheTensorsAndTheContext) {
  const RandomModel model = ByteModel({});
  const VerifyReport report = RunVerify(model.model, {&model.model});
  EXPECT_EQ(report.windows(), kWindows);
  EXPECT_EQ(report.window_tokens(), kCtx);
  EXPECT_GT(report.cache_bytes(), 0);
  const Candidate& figures = report.candidates(0);
  EXPECT_EQ(figures.memory_bytes(), figures.bytes() + report.cache_bytes() + report.buffer_bytes());
  EXPECT_EQ(figures.tensors_size(), 0) << "not asked for";
  EXPECT_EQ(figures.worst_tokens_size(), 0);
}

TEST(VerifyTest, FewerWindowsThanAskedForIsAWarning) {
  const RandomModel model = ByteModel({});
  RecordedProgress progress;
  const VerifyReport report =
      *Verify(model.model, {&model.model}, {.text = Text(), .ctx = kCtx, .chunks = 9}, progress);
  EXPECT_EQ(report.tokens(), 5 * 7);
  ASSERT_EQ(report.warnings_size(), 1);
  EXPECT_THAT(report.warnings(0), HasSubstr("5 windows, fewer than the 9"));
}

TEST(VerifyTest, CandidatesThatCannotBeCompared) {
  const RandomModel reference = ByteModel({});
  RandomModel other_size = ByteModel({}), other_token = ByteModel({}), fewer_tokens = ByteModel({});
  RandomModel deeper = ByteModel({.layers = 3}), wider = ByteModel({.hidden_size = 64});
  RandomModel broken = ByteModel({});
  other_size.model.spec.set_vocab_size(300);
  other_token.model.vocabulary->tokens[7] = "x";
  fewer_tokens.model.vocabulary->tokens.pop_back();
  broken.model.spec.mutable_norm()->set_epsilon(-1e9);  // the root of a negative number
  struct Row {
    const Model* model;
    const char* message;
  };
  for (const Row& row : {Row{&other_size.model, "vocabulary of 259, found 300"},
                         {&other_token.model, "token 7: expected the reference's '<0x04>', found 'x'"},
                         {&fewer_tokens.model, "259 tokens, found 258"},
                         {&deeper.model, "2 layers of width 32, found 3 layers of width 32"},
                         {&wider.model, "found 2 layers of width 64"},
                         {&broken.model, "window 0, position 8: expected a finite log-likelihood"}}) {
    RecordedProgress progress;
    const absl::Status status =
        Verify(reference.model, {&reference.model, row.model}, {.text = Text(), .ctx = kCtx}, progress).status();
    EXPECT_EQ(status.code(), absl::StatusCode::kDataLoss) << status;
    EXPECT_THAT(std::string(status.message()), HasSubstr(row.message));
  }
}

}  // namespace
}  // namespace nibble
