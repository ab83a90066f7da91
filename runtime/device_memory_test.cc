// What a device with little memory does: the same, in smaller batches, and nothing ahead of time; or it says that there
// is not enough.
#include <algorithm>
#include <cstdint>
#include <vector>

#include "absl/status/status.h"
#include "device/cuda/host_backend.h"
#include "device/cuda/limited_backend.h"
#include "gtest/gtest.h"
#include "model/model.h"
#include "model/model_spec.pb.h"
#include "model/role.h"
#include "runtime/random_model.h"
#include "runtime/sequences.h"
#include "runtime/weight_loader.h"
#include "runtime/weights.h"

namespace nibble {
namespace {

constexpr int64_t kLength = 40, kSequences = 30;

void WithExperts(ModelSpec& spec) {
  for (Layer& layer : *spec.mutable_layers()) {
    Experts& experts = *layer.mutable_feed_forward()->mutable_experts();
    experts.set_count(7);
    experts.set_used(2);
    experts.set_length(40);
  }
}

class DeviceMemoryTest : public testing::TestWithParam<bool> {
 protected:
  DeviceMemoryTest() : random_(GetParam() ? MakeRandomModel({.edit = WithExperts}) : MakeRandomModel({})) {
    for (int64_t i = 0; i < kSequences * kLength; ++i) ids_.push_back(i * 7 % 50);
  }

  const Model& model() const { return random_.model; }
  int64_t layer() const { return LargestLayer(model()); }
  int64_t batch() const { return Sequences::WorkingFloats(model(), kLength) - layer(); }

  absl::StatusOr<std::vector<float>> Run(Device& device, int64_t beside = 0) const {
    absl::StatusOr<Sequences> sequences = Sequences::Embed(device, model(), ids_, kLength, nullptr, beside);
    if (!sequences.ok()) return sequences.status();
    for (int layer = 0; layer < model().spec.layers_size(); ++layer) {
      if (absl::Status status = sequences->RunLayer(layer); !status.ok()) return status;
    }
    return sequences->States(0, sequences->tokens());
  }

  const RandomModel random_;
  std::vector<uint32_t> ids_;
};

TEST_P(DeviceMemoryTest, SmallerBatchesTheSameBits) {
  cuda::HostBackend device(1);
  const std::vector<float> expected = *Run(device);
  int64_t most = INT64_MAX;
  // Room for a full batch and weights ahead; for the batch alone; for a fraction of it.
  for (const int64_t floats : {batch() + 3 * layer(), batch() + 2 * layer(), batch() / 5 + 2 * layer()}) {
    cuda::LimitedBackend limited({.floats = floats});
    const absl::StatusOr<std::vector<float>> states = Run(limited);
    ASSERT_EQ(states.status(), absl::OkStatus()) << floats;
    EXPECT_EQ(*states, expected) << floats;
    EXPECT_LE(limited.most_used(), floats);
    EXPECT_LE(limited.most_used(), most);
    most = limited.most_used();
  }
}

TEST_P(DeviceMemoryTest, WhatTheCallerNeedsIsLeft) {
  cuda::LimitedBackend device({.floats = 2 * batch() + 3 * layer()});
  EXPECT_EQ(Run(device, batch()).status(), absl::OkStatus());
  EXPECT_EQ(Run(device, 2 * batch() + 3 * layer()).status().code(), absl::StatusCode::kResourceExhausted);
}

TEST_P(DeviceMemoryTest, TooLittleForOneSequence) {
  cuda::LimitedBackend device({.floats = layer()});
  EXPECT_EQ(Run(device).status().code(), absl::StatusCode::kResourceExhausted);
}

TEST_P(DeviceMemoryTest, ALostDeviceSaysSo) {
  cuda::LimitedBackend device({.downloads = 1});
  EXPECT_EQ(Run(device).status().code(), absl::StatusCode::kAborted);
}

std::vector<float> Values(Device& device, const Weights& weights, Role role) {
  const ConstMatrix matrix = weights.matrix(role);
  std::vector<float> values(matrix.rows * matrix.cols);
  EXPECT_TRUE(device.Download(matrix.data, absl::MakeSpan(values)).ok());
  return values;
}

// In turn, out of turn, and where there is no room ahead.
TEST_P(DeviceMemoryTest, TheLoadersWeightsAreTheLayers) {
  for (const bool has_room : {true, false}) {
    cuda::LimitedBackend device({.floats = has_room ? 3 * layer() : layer() * 5 / 4});
    WeightLoader loader(device, model(), /*ahead=*/true);
    for (const int place : {0, 1, 1, 0, 1}) {
      const absl::StatusOr<Weights> weights = loader.Load({place}, WeightLoader::Place{1});
      ASSERT_EQ(weights.status(), absl::OkStatus()) << place;
      cuda::HostBackend other(1);
      const Weights expected = *Weights::OfLayer(other, model(), place);
      for (const Role role : {Role::kQuery, Role::kAttentionOutput, Role::kAttentionNorm}) {
        EXPECT_EQ(Values(device, *weights, role), Values(other, expected, role)) << place;
      }
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Models, DeviceMemoryTest, testing::Bool(),
                         [](const auto& info) { return info.param ? "Experts" : "Dense"; });

}  // namespace
}  // namespace nibble
