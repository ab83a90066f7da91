#include "pipeline/calibration/expert_coverage.h"

#include <string>
#include <utility>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "model/logical_tensor.h"
#include "model/model.h"
#include "model/role.h"
#include "model/tensor_list.h"

namespace nibble {
namespace {

using ::testing::ElementsAre;

// Two layers of experts, of which gates have 4 columns and down projections 6; and one layer without.
Model TwoLayers() {
  std::vector<LogicalTensor> tensors;
  tensors.push_back({.role = Role::kGate, .layer = 0, .rows = 9, .cols = 9});
  for (const int layer : {1, 2}) {
    for (const auto& [role, cols] : {std::pair(Role::kExpertGate, 4), std::pair(Role::kExpertDown, 6)}) {
      for (int expert = 0; expert < 3; ++expert) {
        tensors.push_back({.role = role, .layer = layer, .slice = expert, .rows = 1, .cols = cols});
      }
    }
  }
  Model model;
  model.tensors = TensorList(std::move(tensors));
  return model;
}

TEST(ExpertCoverageTest, OfWhichLinearItIsKnownDoesNotMatter) {
  for (const Role known : {Role::kExpertGate, Role::kExpertDown}) {
    CalibrationReport report;
    AddCoverage(
        TwoLayers(),
        [&](TensorStack stack) {
          const bool is_known = stack[0].role == known && stack[0].layer == 2;
          return is_known ? std::vector<int64_t>{7, 0, 5} : std::vector<int64_t>();
        },
        report);
    ASSERT_EQ(report.experts_size(), 1);
    EXPECT_EQ(report.experts(0).layer(), 2);
    EXPECT_EQ(report.experts(0).columns(), 6);
    EXPECT_THAT(report.experts(0).tokens(), ElementsAre(7, 0, 5));
  }
}

TEST(ExpertCoverageTest, WarnsOfExpertsThatSawNoToken) {
  CalibrationReport report;
  EXPECT_EQ(UnseenExperts(report), std::nullopt);
  for (const std::vector<int64_t>& tokens : {std::vector<int64_t>{0, 3, 4}, {0, 7, 0}, {1, 2, 3}}) {
    ExpertCoverage& layer = *report.add_experts();
    layer.set_layer(report.experts_size());
    layer.mutable_tokens()->Add(tokens.begin(), tokens.end());
  }
  EXPECT_EQ(UnseenExperts(report),
            "3 of 9 experts saw no token, layer 2 has most of them (2): a longer text would reach more");
}

}  // namespace
}  // namespace nibble
