// GPUs that send to one another, by NCCL itself; what stands for it is tested in device/cuda/nccl_linker_test.
#include "device/device_link.h"

#include <cstdint>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "device/device.h"
#include "device/make_device.h"
#include "device/on_device.h"
#include "gtest/gtest.h"

namespace nibble {
namespace {

constexpr int64_t kFloats = 1'000'003;

Values SentBy(int place, int to) { return RandomValues(kFloats, 100 * place + to); }

// All GPUs of this machine, or the only one, send to each other and themselves, twice.
TEST(DeviceLink, GpusSendToOneAnother) {
  const std::vector<int> gpus = EqualGpus();
  if (gpus.empty()) GTEST_SKIP() << "no GPU";
  const int count = static_cast<int>(gpus.size());
  std::vector<std::unique_ptr<Device>> devices;
  for (const int gpu : gpus) devices.push_back(*MakeDevice({.device = {DeviceKind::kCuda, gpu}, .threads = 1}));
  const absl::StatusOr<LinkPlace> place = devices[0]->linker()->Place();
  if (!place.ok()) GTEST_SKIP() << place.status();
  const std::string key = *devices[0]->linker()->NewKey();
  std::vector<std::thread> threads;
  for (int mine = 0; mine < count; ++mine) {
    threads.emplace_back([&, mine] {
      Device& device = *devices[mine];
      ASSERT_EQ(device.linker()->Place()->reach, place->reach);
      const auto link = device.linker()->Join({.key = key, .count = count, .place = mine}, [] { return false; });
      ASSERT_EQ(link.status(), absl::OkStatus());
      for (int round = 0; round < 2; ++round) {
        std::vector<Buffer> sent, received;
        std::vector<LinkPiece> out, in;
        for (int peer = 0; peer < count; ++peer) {
          sent.push_back(*device.Allocate(kFloats));
          device.Upload(SentBy(mine, peer), sent.back().data());
          received.push_back(*device.Allocate(kFloats));
          out.push_back({peer, sent.back().data(), kFloats});
          in.push_back({peer, received.back().data(), kFloats});
        }
        ASSERT_EQ((*link)->Exchange(out, in, [] { return false; }), absl::OkStatus());
        for (int peer = 0; peer < count; ++peer) {
          Values values(kFloats);
          ASSERT_EQ(device.Download(received[peer].data(), absl::MakeSpan(values)), absl::OkStatus());
          EXPECT_TRUE(values == SentBy(peer, mine)) << peer << " to " << mine;
        }
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
}

}  // namespace
}  // namespace nibble
