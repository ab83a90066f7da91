#include "model/fold.h"

#include <algorithm>
#include <cassert>

#include "quant/transform/hadamard.h"

namespace nibble {
namespace {

constexpr int64_t kStripCols = 64;  // mapped at once where rows are: as many doubles as a cache holds

// [begin, end) widened to whole blocks.
std::pair<int64_t, int64_t> Widened(const FoldHadamard& step, int64_t begin, int64_t end) {
  const auto down = [&](int64_t row) { return step.begin + (row - step.begin) / step.block * step.block; };
  if (begin > step.begin) begin = down(begin);
  if (end > step.begin) end = down(end + step.block - 1);
  return {begin, end};
}

// values [n, width]: rows from `first` on.
void Scale(const FoldScales& step, int64_t first, int64_t width, absl::Span<double> values) {
  const std::vector<float>& factors = *step.factors;
  const int64_t last = first + static_cast<int64_t>(values.size()) / width;
  const int64_t end = std::min<int64_t>(last, step.begin + factors.size());
  for (int64_t row = std::max(first, step.begin); row < end; ++row) {
    const double factor = factors[row - step.begin];
    for (double& value : values.subspan((row - first) * width, width))
      value = step.divide ? value / factor : value * factor;
  }
}

// The blocks that lie in `values` whole.
void Rotate(const FoldHadamard& step, int64_t first, int64_t width, absl::Span<double> values) {
  const int64_t last = first + static_cast<int64_t>(values.size()) / width;
  const int64_t before = std::max<int64_t>(first - step.begin, 0);
  const int64_t begin = step.begin + (before + step.block - 1) / step.block * step.block;
  if (begin >= last) return;
  const int64_t rows = (last - begin) / step.block * step.block;
  RotateRows(step.block, width, values.subspan((begin - first) * width, rows * width));
}

void Apply(const std::vector<FoldStep>& steps, int64_t first, int64_t width, absl::Span<double> values) {
  for (const FoldStep& step : steps) {
    if (const FoldScales* scales = std::get_if<FoldScales>(&step)) {
      Scale(*scales, first, width, values);
    } else {
      Rotate(std::get<FoldHadamard>(step), first, width, values);
    }
  }
}

void MapCols(const std::vector<FoldStep>& steps, int64_t cols, absl::Span<float> values) {
  std::vector<double> row(cols);
  for (size_t at = 0; at < values.size(); at += cols) {
    std::copy_n(&values[at], cols, row.begin());
    Apply(steps, 0, 1, absl::MakeSpan(row));
    std::transform(row.begin(), row.end(), &values[at], [](double value) { return static_cast<float>(value); });
  }
}

void MapRows(const std::vector<FoldStep>& steps, int64_t first, int64_t cols, absl::Span<float> values) {
  const int64_t rows = values.size() / cols;
  std::vector<double> strip;
  for (int64_t col = 0; col < cols; col += kStripCols) {
    const int64_t width = std::min(kStripCols, cols - col);
    strip.resize(rows * width);
    for (int64_t row = 0; row < rows; ++row) std::copy_n(&values[row * cols + col], width, &strip[row * width]);
    Apply(steps, first, width, absl::MakeSpan(strip));
    for (int64_t i = 0; i < rows * width; ++i)
      values[i / width * cols + col + i % width] = static_cast<float>(strip[i]);
  }
}

}  // namespace

int64_t FoldedRowsAtOnce(const Fold& fold) {
  int64_t rows = 1;
  for (const FoldStep& step : fold.rows) {
    if (const FoldHadamard* hadamard = std::get_if<FoldHadamard>(&step)) rows = std::max(rows, hadamard->block);
  }
  return rows;
}

std::pair<int64_t, int64_t> RowsBehind(const Fold& fold, int64_t begin, int64_t end) {
  std::pair<int64_t, int64_t> range(begin, end);
  for (auto step = fold.rows.rbegin(); step != fold.rows.rend(); ++step) {
    const FoldHadamard* hadamard = std::get_if<FoldHadamard>(&*step);
    if (hadamard != nullptr && begin < end) range = Widened(*hadamard, range.first, range.second);
  }
  return range;
}

void ApplyFold(const Fold& fold, int64_t first, int64_t cols, absl::Span<float> values) {
  if (values.empty()) return;
  if (!fold.cols.empty()) MapCols(fold.cols, cols, values);
  if (!fold.rows.empty()) MapRows(fold.rows, first, cols, values);
}

}  // namespace nibble
