#include "pipeline/calibration/statistics_sum.h"

#include <algorithm>
#include <atomic>
#include <cctype>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <random>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "base/status.h"
#include "device/cuda/fake_nccl.h"
#include "device/cuda/host_backend.h"
#include "device/cuda/limited_backend.h"
#include "device/cuda/linked_backend.h"
#include "device/device.h"
#include "device/make_device.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "pipeline/comm/comm.h"
#include "pipeline/comm/linked_ranks.h"
#include "pipeline/comm/thread_ranks.h"
#include "quant/gptq/input_statistics.h"

namespace nibble {
namespace {

using Originals = InputStatistics::Originals;
using ::testing::Each;
using ::testing::HasSubstr;

constexpr int64_t kInputs = 7, kOutputs = 3;

std::vector<float> Random(int64_t size, uint32_t seed) {
  std::mt19937 random(seed);
  std::normal_distribution<float> normal;
  std::vector<float> values(size);
  for (float& value : values) value = normal(random);
  return values;
}

// Everything that statistics have.
struct All {
  int64_t tokens = 0, size = 0, outputs = 0;
  std::vector<double> squares;
  std::vector<std::vector<float>> matrices;
  friend bool operator==(const All&, const All&) = default;
};

absl::StatusOr<All> AllOf(Device& device, const InputStatistics& statistics) {
  const InputStatistics::Counts counts = statistics.counts();
  All all{counts.tokens, counts.size, counts.outputs, counts.state_squares, {}};
  for (const Matrix& matrix : statistics.matrices()) {
    std::vector<float>& values = all.matrices.emplace_back(matrix.rows * matrix.cols);
    NIBBLE_RETURN_IF_ERROR(device.Download(matrix.data, absl::MakeSpan(values)));
  }
  return all;
}

absl::StatusOr<Buffer> Uploaded(Device& device, absl::Span<const float> values) {
  NIBBLE_ASSIGN_OR_RETURN(Buffer buffer, device.Allocate(values.size()));
  device.Upload(values, buffer.data());
  return buffer;
}

absl::StatusOr<InputStatistics> OfBlock(Device& device, Originals originals, int64_t block, int64_t tokens) {
  InputStatistics statistics(originals);
  NIBBLE_ASSIGN_OR_RETURN(const Buffer x, Uploaded(device, Random(tokens * kInputs, 3 * block)));
  NIBBLE_ASSIGN_OR_RETURN(const Buffer original, Uploaded(device, Random(tokens * kInputs, 3 * block + 1)));
  NIBBLE_ASSIGN_OR_RETURN(const Buffer drift, Uploaded(device, Random(tokens * kOutputs, 3 * block + 2)));
  const Matrix none;
  NIBBLE_RETURN_IF_ERROR(statistics.Add(device, x.matrix(tokens, kInputs), original.matrix(tokens, kInputs),
                                        originals == Originals::kNone ? none : drift.matrix(tokens, kOutputs)));
  return statistics;
}

// Some blocks have no tokens.
int64_t TokensOf(int64_t block) { return block % 3 == 1 ? 0 : 5 + block; }

using cuda::HostBackend;
using MadeDevice = std::unique_ptr<Device>;

MadeDevice LinkedOn(const std::string& machine) {
  return std::make_unique<cuda::Linked<HostBackend>>(cuda::FakeGpu{.machine = machine}, 1);
}

// How sums go from rank to rank.
struct Carrier {
  const char* name;
  int linked_from;               // so many ranks; 0: never
  MadeDevice (*make)(int rank);  // of one kind: what they compute is the same
};

const Carrier kCarriers[] = {
    {"CPUs", 0, [](int) -> MadeDevice { return *MakeDevice({.threads = 1}); }},
    {"hosts", 0, [](int) -> MadeDevice { return std::make_unique<HostBackend>(1); }},
    {"a link", 2, [](int) { return LinkedOn("a"); }},
    {"links of two machines", 2, [](int rank) { return LinkedOn(rank < 2 ? "a" : "b"); }},
    {"links of two machines, in turn", 3, [](int rank) { return LinkedOn(rank % 2 == 0 ? "a" : "b"); }},
    {"a link, and hosts", 3, [](int rank) { return rank == 1 ? std::make_unique<HostBackend>(1) : LinkedOn("a"); }},
};

absl::StatusOr<All> SumOf(Comm& comm, Originals originals, int64_t blocks, bool any_tokens,
                          const Carrier& carrier = kCarriers[0]) {
  const MadeDevice owned_device = carrier.make(comm.rank());
  Device& device = *owned_device;
  NIBBLE_ASSIGN_OR_RETURN(const LinkedRanks ranks, LinkedRanks::Link(comm, device));
  StatisticsSum sum(device, originals);
  for (int64_t block = blocks * comm.rank() / comm.size(); block < blocks * (comm.rank() + 1) / comm.size(); ++block) {
    NIBBLE_ASSIGN_OR_RETURN(InputStatistics its, OfBlock(device, originals, block, any_tokens ? TokensOf(block) : 0));
    NIBBLE_RETURN_IF_ERROR(sum.Add(block, std::move(its)));
  }
  NIBBLE_ASSIGN_OR_RETURN(const InputStatistics all, sum.OfAll(ranks));
  NIBBLE_RETURN_IF_ERROR(comm.Agree(absl::OkStatus()));
  return AllOf(device, all);
}

class CarrierTest : public testing::TestWithParam<Carrier> {};

TEST_P(CarrierTest, HasTheSameBitsOnAnyNumberOfRanks) {
  const std::atomic<int>& sends = cuda::FakeNccl::Get().sends;
  for (const Originals originals : {Originals::kNone, Originals::kCross, Originals::kAll}) {
    for (const int64_t blocks : {1, 5, 16}) {
      const All expected = *SumOf(Comm::Alone(), originals, blocks, true, GetParam());
      EXPECT_GT(expected.tokens, 0);
      EXPECT_FALSE(expected.matrices.empty());
      for (const int ranks : {2, 3, 4, 9}) {
        const int before = sends;
        const auto outcomes = RunRanks(ranks, [&](Comm& comm) -> absl::Status {
          NIBBLE_ASSIGN_OR_RETURN(const All sum, SumOf(comm, originals, blocks, true, GetParam()));
          EXPECT_TRUE(sum == expected) << blocks << " blocks, " << ranks << " ranks";
          return absl::OkStatus();
        });
        EXPECT_THAT(outcomes, Each(absl::OkStatus()));
        EXPECT_EQ(sends > before, GetParam().linked_from > 0 && ranks >= GetParam().linked_from) << ranks << " ranks";
      }
    }
  }
}

// What a rank cannot hold is an error of all, wherever the others wait.
TEST(StatisticsSumTest, NoRoomOnADeviceEndsAll) {
  const auto outcomes = RunRanks(3, [](Comm& comm) -> absl::Status {
    // For a block's sums and tokens beside those before it, or for the sum; not for the others' parts as well.
    const int64_t room = comm.rank() == 1 ? 2 * kInputs * kInputs + 3 * kInputs : int64_t{1} << 20;
    cuda::Linked<cuda::LimitedBackend> device({}, cuda::Limits{.floats = room});
    NIBBLE_ASSIGN_OR_RETURN(const LinkedRanks ranks, LinkedRanks::Link(comm, device));
    EXPECT_TRUE(ranks.is_linked());
    StatisticsSum sum(device, Originals::kNone);
    for (int64_t block = 2 * comm.rank(); block < 2 * comm.rank() + 2; ++block) {
      NIBBLE_ASSIGN_OR_RETURN(InputStatistics its, OfBlock(device, Originals::kNone, block, 1));
      NIBBLE_RETURN_IF_ERROR(sum.Add(block, std::move(its)));
    }
    return sum.OfAll(ranks).status();
  });
  for (const absl::Status& status : outcomes) {
    EXPECT_EQ(status.code(), absl::StatusCode::kResourceExhausted);
    EXPECT_THAT(std::string(status.message()), HasSubstr("rank 1 on thread-1: device memory"));
  }
}

INSTANTIATE_TEST_SUITE_P(StatisticsSumTest, CarrierTest, testing::ValuesIn(kCarriers), [](const auto& info) {
  std::string name = info.param.name;
  name.erase(std::remove_if(name.begin(), name.end(), [](char c) { return !std::isalnum(c); }), name.end());
  return name;
});

TEST(StatisticsSumTest, IsTheSumOfAllTokens) {
  const All all = *SumOf(Comm::Alone(), Originals::kCross, 6, true);
  std::vector<double> gram(kInputs * kInputs);
  int64_t tokens = 0;
  for (int64_t block = 0; block < 6; ++block) {
    const std::vector<float> x = Random(TokensOf(block) * kInputs, 3 * block);
    tokens += TokensOf(block);
    for (size_t row = 0; row < x.size(); row += kInputs) {
      for (int64_t i = 0; i < kInputs * kInputs; ++i) gram[i] += double{x[row + i / kInputs]} * x[row + i % kInputs];
    }
  }
  EXPECT_EQ(all.tokens, tokens);
  for (size_t i = 0; i < gram.size(); ++i) EXPECT_NEAR(all.matrices[0][i], gram[i], 1e-4) << i;
}

TEST(StatisticsSumTest, OfNoTokensIsEmpty) {
  const auto outcomes = RunRanks(3, [](Comm& comm) -> absl::Status {
    NIBBLE_ASSIGN_OR_RETURN(const All sum, SumOf(comm, Originals::kAll, 5, false));
    EXPECT_TRUE(sum == All{});
    return absl::OkStatus();
  });
  EXPECT_THAT(outcomes, Each(absl::OkStatus()));
}

}  // namespace
}  // namespace nibble
