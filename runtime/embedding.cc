#include "runtime/embedding.h"

#include <algorithm>
#include <cassert>
#include <numeric>
#include <vector>

#include "absl/strings/str_cat.h"
#include "base/status.h"
#include "runtime/parallel.h"

namespace nibble {
namespace {

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

absl::Status AddPositions(const Model& model, const LogicalTensor& table, int64_t past, int64_t length,
                          absl::Span<float> out) {
  if (past + length > table.rows) {
    return absl::InvalidArgumentError(absl::StrCat(model.path, ": expected at most the model's ", table.rows,
                                                   " positions, found a text of ", past + length, " tokens"));
  }
  std::vector<float> positions(length * table.cols);
  NIBBLE_RETURN_IF_ERROR(ReadRows(model.source, table, past, past + length, absl::MakeSpan(positions)));
  for (size_t i = 0; i < out.size(); ++i) out[i] += positions[i % positions.size()];
  return absl::OkStatus();
}

}  // namespace

absl::Status Embed(const Model& model, absl::Span<const uint32_t> ids, int64_t past, int64_t length, int threads,
                   absl::Span<float> out) {
  NIBBLE_RETURN_IF_ERROR(GatherEmbeddings(model, ids, threads, out));
  if (model.spec.embedding_scale() != 0) {
    for (float& value : out) value *= model.spec.embedding_scale();
  }
  const LogicalTensor* positions = model.Find(Role::kPositionEmbedding);
  return positions == nullptr ? absl::OkStatus() : AddPositions(model, *positions, past, length, out);
}

}  // namespace nibble
