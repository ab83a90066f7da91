// That every operation goes through is what the conformance tests show: MakeDevice makes measured devices.
#include "device/measured_device.h"

#include <chrono>
#include <memory>
#include <thread>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "device/cpu/cpu_device.h"
#include "device/cuda/host_backend.h"
#include "device/cuda/limited_backend.h"
#include "device/in_stage.h"
#include "device/on_device.h"
#include "gtest/gtest.h"
#include "quant/block/format.h"

namespace nibble {
namespace {

constexpr double kPause = 0.05;

void Pause() { std::this_thread::sleep_for(std::chrono::duration<double>(kPause)); }

StageUse UseOf(const MeasuredDevice& device, absl::string_view stage = "", bool beside = false) {
  for (const StageUse& use : device.Stages()) {
    if (use.stage == stage && use.beside == beside) return use;
  }
  ADD_FAILURE() << "no stage '" << stage << "'";
  return {};
}

// What one call costs.
template <typename Call>
std::pair<double, double> CostOf(Call call) {
  MeasuredDevice device(std::make_unique<CpuDevice>(1));
  call(device, device.operations());
  const StageUse use = UseOf(device);
  return {use.flops, use.bytes / sizeof(float)};
}

using Cost = std::pair<double, double>;

TEST(MeasuredDevice, CountsProductsByTheirShapes) {
  Values x = RandomValues(3 * 5, 1), w = RandomValues(7 * 5, 2), y(3 * 7), h(5 * 5), c(5 * 7);
  const ConstMatrix of_x(x.data(), 3, 5), of_w(w.data(), 7, 5);
  EXPECT_EQ(CostOf([&](Device& d, const Operations& o) {
              o.matmul(d, of_x, of_w, nullptr, {y.data(), 3, 7});
            }),
            Cost(2 * 3 * 5 * 7, 3 * 5 + 7 * 5 + 3 * 7));
  EXPECT_EQ(CostOf([&](Device& d, const Operations& o) {
              o.linear(d, of_x, of_w, nullptr, {y.data(), 3, 7});
            }),
            Cost(2 * 3 * 5 * 7, 3 * 5 + 7 * 5 + 3 * 7));
  EXPECT_EQ(CostOf([&](Device& d, const Operations& o) {
              o.gram(d, of_x, {h.data(), 5, 5});
            }),
            Cost(2 * 3 * 5 * 5, 3 * 5 + 2 * 5 * 5));
  EXPECT_EQ(CostOf([&](Device& d, const Operations& o) {
              o.cross_gram(d, of_x, ConstMatrix(y.data(), 3, 7), {c.data(), 5, 7});
            }),
            Cost(2 * 3 * 5 * 7, 3 * 5 + 3 * 7 + 2 * 5 * 7));
}

TEST(MeasuredDevice, CountsWhatAttentionSees) {
  constexpr int64_t kHeads = 2, kKeyLength = 3, kValueLength = 5;
  const auto flops = [&](int64_t queries, int64_t keys, int64_t window, int64_t chunk) {
    Values q(2 * queries * kHeads * kKeyLength), k(2 * keys * kKeyLength), v(2 * keys * kValueLength);
    Values y(2 * queries * kHeads * kValueLength);
    return CostOf([&](Device& d, const Operations& o) {
             o.attention(d,
                         {.sequences = 2,
                          .heads = kHeads,
                          .query = {q.data(), 2 * queries, kHeads * kKeyLength},
                          .key = {k.data(), 2 * keys, kKeyLength},
                          .value = {v.data(), 2 * keys, kValueLength},
                          .window = window,
                          .chunk = chunk},
                         {y.data(), 2 * queries, kHeads * kValueLength});
           })
        .first;
  };
  const double of_key = 2 * kHeads * 2 * (kKeyLength + kValueLength);  // seen by a query of each of two sequences
  EXPECT_EQ(flops(4, 4, 0, 0), of_key * (1 + 2 + 3 + 4));
  EXPECT_EQ(flops(2, 4, 0, 0), of_key * (3 + 4));
  EXPECT_EQ(flops(4, 4, 2, 0), of_key * (1 + 2 + 2 + 2));
  EXPECT_EQ(flops(4, 4, 0, 3), of_key * (1 + 2 + 3 + 1));
}

TEST(MeasuredDevice, CountsBlocksAndCopies) {
  const BlockFormat& format = GetFormat(Format::kQ8_0);  // 34 bytes for 32 values
  Values values(64);
  std::vector<std::byte> blocks(68);
  EXPECT_EQ(CostOf([&](Device& d, const Operations& o) { o.decode(d, format, blocks, values.data()); }),
            Cost(0, 64 + 68 / 4));
  EXPECT_EQ(
      CostOf([&](Device& d, const Operations& o) { o.encode_rtn(d, format, values.data(), absl::MakeSpan(blocks)); }),
      Cost(0, 64 + 68 / 4));
  EXPECT_EQ(CostOf([&](Device& d, const Operations&) { d.Upload({1, 2, 3}, values.data()); }), Cost(0, 3));
  EXPECT_EQ(CostOf([&](Device& d, const Operations&) {
              EXPECT_TRUE(d.Download(values.data(), absl::MakeSpan(values)).ok());
            }),
            Cost(0, 64));
}

TEST(MeasuredDevice, StagesHaveTheirOwnTimeAndWork) {
  MeasuredDevice device(std::make_unique<CpuDevice>(1));
  const auto begin = std::chrono::steady_clock::now();
  Values x(8);
  const auto gelu = [&] { device.operations().gelu(device, {x.data(), 1, 8}); };
  {
    const InStage outer(device, "outer");
    Pause();
    {
      const InStage inner(device, "inner");
      gelu();
      Pause();
      Pause();
      const InStage same(device, "inner");
      gelu();
    }
    gelu();
  }
  {
    const InStage outer(device, "outer");
    gelu();
  }
  gelu();
  const std::vector<StageUse> stages = device.Stages();
  const std::chrono::duration<double> passed = std::chrono::steady_clock::now() - begin;
  ASSERT_EQ(stages.size(), 3);
  EXPECT_EQ(stages[0].stage, "");
  EXPECT_EQ(stages[1].stage, "outer");
  EXPECT_EQ(stages[2].stage, "inner");
  for (const auto& [stage, calls] : {std::pair(0, 1), {1, 2}, {2, 2}}) {
    EXPECT_EQ(stages[stage].bytes, calls * 2 * 8 * sizeof(float)) << stage;
    EXPECT_LE(stages[stage].busy_seconds, stages[stage].seconds) << stage;
  }
  EXPECT_GE(stages[1].seconds, kPause);
  EXPECT_GE(stages[2].seconds, 2 * kPause);
  EXPECT_LT(stages[1].seconds, passed.count() - stages[2].seconds);
  const double sum = stages[0].seconds + stages[1].seconds + stages[2].seconds;
  EXPECT_NEAR(sum, passed.count(), 0.01 + 0.01 * passed.count());
}

// On the host an operation is done when it returns; a GPU may have it before it until somebody waits.
TEST(MeasuredDevice, AtWorkUntilTheHostKnows) {
  MeasuredDevice host(std::make_unique<CpuDevice>(1)), other(std::make_unique<cuda::HostBackend>(1));
  Values x = {1};
  for (MeasuredDevice* device : {&host, &other}) {
    device->operations().gelu(*device, {x.data(), 1, 1});
    device->operations().gelu(*device, {x.data(), 1, 1});
    Pause();
    EXPECT_EQ(UseOf(*device).busy_seconds >= kPause, device == &other);
    ASSERT_TRUE(device->Download(nullptr, {}).ok());
    const double seconds = UseOf(*device).busy_seconds;
    Pause();
    EXPECT_EQ(UseOf(*device).busy_seconds, seconds);
    EXPECT_EQ(seconds >= kPause, device == &other);
  }
}

TEST(MeasuredDevice, ACompleteOperationEndsWhatIsQueued) {
  MeasuredDevice device(std::make_unique<cuda::HostBackend>(1));
  Values x = {1};
  std::vector<double> sums(1);
  device.operations().gelu(device, {x.data(), 1, 1});
  device.operations().add_squares(device, {x.data(), 1, 1}, absl::MakeSpan(sums));
  Pause();
  EXPECT_LT(UseOf(device).busy_seconds, kPause);
}

// Else what was queued for one stage would be waited for in the next.
TEST(MeasuredDevice, AStageEndsWithItsOperations) {
  int downloads = 0;
  class CountingBackend : public cuda::HostBackend {
   public:
    explicit CountingBackend(int& downloads) : HostBackend(1), downloads_(downloads) {}
    absl::Status Download(const float* from, absl::Span<float> to) override {
      ++downloads_;
      return HostBackend::Download(from, to);
    }

   private:
    int& downloads_;
  };
  MeasuredDevice device(std::make_unique<CountingBackend>(downloads));
  Values x = {1};
  { const InStage stage(device, "nothing is queued"); }
  EXPECT_EQ(downloads, 0);
  {
    const InStage stage(device, "queued");
    device.operations().gelu(device, {x.data(), 1, 1});
    Pause();
  }
  EXPECT_EQ(downloads, 1);
  Pause();
  EXPECT_GE(UseOf(device, "queued").busy_seconds, kPause);
  EXPECT_LE(UseOf(device, "queued").busy_seconds, UseOf(device, "queued").seconds);
  EXPECT_EQ(UseOf(device).busy_seconds, 0);
}

TEST(MeasuredDevice, AStageThatEndsHidesNoFailure) {
  MeasuredDevice device(std::make_unique<cuda::LimitedBackend>(cuda::Limits{.downloads = 0}));
  Values x = {1};
  {
    const InStage stage(device, "lost");
    device.operations().gelu(device, {x.data(), 1, 1});
  }
  EXPECT_EQ(device.Download(nullptr, {}).code(), absl::StatusCode::kAborted);
}

TEST(MeasuredDevice, ASideIsCountedByItself) {
  MeasuredDevice device(std::make_unique<cuda::HostBackend>(1));
  EXPECT_EQ(device.Stages().size(), 1);
  Device& side = **device.Side();
  EXPECT_EQ(*device.Side(), &side);
  EXPECT_EQ(device.Stages().size(), 1);  // it waits
  Values x(8);
  {
    const InStage work(device, "work");
    const InStage load(side, "load");
    side.Upload(x, x.data());
    Pause();
  }
  Pause();
  const StageUse load = UseOf(device, "load", /*beside=*/true);
  EXPECT_EQ(load.bytes, 8 * sizeof(float));
  EXPECT_GE(load.seconds, kPause);
  EXPECT_LT(load.busy_seconds, load.seconds);
  EXPECT_GE(UseOf(device, "work").seconds, load.seconds);
  EXPECT_EQ(UseOf(device, "work").bytes, 0);
}

TEST(MeasuredDevice, ThreadsThatLoadAtOnceCountOnce) {
  MeasuredDevice device(std::make_unique<CpuDevice>(1));
  const auto begin = std::chrono::steady_clock::now();
  std::vector<std::thread> threads;
  for (int i = 0; i < 4; ++i) {
    threads.emplace_back([&] {
      Values from(1 << 20), to(1 << 20);
      device.Upload(from, to.data());
    });
  }
  for (std::thread& thread : threads) thread.join();
  const std::chrono::duration<double> passed = std::chrono::steady_clock::now() - begin;
  EXPECT_EQ(UseOf(device).bytes, 4.0 * sizeof(float) * (1 << 20));
  EXPECT_GT(UseOf(device).busy_seconds, 0);
  EXPECT_LE(UseOf(device).busy_seconds, passed.count());
}

}  // namespace
}  // namespace nibble
