#include "pipeline/comm/linked_ranks.h"

#include <chrono>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "base/status.h"
#include "device/cpu/cpu_device.h"
#include "device/cuda/fake_nccl.h"
#include "device/cuda/host_backend.h"
#include "device/cuda/linked_backend.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "pipeline/comm/comm.h"
#include "pipeline/comm/thread_ranks.h"

namespace nibble {
namespace {

using cuda::FakeFailure;
using cuda::FakeGpu;
using ::testing::Each;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;

using Groups = std::vector<std::vector<int>>;

std::unique_ptr<Device> Make(const FakeGpu& gpu) { return std::make_unique<cuda::Linked<cuda::HostBackend>>(gpu, 1); }

// What linking ranks with these GPUs comes to: on all ranks the same.
struct Outcome {
  Groups groups;
  std::string library, why_not;
};

Outcome Link(const std::vector<FakeGpu>& gpus) {
  Outcome outcome;
  const auto outcomes = RunRanks(gpus.size(), [&](Comm& comm) -> absl::Status {
    const std::unique_ptr<Device> device = Make(gpus[comm.rank()]);
    NIBBLE_ASSIGN_OR_RETURN(const LinkedRanks linked, LinkedRanks::Link(comm, *device, std::chrono::milliseconds(100)));
    EXPECT_EQ(linked.is_linked(), linked.GroupOf(comm.rank()).size() > 1);
    EXPECT_EQ(linked.GroupOf(comm.rank())[linked.PlaceOf(comm.rank())], comm.rank());
    if (comm.is_first()) outcome = {linked.groups(), linked.library(), linked.why_not()};
    NIBBLE_ASSIGN_OR_RETURN(const std::vector<std::string> reasons, comm.AllGather(linked.why_not()));
    EXPECT_THAT(reasons, Each(linked.why_not()));
    return absl::OkStatus();
  });
  EXPECT_THAT(outcomes, Each(absl::OkStatus()));
  EXPECT_EQ(cuda::FakeNccl::Get().communicators, 0);
  return outcome;
}

FakeGpu On(const std::string& machine) { return {.machine = machine}; }

TEST(LinkedRanks, ThoseOfOneMachine) {
  const Outcome one = Link({On("a"), On("a"), On("a")});
  EXPECT_EQ(one.groups, Groups({{0, 1, 2}}));
  EXPECT_EQ(one.library, "NCCL 2.28.9");
  EXPECT_THAT(one.why_not, IsEmpty());
  EXPECT_EQ(Link({On("a"), On("a"), On("b"), On("b")}).groups, Groups({{0, 1}, {2, 3}}));
  EXPECT_EQ(Link({On("a"), On("b"), On("a"), On("b"), On("c")}).groups, Groups({{0, 2}, {1, 3}, {4}}));
}

TEST(LinkedRanks, ThoseThatAreAloneAreNot) {
  const Outcome outcome = Link({On("a"), On("b")});
  EXPECT_EQ(outcome.groups, Groups({{0}, {1}}));
  EXPECT_THAT(outcome.library, IsEmpty());
  EXPECT_THAT(outcome.why_not, IsEmpty());
  EXPECT_EQ(Link({On("a")}).groups, Groups({{0}}));
}

TEST(LinkedRanks, ThoseThatShareADeviceAreNot) {
  const Outcome outcome = Link({{.id = "1", .machine = "a"}, {.id = "1", .machine = "a"}, On("b"), On("b")});
  EXPECT_EQ(outcome.groups, Groups({{0}, {1}, {2, 3}}));
  EXPECT_EQ(outcome.why_not, "NCCL 2.28.9: expected a device for each rank, found ranks that share one");
}

TEST(LinkedRanks, ThoseWithoutTheLibraryAreNot) {
  const Outcome outcome = Link({On("a"), On("a"), {.machine = "a", .nccl = "libnibble-has-no-such-thing.so"}});
  EXPECT_EQ(outcome.groups, Groups({{0, 1}, {2}}));
  EXPECT_THAT(outcome.why_not, HasSubstr("libnibble-has-no-such-thing.so"));
}

TEST(LinkedRanks, NoneWhereOneDoesNotStart) {
  const cuda::Failing failing(FakeFailure::kInit, 1);
  const Outcome outcome = Link({On("a"), On("a"), On("b"), On("b")});
  EXPECT_THAT(outcome.groups, SizeIs(4));
  EXPECT_EQ(outcome.library, "");
  EXPECT_THAT(outcome.why_not, HasSubstr("NCCL: expected it to start"));
}

TEST(LinkedRanks, CpusHaveNothingToGain) {
  RunRanks(2, [](Comm& comm) -> absl::Status {
    CpuDevice device(1);
    NIBBLE_ASSIGN_OR_RETURN(const LinkedRanks linked, LinkedRanks::Link(comm, device));
    EXPECT_FALSE(linked.is_linked());
    EXPECT_THAT(linked.why_not(), IsEmpty());
    return absl::OkStatus();
  });
}

TEST(LinkedRanks, ExchangeEndsWithTheErrorOfAnotherRank) {
  const auto outcomes = RunRanks(3, [](Comm& comm) -> absl::Status {
    const std::unique_ptr<Device> device = Make({});
    NIBBLE_ASSIGN_OR_RETURN(const LinkedRanks linked, LinkedRanks::Link(comm, *device));
    if (comm.rank() == 1) return absl::AbortedError("GPU: expected success, found it lost");
    float value = 0;
    return linked.Exchange({}, {{.peer = 1, .data = &value, .size = 1}});
  });
  for (const absl::Status& status : outcomes) {
    EXPECT_EQ(status.code(), absl::StatusCode::kAborted);
    EXPECT_THAT(std::string(status.message()), HasSubstr("GPU: expected success, found it lost"));
  }
}

TEST(LinkedRanks, OnesOwnFailureIsEverybodysError) {
  const cuda::Failing failing(FakeFailure::kAsync, 2);
  const auto outcomes = RunRanks(3, [](Comm& comm) -> absl::Status {
    const std::unique_ptr<Device> device = Make({});
    NIBBLE_ASSIGN_OR_RETURN(const LinkedRanks linked, LinkedRanks::Link(comm, *device));
    std::vector<float> values(3);
    std::vector<LinkPiece> out, in;
    for (int peer = 0; peer < 3; ++peer) {
      out.push_back({peer, values.data(), 1});
      in.push_back({peer, values.data() + peer, 1});
    }
    NIBBLE_RETURN_IF_ERROR(linked.Exchange(out, in));
    return comm.Agree(absl::OkStatus());
  });
  for (const absl::Status& status : outcomes) {
    EXPECT_EQ(status.code(), absl::StatusCode::kAborted);
    EXPECT_THAT(std::string(status.message()), HasSubstr("rank 2"));
  }
}

}  // namespace
}  // namespace nibble
