#include "runtime/embedding.h"

#include <algorithm>
#include <cassert>
#include <numeric>
#include <vector>

#include "base/status.h"
#include "runtime/parallel.h"

namespace nibble {

absl::Status GatherEmbeddings(const Model& model, absl::Span<const uint32_t> ids, int threads, absl::Span<float> out) {
  const LogicalTensor* embedding = model.Find(Role::kTokenEmbedding);
  assert(embedding != nullptr);
  const int64_t width = embedding->cols;

  // Positions in the order of their ids: a run of one id is read once and copied.
  std::vector<int64_t> order(ids.size());
  std::iota(order.begin(), order.end(), 0);
  std::stable_sort(order.begin(), order.end(), [&](int64_t a, int64_t b) { return ids[a] < ids[b]; });
  std::vector<size_t> runs;
  for (size_t i = 0; i < order.size(); ++i) {
    if (i == 0 || ids[order[i]] != ids[order[i - 1]]) runs.push_back(i);
  }
  runs.push_back(order.size());

  return ParallelFor(threads, runs.size() - 1, [&](int64_t run) -> absl::Status {
    const int64_t id = ids[order[runs[run]]];
    const absl::Span<float> first = out.subspan(order[runs[run]] * width, width);
    NIBBLE_RETURN_IF_ERROR(ReadRows(model.source, *embedding, id, id + 1, first));
    for (size_t i = runs[run] + 1; i < runs[run + 1]; ++i) {
      std::copy(first.begin(), first.end(), out.begin() + order[i] * width);
    }
    return absl::OkStatus();
  });
}

}  // namespace nibble
