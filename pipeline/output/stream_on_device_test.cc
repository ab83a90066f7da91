// The bytes, and the errors, of tensors that a device encodes are those of the host.
#include "pipeline/output/stream_on_device.h"

#include <algorithm>
#include <limits>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/types/span.h"
#include "device/cuda/host_backend.h"
#include "device/cuda/limited_backend.h"
#include "device/device.h"
#include "device/measured_device.h"
#include "gtest/gtest.h"
#include "pipeline/no_progress.h"
#include "pipeline/output/column_weights.h"
#include "pipeline/output/plan.h"
#include "pipeline/output/stream.h"
#include "pipeline/source/model_folder_fixture.h"
#include "pipeline/types/quantized_types.h"

namespace nibble {
namespace {

constexpr TestShape kWide = {.hidden = 256, .heads = 8, .kv_heads = 2, .head_dim = 32, .feed_forward = 96, .vocab = 40};

// Keeps the rows of every slice.
class KeptOutput : public Output {
 public:
  absl::Status WriteRows(const OutputTensor& tensor, size_t slice, int64_t first_row,
                         absl::Span<const std::byte> rows) override {
    std::lock_guard lock(mutex_);
    const size_t row_bytes = GetFormat(tensor.format).BytesFor(tensor.slices[slice].cols);
    std::vector<std::byte>& all = slices_[{tensor.name, slice}];
    all.resize(std::max(all.size(), first_row * row_bytes + rows.size()));
    std::copy(rows.begin(), rows.end(), all.begin() + first_row * row_bytes);
    ++writes_[tensor.name];
    return absl::OkStatus();
  }
  bool Has(const OutputTensor& tensor, size_t, int64_t, int64_t) const override { return tensor.name == had_; }
  absl::Status Commit() override { return absl::OkStatus(); }

  void set_had(const std::string& name) { had_ = name; }
  const auto& slices() const { return slices_; }
  int writes(const std::string& name) const { return writes_.contains(name) ? writes_.at(name) : 0; }

 private:
  std::mutex mutex_;
  std::string had_;
  std::map<std::pair<std::string, size_t>, std::vector<std::byte>> slices_;
  std::map<std::string, int> writes_;
};

class StreamOnDeviceTest : public ModelFolderTest {
 protected:
  static OutputPlan PlanOf(const Model& model, const std::string& type) {
    return MakePlan(model, *ChooseQuantizedTypes(model, {.type = type}));
  }

  // `device` null: the host does.
  absl::Status Write(const Model& model, const std::string& type, Method method, std::unique_ptr<Device> device,
                     KeptOutput& output) {
    NoProgress progress;
    const OutputPlan plan = PlanOf(model, type);
    const auto measured = device == nullptr ? nullptr : std::make_unique<MeasuredDevice>(std::move(device));
    const absl::Status status =
        WriteTensors(model, plan, {.method = method, .threads = 2, .device = measured.get()}, output, progress)
            .status();
    stages_.clear();
    if (measured != nullptr) stages_ = measured->Stages();
    return status;
  }

  std::vector<StageUse> stages_;  // of the last device

  // NaN in the first value of a weight, as its rows go through the device.
  static void Spoil(TestCheckpoint& checkpoint, const std::string& tensor, float value) {
    checkpoint.Find(tensor).values[7] = value;
  }
};

TEST_F(StreamOnDeviceTest, BytesAreTheHosts) {
  const Model models[] = {Open(RandomLlama(kWide)), Open(RandomQwen3Moe(kWide))};
  for (const Model& model : models) {
    for (const char* type : {"Q4_K_M", "Q4_0", "MXFP4"}) {
      for (const Method method : {Method::kRtn, Method::kWeighted}) {
        KeptOutput expected, found;
        ASSERT_EQ(Write(model, type, method, nullptr, expected), absl::OkStatus());
        ASSERT_EQ(Write(model, type, method, std::make_unique<cuda::HostBackend>(2), found), absl::OkStatus());
        EXPECT_EQ(found.slices(), expected.slices()) << type;
      }
    }
  }
}

// For pieces of a quarter of the largest tensors: bytes stay.
TEST_F(StreamOnDeviceTest, LittleRoomMakesSmallPieces) {
  const Model model = Open(RandomLlama(kWide));
  KeptOutput expected, found;
  ASSERT_EQ(Write(model, "Q4_0", Method::kWeighted, nullptr, expected), absl::OkStatus());
  const cuda::Limits quarter = {.floats = 256 * 256}, too_little = {.floats = 100};
  ASSERT_EQ(Write(model, "Q4_0", Method::kWeighted, std::make_unique<cuda::LimitedBackend>(quarter), found),
            absl::OkStatus());
  EXPECT_EQ(found.slices(), expected.slices());
  EXPECT_GT(found.writes("blk.0.attn_q.weight"), 1);

  EXPECT_EQ(Write(model, "Q4_0", Method::kWeighted, std::make_unique<cuda::LimitedBackend>(too_little), found).code(),
            absl::StatusCode::kResourceExhausted);
}

TEST_F(StreamOnDeviceTest, WhatIsThereIsNotWrittenAgain) {
  const Model model = Open(RandomLlama(kWide));
  KeptOutput output;
  output.set_had("blk.0.attn_q.weight");
  ASSERT_EQ(Write(model, "Q4_0", Method::kRtn, std::make_unique<cuda::HostBackend>(2), output), absl::OkStatus());
  EXPECT_EQ(output.writes("blk.0.attn_q.weight"), 0);
  EXPECT_EQ(output.writes("blk.1.attn_q.weight"), 1);
}

// The first in the file, whoever has it: the host has the norms.
TEST_F(StreamOnDeviceTest, ErrorsAreTheHosts) {
  const float kNan = std::numeric_limits<float>::quiet_NaN();
  const std::vector<std::vector<std::pair<std::string, float>>> cases = {
      {{"model.layers.1.self_attn.q_proj.weight", kNan}},
      {{"model.layers.1.self_attn.q_proj.weight", 1e30f}},  // too large for a half
      {{"model.layers.0.self_attn.q_proj.weight", kNan}, {"model.layers.1.input_layernorm.weight", kNan}},
      {{"model.layers.1.self_attn.q_proj.weight", kNan}, {"model.layers.0.input_layernorm.weight", kNan}},
  };
  for (const auto& spoiled : cases) {
    TestCheckpoint checkpoint = RandomLlama(kWide);
    for (const auto& [name, value] : spoiled) Spoil(checkpoint, name, value);
    const Model model = Open(checkpoint);
    KeptOutput output;
    const absl::Status expected = Write(model, "Q4_0", Method::kRtn, nullptr, output);
    EXPECT_EQ(expected.code(), absl::StatusCode::kDataLoss);
    EXPECT_EQ(Write(model, "Q4_0", Method::kRtn, std::make_unique<cuda::HostBackend>(2), output), expected);
  }
}

TEST_F(StreamOnDeviceTest, ALostDeviceSaysSo) {
  const Model model = Open(RandomLlama(kWide));
  KeptOutput output;
  const cuda::Limits limits = {.downloads = 9};
  EXPECT_EQ(Write(model, "Q4_0", Method::kRtn, std::make_unique<cuda::LimitedBackend>(limits), output).code(),
            absl::StatusCode::kAborted);
}

TEST_F(StreamOnDeviceTest, ItsStagesAreTold) {
  const Model model = Open(RandomLlama(kWide));
  KeptOutput output;
  ASSERT_EQ(Write(model, "Q4_0", Method::kRtn, std::make_unique<cuda::HostBackend>(2), output), absl::OkStatus());
  std::vector<std::string> names;
  for (const StageUse& use : stages_) names.push_back(absl::StrCat(use.stage, use.beside ? " beside" : ""));
  EXPECT_EQ(names, (std::vector<std::string>{"", "load", "encode", "write", "load beside"}));
  EXPECT_GT(stages_[2].busy_seconds, 0);
  EXPECT_GT(stages_[2].bytes, 0);
  EXPECT_GT(stages_[4].bytes, 0);
}

}  // namespace
}  // namespace nibble
