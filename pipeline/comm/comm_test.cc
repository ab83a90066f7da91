#include "pipeline/comm/comm.h"

#include <algorithm>
#include <atomic>
#include <chrono>
#include <string>
#include <thread>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/types/span.h"
#include "base/status.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "pipeline/comm/launched_ranks.h"
#include "pipeline/comm/thread_ranks.h"

namespace nibble {
namespace {

using ::testing::Each;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

TEST(CommTest, AloneGivesBackWhatItGets) {
  Comm& comm = Comm::Alone();
  EXPECT_EQ(comm.size(), 1);
  EXPECT_TRUE(comm.is_first());
  EXPECT_THAT(*comm.AllGather("a"), ElementsAre("a"));
  EXPECT_EQ(*comm.Broadcast("b"), "b");
  EXPECT_EQ(comm.Agree(absl::NotFoundError("x")), absl::NotFoundError("x"));
  EXPECT_TRUE(comm.Agree(absl::OkStatus()).ok());  // errors do not stick: jobs follow one another in one process
  EXPECT_TRUE(SameEverywhere(comm, {{"a", "b"}}).ok());
}

// The same of every implementation's ranks: one, or several.
class RanksTest : public ::testing::TestWithParam<int> {};
INSTANTIATE_TEST_SUITE_P(Ranks, RanksTest, ::testing::Values(1, 2, 3, 4, 7));

TEST_P(RanksTest, EveryRankGathersAllInOrder) {
  const auto outcomes = RunRanks(GetParam(), [](Comm& comm) -> absl::Status {
    for (int round = 0; round < 20; ++round) {
      // Of different lengths, none among them.
      const auto text = [&](int rank) { return std::string((rank * 37 + round) % 50, 'a' + rank); };
      NIBBLE_ASSIGN_OR_RETURN(const std::vector<std::string> all, comm.AllGather(text(comm.rank())));
      EXPECT_EQ(all.size(), comm.size());
      for (int rank = 0; rank < comm.size(); ++rank) EXPECT_EQ(all[rank], text(rank));
      NIBBLE_ASSIGN_OR_RETURN(const std::string first, comm.Broadcast(text(comm.rank())));
      EXPECT_EQ(first, text(0));
    }
    return absl::OkStatus();
  });
  EXPECT_THAT(outcomes, Each(absl::OkStatus()));
}

TEST_P(RanksTest, EveryRankGetsItsPartOfAll) {
  const auto outcomes = RunRanks(GetParam(), [](Comm& comm) -> absl::Status {
    for (int round = 0; round < 20; ++round) {
      const auto text = [&](int from, int to) { return std::string((from * 37 + to + round) % 50, 'a' + from + to); };
      std::vector<std::string> texts;
      std::vector<absl::Span<const char>> parts;
      for (int rank = 0; rank < comm.size(); ++rank) texts.push_back(text(comm.rank(), rank));
      for (const std::string& each : texts) parts.push_back(each);
      NIBBLE_ASSIGN_OR_RETURN(const std::vector<std::string> all, comm.AllToAll(parts));
      EXPECT_EQ(all.size(), comm.size());
      for (int rank = 0; rank < comm.size(); ++rank) EXPECT_EQ(all[rank], text(rank, comm.rank()));
    }
    return absl::OkStatus();
  });
  EXPECT_THAT(outcomes, Each(absl::OkStatus()));
}

TEST_P(RanksTest, WhatOneRankFailsOfAllGet) {
  const int last = GetParam() - 1;
  const auto outcomes = RunRanks(GetParam(), [&](Comm& comm) -> absl::Status {
    NIBBLE_RETURN_IF_ERROR(comm.Agree(absl::OkStatus()));
    if (comm.rank() == last) return absl::DataLossError("m: expected a, found b");
    // The others are elsewhere, and go on until they meet it.
    NIBBLE_ASSIGN_OR_RETURN(const std::vector<std::string> all, comm.AllGather("x"));
    ADD_FAILURE() << "gathered without the rank that failed";
    return absl::OkStatus();
  });
  const std::string place = last == 0 ? "" : absl::StrCat("rank ", last, " on thread-", last, ": ");
  EXPECT_THAT(outcomes, Each(absl::DataLossError(place + "m: expected a, found b")));
}

TEST_P(RanksTest, WhatAllFailOfIsSaidAsOneWouldSayIt) {
  const auto outcomes = RunRanks(GetParam(), [](Comm&) { return absl::NotFoundError("m: expected a model"); });
  EXPECT_THAT(outcomes, Each(absl::NotFoundError("m: expected a model")));
}

TEST(CommTest, OfSeveralFailuresTheFirstRanksIsTold) {
  const auto outcomes = RunRanks(4, [](Comm& comm) -> absl::Status {
    if (comm.rank() == 1) return absl::UnavailableError("disk");
    if (comm.rank() == 3) return absl::DataLossError("bits");
    return absl::OkStatus();
  });
  EXPECT_THAT(outcomes, Each(absl::UnavailableError("rank 1 on thread-1: disk")));
}

TEST(CommTest, AFailureCanSayMoreLater) {
  const auto outcomes = RunRanks(2, [](Comm& comm) -> absl::Status {
    const absl::Status agreed = comm.Agree(comm.rank() == 1 ? absl::UnavailableError("disk") : absl::OkStatus());
    return absl::Status(agreed.code(), absl::StrCat(agreed.message(), "; again"));
  });
  EXPECT_THAT(outcomes, Each(absl::UnavailableError("rank 1 on thread-1: disk; again")));
}

TEST(CommTest, WorkThatIsForNothingIsHeardOf) {
  const auto outcomes = RunRanks(3, [](Comm& comm) -> absl::Status {
    EXPECT_FALSE(comm.HasFailed());
    NIBBLE_RETURN_IF_ERROR(comm.Agree(absl::OkStatus()));
    if (comm.rank() == 0) return absl::DataLossError("bits");
    while (!comm.HasFailed()) std::this_thread::yield();
    return comm.Agree(absl::OkStatus());
  });
  EXPECT_THAT(outcomes, Each(absl::DataLossError("rank 0 on thread-0: bits")));
}

TEST(CommTest, WaitingIsMeasured) {
  const auto outcomes = RunRanks(2, [](Comm& comm) -> absl::Status {
    if (comm.rank() == 1) std::this_thread::sleep_for(std::chrono::milliseconds(50));
    NIBBLE_RETURN_IF_ERROR(comm.Agree(absl::OkStatus()));
    EXPECT_EQ(comm.seconds_waited() > 0.03, comm.rank() == 0) << comm.seconds_waited();
    return absl::OkStatus();
  });
  EXPECT_THAT(outcomes, Each(absl::OkStatus()));
}

TEST(CommTest, FactsThatDifferAreNamed) {
  const auto outcomes = RunRanks(3, [](Comm& comm) {
    return SameEverywhere(comm, {{"the options", "same"}, {"the source files", comm.rank() == 2 ? "b" : "a"}});
  });
  for (const absl::Status& outcome : outcomes) {
    EXPECT_TRUE(absl::IsInvalidArgument(outcome));
    EXPECT_THAT(std::string(outcome.message()),
                HasSubstr("rank 2 on thread-2: expected the source files that rank 0 on thread-0 has"));
  }
}

TEST(CommTest, AMachinesErrorsArePassing) {
  EXPECT_EQ(AsInterrupted(Comm::Alone(), absl::UnavailableError("disk")), absl::UnavailableError("disk"));
  RunRanks(2, [](Comm& comm) {
    EXPECT_EQ(AsInterrupted(comm, absl::UnavailableError("disk")), absl::AbortedError("disk"));
    EXPECT_EQ(AsInterrupted(comm, absl::ResourceExhaustedError("memory")), absl::AbortedError("memory"));
    EXPECT_EQ(AsInterrupted(comm, absl::DataLossError("bits")), absl::DataLossError("bits"));
    return absl::OkStatus();
  });
}

using Environment = std::vector<std::pair<std::string, const char*>>;

int RanksBy(const Environment& environment) {
  const auto ranks = FindLaunchedRanks([&](const char* name) -> const char* {
    for (const auto& [key, value] : environment) {
      if (key == name) return value;
    }
    return nullptr;
  });
  return ranks ? ranks->size : 0;
}

TEST(LaunchedRanksTest, OnlyClearSigns) {
  EXPECT_EQ(RanksBy({}), 0);
  EXPECT_EQ(RanksBy({{"OMPI_COMM_WORLD_SIZE", "4"}, {"OMPI_COMM_WORLD_RANK", "1"}}), 4);
  EXPECT_EQ(RanksBy({{"PMI_SIZE", "3"}, {"PMI_RANK", "0"}}), 3);
  EXPECT_EQ(RanksBy({{"SLURM_STEP_NUM_TASKS", "8"}, {"SLURM_PROCID", "0"}, {"PMIX_RANK", "0"}}), 8);
  EXPECT_EQ(RanksBy({{"SLURM_NTASKS", "8"}, {"SLURM_PROCID", "0"}}), 0);          // a batch script
  EXPECT_EQ(RanksBy({{"SLURM_STEP_NUM_TASKS", "8"}, {"SLURM_PROCID", "0"}}), 0);  // srun of programs of their own
  EXPECT_EQ(RanksBy({{"OMPI_COMM_WORLD_SIZE", "x"}, {"OMPI_COMM_WORLD_RANK", "1"}}), 0);
}

}  // namespace
}  // namespace nibble
