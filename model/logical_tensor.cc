#include "model/logical_tensor.h"

#include <algorithm>
#include <bit>
#include <cassert>
#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "base/status.h"
#include "model/gather.h"
#include "quant/block/format.h"

namespace nibble {
namespace {

constexpr int64_t kMaxGapBytes = 16 << 10;      // reading so much for nothing costs no more than another call
constexpr int64_t kMaxFetchElements = 1 << 20;  // bounds the scratch memory where runs are joined

const StoredTensor& Stored(const TensorSource& source, const StridedView& view) {
  const StoredTensor* tensor = source.Find(view.tensor);
  assert(tensor != nullptr);
  return *tensor;
}

const BlockFormat& FormatOf(const StoredTensor& tensor) {
  const DTypeInfo& dtype = GetDType(tensor.dtype);
  assert(dtype.format.has_value());
  return GetFormat(*dtype.format);
}

int64_t ViewRowsPerRow(const LogicalTensor& tensor, const StridedView& view) {
  return view.cols.count == 0 ? 1 : tensor.cols / view.cols.count;
}

std::vector<Fetch> PlanFetches(const std::vector<Run>& runs, const BlockFormat& format) {
  const int64_t max_gap = kMaxGapBytes / format.block_bytes * format.block_elements;
  return FetchesOf(runs, format.block_elements, max_gap, kMaxFetchElements);
}

bool IsCopy(const Fetch& fetch, const Run& run) {
  return fetch.last_run - fetch.first_run == 1 && run.step == 1 && run.out_step == 1 && run.stored == fetch.begin &&
         run.stored + run.count == fetch.end;
}

void Scatter(const float* values, int64_t first, const Run& run, float* out) {
  const float* from = values + (run.stored - first);
  float* to = out + run.out;
  for (int64_t i = 0; i < run.count; ++i) to[i * run.out_step] = from[i * run.step];
}

bool IsFinite(float value) { return (std::bit_cast<uint32_t>(value) & 0x7F80'0000u) != 0x7F80'0000u; }

bool AllFinite(absl::Span<const float> values) {
  uint32_t bad = 0;
  for (const float value : values) bad |= !IsFinite(value);
  return bad == 0;
}

// "[3, 17]": where a stored element lies in its tensor.
std::string IndexText(const StoredTensor& tensor, int64_t element) {
  std::vector<int64_t> index(tensor.shape.size());
  for (size_t axis = index.size(); axis-- > 0; element /= tensor.shape[axis])
    index[axis] = element % tensor.shape[axis];
  return ShapeText(index);
}

// kDataLoss with the index of the first value that is NaN or infinite; `values` are rows from `begin` on.
absl::Status CheckFinite(const TensorSource& source, const StridedView& view, int64_t begin,
                         absl::Span<const float> values) {
  if (AllFinite(values)) return absl::OkStatus();
  const int64_t at = std::find_if_not(values.begin(), values.end(), IsFinite) - values.begin();
  const StoredTensor& stored = Stored(source, view);
  const int64_t element = StoredElement(view, begin + at / view.cols.count, at % view.cols.count);
  return BadData(absl::StrCat(source.Place(stored), " ", IndexText(stored, element)), "a finite value",
                 absl::StrFormat("%g", values[at]));
}

// Rows [begin, end) of the view itself.
absl::Status ReadView(const TensorSource& source, const StridedView& view, int64_t begin, int64_t end,
                      absl::Span<float> out) {
  const StoredTensor& stored = Stored(source, view);
  const BlockFormat& format = FormatOf(stored);
  const std::vector<Run> runs = RunsOf(view, begin, end);
  std::vector<std::byte> bytes;
  std::vector<float> values;
  for (const Fetch& fetch : PlanFetches(runs, format)) {
    const size_t blocks = (fetch.end - fetch.begin) / format.block_elements;
    bytes.resize(blocks * format.block_bytes);
    NIBBLE_RETURN_IF_ERROR(source.Read(stored, format.BytesFor(fetch.begin), absl::MakeSpan(bytes)));
    if (IsCopy(fetch, runs[fetch.first_run])) {
      format.decode(bytes.data(), blocks, out.data() + runs[fetch.first_run].out);
      continue;
    }
    values.resize(blocks * format.block_elements);
    format.decode(bytes.data(), blocks, values.data());
    for (size_t i = fetch.first_run; i < fetch.last_run; ++i) Scatter(values.data(), fetch.begin, runs[i], out.data());
  }
  return CheckFinite(source, view, begin, out);
}

}  // namespace

StridedView IdentityView(const StoredTensor& tensor) {
  const int64_t cols = tensor.shape.empty() ? 1 : tensor.shape.back();
  const int64_t rows = cols == 0 ? 0 : tensor.elements() / cols;
  return {.tensor = tensor.name, .rows = {{rows, cols}}, .cols = {cols, 1}};
}

StridedView RopeInterleavedView(const StoredTensor& tensor, int64_t heads) {
  const bool is_vector = tensor.shape.size() == 1;  // a bias: one value per row
  const int64_t width = is_vector ? 1 : tensor.shape.back();
  const int64_t half = tensor.shape.front() / heads / 2;
  StridedView view{.tensor = tensor.name, .rows = {{heads, 2 * half * width}, {half, width}, {2, half * width}}};
  view.cols = {width, 1};
  return view;
}

absl::Status ReadRows(const TensorSource& source, const LogicalTensor& tensor, int64_t begin, int64_t end,
                      absl::Span<float> out) {
  assert(0 <= begin && begin <= end && end <= tensor.rows);
  assert(static_cast<int64_t>(out.size()) == (end - begin) * tensor.cols);
  if (const Constants* constants = std::get_if<Constants>(&tensor.recipe)) {
    std::copy_n(constants->begin(), out.size(), out.begin());
    return absl::OkStatus();
  }
  const StridedView& view = std::get<StridedView>(tensor.recipe);
  const int64_t parts = ViewRowsPerRow(tensor, view);
  return ReadView(source, view, begin * parts, end * parts, out);
}

std::optional<DType> RawDType(const TensorSource& source, const LogicalTensor& tensor) {
  const StridedView* view = std::get_if<StridedView>(&tensor.recipe);
  if (view == nullptr) return std::nullopt;
  const DType dtype = Stored(source, *view).dtype;
  const int64_t block = GetDType(dtype).block_elements;
  const auto divides = [&](int64_t elements) { return elements % block == 0; };
  if (view->cols.count == 0) return dtype;
  const bool whole_blocks = (view->cols.stride == 1 || view->cols.count == 1) && divides(view->cols.count) &&
                            divides(view->base) &&
                            std::all_of(view->rows.begin(), view->rows.end(),
                                        [&](const Axis& axis) { return axis.count == 1 || divides(axis.stride); });
  return whole_blocks ? std::optional(dtype) : std::nullopt;
}

absl::Status ReadRawRows(const TensorSource& source, const LogicalTensor& tensor, int64_t begin, int64_t end,
                         absl::Span<std::byte> out) {
  assert(RawDType(source, tensor).has_value());
  const StridedView& view = std::get<StridedView>(tensor.recipe);
  const StoredTensor& stored = Stored(source, view);
  const BlockFormat& format = FormatOf(stored);
  const int64_t parts = ViewRowsPerRow(tensor, view);
  const std::vector<Run> runs = RunsOf(view, begin * parts, end * parts);
  std::vector<std::byte> bytes;
  for (const Fetch& fetch : PlanFetches(runs, format)) {
    bytes.resize(format.BytesFor(fetch.end - fetch.begin));
    NIBBLE_RETURN_IF_ERROR(source.Read(stored, format.BytesFor(fetch.begin), absl::MakeSpan(bytes)));
    for (size_t i = fetch.first_run; i < fetch.last_run; ++i) {
      const std::byte* from = bytes.data() + format.BytesFor(runs[i].stored - fetch.begin);
      std::copy_n(from, format.BytesFor(runs[i].count), out.data() + format.BytesFor(runs[i].out));
    }
  }
  std::vector<float> values(tensor.cols);
  const uint64_t row_bytes = format.BytesFor(tensor.cols);
  for (int64_t row = begin; row < end; ++row) {
    format.decode(out.data() + (row - begin) * row_bytes, tensor.cols / format.block_elements, values.data());
    NIBBLE_RETURN_IF_ERROR(CheckFinite(source, view, row * parts, values));
  }
  return absl::OkStatus();
}

}  // namespace nibble
