#include "device/cuda/nccl_linker.h"

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "device/cuda/fake_nccl.h"
#include "device/cuda/host_backend.h"
#include "device/cuda/linked_backend.h"
#include "device/device_link.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace nibble::cuda {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::StartsWith;

bool Never() { return false; }

// Gives up after a moment.
class Patience {
 public:
  bool operator()() const { return std::chrono::steady_clock::now() > end_; }

 private:
  const std::chrono::steady_clock::time_point end_ = std::chrono::steady_clock::now() + std::chrono::milliseconds(50);
};

struct GpuAt : Linked<HostBackend> {
  explicit GpuAt(int place) : Linked({.id = absl::StrCat("gpu ", place), .machine = "a machine"}, 1) {
    EXPECT_EQ(linker()->Place().status(), absl::OkStatus());
  }
};

// `run` by each of `count` members of one link.
void RunLinked(int count, const std::function<void(DeviceLink&)>& run) {
  const std::string key = *GpuAt(0).linker()->NewKey();
  std::vector<std::thread> threads;
  for (int place = 0; place < count; ++place) {
    threads.emplace_back([&, place] {
      GpuAt gpu(place);
      auto link = gpu.linker()->Join({.key = key, .count = count, .place = place}, Never);
      ASSERT_EQ(link.status(), absl::OkStatus());
      EXPECT_EQ((*link)->count(), count);
      EXPECT_EQ((*link)->place(), place);
      run(**link);
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(FakeNccl::Get().communicators, 0);
}

std::vector<float> Message(int from, int to, int number, int64_t size) {
  std::vector<float> values(size);
  for (int64_t i = 0; i < size; ++i) values[i] = static_cast<float>(1000 * from + 100 * to + 10 * number + i);
  return values;
}

TEST(NcclLinker, SaysWhatItIsAndWhere) {
  const absl::StatusOr<LinkPlace> place = GpuAt(3).linker()->Place();
  ASSERT_EQ(place.status(), absl::OkStatus());
  EXPECT_EQ(place->library, "NCCL 2.28.9");
  EXPECT_EQ(place->reach, "NCCL 2.28.9 on a machine");
  EXPECT_EQ(place->device, "gpu 3");
  EXPECT_EQ(ThisMachine(), ThisMachine());
  EXPECT_GT(ThisMachine().size(), 36);  // with the boot's id
}

TEST(NcclLinker, SaysWhatIsMissing) {
  NcclLinker none({}, "libnibble-has-no-such-thing.so");
  EXPECT_EQ(none.Place().status(),
            absl::UnavailableError("NCCL: expected libnibble-has-no-such-thing.so of 2.14 or later, found none"));
  NcclLinker other({}, "libm.so.6");
  EXPECT_EQ(other.Place().status().code(), absl::StatusCode::kUnavailable);
  FakeNccl::Get().version = 21306;
  NcclLinker old({}, kFakeNcclFile);
  EXPECT_THAT(std::string(old.Place().status().message()), HasSubstr("found NCCL 2.13.6"));
  FakeNccl::Get().version = 22809;
}

TEST(NcclLinker, NotToMemoryThatIsClosed) {
  NcclLinker linker({.is_open = absl::InternalError("GPU 1: expected success, found 'no'")}, kFakeNcclFile);
  EXPECT_EQ(linker.Place().status(), absl::UnavailableError("GPU 1: expected success, found 'no'"));
}

TEST(NcclLinker, CarriesEverythingToItsPlace) {
  for (int count = 1; count <= 4; ++count) {
    RunLinked(count, [&](DeviceLink& link) {
      for (int round = 0; round < 3; ++round) {  // two pieces for each peer, the link's own place among them
        std::vector<std::vector<float>> sent, expected, received;
        std::vector<LinkPiece> out, in;
        for (int peer = 0; peer < count; ++peer) {
          for (int number = 0; number < 2; ++number) {
            const auto size = [&](int from, int to) { return int64_t{(from + 2 * to + 3 * number + round) % 7}; };
            sent.push_back(Message(link.place(), peer, number, size(link.place(), peer)));
            expected.push_back(Message(peer, link.place(), number, size(peer, link.place())));
            received.emplace_back(expected.back().size());
          }
        }
        for (size_t i = 0; i < sent.size(); ++i) {
          const int peer = static_cast<int>(i / 2);
          out.push_back({peer, sent[i].data(), static_cast<int64_t>(sent[i].size())});
          in.push_back({peer, received[i].data(), static_cast<int64_t>(received[i].size())});
        }
        ASSERT_EQ(link.Exchange(out, in, Never), absl::OkStatus());
        EXPECT_EQ(received, expected);
      }
    });
  }
}

TEST(NcclLinker, DoesNotWaitForEver) {
  GpuAt alone(0);
  const std::string key = *alone.linker()->NewKey();
  EXPECT_EQ(alone.linker()->Join({.key = key, .count = 2, .place = 0}, Patience()).status().code(),
            absl::StatusCode::kCancelled);
  EXPECT_EQ(FakeNccl::Get().communicators, 0);
  RunLinked(2, [](DeviceLink& link) {
    if (link.place() == 1) return std::this_thread::sleep_for(std::chrono::milliseconds(100));  // it never comes
    float value = 0;
    EXPECT_EQ(link.Exchange({}, {{.peer = 1, .data = &value, .size = 1}}, Patience()).code(),
              absl::StatusCode::kCancelled);
    EXPECT_EQ(link.Exchange({}, {}, Never).code(), absl::StatusCode::kCancelled);  // of no use any more
  });
}

TEST(NcclLinker, SaysWhatFails) {
  {
    const Failing failing(FakeFailure::kInit, 0);
    GpuAt gpu(0);
    EXPECT_EQ(gpu.linker()->Join({.key = *gpu.linker()->NewKey(), .count = 1, .place = 0}, Never).status(),
              absl::UnavailableError("NCCL: expected it to start, found 'a fake system error'"));
  }
  for (const auto& [failure, words] : {std::pair(FakeFailure::kGroup, "'a fake invalid argument'"),
                                       std::pair(FakeFailure::kAsync, "'a fake remote error'")}) {
    RunLinked(1, [&, failure = failure, words = words](DeviceLink& link) {
      const Failing failing(failure, 0);
      float from = 1, to = 0;
      const auto exchange = [&] { return link.Exchange({{0, &from, 1}}, {{0, &to, 1}}, Never); };
      const absl::Status status = exchange();
      EXPECT_EQ(status.code(), absl::StatusCode::kAborted);
      EXPECT_THAT(std::string(status.message()),
                  AllOf(StartsWith("NCCL: expected an exchange between GPUs (run again), found"), HasSubstr(words)));
      EXPECT_EQ(exchange(), status);  // from now on
    });
  }
}

TEST(NcclLinker, SizesThatDifferAreAnError) {  // so that the tests above can fail
  RunLinked(1, [](DeviceLink& link) {
    float from[2] = {}, to = 0;
    EXPECT_EQ(link.Exchange({{0, from, 2}}, {{0, &to, 1}}, Never).code(), absl::StatusCode::kAborted);
  });
}

// NCCL itself, where it is installed, takes our calls; how far it comes without a GPU is its own affair.
TEST(NcclLinker, TheRealOneAnswers) {
  constexpr char kInToolkit[] = "/usr/local/cuda/lib/libnccl.so.2";
  const std::string file = std::filesystem::exists(kInToolkit) ? kInToolkit : "libnccl.so.2";
  NcclLinker linker({}, file);
  const absl::StatusOr<LinkPlace> place = linker.Place();
  if (!place.ok()) GTEST_SKIP() << place.status();
  EXPECT_THAT(place->library, StartsWith("NCCL 2."));
  const absl::StatusOr<std::string> key = linker.NewKey();
  if (!key.ok()) GTEST_SKIP() << key.status();
  EXPECT_EQ(key->size(), 128);
  // One that never gets its second member: no GPU, or given up.
  const auto link = linker.Join({.key = *key, .count = 2, .place = 0}, Patience());
  EXPECT_THAT(link.status().code(), testing::AnyOf(absl::StatusCode::kUnavailable, absl::StatusCode::kCancelled));
  std::fprintf(stderr, "%s: %s\n", place->reach.c_str(), std::string(link.status().message()).c_str());
}

}  // namespace
}  // namespace nibble::cuda
