// Attention by two products, with the softmax of the scores between them.
#ifndef NIBBLE_DEVICE_CUDA_ATTENTION_H_
#define NIBBLE_DEVICE_CUDA_ATTENTION_H_

#include <math.h>

#include <algorithm>
#include <cstdint>
#include <utility>

#include "absl/status/statusor.h"
#include "device/cuda/kernel.h"
#include "device/cuda/product.h"
#include "device/device.h"
#include "device/maths/visible_keys.h"
#include "device/operations.h"

namespace nibble::cuda {

// Softmax of what a query sees of its row of scores, and of its head's sink; the others become 0.
struct SoftmaxOfSeenKernel {
  struct Shared {
    float max[kThreads];
    double sums[kThreads];
  };

  NIBBLE_HOST_DEVICE void operator()(Block block, Shared& shared) const {
    const int64_t head = block.index() / queries, position = first_position + block.index() % queries;
    const int64_t begin = visible.First(position) - first_key, end = position + 1 - first_key;
    float* const row = scores + block.index() * keys;
    block.Step([&](int thread) {
      float max = sinks == nullptr ? -INFINITY : sinks[head];
      for (int64_t i = begin + thread; i < end; i += kThreads) max = max < row[i] ? row[i] : max;
      shared.max[thread] = max;
    });
    const float max = Reduce(block, shared.max, Larger());
    block.Step([&](int thread) {
      double sum = sinks == nullptr || thread > 0 ? 0.0 : expf(sinks[head] - max);
      for (int64_t i = begin + thread; i < end; i += kThreads) {
        row[i] = expf(row[i] - max);
        sum += row[i];
      }
      shared.sums[thread] = sum;
    });
    const float inverse = static_cast<float>(1 / Reduce(block, shared.sums, Plus()));
    block.Step([&](int thread) {
      for (int64_t i = thread; i < keys; i += kThreads) row[i] = i < begin || i >= end ? 0.0f : row[i] * inverse;
    });
  }

  float* scores;  // [heads, queries, keys]
  int64_t queries, keys;
  int64_t first_position, first_key;  // of the queries and the keys here
  VisibleKeys visible;
  const float* sinks;  // [heads] or null
};

// Blocks of queries, and of heads: those that share a key and value head, or all if each has its own.
template <typename Backend>
class AttentionRun {
 public:
  AttentionRun(Backend& backend, const AttentionArguments& arguments, Matrix y)
      : backend_(backend),
        a_(arguments),
        y_(y),
        visible_(arguments),
        queries_(a_.query.rows / a_.sequences),
        keys_(a_.key.rows / a_.sequences),
        key_length_(a_.query.cols / a_.heads),
        value_length_(a_.value.cols / a_.kv_heads),
        shared_(a_.kv_heads < a_.heads),
        heads_at_once_(shared_ ? a_.heads / a_.kv_heads : a_.heads) {}

  void Run() {
    if (!AllocateScores()) return;
    for (int64_t sequence = 0; sequence < a_.sequences; ++sequence) {
      for (int64_t head = 0; head < a_.heads; head += heads_at_once_) {
        for (int64_t first = 0; first < queries_; first += queries_at_once_) RunBlock(sequence, head, first);
      }
    }
  }

 private:
  // For as many queries as there is room for, down to one.
  bool AllocateScores() {
    constexpr int64_t kMostScores = int64_t{1} << 26;
    queries_at_once_ = std::clamp<int64_t>(kMostScores / (heads_at_once_ * keys_), 1, queries_);
    for (;; queries_at_once_ = (queries_at_once_ + 1) / 2) {
      absl::StatusOr<Buffer> scores = backend_.Allocate(heads_at_once_ * queries_at_once_ * keys_);
      if (scores.ok()) {
        scores_ = *std::move(scores);
        return true;
      }
      if (queries_at_once_ > 1) continue;
      backend_.Fail(scores.status());
      return false;
    }
  }

  void RunBlock(int64_t sequence, int64_t head, int64_t first) {
    const int64_t count = std::min(queries_at_once_, queries_ - first), position = keys_ - queries_ + first;
    const int64_t first_key = visible_.First(position), seen = position + count - first_key;
    const int64_t kv_head = head / (a_.heads / a_.kv_heads), row = sequence * queries_ + first;
    const int64_t kv_row = sequence * keys_ + first_key;
    float* const scores = scores_.data();
    backend_.Multiply(
        {.m = count,
         .n = seen,
         .k = key_length_,
         .batch = heads_at_once_,
         .alpha = a_.scale,
         .a = {a_.query.row(row) + head * key_length_, a_.query.cols, false, key_length_},
         .b = {a_.key.row(kv_row) + kv_head * key_length_, a_.key.cols, /*transposed=*/true, shared_ ? 0 : key_length_},
         .c = scores,
         .c_stride = seen,
         .c_batch_stride = count * seen});
    backend_.ForEachBlock(heads_at_once_ * count,
                          SoftmaxOfSeenKernel{scores, count, seen, position, first_key, visible_,
                                              a_.sinks == nullptr ? nullptr : a_.sinks + head});
    backend_.Multiply(
        {.m = count,
         .n = value_length_,
         .k = seen,
         .batch = heads_at_once_,
         .a = {scores, seen, false, count * seen},
         .b = {a_.value.row(kv_row) + kv_head * value_length_, a_.value.cols, false, shared_ ? 0 : value_length_},
         .c = y_.row(row) + head * value_length_,
         .c_stride = y_.cols,
         .c_batch_stride = value_length_});
  }

  Backend& backend_;
  const AttentionArguments& a_;
  const Matrix y_;
  const VisibleKeys visible_;
  const int64_t queries_, keys_;  // of a sequence
  const int64_t key_length_, value_length_;
  const bool shared_;
  const int64_t heads_at_once_;
  int64_t queries_at_once_ = 1;
  Buffer scores_;
};

template <typename Backend>
void Attention(Device& device, const AttentionArguments& arguments, Matrix y) {
  AttentionRun<Backend>(static_cast<Backend&>(device), arguments, y).Run();
}

}  // namespace nibble::cuda

#endif  // NIBBLE_DEVICE_CUDA_ATTENTION_H_
