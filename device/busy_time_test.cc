#include "device/busy_time.h"

#include <chrono>
#include <thread>
#include <vector>

#include "gtest/gtest.h"

namespace nibble {
namespace {

constexpr double kPause = 0.05;

void Pause() { std::this_thread::sleep_for(std::chrono::duration<double>(kPause)); }

TEST(BusyTime, WhatIsAtOnceCountsOnce) {
  BusyTime busy;
  EXPECT_EQ(busy.seconds(), 0);
  Pause();
  const auto begin = std::chrono::steady_clock::now();
  busy.Begin();
  busy.Begin();
  Pause();
  busy.End();
  EXPECT_GE(busy.seconds(), kPause * 0.99);  // the second one goes on
  Pause();
  busy.End();
  const std::chrono::duration<double> passed = std::chrono::steady_clock::now() - begin;
  const double seconds = busy.seconds();
  EXPECT_GE(seconds, 2 * kPause * 0.99);
  EXPECT_LE(seconds, passed.count() * 1.01);
  Pause();
  EXPECT_EQ(busy.seconds(), seconds);
}

// Whatever turns they take, it is no more than the time that passed.
TEST(BusyTime, ManyThreads) {
  BusyTime busy;
  const auto begin = std::chrono::steady_clock::now();
  std::vector<std::thread> threads;
  for (int i = 0; i < 4; ++i) {
    threads.emplace_back([&] {
      for (int turn = 0; turn < 100000; ++turn) {
        busy.Begin();
        busy.End();
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  const std::chrono::duration<double> passed = std::chrono::steady_clock::now() - begin;
  EXPECT_GT(busy.seconds(), 0);
  EXPECT_LE(busy.seconds(), passed.count() * 1.01);
}

}  // namespace
}  // namespace nibble
