#include "model/logical_tensor.h"

#include <algorithm>
#include <bit>
#include <cassert>
#include <string>
#include <utility>

#include "absl/strings/str_format.h"
#include "base/status.h"
#include "model/block_scales.h"
#include "model/gather.h"
#include "model/repack.h"
#include "model/stored.h"
#include "model/word_codes.h"
#include "quant/block/format.h"
#include "quant/block/magnitude.h"

namespace nibble {
namespace {

constexpr int64_t kMaxGapBytes = 16 << 10;      // reading so much for nothing costs no more than another call
constexpr int64_t kMaxFetchElements = 1 << 20;  // bounds the scratch memory where runs are joined
constexpr int64_t kRowsAgainstGrain = 4096;     // then a run is long beside the gaps that are read for nothing
constexpr int64_t kRowsOfWords = 256;           // then a row of words is worth a call

StoredElements ElementsOf(const TensorSource& source, const StridedView& view) {
  return ElementsOf(source, view.tensor, view.packed);
}

int64_t ViewRowsPerRow(const LogicalTensor& tensor, const StridedView& view) {
  return view.cols.count == 0 ? 1 : tensor.cols / view.cols.count;
}

std::vector<Fetch> PlanFetches(const std::vector<Run>& runs, int64_t block_elements, int64_t block_bytes) {
  const int64_t max_gap = kMaxGapBytes / block_bytes * block_elements;
  return FetchesOf(runs, block_elements, max_gap, kMaxFetchElements);
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

bool AllFinite(absl::Span<const float> values) { return IsFinite(LargestMagnitude(values)); }

// kDataLoss with the index of the first value that is NaN or infinite; `values` are rows from `begin` on.
template <typename Stored>
absl::Status CheckFinite(const Stored& stored, const StridedView& view, int64_t begin, absl::Span<const float> values) {
  if (AllFinite(values)) return absl::OkStatus();
  const int64_t at = std::find_if_not(values.begin(), values.end(), IsFinite) - values.begin();
  const int64_t element = StoredElement(view, begin + at / view.cols.count, at % view.cols.count);
  return stored.Error(element, "a finite value", absl::StrFormat("%g", values[at]));
}

// What a view's elements are read by: whole blocks of them, as the values that they and their scales mean.
class BlockElements {
 public:
  BlockElements(const TensorSource& source, const StridedView& view) : stored_(ElementsOf(source, view)), view_(view) {}

  std::vector<Fetch> Plan(const std::vector<Run>& runs) const {
    return PlanFetches(runs, stored_.format.block_elements, stored_.format.block_bytes);
  }
  absl::Status Read(const Fetch& fetch, absl::Span<float> values) {
    NIBBLE_RETURN_IF_ERROR(stored_.Read(fetch.begin, fetch.end, bytes_));
    stored_.format.decode(bytes_.data(), values.size() / stored_.format.block_elements, values.data());
    if (!view_.scales) return absl::OkStatus();
    NIBBLE_ASSIGN_OR_RETURN(const Scales scales, Scales::Read(stored_, *view_.scales, fetch.begin, fetch.end));
    scales.Multiply(fetch.begin, values);
    return absl::OkStatus();
  }
  absl::Status Error(int64_t element, absl::string_view expected, absl::string_view found) const {
    return stored_.Error(element, expected, found);
  }

 private:
  const StoredElements stored_;
  const StridedView& view_;
  std::vector<std::byte> bytes_;
};

// The same of words.
class WordElements {
 public:
  WordElements(const TensorSource& source, const StridedView& view) : matrix_(source, view.tensor, *view.words) {}

  std::vector<Fetch> Plan(const std::vector<Run>& runs) const { return PlanFetches(runs, 1, 1); }
  absl::Status Read(const Fetch& fetch, absl::Span<float> values) { return matrix_.Read(fetch.begin, values); }
  absl::Status Error(int64_t element, absl::string_view expected, absl::string_view found) const {
    return matrix_.Error(element, expected, found);
  }

 private:
  const WordMatrix matrix_;
};

// Rows [begin, end) of the view itself.
template <typename Elements>
absl::Status ReadView(Elements stored, const StridedView& view, int64_t begin, int64_t end, absl::Span<float> out) {
  const std::vector<Run> runs = RunsOf(view, begin, end);
  std::vector<float> values;
  for (const Fetch& fetch : stored.Plan(runs)) {
    const size_t elements = fetch.end - fetch.begin;
    const Run& first = runs[fetch.first_run];
    if (IsCopy(fetch, first)) {
      NIBBLE_RETURN_IF_ERROR(stored.Read(fetch, out.subspan(first.out, elements)));
      continue;
    }
    values.resize(elements);
    NIBBLE_RETURN_IF_ERROR(stored.Read(fetch, absl::MakeSpan(values)));
    for (size_t i = fetch.first_run; i < fetch.last_run; ++i) Scatter(values.data(), fetch.begin, runs[i], out.data());
  }
  NIBBLE_RETURN_IF_ERROR(CheckFinite(stored, view, begin, out));
  if (view.add != 0) {
    for (float& value : out) value += view.add;
  }
  return absl::OkStatus();
}

// Rows [begin, end) without the fold.
absl::Status ReadUnfolded(const TensorSource& source, const LogicalTensor& tensor, int64_t begin, int64_t end,
                          absl::Span<float> out) {
  if (const Constants* constants = std::get_if<Constants>(&tensor.recipe)) {
    std::copy_n(constants->begin(), out.size(), out.begin());
    return absl::OkStatus();
  }
  const StridedView& view = std::get<StridedView>(tensor.recipe);
  const int64_t parts = ViewRowsPerRow(tensor, view);
  begin *= parts;
  end *= parts;
  return view.words ? ReadView(WordElements(source, view), view, begin, end, out)
                    : ReadView(BlockElements(source, view), view, begin, end, out);
}

absl::Status ReadFolded(const TensorSource& source, const LogicalTensor& tensor, int64_t begin, int64_t end,
                        absl::Span<float> out) {
  const auto [first, last] = RowsBehind(*tensor.fold, begin, end);
  std::vector<float> more;  // rows beside those asked for
  absl::Span<float> values = out;
  if (first < begin || end < last) {
    more.resize((last - first) * tensor.cols);
    values = absl::MakeSpan(more);
  }
  NIBBLE_RETURN_IF_ERROR(ReadUnfolded(source, tensor, first, last, values));
  ApplyFold(*tensor.fold, first, tensor.cols, values);
  if (!more.empty()) std::copy_n(&more[(begin - first) * tensor.cols], out.size(), out.begin());
  const StridedView* view = std::get_if<StridedView>(&tensor.recipe);
  if (view == nullptr || AllFinite(out)) return absl::OkStatus();
  return BadData(source.Place(*source.Find(view->tensor)), "values that a transform leaves finite",
                 absl::StrFormat("%g", *std::find_if_not(out.begin(), out.end(), IsFinite)));
}

// Whether every view row is a run of whole blocks of so many elements.
bool RowsAreWholeBlocks(const StridedView& view, int64_t block) {
  const auto divides = [&](int64_t elements) { return elements % block == 0; };
  return (view.cols.stride == 1 || view.cols.count == 1) && divides(view.cols.count) && divides(view.base) &&
         std::all_of(view.rows.begin(), view.rows.end(),
                     [&](const Axis& axis) { return axis.count == 1 || divides(axis.stride); });
}

absl::Status CopyRuns(const StoredElements& stored, const std::vector<Run>& runs, std::byte* out) {
  const BlockFormat& format = stored.format;
  std::vector<std::byte> bytes;
  for (const Fetch& fetch : PlanFetches(runs, format.block_elements, format.block_bytes)) {
    NIBBLE_RETURN_IF_ERROR(stored.Read(fetch.begin, fetch.end, bytes));
    for (size_t i = fetch.first_run; i < fetch.last_run; ++i) {
      const std::byte* from = bytes.data() + format.BytesFor(runs[i].stored - fetch.begin);
      std::copy_n(from, format.BytesFor(runs[i].count), out + format.BytesFor(runs[i].out));
    }
  }
  return absl::OkStatus();
}

}  // namespace

StridedView IdentityView(const StoredTensor& tensor) {
  const int64_t cols = tensor.shape.empty() ? 1 : tensor.shape.back();
  const int64_t rows = cols == 0 ? 0 : tensor.elements() / cols;
  return {.tensor = tensor.name, .rows = {{rows, cols}}, .cols = {cols, 1}};
}

std::vector<int64_t> ElementsShape(const TensorSource& source, const StridedView& view) {
  if (view.words) return WordMatrix(source, view.tensor, *view.words).shape();
  const StoredTensor& stored = *source.Find(view.tensor);
  return view.packed ? ElementsOf(source, view).shape : stored.shape;
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
  return tensor.fold == nullptr ? ReadUnfolded(source, tensor, begin, end, out)
                                : ReadFolded(source, tensor, begin, end, out);
}

int64_t PanelRows(const LogicalTensor& tensor, int64_t wanted) {
  const StridedView* view = std::get_if<StridedView>(&tensor.recipe);
  const bool against_grain = view != nullptr && IsAgainstGrain(*view);
  const int64_t whole = tensor.fold == nullptr ? 1 : FoldedRowsAtOnce(*tensor.fold);
  const int64_t at_least = against_grain ? kRowsAgainstGrain : view != nullptr && view->words ? kRowsOfWords : 1;
  const int64_t rows = std::max(wanted, at_least);
  return std::min((rows + whole - 1) / whole * whole, std::max<int64_t>(1, tensor.rows));
}

std::optional<DType> RawDType(const TensorSource& source, const LogicalTensor& tensor) {
  const StridedView* view = std::get_if<StridedView>(&tensor.recipe);
  if (view == nullptr || view->words || view->add != 0 || tensor.fold != nullptr) return std::nullopt;
  std::optional<DType> dtype;
  if (view->packed || view->scales) {
    dtype = RepackedDType(source, *view);
  } else if (const DTypeInfo& stored = GetDType(source.Find(view->tensor)->dtype); stored.gguf_type >= 0) {
    dtype = stored.id;
  }
  if (!dtype || !RowsAreWholeBlocks(*view, GetDType(*dtype).block_elements)) return std::nullopt;
  return dtype;
}

const BlockFormat* StoredFormat(const TensorSource& source, const LogicalTensor& tensor) {
  const StridedView* view = std::get_if<StridedView>(&tensor.recipe);
  if (view == nullptr || IsCoded(*view) || view->add != 0 || tensor.fold != nullptr) return nullptr;
  const StoredElements stored = ElementsOf(source, *view);
  return RowsAreWholeBlocks(*view, stored.format.block_elements) ? &stored.format : nullptr;
}

absl::Status ReadStoredRows(const TensorSource& source, const LogicalTensor& tensor, int64_t begin, int64_t end,
                            absl::Span<std::byte> out) {
  const StridedView& view = std::get<StridedView>(tensor.recipe);
  const int64_t parts = ViewRowsPerRow(tensor, view);
  return CopyRuns(ElementsOf(source, view), RunsOf(view, begin * parts, end * parts), out.data());
}

absl::Status ReadRawRows(const TensorSource& source, const LogicalTensor& tensor, int64_t begin, int64_t end,
                         absl::Span<std::byte> out, int64_t* rounded_scales) {
  const std::optional<DType> dtype = RawDType(source, tensor);
  assert(dtype.has_value());
  const StridedView& view = std::get<StridedView>(tensor.recipe);
  const StoredElements stored = ElementsOf(source, view);
  const BlockFormat& format = GetFormat(*GetDType(*dtype).format);
  const int64_t parts = ViewRowsPerRow(tensor, view);
  const std::vector<Run> runs = RunsOf(view, begin * parts, end * parts);
  if (view.scales) {
    for (const Run& run : runs) {
      NIBBLE_RETURN_IF_ERROR(RepackRun(source, view, run, out.data() + format.BytesFor(run.out), rounded_scales));
    }
  } else {
    NIBBLE_RETURN_IF_ERROR(CopyRuns(stored, runs, out.data()));
  }
  std::vector<float> values(tensor.cols);
  const uint64_t row_bytes = format.BytesFor(tensor.cols);
  for (int64_t row = begin; row < end; ++row) {
    format.decode(out.data() + (row - begin) * row_bytes, tensor.cols / format.block_elements, values.data());
    NIBBLE_RETURN_IF_ERROR(CheckFinite(stored, view, row * parts, values));
  }
  return absl::OkStatus();
}

}  // namespace nibble
