// The blocks of windows that sums over a text are formed by, and which of them are a rank's.
#ifndef NIBBLE_PIPELINE_CALIBRATION_WINDOW_BLOCKS_H_
#define NIBBLE_PIPELINE_CALIBRATION_WINDOW_BLOCKS_H_

#include <algorithm>
#include <cstdint>

namespace nibble {

// A function of the windows alone: the same blocks whatever the ranks, the threads and the memory.
class WindowBlocks {
 public:
  // More would take more memory for sums that wait for their siblings, and time to add them up.
  static constexpr int64_t kMost = 16;
  // Fewer would cost products some of their speed.
  static constexpr int64_t kLeastTokens = 512;

  // `count` windows of `length` tokens; neither is 0.
  WindowBlocks(int64_t count, int64_t length)
      : windows_(count),
        length_(length),
        size_(std::max((count + kMost - 1) / kMost, (kLeastTokens + length - 1) / length)) {}

  int64_t size() const { return size_; }  // windows of each but the last, which may have fewer
  int64_t count() const { return (windows_ + size_ - 1) / size_; }
  int64_t tokens() const { return windows_ * length_; }  // of all
  int64_t tokens_of_block() const { return size_ * length_; }

  // The first block, window and token that the rank has; those of the rank behind the last are the end.
  int64_t FirstOf(int rank, int ranks) const { return count() * rank / ranks; }
  int64_t FirstWindowOf(int rank, int ranks) const { return std::min(FirstOf(rank, ranks) * size_, windows_); }
  int64_t FirstTokenOf(int rank, int ranks) const { return FirstWindowOf(rank, ranks) * length_; }
  int64_t TokensOf(int rank, int ranks) const { return FirstTokenOf(rank + 1, ranks) - FirstTokenOf(rank, ranks); }

 private:
  int64_t windows_, length_, size_;
};

}  // namespace nibble

#endif  // NIBBLE_PIPELINE_CALIBRATION_WINDOW_BLOCKS_H_
