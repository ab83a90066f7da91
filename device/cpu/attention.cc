#include <omp.h>

#include <algorithm>
#include <cmath>

#include "device/cpu/cpu_device.h"
#include "device/cpu/gemm.h"
#include "device/cpu/operations.h"

namespace nibble::cpu {
namespace {

// Queries taken at once: their scores against all keys are all the memory that a thread needs.
constexpr int64_t kQueryBlock = 64;

// Softmax of the first `seen` scores; the others become 0.
void CausalSoftmax(float* scores, int64_t seen, int64_t count) {
  const float max = *std::max_element(scores, scores + seen);
  double sum = 0;
  for (int64_t i = 0; i < seen; ++i) {
    scores[i] = std::exp(scores[i] - max);
    sum += scores[i];
  }
  const float inverse = 1 / sum;
  for (int64_t i = 0; i < seen; ++i) scores[i] *= inverse;
  std::fill(scores + seen, scores + count, 0.0f);
}

// The work cut into tasks: one block of queries of one head of one sequence each.
class Tasks {
 public:
  Tasks(CpuDevice& device, const AttentionArguments& arguments, Matrix y)
      : device_(device),
        a_(arguments),
        y_(y),
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
    const int64_t seen = past + first + count;  // by the block's last query

    const float* query = a_.query.row(sequence * queries_ + first) + head * key_length;
    const float* key = a_.key.row(sequence * keys_) + kv_head * key_length;
    const float* value = a_.value.row(sequence * keys_) + kv_head * value_length;
    float* out = y_.row(sequence * queries_ + first) + head * value_length;

    Gemm(device_, count, seen, key_length, a_.scale, {query, a_.query.cols}, {key, a_.key.cols}, Transpose::kYes,
         scores, seen);
    for (int64_t t = 0; t < count; ++t) CausalSoftmax(scores + t * seen, past + first + t + 1, seen);
    Gemm(device_, count, value_length, seen, 1, {scores, seen}, {value, a_.value.cols}, Transpose::kNo, out, y_.cols);
  }

 private:
  CpuDevice& device_;
  const AttentionArguments& a_;
  const Matrix y_;
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
#pragma omp parallel for schedule(dynamic) num_threads(cpu.threads())
  for (int64_t task = 0; task < tasks.count(); ++task) {
    tasks.Run(task, scratch->data() + omp_get_thread_num() * tasks.scratch());
  }
}

}  // namespace nibble::cpu
