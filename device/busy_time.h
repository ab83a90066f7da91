// How long something was under way, whoever did it.
#ifndef NIBBLE_DEVICE_BUSY_TIME_H_
#define NIBBLE_DEVICE_BUSY_TIME_H_

#include <atomic>
#include <chrono>
#include <cstdint>

namespace nibble {

// Time in which at least one Begin had no End yet. Thread-safe, without locks; for at most 65535 at a time, and the
// first 208 days of a process.
class BusyTime {
 public:
  void Begin() {
    uint64_t state = state_.load(std::memory_order_relaxed);
    while (!state_.compare_exchange_weak(state, (state & kCount) == 0 ? (Now() << kCountBits) + 1 : state + 1,
                                         std::memory_order_relaxed)) {
    }
  }

  void End() {
    uint64_t state = state_.load(std::memory_order_relaxed);
    uint64_t now;
    do {
      // Before the end is seen: whoever begins after it may be at work before this thread runs again.
      now = Now();
    } while (!state_.compare_exchange_weak(state, state - 1, std::memory_order_relaxed));
    if ((state & kCount) == 1) ticks_.fetch_add(now - (state >> kCountBits), std::memory_order_relaxed);
  }

  // Until now, if something is under way.
  double seconds() const {
    const uint64_t state = state_.load(std::memory_order_relaxed);
    const uint64_t open = (state & kCount) == 0 ? 0 : Now() - (state >> kCountBits);
    return static_cast<double>(ticks_.load(std::memory_order_relaxed) + open) * kTick.count() * 1e-9;
  }

 private:
  static constexpr int kCountBits = 16;
  static constexpr uint64_t kCount = (1 << kCountBits) - 1;
  static constexpr std::chrono::nanoseconds kTick{64};

  static uint64_t Now() {
    static const auto start = std::chrono::steady_clock::now();
    return static_cast<uint64_t>((std::chrono::steady_clock::now() - start) / kTick);
  }

  std::atomic<uint64_t> state_ = 0;  // since when, and how many: together, as what is read must belong together
  std::atomic<uint64_t> ticks_ = 0;
};

}  // namespace nibble

#endif  // NIBBLE_DEVICE_BUSY_TIME_H_
