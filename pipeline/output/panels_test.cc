#include "pipeline/output/panels.h"

#include <algorithm>
#include <chrono>
#include <deque>
#include <numeric>
#include <set>
#include <tuple>
#include <vector>

#include "gtest/gtest.h"
#include "model/model.h"
#include "model/tensor_list.h"
#include "pipeline/output/plan.h"
#include "quant/block/format.h"

namespace nibble {
namespace {

// A plan of tensors without values.
class PlanOfShapes {
 public:
  void Add(int64_t slices, int64_t rows, int64_t cols, Format format) {
    std::vector<LogicalTensor>& tensor = slices_.emplace_back(slices);
    for (LogicalTensor& slice : tensor) {
      slice.rows = rows;
      slice.cols = cols;
      slice.recipe = Constants();  // of no tensor
    }
    OutputTensor& output = plan_.tensors.emplace_back();
    output.place = plan_.tensors.size() - 1;
    output.slices = tensor;
    output.format = format;
  }

  const OutputPlan& plan() const { return plan_; }

 private:
  std::deque<std::vector<LogicalTensor>> slices_;
  OutputPlan plan_;
};

// Kimi K2 as config.json has it: 61 layers, the first dense, 384 experts.
PlanOfShapes KimiK2() {
  constexpr int64_t kHidden = 7168, kHeads = 64, kQueryRank = 1536, kKeyRank = 512, kNope = 128, kRope = 64,
                    kValues = 128, kVocabulary = 163840, kDense = 18432, kExpert = 2048, kExperts = 384;
  PlanOfShapes plan;
  plan.Add(1, kVocabulary, kHidden, Format::kQ8_0);
  for (int layer = 0; layer < 61; ++layer) {
    plan.Add(1, 1, kHidden, Format::kF32);
    plan.Add(1, kQueryRank, kHidden, Format::kQ4_K);
    plan.Add(1, kHeads * (kNope + kRope), kQueryRank, Format::kQ4_K);
    plan.Add(1, kKeyRank + kRope, kHidden, Format::kQ4_K);
    plan.Add(kHeads, kNope, kKeyRank, Format::kQ4_0);
    plan.Add(kHeads, kValues, kKeyRank, Format::kQ4_0);
    plan.Add(1, kHidden, kHeads * kValues, Format::kQ4_K);
    if (layer == 0) {
      plan.Add(1, kDense, kHidden, Format::kQ4_K);
      plan.Add(1, kDense, kHidden, Format::kQ4_K);
      plan.Add(1, kHidden, kDense, Format::kQ6_K);
      continue;
    }
    plan.Add(1, kExperts, kHidden, Format::kF32);
    plan.Add(kExperts, kExpert, kHidden, Format::kQ4_K);
    plan.Add(kExperts, kExpert, kHidden, Format::kQ4_K);
    plan.Add(kExperts, kHidden, kExpert, Format::kQ6_K);
    plan.Add(1, kExpert, kHidden, Format::kQ4_K);
    plan.Add(1, kExpert, kHidden, Format::kQ4_K);
    plan.Add(1, kHidden, kExpert, Format::kQ6_K);
  }
  plan.Add(1, kVocabulary, kHidden, Format::kQ8_0);
  return plan;
}

PlanOfShapes Dense() {
  PlanOfShapes plan;
  plan.Add(1, 49152, 576, Format::kQ8_0);
  for (int layer = 0; layer < 30; ++layer) {
    plan.Add(1, 1, 576, Format::kF32);
    plan.Add(1, 576, 576, Format::kQ4_0);
    plan.Add(1, 1536, 576, Format::kQ4_0);
    plan.Add(1, 576, 1536, Format::kQ5_0);
  }
  return plan;
}

using Rows = std::tuple<size_t, size_t, int64_t, int64_t>;  // tensor, slice, first, behind the last

std::vector<Rows> RowsOf(const Panels& panels) {
  std::vector<Rows> rows;
  for (size_t i = 0; i < panels.size(); ++i) {
    const Panel panel = panels[i];
    rows.emplace_back(panel.output->place, panel.slice_place, panel.begin, panel.end);
  }
  return rows;
}

TEST(PanelsTest, EveryRanksAreThoseOfOneProcess) {
  const Model model;
  const PlanOfShapes shapes = Dense();
  const std::vector<Rows> all = RowsOf(Panels(model, shapes.plan()));
  EXPECT_TRUE(std::is_sorted(all.begin(), all.end()));
  for (const int ranks : {1, 2, 3, 64, 5000}) {
    std::vector<Rows> together;
    for (int rank = 0; rank < ranks; ++rank) {
      const std::vector<Rows> its = RowsOf(Panels(model, shapes.plan(), rank, ranks));
      EXPECT_TRUE(std::is_sorted(its.begin(), its.end()));
      together.insert(together.end(), its.begin(), its.end());
    }
    std::sort(together.begin(), together.end());
    EXPECT_EQ(together, all) << ranks;
  }
}

double LargestOverMean(const OutputPlan& plan, int ranks) {
  const Model model;
  double largest = 0, total = 0;
  for (int rank = 0; rank < ranks; ++rank) {
    const double cost = Panels(model, plan, rank, ranks).cost();
    largest = std::max(largest, cost);
    total += cost;
  }
  return largest / (total / ranks);
}

TEST(PanelsTest, RanksHaveAsMuchToDo) {
  for (const int ranks : {2, 3, 4, 8, 16}) EXPECT_LE(LargestOverMean(Dense().plan(), ranks), 1.05) << ranks;
}

TEST(PanelsTest, KimiK2On64Machines) {
  const PlanOfShapes shapes = KimiK2();
  const Model model;
  const auto begin = std::chrono::steady_clock::now();
  const Panels one(model, shapes.plan(), 0, 64);
  const double seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
  EXPECT_LT(seconds, 5);
  const double largest_over_mean = LargestOverMean(shapes.plan(), 64);
  EXPECT_LE(largest_over_mean, 1.05);
  RecordProperty("milliseconds", static_cast<int>(1000 * seconds));
  RecordProperty("largest_over_mean", std::to_string(largest_over_mean));
}

}  // namespace
}  // namespace nibble
