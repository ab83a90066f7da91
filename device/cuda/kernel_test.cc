#include "device/cuda/kernel.h"

#include <cstdint>
#include <numeric>
#include <vector>

#include "gtest/gtest.h"

namespace nibble::cuda {
namespace {

TEST(Block, AStepTakesEveryThreadOnceInEitherOrder) {
  std::vector<int> threads;
  Block(3).Step([&](int thread) { threads.push_back(thread); });
  std::vector<int> expected(kThreads);
  std::iota(expected.begin(), expected.end(), 0);
  EXPECT_EQ(threads, expected);
  threads.clear();
  Block(3, /*backwards=*/true).Step([&](int thread) { threads.push_back(thread); });
  EXPECT_EQ(threads, std::vector<int>(expected.rbegin(), expected.rend()));
}

TEST(PerThread, KeepsEachThreadsOwnBetweenSteps) {
  const Block block(0);
  PerThread<int> own;
  block.Step([&](int thread) { own[thread] += thread; });
  block.Step([&](int thread) { EXPECT_EQ(own[thread], thread); });
}

// 1 + tiny is 1: the order shows in the sum. Neighbours kThreads / 2 apart come together first, whatever the order.
TEST(Reduce, FoldsInHalves) {
  for (bool backwards : {false, true}) {
    float values[kThreads] = {};
    values[0] = 1;
    values[1] = values[1 + kThreads / 2] = 0x1p-25f;
    EXPECT_EQ(Reduce(Block(0, backwards), values, Plus()), 1.0f);
    values[0] = 1;
    values[1] = values[1 + kThreads / 2] = 0x1p-24f;
    EXPECT_EQ(Reduce(Block(0, backwards), values, Plus()), 1 + 0x1p-23f);
  }
  int values[kThreads];
  std::iota(values, values + kThreads, 5);
  EXPECT_EQ(Reduce(Block(0), values, Larger()), kThreads + 4);
}

}  // namespace
}  // namespace nibble::cuda
