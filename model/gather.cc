#include "model/gather.h"

#include <algorithm>
#include <cassert>

namespace nibble {
namespace {

// Two runs that go on where the other ends, on both sides, are one.
void Append(std::vector<Run>& runs, const Run& run) {
  if (!runs.empty()) {
    Run& last = runs.back();
    const bool contiguous = last.step == 1 && run.step == 1 && last.out_step == 1 && run.out_step == 1;
    if (contiguous && last.stored + last.count == run.stored && last.out + last.count == run.out) {
      last.count += run.count;
      return;
    }
  }
  runs.push_back(run);
}

void AppendAlongRows(const StridedView& view, int64_t begin, int64_t end, std::vector<Run>& runs) {
  const Axis inner = view.rows.back();
  for (int64_t row = begin; row < end;) {
    const int64_t count = std::min(end - row, inner.count - row % inner.count);
    for (int64_t col = 0; col < view.cols.count; ++col) {
      const int64_t out = (row - begin) * view.cols.count + col;
      Append(runs, {StoredElement(view, row, col), inner.stride, count, out, view.cols.count});
    }
    row += count;
  }
}

void AppendAlongCols(const StridedView& view, int64_t begin, int64_t end, std::vector<Run>& runs) {
  for (int64_t row = begin; row < end; ++row) {
    const int64_t out = (row - begin) * view.cols.count;
    Append(runs, {StoredElement(view, row, 0), view.cols.stride, view.cols.count, out, 1});
  }
}

}  // namespace

bool IsAgainstGrain(const StridedView& view) {
  return !view.rows.empty() && view.cols.count > 1 && view.rows.back().stride < view.cols.stride;
}

int64_t StoredElement(const StridedView& view, int64_t row, int64_t col) {
  int64_t element = view.base + col * view.cols.stride;
  for (auto axis = view.rows.rbegin(); axis != view.rows.rend(); ++axis) {
    element += row % axis->count * axis->stride;
    row /= axis->count;
  }
  assert(row == 0);
  return element;
}

std::vector<Run> RunsOf(const StridedView& view, int64_t begin, int64_t end) {
  std::vector<Run> runs;
  if (begin == end || view.cols.count == 0) return runs;
  (IsAgainstGrain(view) ? AppendAlongRows : AppendAlongCols)(view, begin, end, runs);
  const auto by_stored = [](const Run& a, const Run& b) { return a.stored < b.stored; };
  if (!std::is_sorted(runs.begin(), runs.end(), by_stored)) std::sort(runs.begin(), runs.end(), by_stored);
  return runs;
}

std::vector<Fetch> FetchesOf(const std::vector<Run>& runs, int64_t block_elements, int64_t max_gap, int64_t max_fetch) {
  std::vector<Fetch> fetches;
  for (size_t i = 0; i < runs.size(); ++i) {
    const int64_t begin = runs[i].stored / block_elements * block_elements;
    const int64_t end = (runs[i].last() / block_elements + 1) * block_elements;
    if (!fetches.empty()) {
      Fetch& fetch = fetches.back();
      const int64_t joined_end = std::max(fetch.end, end);
      if (begin <= fetch.end + max_gap && joined_end - fetch.begin <= max_fetch) {
        fetch.end = joined_end;
        fetch.last_run = i + 1;
        continue;
      }
    }
    fetches.push_back({begin, end, i, i + 1});
  }
  return fetches;
}

}  // namespace nibble
