#include "quant/gptq/gptq.h"

#include <algorithm>
#include <vector>

#include "base/status.h"
#include "device/buffers.h"
#include "quant/block/codebook.h"
#include "quant/gptq/rounding_errors.h"

namespace nibble {
namespace {

constexpr int64_t kPanelRows = 512;

// So many rows on their way to bytes.
class Panel {
 public:
  Panel(Device& device, const BlockFormat& format, const Curvature& curvature)
      : device_(device), format_(format), codebook_(*FindCodebook(format.id)), curvature_(curvature) {
    for (const int32_t column : curvature.order()) group_.push_back(column / static_cast<int32_t>(codebook_.group));
  }

  absl::StatusOr<GptqFigures> Encode(absl::Span<const float> values, const GptqOptions& options,
                                     absl::Span<std::byte> out) {
    rows_ = values.size() / n();
    bytes_.resize(out.size());
    NIBBLE_RETURN_IF_ERROR(EncodeSearched(device_, format_, curvature_.diagonal(), n(), values, out));
    std::copy(out.begin(), out.end(), bytes_.begin());
    NIBBLE_ASSIGN_OR_RETURN(values_, Uploaded(device_, values));
    NIBBLE_ASSIGN_OR_RETURN(errors_, device_.Allocate(values.size()));
    NIBBLE_ASSIGN_OR_RETURN(const std::vector<double> searched, RowErrors());
    NIBBLE_ASSIGN_OR_RETURN(std::vector<double> left, RoundWithFeedback(values));
    for (int round = 0; round < options.rounds; ++round) {
      NIBBLE_RETURN_IF_ERROR(Refine());
      if (round + 1 < options.rounds) {
        NIBBLE_RETURN_IF_ERROR(SetErrors());
      } else {
        NIBBLE_ASSIGN_OR_RETURN(left, RowErrors());
      }
    }
    GptqFigures figures;
    for (int64_t r = 0; r < rows_; ++r) {
      figures.searched += searched[r];
      figures.error += std::min(searched[r], left[r]);
      if (left[r] < searched[r]) std::copy_n(&bytes_[r * RowBytes()], RowBytes(), &out[r * RowBytes()]);
    }
    return figures;
  }

 private:
  int64_t n() const { return curvature_.size(); }
  int64_t RowBytes() const { return format_.BytesFor(n()); }
  int64_t Blocks() const { return n() / format_.block_elements; }
  int64_t Groups() const { return n() / codebook_.group; }

  Matrix values() const { return values_.matrix(rows_, n()); }
  Matrix errors() const { return errors_.matrix(rows_, n()); }

  // errors() are those of the rows as their bytes stand.
  absl::Status SetErrors() { return ErrorsOf(device_, format_, values(), bytes_, errors()); }

  absl::StatusOr<std::vector<double>> RowErrors() {
    NIBBLE_RETURN_IF_ERROR(SetErrors());
    return curvature_.RowErrors(device_, errors());
  }

  // What RowErrors would say of the rows afterwards, which the targets say for nothing; in errors() are theirs then.
  absl::StatusOr<std::vector<double>> RoundWithFeedback(absl::Span<const float> values) {
    ordered_.resize(values.size());
    levels_.resize(rows_ * Groups() * codebook_.codes);
#pragma omp parallel for schedule(static) num_threads(device_.threads())
    for (int64_t r = 0; r < rows_; ++r) {
      codebook_.Levels(&bytes_[r * RowBytes()], Blocks(), &levels_[r * Groups() * codebook_.codes]);
      for (int64_t j = 0; j < n(); ++j) ordered_[r * n() + j] = values[r * n() + curvature_.order()[j]];
    }
    NIBBLE_ASSIGN_OR_RETURN(const Buffer w_buffer, Uploaded(device_, ordered_));
    NIBBLE_ASSIGN_OR_RETURN(const Buffer level_buffer, Uploaded(device_, levels_));
    codes_.resize(values.size());
    ordered_codes_.resize(values.size());
    device_.operations().round_columns(device_,
                                       {.w = w_buffer.matrix(rows_, n()),
                                        .coupling = curvature_.feedback(),
                                        .group = group_,
                                        .levels = level_buffer.matrix(rows_, levels_.size() / rows_),
                                        .codes = codebook_.codes},
                                       errors(), absl::MakeSpan(ordered_codes_));
#pragma omp parallel for schedule(static) num_threads(device_.threads())
    for (int64_t r = 0; r < rows_; ++r) {
      for (int64_t j = 0; j < n(); ++j) codes_[r * n() + curvature_.order()[j]] = ordered_codes_[r * n() + j];
      codebook_.set_codes(&codes_[r * n()], Blocks(), &bytes_[r * RowBytes()]);
    }
    NIBBLE_ASSIGN_OR_RETURN(const Buffer pivots, Uploaded(device_, curvature_.feedback_pivots()));
    std::vector<double> left(rows_);
    const Matrix targets = w_buffer.matrix(rows_, n());
    device_.operations().dot_rows(device_, targets, targets, pivots.data(), absl::MakeSpan(left));
    NIBBLE_RETURN_IF_ERROR(SetErrors());
    NIBBLE_RETURN_IF_ERROR(device_.Download(nullptr, {}));
    return left;
  }

  // Scales move by the format's small steps, codes follow.
  // REQUIRES: errors() are those of the bytes.
  absl::Status Refine() {
    const int64_t per_group = codebook_.adjustments * codebook_.codes;
    levels_.resize(rows_ * Groups() * per_group);
#pragma omp parallel for schedule(static) num_threads(device_.threads())
    for (int64_t r = 0; r < rows_; ++r) AdjustedLevels(&bytes_[r * RowBytes()], &levels_[r * Groups() * per_group]);
    NIBBLE_ASSIGN_OR_RETURN(const Buffer level_buffer, Uploaded(device_, levels_));
    codes_.resize(rows_ * n());
    std::vector<uint8_t> choices(rows_ * Groups());
    device_.operations().refine_groups(device_,
                                       {.w = values(),
                                        .coupling = curvature_.coupling(),
                                        .pivots = curvature_.pivots(),
                                        .group = codebook_.group,
                                        .levels = level_buffer.matrix(rows_, Groups() * per_group),
                                        .choices = codebook_.adjustments,
                                        .codes = codebook_.codes},
                                       errors(), absl::MakeSpan(codes_), absl::MakeSpan(choices));
    const int64_t groups = format_.block_elements / codebook_.group;
#pragma omp parallel for schedule(static) num_threads(device_.threads())
    for (int64_t r = 0; r < rows_; ++r) {
      std::byte* row = &bytes_[r * RowBytes()];
      for (int64_t b = 0; b < Blocks(); ++b) {
        codebook_.adjust(&choices[r * Groups() + b * groups], row + b * format_.block_bytes);
      }
      codebook_.set_codes(&codes_[r * n()], Blocks(), row);
    }
    return absl::OkStatus();
  }

  // levels [groups, adjustments, codes] of a row.
  void AdjustedLevels(const std::byte* row, float* levels) const {
    const int64_t groups = format_.block_elements / codebook_.group;
    std::vector<std::byte> block(format_.block_bytes);
    std::vector<float> of_block(groups * codebook_.codes);
    for (int64_t b = 0; b < Blocks(); ++b, row += format_.block_bytes) {
      for (uint32_t a = 0; a < codebook_.adjustments; ++a) {
        std::copy_n(row, block.size(), block.begin());
        const std::vector<uint8_t> choices(groups, static_cast<uint8_t>(a));
        codebook_.adjust(choices.data(), block.data());
        codebook_.Levels(block.data(), 1, of_block.data());
        for (int64_t g = 0; g < groups; ++g) {
          std::copy_n(&of_block[g * codebook_.codes], codebook_.codes,
                      &levels[((b * groups + g) * codebook_.adjustments + a) * codebook_.codes]);
        }
      }
    }
  }

  Device& device_;
  const BlockFormat& format_;
  const Codebook& codebook_;
  const Curvature& curvature_;
  std::vector<int32_t> group_;
  int64_t rows_ = 0;
  std::vector<std::byte> bytes_;
  Buffer values_, errors_;
  // Kept from panel to panel: new memory of this size costs as much as what is done in it.
  std::vector<float> ordered_, levels_;
  std::vector<uint8_t> codes_, ordered_codes_;
};

}  // namespace

absl::Status EncodeSearched(Device& device, const BlockFormat& format, absl::Span<const float> weights, int64_t cols,
                            absl::Span<const float> values, absl::Span<std::byte> out) {
  const int64_t rows = values.size() / cols;
  NIBBLE_ASSIGN_OR_RETURN(const Buffer on_device, Uploaded(device, weights));
  NIBBLE_ASSIGN_OR_RETURN(const Buffer buffer,
                          AllocateRows(device, std::clamp<int64_t>(kSearchedAtOnce / cols, 1, rows), cols));
  const int64_t step = buffer.size() / cols;
  for (int64_t first = 0; first < rows; first += step) {
    const int64_t count = std::min(step, rows - first);
    device.Upload(values.subspan(first * cols, count * cols), buffer.data());
    device.operations().encode_weighted(device, format, buffer.matrix(count, cols),
                                        weights.empty() ? nullptr : on_device.data(),
                                        out.subspan(format.BytesFor(first * cols), format.BytesFor(count * cols)));
  }
  return device.Download(nullptr, {});
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
    sum.searched += figures.searched;
    sum.error += figures.error;
  }
  return sum;
}

}  // namespace nibble
