#include "quant/gptq/fit.h"

#include <cmath>
#include <condition_variable>
#include <cstddef>
#include <limits>
#include <mutex>
#include <random>
#include <string>
#include <thread>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "base/peers.h"
#include "device/cpu/cpu_device.h"
#include "gtest/gtest.h"
#include "quant/block/format.h"
#include "quant/gptq/gptq.h"
#include "quant/gptq/input_statistics.h"

namespace nibble {
namespace {

using Floats = std::vector<float>;
using Originals = InputStatistics::Originals;

constexpr int64_t kColumns = 128, kRows = 40, kFactors = 20;

Floats Normal(int64_t count, uint32_t seed) {
  std::mt19937 random(seed);
  std::normal_distribution<float> normal;
  Floats values(count);
  for (float& value : values) value = normal(random);
  return values;
}

// Columns that go together, in the same way for every seed.
Floats Inputs(int64_t tokens, uint32_t seed) {
  const Floats shared = Normal(kFactors * kColumns, 99), factors = Normal(tokens * kFactors, seed);
  Floats inputs = Normal(tokens * kColumns, seed + 1000);
  for (int64_t t = 0; t < tokens; ++t) {
    for (int64_t j = 0; j < kColumns; ++j) {
      for (int64_t k = 0; k < kFactors; ++k) {
        inputs[t * kColumns + j] += factors[t * kFactors + k] * shared[k * kColumns + j];
      }
    }
  }
  return inputs;
}

// What linears see: x, what it would be without quantization, and, of the hidden state that outputs are added to, the
// same difference (or nothing).
struct Seen {
  Floats x, original, state_drift = {};
};

void Add(Device& device, InputStatistics& statistics, const Seen& seen) {
  const Buffer x = *device.Allocate(seen.x.size()), original = *device.Allocate(seen.x.size());
  const Buffer drift = *device.Allocate(seen.state_drift.size());
  device.Upload(seen.x, x.data());
  device.Upload(seen.original, original.data());
  device.Upload(seen.state_drift, drift.data());
  const int64_t rows = seen.x.size() / kColumns;
  ASSERT_TRUE(statistics
                  .Add(device, x.matrix(rows, kColumns), original.matrix(rows, kColumns),
                       drift.matrix(seen.state_drift.size() / kRows, kRows))
                  .ok());
}

// Sum over tokens and rows of (w o + s - q x)^2, from the bytes alone, which are those of the weights times
// `multiplier`.
double Error(const BlockFormat& format, const Floats& weights, const std::vector<std::byte>& bytes, const Seen& seen,
             double multiplier = 1) {
  const auto& [x, original, state_drift] = seen;
  Floats decoded(weights.size());
  format.decode(bytes.data(), weights.size() / format.block_elements, decoded.data());
  double sum = 0;
  for (size_t t = 0; t < x.size() / kColumns; ++t) {
    for (int64_t r = 0; r < kRows; ++r) {
      double difference = state_drift.empty() ? 0 : multiplier * state_drift[t * kRows + r];
      for (int64_t j = 0; j < kColumns; ++j) {
        difference += static_cast<double>(weights[r * kColumns + j]) * original[t * kColumns + j] -
                      static_cast<double>(decoded[r * kColumns + j]) * x[t * kColumns + j];
      }
      sum += difference * difference;
    }
  }
  return sum;
}

// Inputs that have lost a tenth of their size on the way: what makes up for it is to scale the weights.
Seen Weakened(const Floats& original) {
  Seen seen{original, original};
  for (float& value : seen.x) value *= 0.9f;
  return seen;
}

// Outputs of these weights for every token: [T, kRows].
Floats Outputs(const Floats& weights, const Floats& x) {
  Floats outputs(x.size() / kColumns * kRows);
  for (size_t i = 0; i < outputs.size(); ++i) {
    for (int64_t j = 0; j < kColumns; ++j) {
      outputs[i] += weights[i % kRows * kColumns + j] * x[i / kRows * kColumns + j];
    }
  }
  return outputs;
}

class FitTest : public testing::Test {
 protected:
  FitFigures Fit(Originals fit_kind, Originals held_out_kind, const Seen& seen, const Seen& held_out_seen,
                 const FitOptions& options, float multiplier = 1) {
    InputStatistics fit(fit_kind), held_out(held_out_kind);
    Add(device_, fit, seen);
    if (!held_out_seen.x.empty()) Add(device_, held_out, held_out_seen);
    bytes_.assign(format_.BytesFor(weights_.size()), std::byte{0});
    Floats values = weights_;
    for (float& value : values) value *= multiplier;
    const auto figures =
        FitLinears(device_, fit, held_out, {{&format_, values, absl::MakeSpan(bytes_), multiplier}}, options);
    EXPECT_TRUE(figures.ok()) << figures.status();
    return (*figures)[0];
  }
  FitFigures Fit(const Floats& x, const Floats& held_out, const FitOptions& options) {
    return Fit(Originals::kNone, Originals::kNone, {x, x}, {held_out, held_out}, options);
  }
  FitFigures FitToOriginals(const Seen& seen, const Seen& held_out, const FitOptions& options, float multiplier = 1) {
    return Fit(Originals::kCross, Originals::kAll, seen, held_out, options, multiplier);
  }

  std::vector<std::byte> Zeros() const { return std::vector<std::byte>(bytes_.size()); }

  CpuDevice device_{2};
  BlockFormat format_ = GetFormat(Format::kQ4_0);
  const Floats weights_ = Normal(kRows * kColumns, 5);
  std::vector<std::byte> bytes_;
};

TEST_F(FitTest, FiguresAreOfTheHeldOutTokens) {
  const Floats x = Inputs(900, 1), held_out = Inputs(300, 2);
  const FitFigures figures = Fit(x, held_out, {});
  EXPECT_TRUE(figures.feedback);
  EXPECT_EQ(figures.upstream, 0);
  EXPECT_LT(figures.error, 0.6 * figures.searched);
  EXPECT_NEAR(figures.error, Error(format_, weights_, bytes_, {held_out, held_out}), 1e-3 * figures.error);
}

TEST_F(FitTest, MakesUpForWhatInputsHaveLost) {
  const Seen seen = Weakened(Inputs(900, 1)), held_out = Weakened(Inputs(300, 2));
  const FitFigures plain = FitToOriginals(seen, held_out, {.upstream = 0});
  EXPECT_EQ(plain.upstream, 0);
  EXPECT_NEAR(plain.error, Error(format_, weights_, bytes_, held_out), 1e-2 * plain.error);
  const FitFigures whole = FitToOriginals(seen, held_out, {.upstream = 1});
  EXPECT_NEAR(whole.upstream, 1, 1e-3);
  EXPECT_LT(whole.error, 0.3 * plain.error);
  EXPECT_NEAR(whole.error, Error(format_, weights_, bytes_, held_out), 1e-2 * whole.error);
  const FitFigures half = FitToOriginals(seen, held_out, {});
  EXPECT_NEAR(half.upstream, 0.5, 1e-3);
  EXPECT_LT(half.error, 0.5 * plain.error);
}

// The hidden state lacks what half as large weights again would add to it.
TEST_F(FitTest, MakesUpForWhatTheHiddenStateHasLost) {
  const auto lacking = [&](const Floats& x) {
    Seen seen{x, x, Outputs(weights_, x)};
    for (float& value : seen.state_drift) value /= 2;
    return seen;
  };
  const Seen seen = lacking(Inputs(900, 1)), held_out = lacking(Inputs(300, 2));
  const FitFigures plain = FitToOriginals(seen, held_out, {.upstream = 0});
  const FitFigures figures = FitToOriginals(seen, held_out, {.upstream = 1});
  EXPECT_NEAR(figures.upstream, 1, 0.05);
  EXPECT_LT(figures.error, 0.1 * plain.error);
  EXPECT_NEAR(figures.error, Error(format_, weights_, bytes_, held_out), 1e-2 * figures.error);
  // The same for weights that the file has a multiple of.
  const FitFigures tripled = FitToOriginals(seen, held_out, {.upstream = 1}, 3);
  EXPECT_NEAR(tripled.upstream, 1, 0.05);
  EXPECT_LT(tripled.error, 0.1 * 9 * plain.error);
  Floats values = weights_;
  for (float& value : values) value *= 3;
  EXPECT_NEAR(tripled.error, Error(format_, values, bytes_, held_out, 3), 1e-2 * tripled.error);
}

// What has nothing to do with the inputs cannot be made up for, whatever the fitted tokens say.
TEST_F(FitTest, LeavesWhatIsNoiseToHeldOutTokens) {
  const Floats x = Inputs(150, 1), held_out = Inputs(2000, 2);
  const FitFigures figures =
      FitToOriginals({x, x, Normal(150 * kRows, 3)}, {held_out, held_out, Normal(2000 * kRows, 4)}, {.upstream = 1});
  EXPECT_LT(figures.upstream, 0.15);
}

// Eight bits have no codes to choose, and lose little themselves.
TEST_F(FitTest, EightBitsMakeUpForWhatInputsHaveLost) {
  format_ = GetFormat(Format::kQ8_0);
  const Seen seen = Weakened(Inputs(900, 1)), held_out = Weakened(Inputs(300, 2));
  const FitFigures figures = FitToOriginals(seen, held_out, {.upstream = 1});
  EXPECT_FALSE(figures.feedback);
  EXPECT_NEAR(figures.upstream, 1, 1e-3);
  EXPECT_LT(figures.error, 0.1 * figures.searched);
  EXPECT_NEAR(figures.error, Error(format_, weights_, bytes_, held_out), 1e-2 * figures.error);
  const FitFigures searched = FitToOriginals(seen, held_out, {.feedback = false, .upstream = 1});
  EXPECT_EQ(searched.upstream, 0);
  EXPECT_EQ(searched.error, searched.searched);
}

// Every eighth column's inputs are ten times as large.
TEST_F(FitTest, ColumnsThatMeetLargeInputsAreScaledUp) {
  const auto uneven = [](int64_t tokens, uint32_t seed) {
    Floats x = Normal(tokens * kColumns, seed);
    for (int64_t i = 0; i < tokens * kColumns; i += 8) x[i] *= 10;
    return x;
  };
  const Floats x = uneven(900, 1), held_out = uneven(300, 2);
  const FitFigures plain = Fit(x, held_out, {});
  EXPECT_TRUE(plain.column_scales.empty());
  const FitFigures scaled = Fit(x, held_out, {.scale_columns = true});
  ASSERT_EQ(scaled.column_scales.size(), kColumns);
  EXPECT_LT(scaled.error, 0.9 * plain.error);
  EXPECT_NEAR(scaled.searched, plain.searched, 1e-6 * plain.searched);
  for (int64_t j = 0; j < kColumns; ++j) {
    EXPECT_LE(scaled.column_scales[j], kMostColumnScale);
    EXPECT_GE(scaled.column_scales[j], 1 / kMostColumnScale);
    EXPECT_GT(scaled.column_scales[0], 1.5f * scaled.column_scales[j % 8 == 0 ? j + 1 : j]);
  }
  // The bytes are of the weights times the scales: inputs over the scales give the outputs.
  Floats divided = held_out, multiplied = weights_;
  for (size_t i = 0; i < divided.size(); ++i) divided[i] /= scaled.column_scales[i % kColumns];
  for (size_t i = 0; i < multiplied.size(); ++i) multiplied[i] *= scaled.column_scales[i % kColumns];
  EXPECT_NEAR(scaled.error, Error(format_, multiplied, bytes_, {divided, divided}), 1e-3 * scaled.error);
}

TEST_F(FitTest, ColumnsAreLeftWhereTheyAreAlike) {
  const Floats x = Normal(900 * kColumns, 1), held_out = Normal(300 * kColumns, 2);
  EXPECT_TRUE(Fit(x, held_out, {.scale_columns = true}).column_scales.empty());
}

// Statistics of other inputs than those that judge: feedback would do harm, and the search stands.
TEST_F(FitTest, TheSearchStandsWhereFeedbackDoesHarm) {
  const Floats held_out = Normal(300 * kColumns, 7);
  Floats x = Inputs(30, 1);
  for (float& value : x) value *= 1000;
  const FitFigures figures = Fit(x, held_out, {.dampings = {1e-6}});
  EXPECT_FALSE(figures.feedback);
  EXPECT_EQ(figures.error, figures.searched);
}

TEST_F(FitTest, WithoutTokensThatJudgeTheSearchStands) {
  const Floats x = Inputs(300, 1);
  const FitFigures figures = Fit(x, {}, {});
  EXPECT_FALSE(figures.feedback);
  EXPECT_EQ(figures.fallback, "held-out tokens: expected some that reach the linear, found none");
  std::vector<std::byte> searched(bytes_.size());
  Floats squares(kColumns);
  for (size_t i = 0; i < x.size(); ++i) squares[i % kColumns] += x[i] * x[i];
  ASSERT_TRUE(EncodeSearched(device_, format_, squares, kColumns, weights_, absl::MakeSpan(searched)).ok());
  size_t same = 0;
  for (size_t i = 0; i < searched.size(); ++i) same += searched[i] == bytes_[i];
  EXPECT_GT(same, searched.size() * 99 / 100);  // the sums of squares differ in their last bits
}

// The first damping stays unless another is clearly better: with hardly more tokens than columns a small one is much
// worse, with many tokens a large one is.
TEST_F(FitTest, DampingIsChosen) {
  const Floats few = Inputs(100, 1), many = Inputs(3000, 3), held_out = Inputs(500, 2);
  const auto chosen = [&](const Floats& x, std::vector<double> dampings) {
    return Fit(x, held_out, {.dampings = dampings});
  };
  EXPECT_FLOAT_EQ(chosen(few, {0.05, 1e-5}).damping, 0.05);
  EXPECT_FLOAT_EQ(chosen(few, {1e-5, 0.05}).damping, 0.05);
  EXPECT_FLOAT_EQ(chosen(many, {20, 0.01}).damping, 0.01);
  EXPECT_FLOAT_EQ(chosen(many, {0.0101, 0.01}).damping, 0.0101);
  EXPECT_LT(chosen(few, {0.05}).error, chosen(few, {1e-5}).error);
}

// An expert without a token of its own has the prior's inputs.
TEST_F(FitTest, PriorsCountAsSoManyTokens) {
  const Floats x = Inputs(300, 1);
  InputStatistics layer, expert;
  Add(device_, layer, {x, x});
  ASSERT_TRUE(expert.AddPrior(device_, layer, 150).ok());
  EXPECT_EQ(expert.tokens(), 0);
  ASSERT_EQ(expert.size(), kColumns);
  Floats of_layer(kColumns * kColumns), of_expert(of_layer.size());
  ASSERT_TRUE(device_.Download(layer.gram().data, absl::MakeSpan(of_layer)).ok());
  ASSERT_TRUE(device_.Download(expert.gram().data, absl::MakeSpan(of_expert)).ok());
  for (size_t i = 0; i < of_layer.size(); ++i) EXPECT_FLOAT_EQ(of_expert[i], 0.5f * of_layer[i]);
}

// Statistics that are of no use: the search stands, the figures say why, and what is written is near the weights.
TEST_F(FitTest, StatisticsOfNoUseAreToldOf) {
  const Floats good = Inputs(300, 1);
  const auto with = [&](size_t at, float value) {
    Floats x = good;
    x[at] = value;
    return x;
  };
  const auto times = [&](float factor) {
    Floats x = good;
    for (float& value : x) value *= factor;
    return x;
  };
  constexpr float kInfinity = std::numeric_limits<float>::infinity(), kNaN = std::numeric_limits<float>::quiet_NaN();
  const struct {
    const char* name;
    Floats x, held_out;
    const char* fallback;
  } cases[] = {
      {"an infinity", with(5, kInfinity), good, "gram of a linear's inputs: expected finite numbers, found "},
      {"no number", with(5, kNaN), good, "gram of a linear's inputs: expected finite numbers, found "},
      {"enormous", times(1e25f), good, "gram of a linear's inputs: expected finite numbers, found "},
      {"zeros", Floats(good.size()), good, "gram of a linear's inputs: expected inputs that are not all zero"},
      {"no number among what judges", good, with(5, kNaN), "outputs on held-out tokens: expected finite numbers"},
      {"enormous among what judges", good, times(1e25f), "outputs on held-out tokens: expected finite numbers"},
  };
  for (const auto& c : cases) {
    for (const bool feedback : {false, true}) {
      SCOPED_TRACE(c.name);
      const FitFigures figures = Fit(c.x, c.held_out, {.feedback = feedback});
      EXPECT_FALSE(figures.feedback);
      EXPECT_EQ(figures.fallback.rfind(c.fallback, 0), 0) << figures.fallback;
      EXPECT_LT(Error(format_, weights_, bytes_, {good, good}), 0.02 * Error(format_, weights_, Zeros(), {good, good}));
    }
  }
}

// What is odd but of use: nothing falls back, and feedback does no harm.
TEST_F(FitTest, OddStatisticsAreUsed) {
  Floats one_token(Inputs(1, 1)), constant(300 * kColumns, 1.0f), huge = Inputs(300, 1), tiny = huge;
  Floats repeated;  // rank 1, 300 times
  for (int t = 0; t < 300; ++t) repeated.insert(repeated.end(), one_token.begin(), one_token.end());
  for (float& value : huge) value *= 1e15f;
  for (float& value : tiny) value *= 1e-15f;
  for (const Floats& x : {one_token, constant, huge, tiny, repeated}) {
    const FitFigures figures = Fit(x, x, {});
    EXPECT_EQ(figures.fallback, "");
    EXPECT_LE(figures.error, figures.searched);
    EXPECT_TRUE(std::isfinite(figures.error));
  }
}

// Peers that are threads.
class Meeting {
 public:
  explicit Meeting(int count) : count_(count), all_(count) {}

  std::vector<std::string> Meet(int place, const std::string& mine) {
    std::unique_lock<std::mutex> lock(mutex_);
    all_[place] = mine;
    const int meeting = meetings_;
    if (++arrived_ == count_) {
      arrived_ = 0;
      ++meetings_;
      found_ = all_;
      changed_.notify_all();
    }
    changed_.wait(lock, [&] { return meetings_ != meeting; });
    return found_;  // as it is until all have come again
  }

 private:
  const int count_;
  std::mutex mutex_;
  std::condition_variable changed_;
  int arrived_ = 0, meetings_ = 0;
  std::vector<std::string> all_, found_;
};

class ThreadPeers : public Peers {
 public:
  ThreadPeers(Meeting& meeting, int count, int place) : meeting_(meeting), count_(count), place_(place) {}

  int count() const override { return count_; }
  int place() const override { return place_; }
  absl::StatusOr<std::vector<std::string>> AllGather(const std::string& mine) override {
    return meeting_.Meet(place_, mine);
  }
  absl::StatusOr<std::vector<std::string>> AllToAll(absl::Span<const absl::Span<const char>> /*parts*/) override {
    return absl::UnimplementedError("not asked for");
  }

 private:
  Meeting& meeting_;
  const int count_, place_;
};

struct TwoLinears {
  std::vector<std::byte> first, second;
  std::vector<FitFigures> figures;
};

// Of some two hundred rows and of some; on statistics of x alone.
TwoLinears FitTwo(const Floats& x, const Floats& held_out_x, bool feedback, Peers* peers) {
  CpuDevice device(1, /*steady=*/true);
  InputStatistics fit, held_out;
  Add(device, fit, {x, x});
  if (!held_out_x.empty()) Add(device, held_out, {held_out_x, held_out_x});
  const Floats many = Normal(210 * kColumns, 5), some = Normal(70 * kColumns, 6);
  const BlockFormat &four = GetFormat(Format::kQ4_0), &mx = GetFormat(Format::kMXFP4);
  TwoLinears made;
  made.first.resize(four.BytesFor(many.size()));
  made.second.resize(mx.BytesFor(some.size()));
  const auto figures = FitLinears(device, fit, held_out,
                                  {{&four, many, absl::MakeSpan(made.first)}, {&mx, some, absl::MakeSpan(made.second)}},
                                  {.feedback = feedback, .peers = peers});
  EXPECT_TRUE(figures.ok()) << figures.status();
  made.figures = *figures;
  return made;
}

TEST(SharedFitTest, PeersMakeTheBytesAndFiguresOfOne) {
  const Floats good = Inputs(300, 1), held_out = Inputs(100, 2);
  struct Case {
    Floats held_out;
    bool feedback;
  };
  for (const Case& c : {Case{held_out, true}, Case{held_out, false}, Case{{}, true}}) {
    const TwoLinears alone = FitTwo(good, c.held_out, c.feedback, nullptr);
    EXPECT_EQ(alone.figures[0].feedback, c.feedback && !c.held_out.empty());
    for (const int count : {2, 3, 7}) {
      Meeting meeting(count);
      std::vector<TwoLinears> made(count);
      std::vector<std::thread> threads;
      for (int place = 0; place < count; ++place) {
        threads.emplace_back([&, place] {
          ThreadPeers peers(meeting, count, place);
          made[place] = FitTwo(good, c.held_out, c.feedback, &peers);
        });
      }
      for (std::thread& thread : threads) thread.join();
      for (const TwoLinears& its : made) {
        EXPECT_EQ(its.first, alone.first);
        EXPECT_EQ(its.second, alone.second);
        for (int i = 0; i < 2; ++i) {
          EXPECT_EQ(its.figures[i].error, alone.figures[i].error);
          EXPECT_EQ(its.figures[i].searched, alone.figures[i].searched);
          EXPECT_EQ(its.figures[i].outputs, alone.figures[i].outputs);
          EXPECT_EQ(its.figures[i].fallback, alone.figures[i].fallback);
        }
      }
    }
  }
}

}  // namespace
}  // namespace nibble
