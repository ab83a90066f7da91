#include "quant/gptq/fit.h"

#include <algorithm>
#include <limits>
#include <optional>
#include <utility>

#include "base/status.h"
#include "quant/gptq/curvature.h"
#include "quant/gptq/gptq.h"
#include "quant/gptq/output_error.h"

namespace nibble {
namespace {

constexpr int64_t kSampleRows = 96;
constexpr double kWorthLessDamping = 0.05;

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
    EncodeSearched(device_, format_, squares.data(), n_, values_, absl::MakeSpan(bytes_));
    return held_out.Of(judged_, format_, bytes_);
  }

  absl::StatusOr<double> Feedback(const Curvature& curvature, const OutputError& held_out) {
    NIBBLE_RETURN_IF_ERROR(EncodeGptq(device_, format_, curvature, target_, {}, absl::MakeSpan(bytes_)).status());
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
    const int64_t n = fit_.size();
    gram_.resize(n * n);
    NIBBLE_RETURN_IF_ERROR(device_.Download(fit_.gram().data, absl::MakeSpan(gram_)));
    NIBBLE_RETURN_IF_ERROR(CheckGram(gram_));
    for (int64_t j = 0; j < n; ++j) squares_.push_back(gram_[j * n + j]);
    std::vector<FitFigures> figures(linears_.size());
    if (held_out_.tokens() == 0 || std::all_of(squares_.begin(), squares_.end(), [](float s) { return s == 0; })) {
      for (const FitLinear& linear : linears_) {
        EncodeSearched(device_, *linear.format, squares_.data(), n, linear.values, linear.out);
      }
      return figures;
    }
    NIBBLE_ASSIGN_OR_RETURN(fit_error_, OutputError::Create(device_, fit_));
    NIBBLE_ASSIGN_OR_RETURN(held_out_error_, OutputError::Create(device_, held_out_));
    std::optional<Curvature> curvature;
    if (std::any_of(linears_.begin(), linears_.end(), [&](const FitLinear& linear) { return HasFeedback(linear); })) {
      if (options_.upstream > 0 && fit_.originals() != InputStatistics::Originals::kNone) {
        NIBBLE_ASSIGN_OR_RETURN(upstream_curvature_, Curvature::Of(device_, gram_, n, options_.upstream_damping));
      }
      NIBBLE_ASSIGN_OR_RETURN(curvature, Choose());
    }
    for (size_t i = 0; i < linears_.size(); ++i) {
      NIBBLE_ASSIGN_OR_RETURN(figures[i], Make(linears_[i], HasFeedback(linears_[i]) ? &*curvature : nullptr));
    }
    return figures;
  }

 private:
  bool HasFeedback(const FitLinear& linear) const { return options_.feedback && CanGptq(linear.format->id); }

  // By a sample of rows.
  absl::StatusOr<Curvature> Choose() {
    const auto of = [&](double damping) { return Curvature::Of(device_, gram_, fit_.size(), damping); };
    if (options_.dampings.size() == 1) return of(options_.dampings[0]);
    struct Sample {
      Candidates candidates;
      double searched;  // the error that the search leaves
    };
    std::vector<Sample> samples;
    for (const FitLinear& linear : linears_) {
      if (!HasFeedback(linear)) continue;
      NIBBLE_ASSIGN_OR_RETURN(Candidates candidates, Prepare(linear, kSampleRows));
      NIBBLE_ASSIGN_OR_RETURN(const double searched, candidates.Search(squares_, *held_out_error_));
      samples.push_back({std::move(candidates), searched});
    }
    std::optional<Curvature> best;
    double least = std::numeric_limits<double>::infinity();
    for (const double damping : options_.dampings) {
      NIBBLE_ASSIGN_OR_RETURN(Curvature curvature, of(damping));
      double sum = 0;  // of shares of what the search leaves, so that each linear counts alike
      for (Sample& sample : samples) {
        NIBBLE_ASSIGN_OR_RETURN(const double error, sample.candidates.Feedback(curvature, *held_out_error_));
        sum += sample.searched > 0 ? error / sample.searched : 1;
      }
      if (best && !(sum < (1 - kWorthLessDamping) * least)) continue;
      least = sum;
      best = std::move(curvature);
    }
    return *std::move(best);
  }

  absl::StatusOr<Candidates> Prepare(const FitLinear& linear, int64_t most_rows) const {
    Candidates candidates(device_, linear, fit_.size(), most_rows);
    NIBBLE_RETURN_IF_ERROR(candidates.Prepare(*held_out_error_));
    if (upstream_curvature_ && HasFeedback(linear)) {
      NIBBLE_RETURN_IF_ERROR(
          candidates.MakeUpForDrift(*fit_error_, *held_out_error_, *upstream_curvature_, options_.upstream));
    }
    return candidates;
  }

  // `curvature`: null for the search alone.
  absl::StatusOr<FitFigures> Make(const FitLinear& linear, const Curvature* curvature) {
    NIBBLE_ASSIGN_OR_RETURN(Candidates candidates, Prepare(linear, std::numeric_limits<int64_t>::max()));
    FitFigures figures{.outputs = candidates.outputs()};
    NIBBLE_ASSIGN_OR_RETURN(figures.searched, candidates.Search(squares_, *held_out_error_));
    figures.error = figures.searched;
    std::copy(candidates.bytes().begin(), candidates.bytes().end(), linear.out.begin());
    if (curvature == nullptr) return figures;
    NIBBLE_ASSIGN_OR_RETURN(const double error, candidates.Feedback(*curvature, *held_out_error_));
    if (!(error < figures.searched)) return figures;
    std::copy(candidates.bytes().begin(), candidates.bytes().end(), linear.out.begin());
    figures.error = error;
    figures.feedback = true;
    figures.damping = curvature->damping();
    figures.upstream = candidates.upstream();
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
