#include "quant/gptq/gptq.h"

#include <algorithm>
#include <utility>
#include <vector>

#include "base/status.h"
#include "quant/block/codebook.h"

namespace nibble {
namespace {

constexpr int64_t kPanelRows = 512;

// So many rows on their way to bytes. What is indexed by column is in rounding order, but for the bytes.
class Panel {
 public:
  Panel(Device& device, const BlockFormat& format, const Curvature& curvature)
      : device_(device), format_(format), codebook_(*FindCodebook(format.id)), curvature_(curvature) {
    for (const int32_t column : curvature.order()) group_.push_back(column / static_cast<int32_t>(codebook_.group));
  }

  absl::StatusOr<GptqFigures> Encode(absl::Span<const float> values, const GptqOptions& options,
                                     absl::Span<std::byte> out) {
    rows_ = values.size() / n();
    EncodeSearched(device_, format_, curvature_.diagonal().data(), n(), values, out);
    NIBBLE_RETURN_IF_ERROR(Prepare(values, out));
    const Matrix error = error_.matrix(rows_, n());
    NIBBLE_ASSIGN_OR_RETURN(const std::vector<double> outputs, curvature_.RowErrors(device_, w_.matrix(rows_, n())));
    NIBBLE_ASSIGN_OR_RETURN(const std::vector<double> searched, curvature_.RowErrors(device_, error));
    Round(curvature_.feedback(), true);
    for (int sweep = 0; sweep < options.sweeps; ++sweep) {
      const std::vector<uint8_t> before = codes_;
      Round(curvature_.coupling(), false);
      if (codes_ == before) break;
    }
    NIBBLE_ASSIGN_OR_RETURN(const std::vector<double> rounded, curvature_.RowErrors(device_, error));
    GptqFigures figures;
    for (int64_t r = 0; r < rows_; ++r) {
      figures.outputs += outputs[r];
      figures.searched += searched[r];
      figures.error += std::min(searched[r], rounded[r]);
      if (rounded[r] < searched[r]) SetCodes(r, out.subspan(r * RowBytes(), RowBytes()));
    }
    return figures;
  }

 private:
  int64_t n() const { return curvature_.size(); }
  int64_t RowBytes() const { return format_.BytesFor(n()); }
  int64_t Blocks() const { return n() / format_.block_elements; }

  // Weights, the search's levels and its errors, onto the device.
  absl::Status Prepare(absl::Span<const float> values, absl::Span<const std::byte> bytes) {
    const int64_t levels_per_row = n() / codebook_.group * codebook_.codes;
    std::vector<float> w(rows_ * n()), error(w.size()), levels(rows_ * levels_per_row);
#pragma omp parallel for schedule(static) num_threads(device_.threads())
    for (int64_t r = 0; r < rows_; ++r) {
      const std::byte* row = &bytes[r * RowBytes()];
      std::vector<float> decoded(n());
      format_.decode(row, Blocks(), decoded.data());
      codebook_.Levels(row, Blocks(), &levels[r * levels_per_row]);
      for (int64_t j = 0; j < n(); ++j) {
        const int32_t column = curvature_.order()[j];
        w[r * n() + j] = values[r * n() + column];
        error[r * n() + j] = values[r * n() + column] - decoded[column];
      }
    }
    for (const auto& [from, to] : {std::pair{&w, &w_}, {&error, &error_}, {&levels, &levels_}}) {
      NIBBLE_ASSIGN_OR_RETURN(*to, device_.Allocate(from->size()));
      device_.Upload(*from, to->data());
    }
    codes_.resize(w.size());
    return absl::OkStatus();
  }

  void Round(ConstMatrix coupling, bool triangular) {
    device_.operations().round_columns(device_,
                                       {.w = w_.matrix(rows_, n()),
                                        .coupling = coupling,
                                        .triangular = triangular,
                                        .group = group_,
                                        .levels = levels_.matrix(rows_, levels_.size() / rows_),
                                        .codes = codebook_.codes},
                                       error_.matrix(rows_, n()), absl::MakeSpan(codes_));
  }

  void SetCodes(int64_t row, absl::Span<std::byte> out) const {
    std::vector<uint8_t> codes(n());
    for (int64_t j = 0; j < n(); ++j) codes[curvature_.order()[j]] = codes_[row * n() + j];
    codebook_.set_codes(codes.data(), Blocks(), out.data());
  }

  Device& device_;
  const BlockFormat& format_;
  const Codebook& codebook_;
  const Curvature& curvature_;
  std::vector<int32_t> group_;
  int64_t rows_ = 0;
  Buffer w_, error_, levels_;
  std::vector<uint8_t> codes_;
};

}  // namespace

void EncodeSearched(Device& device, const BlockFormat& format, const float* weights, int64_t cols,
                    absl::Span<const float> values, absl::Span<std::byte> out) {
  const int64_t rows = values.size() / cols, row_bytes = format.BytesFor(cols);
#pragma omp parallel for schedule(dynamic) num_threads(device.threads())
  for (int64_t row = 0; row < rows; ++row) {
    format.encode_weighted(&values[row * cols], weights, cols / format.block_elements, &out[row * row_bytes]);
  }
}

bool CanGptq(Format format) { return FindCodebook(format) != nullptr; }

absl::StatusOr<GptqFigures> EncodeGptq(Device& device, const BlockFormat& format, const Curvature& curvature,
                                       absl::Span<const float> values, const GptqOptions& options,
                                       absl::Span<std::byte> out) {
  const int64_t n = curvature.size(), rows = values.size() / n, row_bytes = format.BytesFor(n);
  Panel panel(device, format, curvature);
  GptqFigures sum;
  for (int64_t first = 0; first < rows; first += kPanelRows) {
    const int64_t count = std::min(kPanelRows, rows - first);
    NIBBLE_ASSIGN_OR_RETURN(const GptqFigures figures, panel.Encode(values.subspan(first * n, count * n), options,
                                                                    out.subspan(first * row_bytes, count * row_bytes)));
    sum.outputs += figures.outputs;
    sum.searched += figures.searched;
    sum.error += figures.error;
  }
  return sum;
}

}  // namespace nibble
