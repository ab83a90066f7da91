#include <omp.h>

#include <algorithm>
#include <cmath>

#include "device/cpu/cpu_device.h"
#include "device/cpu/gemm.h"
#include "device/cpu/operations.h"
#include "device/cpu/work.h"
#include "device/maths/visible_keys.h"

namespace nibble::cpu {
namespace {

// Queries taken at once: their scores against all keys are all the memory that a thread needs.
constexpr int64_t kQueryBlock = 64;

// Softmax of scores[begin, end), and of the sink if there is one; the others become 0.
void SoftmaxOfSeen(float* scores, int64_t begin, int64_t end, int64_t count, const float* sink) {
  float max = *std::max_element(scores + begin, scores + end);
  if (sink != nullptr) max = std::max(max, *sink);
  double sum = sink == nullptr ? 0 : std::exp(*sink - max);
  for (int64_t i = begin; i < end; ++i) {
    scores[i] = std::exp(scores[i] - max);
    sum += scores[i];
  }
  const float inverse = 1 / sum;
  for (int64_t i = begin; i < end; ++i) scores[i] *= inverse;
  std::fill(scores, scores + begin, 0.0f);
  std::fill(scores + end, scores + count, 0.0f);
}

// The work cut into tasks: one block of queries of one head of one sequence each.
class Tasks {
 public:
  Tasks(CpuDevice& device, const AttentionArguments& arguments, Matrix y)
      : device_(device),
        a_(arguments),
        y_(y),
        keys_seen_(arguments),
        queries_(arguments.query.rows / arguments.sequences),
        keys_(arguments.key.rows / arguments.sequences),
        blocks_((queries_ + kQueryBlock - 1) / kQueryBlock) {}

  int64_t count() const { return a_.sequences * a_.heads * blocks_; }
  int64_t scratch() const { return std::min(kQueryBlock, queries_) * keys_; }

  void Run(int64_t task, float* scores) const {
    const int64_t first = task % blocks_ * kQueryBlock;
    const int64_t head = task / blocks_ % a_.heads;
    const int64_t sequence = task / blocks_ / a_.heads;
    const int64_t kv_head = head / (a_.heads / a_.kv_heads);
    const int64_t key_length = a_.query.cols / a_.heads;
    const int64_t value_length = a_.value.cols / a_.kv_heads;
    const int64_t count = std::min(kQueryBlock, queries_ - first);
    const int64_t past = keys_ - queries_;
    const int64_t begin = keys_seen_.First(past + first);  // by the block's first query
    const int64_t end = past + first + count;              // by its last
    const int64_t seen = end - begin;

    const float* query = a_.query.row(sequence * queries_ + first) + head * key_length;
    const float* key = a_.key.row(sequence * keys_ + begin) + kv_head * key_length;
    const float* value = a_.value.row(sequence * keys_ + begin) + kv_head * value_length;
    const float* sink = a_.sinks == nullptr ? nullptr : a_.sinks + head;
    float* out = y_.row(sequence * queries_ + first) + head * value_length;

    Gemm(device_, count, seen, key_length, a_.scale, {query, a_.query.cols}, {key, a_.key.cols, Transpose::kYes}, 0,
         {scores, seen});
    for (int64_t t = 0; t < count; ++t) {
      const int64_t position = past + first + t;
      SoftmaxOfSeen(scores + t * seen, keys_seen_.First(position) - begin, position + 1 - begin, seen, sink);
    }
    Gemm(device_, count, value_length, seen, 1, {scores, seen}, {value, a_.value.cols}, 0, {out, y_.cols});
  }

 private:
  CpuDevice& device_;
  const AttentionArguments& a_;
  const Matrix y_;
  const VisibleKeys keys_seen_;
  const int64_t queries_;  // of a sequence
  const int64_t keys_;
  const int64_t blocks_;
};

}  // namespace

void Attention(Device& device, const AttentionArguments& arguments, Matrix y) {
  auto& cpu = static_cast<CpuDevice&>(device);
  const Tasks tasks(cpu, arguments, y);
  absl::StatusOr<Buffer> scratch = cpu.Allocate(tasks.scratch() * cpu.threads());
  if (!scratch.ok()) return cpu.Fail(scratch.status());
  const int threads = ThreadsFor(cpu, arguments.query.rows * arguments.key.rows * arguments.query.cols);
#pragma omp parallel for schedule(dynamic) num_threads(threads)
  for (int64_t task = 0; task < tasks.count(); ++task) {
    tasks.Run(task, scratch->data() + omp_get_thread_num() * tasks.scratch());
  }
}

}  // namespace nibble::cpu
