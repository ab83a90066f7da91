#include "quant/gptq/fit.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <optional>
#include <utility>

#include "absl/strings/string_view.h"
#include "base/status.h"
#include "quant/gptq/curvature.h"
#include "quant/gptq/gptq.h"
#include "quant/gptq/output_error.h"
#include "quant/transform/awq_scales.h"

namespace nibble {
namespace {

constexpr int64_t kSampleRows = 96;
constexpr double kWorthLessDamping = 0.05;
// Of AWQ: without error feedback .5 would be about right, which makes up for much of the same.
constexpr double kColumnAlpha = 0.25;
// Share by which held-out errors must fall for columns to be scaled.
constexpr double kWorthColumnScales = 0.005;

// How a linear's columns are rounded.
struct Basis {
  Curvature curvature;               // of the inputs, divided by the scales
  std::vector<float> column_scales;  // empty: 1
};

std::vector<float> Scaled(absl::Span<const float> rows, absl::Span<const float> column_scales) {
  std::vector<float> scaled(rows.begin(), rows.end());
  for (size_t i = 0; i < scaled.size(); ++i) scaled[i] *= column_scales[i % column_scales.size()];
  return scaled;
}

// Some rows of a linear, or all of them, and the errors that their candidates leave.
class Candidates {
 public:
  Candidates(Candidates&&) = default;  // not copied: what is judged points to values
  // At most so many rows, at even distances.
  Candidates(Device& device, const FitLinear& linear, int64_t n, int64_t most_rows)
      : device_(device), format_(*linear.format), multiplier_(linear.multiplier), n_(n) {
    const int64_t rows = linear.values.size() / n, count = std::min(rows, most_rows);
    for (int64_t i = 0; i < count; ++i) {
      rows_.push_back(i * rows / count);
      const absl::Span<const float> row = linear.values.subspan(rows_.back() * n, n);
      values_.insert(values_.end(), row.begin(), row.end());
    }
    target_ = values_;
    bytes_.resize(format_.BytesFor(values_.size()));
  }

  absl::Status Prepare(const OutputError& held_out) {
    NIBBLE_ASSIGN_OR_RETURN(judged_, held_out.Prepare(Rows()));
    return absl::OkStatus();
  }

  // Moves what is to be rounded toward what makes up for upstream errors, each row by `upstream` times the share that
  // is best for the held-out tokens. REQUIRES: Prepare(); originals are known.
  absl::Status MakeUpForDrift(const OutputError& fit, const OutputError& held_out, const Curvature& curvature,
                              double upstream) {
    NIBBLE_ASSIGN_OR_RETURN(std::vector<float> answer, fit.Drift(Rows()));
    NIBBLE_RETURN_IF_ERROR(curvature.Solve(device_, absl::MakeSpan(answer)));
    NIBBLE_ASSIGN_OR_RETURN(const std::vector<float> product, held_out.TimesGram(answer));
    double sum = 0;
    for (size_t r = 0; r < rows_.size(); ++r) {
      // The error is a parabola in the share: squares share^2 - 2 gain share + ...
      double gain = 0, squares = 0;
      for (int64_t i = r * n_, end = i + n_; i < end; ++i) {
        gain += double{answer[i]} * judged_.drift[i];
        squares += double{answer[i]} * product[i];
      }
      const double share = squares > 0 ? upstream * std::clamp(gain / squares, 0.0, 1.0) : 0;
      for (int64_t i = r * n_, end = i + n_; i < end; ++i) target_[i] += static_cast<float>(share * answer[i]);
      sum += share;
    }
    upstream_ = sum / rows_.size();
    return absl::OkStatus();
  }

  double outputs() const { return judged_.outputs; }
  double upstream() const { return upstream_; }  // the share that the target moved by, the mean of the rows
  absl::Span<const std::byte> bytes() const { return bytes_; }

  absl::StatusOr<double> Search(const std::vector<float>& squares, const OutputError& held_out) {
    NIBBLE_RETURN_IF_ERROR(EncodeSearched(device_, format_, squares, n_, values_, absl::MakeSpan(bytes_)));
    return held_out.Of(judged_, format_, bytes_);
  }

  absl::StatusOr<double> Feedback(const Basis& basis, const OutputError& held_out) {
    std::vector<float> scaled;
    if (!basis.column_scales.empty()) scaled = Scaled(target_, basis.column_scales);
    NIBBLE_RETURN_IF_ERROR(
        EncodeGptq(device_, format_, basis.curvature, scaled.empty() ? target_ : scaled, {}, absl::MakeSpan(bytes_))
            .status());
    return held_out.Of(judged_, format_, bytes_, basis.column_scales);
  }

  // Of what makes up for upstream errors, where there are no codes to choose.
  absl::StatusOr<double> SearchTarget(const std::vector<float>& squares, const OutputError& held_out) {
    NIBBLE_RETURN_IF_ERROR(EncodeSearched(device_, format_, squares, n_, target_, absl::MakeSpan(bytes_)));
    return held_out.Of(judged_, format_, bytes_);
  }

 private:
  OutputError::Rows Rows() const { return {values_, rows_, multiplier_}; }

  Device& device_;
  const BlockFormat& format_;
  const double multiplier_;
  const int64_t n_;
  std::vector<int64_t> rows_;
  std::vector<float> values_, target_;
  std::vector<std::byte> bytes_;
  OutputError::Linear judged_;
  double upstream_ = 0;
};

class Fitting {
 public:
  Fitting(Device& device, const InputStatistics& fit, const InputStatistics& held_out,
          absl::Span<const FitLinear> linears, const FitOptions& options)
      : device_(device), fit_(fit), held_out_(held_out), linears_(linears), options_(options) {}

  absl::StatusOr<std::vector<FitFigures>> Run() {
    const absl::StatusOr<std::vector<FitFigures>> fitted = Fitted();
    if (!absl::IsDataLoss(fitted.status())) return fitted;
    return Searched(fitted.status().message());
  }

 private:
  // kDataLoss: the statistics are of no use.
  absl::StatusOr<std::vector<FitFigures>> Fitted() {
    const int64_t n = fit_.size();
    gram_.resize(n * n);
    NIBBLE_RETURN_IF_ERROR(device_.Download(fit_.gram().data, absl::MakeSpan(gram_)));
    for (int64_t j = 0; j < n; ++j) squares_.push_back(gram_[j * n + j]);
    NIBBLE_RETURN_IF_ERROR(CheckGram(gram_));
    if (held_out_.tokens() == 0) return BadData("held-out tokens", "some that reach the linear", "none");
    if (std::all_of(squares_.begin(), squares_.end(), [](float s) { return s == 0; })) {
      return BadData("gram of a linear's inputs", "inputs that are not all zero", "zeros");
    }
    std::vector<FitFigures> figures(linears_.size());
    NIBBLE_ASSIGN_OR_RETURN(fit_error_, OutputError::Create(device_, fit_));
    NIBBLE_ASSIGN_OR_RETURN(held_out_error_, OutputError::Create(device_, held_out_));
    if (options_.feedback && options_.upstream > 0 && fit_.originals() != InputStatistics::Originals::kNone) {
      NIBBLE_ASSIGN_OR_RETURN(upstream_curvature_, Curvature::Of(device_, gram_, n, options_.upstream_damping));
    }
    std::optional<Basis> basis;
    if (std::any_of(linears_.begin(), linears_.end(), [&](const FitLinear& linear) { return HasFeedback(linear); })) {
      NIBBLE_ASSIGN_OR_RETURN(basis, Choose());
    }
    for (size_t i = 0; i < linears_.size(); ++i) {
      if (linears_[i].out.empty()) continue;
      NIBBLE_ASSIGN_OR_RETURN(figures[i], Make(linears_[i], HasFeedback(linears_[i]) ? &*basis : nullptr));
    }
    return figures;
  }

  absl::StatusOr<std::vector<FitFigures>> Searched(absl::string_view fallback) {
    const bool is_finite =
        std::all_of(squares_.begin(), squares_.end(), [](float square) { return std::isfinite(square); });
    if (!is_finite) std::fill(squares_.begin(), squares_.end(), 1.0f);
    FitFigures figures;
    figures.fallback = std::string(fallback);
    for (const FitLinear& linear : linears_) {
      if (linear.out.empty()) continue;
      NIBBLE_RETURN_IF_ERROR(EncodeSearched(device_, *linear.format, squares_, fit_.size(), linear.values, linear.out));
    }
    return std::vector<FitFigures>(linears_.size(), figures);
  }

  struct Sample {
    Candidates candidates;
    double searched;  // the error that the search leaves
  };

  bool HasFeedback(const FitLinear& linear) const { return options_.feedback && CanGptq(linear.format->id); }

  // By a sample of rows.
  absl::StatusOr<Basis> Choose() {
    if (options_.dampings.size() == 1 && !options_.scale_columns) return BasisOf(gram_, options_.dampings[0]);
    std::vector<Sample> samples;
    for (const FitLinear& linear : linears_) {
      if (!HasFeedback(linear)) continue;
      NIBBLE_ASSIGN_OR_RETURN(Candidates candidates, Prepare(linear, kSampleRows));
      NIBBLE_ASSIGN_OR_RETURN(const double searched, candidates.Search(squares_, *held_out_error_));
      samples.push_back({std::move(candidates), searched});
    }
    std::optional<Basis> best;
    double least = std::numeric_limits<double>::infinity();
    const auto take = [&](Basis basis, double worthwhile) -> absl::Status {
      NIBBLE_ASSIGN_OR_RETURN(const double error, ErrorOf(basis, samples));
      if (best && !(error < (1 - worthwhile) * least)) return absl::OkStatus();
      least = error;
      best = std::move(basis);
      return absl::OkStatus();
    };
    for (const double damping : options_.dampings) {
      NIBBLE_ASSIGN_OR_RETURN(Basis basis, BasisOf(gram_, damping));
      NIBBLE_RETURN_IF_ERROR(take(std::move(basis), kWorthLessDamping));
    }
    if (options_.scale_columns) {
      NIBBLE_ASSIGN_OR_RETURN(Basis scaled, ScaledBasis(best->curvature.damping()));
      NIBBLE_RETURN_IF_ERROR(take(std::move(scaled), kWorthColumnScales));
    }
    return *std::move(best);
  }

  // Sum of shares of what the search leaves, so that each linear counts alike.
  absl::StatusOr<double> ErrorOf(const Basis& basis, std::vector<Sample>& samples) const {
    double sum = 0;
    for (Sample& sample : samples) {
      NIBBLE_ASSIGN_OR_RETURN(const double error, sample.candidates.Feedback(basis, *held_out_error_));
      sum += sample.searched > 0 ? error / sample.searched : 1;
    }
    return sum;
  }

  absl::StatusOr<Basis> BasisOf(absl::Span<const float> gram, double damping) const {
    NIBBLE_ASSIGN_OR_RETURN(Curvature curvature, Curvature::Of(device_, gram, fit_.size(), damping));
    return Basis{std::move(curvature), {}};
  }

  absl::StatusOr<Basis> ScaledBasis(double damping) const {
    const int64_t n = fit_.size();
    std::vector<float> scales = AwqScales(squares_, kColumnAlpha);
    for (float& scale : scales) scale = std::clamp(scale, 1 / kMostColumnScale, kMostColumnScale);
    std::vector<float> gram = gram_;
    for (int64_t i = 0; i < n; ++i) {
      for (int64_t j = 0; j < n; ++j) gram[i * n + j] /= scales[i] * scales[j];
    }
    NIBBLE_ASSIGN_OR_RETURN(Basis basis, BasisOf(gram, damping));
    basis.column_scales = std::move(scales);
    return basis;
  }

  absl::StatusOr<Candidates> Prepare(const FitLinear& linear, int64_t most_rows) const {
    Candidates candidates(device_, linear, fit_.size(), most_rows);
    NIBBLE_RETURN_IF_ERROR(candidates.Prepare(*held_out_error_));
    if (upstream_curvature_) {
      NIBBLE_RETURN_IF_ERROR(
          candidates.MakeUpForDrift(*fit_error_, *held_out_error_, *upstream_curvature_, options_.upstream));
    }
    return candidates;
  }

  // `basis`: null where there are no codes to choose.
  absl::StatusOr<FitFigures> Make(const FitLinear& linear, const Basis* basis) {
    NIBBLE_ASSIGN_OR_RETURN(Candidates candidates, Prepare(linear, std::numeric_limits<int64_t>::max()));
    FitFigures figures{.outputs = candidates.outputs()};
    NIBBLE_ASSIGN_OR_RETURN(figures.searched, candidates.Search(squares_, *held_out_error_));
    figures.error = figures.searched;
    if (!std::isfinite(figures.searched)) return BadData("outputs on held-out tokens", "finite numbers", "others");
    std::copy(candidates.bytes().begin(), candidates.bytes().end(), linear.out.begin());
    if (basis == nullptr && candidates.upstream() == 0) return figures;
    NIBBLE_ASSIGN_OR_RETURN(const double error, basis == nullptr ? candidates.SearchTarget(squares_, *held_out_error_)
                                                                 : candidates.Feedback(*basis, *held_out_error_));
    if (!(error < figures.searched)) return figures;
    std::copy(candidates.bytes().begin(), candidates.bytes().end(), linear.out.begin());
    figures.error = error;
    figures.upstream = candidates.upstream();
    if (basis == nullptr) return figures;
    figures.feedback = true;
    figures.damping = basis->curvature.damping();
    figures.column_scales = basis->column_scales;
    return figures;
  }

  Device& device_;
  const InputStatistics& fit_;
  const InputStatistics& held_out_;
  const absl::Span<const FitLinear> linears_;
  const FitOptions& options_;
  std::vector<float> gram_, squares_;
  std::optional<OutputError> fit_error_, held_out_error_;
  std::optional<Curvature> upstream_curvature_;  // where upstream errors are to be made up for
};

}  // namespace

absl::StatusOr<std::vector<FitFigures>> FitLinears(Device& device, const InputStatistics& fit,
                                                   const InputStatistics& held_out, absl::Span<const FitLinear> linears,
                                                   const FitOptions& options) {
  return Fitting(device, fit, held_out, linears, options).Run();
}

}  // namespace nibble
