#include "quant/gptq/fit.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>
#include <optional>
#include <utility>

#include "absl/strings/string_view.h"
#include "base/status.h"
#include "device/rows_together.h"
#include "quant/gptq/curvature.h"
#include "quant/gptq/gptq.h"
#include "quant/gptq/output_error.h"
#include "quant/gptq/shared_rows.h"
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

double Sum(absl::Span<const double> values) { return std::accumulate(values.begin(), values.end(), 0.0); }

// Some rows of a linear, and the errors that their candidates leave.
class Candidates {
 public:
  Candidates(Candidates&&) = default;  // not copied: what is judged points to values
  Candidates(Device& device, const FitLinear& linear, int64_t n, std::vector<int64_t> rows)
      : device_(device), format_(*linear.format), multiplier_(linear.multiplier), n_(n), rows_(std::move(rows)) {
    for (const int64_t r : rows_) {
      const absl::Span<const float> row = linear.values.subspan(r * n, n);
      values_.insert(values_.end(), row.begin(), row.end());
    }
    target_ = values_;
    bytes_.resize(format_.BytesFor(values_.size()));
    upstream_.resize(rows_.size());
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
    for (size_t r = 0; r < rows_.size(); ++r) {
      // The error is a parabola in the share: squares share^2 - 2 gain share + ...
      double gain = 0, squares = 0;
      for (int64_t i = r * n_, end = i + n_; i < end; ++i) {
        gain += double{answer[i]} * judged_.drift[i];
        squares += double{answer[i]} * product[i];
      }
      const double share = squares > 0 ? upstream * std::clamp(gain / squares, 0.0, 1.0) : 0;
      for (int64_t i = r * n_, end = i + n_; i < end; ++i) target_[i] += static_cast<float>(share * answer[i]);
      upstream_[r] = share;
    }
    return absl::OkStatus();
  }

  absl::Span<const double> outputs() const { return judged_.outputs; }  // of each row
  absl::Span<const double> upstream() const { return upstream_; }       // the share that each row's target moved by
  absl::Span<const std::byte> bytes() const { return bytes_; }

  // These tell the errors of the rows.
  absl::StatusOr<std::vector<double>> Search(const std::vector<float>& squares, const OutputError& held_out) {
    NIBBLE_RETURN_IF_ERROR(EncodeSearched(device_, format_, squares, n_, values_, absl::MakeSpan(bytes_)));
    return held_out.Of(judged_, format_, bytes_);
  }

  absl::StatusOr<std::vector<double>> Feedback(const Basis& basis, const OutputError& held_out) {
    std::vector<float> scaled;
    if (!basis.column_scales.empty()) scaled = Scaled(target_, basis.column_scales);
    NIBBLE_RETURN_IF_ERROR(
        EncodeGptq(device_, format_, basis.curvature, scaled.empty() ? target_ : scaled, {}, absl::MakeSpan(bytes_))
            .status());
    return held_out.Of(judged_, format_, bytes_, basis.column_scales);
  }

  // Of what makes up for upstream errors, where there are no codes to choose.
  absl::StatusOr<std::vector<double>> SearchTarget(const std::vector<float>& squares, const OutputError& held_out) {
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
  std::vector<double> upstream_;
};

class Fitting {
 public:
  Fitting(Device& device, const InputStatistics& fit, const InputStatistics& held_out,
          absl::Span<const FitLinear> linears, const FitOptions& options)
      : device_(device),
        fit_(fit),
        held_out_(held_out),
        linears_(linears),
        options_(options),
        shared_(Shared(std::numeric_limits<int64_t>::max())) {}

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
    NIBBLE_ASSIGN_OR_RETURN(fit_error_, OutputError::Create(device_, fit_));
    NIBBLE_ASSIGN_OR_RETURN(held_out_error_, OutputError::Create(device_, held_out_));
    if (options_.feedback && options_.upstream > 0 && fit_.originals() != InputStatistics::Originals::kNone) {
      NIBBLE_ASSIGN_OR_RETURN(upstream_curvature_, Curvature::Of(device_, gram_, n, options_.upstream_damping));
    }
    std::optional<Basis> basis;
    if (std::any_of(linears_.begin(), linears_.end(), [&](const FitLinear& linear) { return HasFeedback(linear); })) {
      NIBBLE_ASSIGN_OR_RETURN(basis, Choose());
    }
    std::vector<MadeRows> made(linears_.size());
    for (size_t i = 0; i < linears_.size(); ++i) {
      NIBBLE_ASSIGN_OR_RETURN(made[i], MakeRows(i, HasFeedback(linears_[i]) ? &*basis : nullptr));
    }
    std::vector<absl::Span<std::byte>> row_figures;
    for (MadeRows& rows : made) row_figures.push_back(BytesOf(rows.figures));
    NIBBLE_RETURN_IF_ERROR(shared_.Complete(row_figures));
    std::vector<FitFigures> figures(linears_.size());
    for (size_t i = 0; i < linears_.size(); ++i) {
      NIBBLE_ASSIGN_OR_RETURN(figures[i], Decide(i, made[i], HasFeedback(linears_[i]) ? &*basis : nullptr));
    }
    NIBBLE_RETURN_IF_ERROR(ShareBytes());
    return figures;
  }

  absl::StatusOr<std::vector<FitFigures>> Searched(absl::string_view fallback) {
    const bool is_finite =
        std::all_of(squares_.begin(), squares_.end(), [](float square) { return std::isfinite(square); });
    if (!is_finite) std::fill(squares_.begin(), squares_.end(), 1.0f);
    FitFigures figures;
    figures.fallback = std::string(fallback);
    for (size_t i = 0; i < linears_.size(); ++i) {
      const FitLinear& linear = linears_[i];
      const auto [first, last] = shared_.mine(i);
      if (first == last) continue;
      const int64_t n = fit_.size();
      NIBBLE_RETURN_IF_ERROR(EncodeSearched(device_, *linear.format, squares_, n,
                                            linear.values.subspan(first * n, (last - first) * n), MyBytes(i)));
    }
    NIBBLE_RETURN_IF_ERROR(ShareBytes());
    return std::vector<FitFigures>(linears_.size(), figures);
  }

  // Those of a linear that this process makes.
  struct RowFigures {
    double outputs, searched, error, upstream;
  };
  struct MadeRows {
    std::vector<RowFigures> figures;  // of all of the linear's
    std::vector<std::byte> bytes;     // by other ways than the search, whose bytes are in FitLinear::out
  };

  // Of a linear that has feedback.
  struct Sample {
    std::optional<Candidates> candidates;  // none of them is this process's: none
    int64_t first = 0;                     // of the sample's rows that are
    std::vector<double> errors;            // of all of the sample's rows
    double searched = 0;                   // the error that the search leaves
  };

  // At most so many rows of each linear.
  SharedRows Shared(int64_t most_rows) const {
    std::vector<int64_t> rows;
    for (const FitLinear& linear : linears_) rows.push_back(std::min(RowsOf(linear), most_rows));
    return SharedRows(options_.peers, std::move(rows), device_.is_host() ? kRowsTogether : 0);
  }

  int64_t RowsOf(const FitLinear& linear) const { return linear.values.size() / fit_.size(); }

  absl::Span<std::byte> MyBytes(size_t i) const {
    const FitLinear& linear = linears_[i];
    const SharedRows::Range mine = shared_.mine(i);
    const int64_t n = fit_.size();
    return linear.out.subspan(linear.format->BytesFor(mine.first * n), linear.format->BytesFor(mine.count() * n));
  }

  absl::Status ShareBytes() const {
    std::vector<absl::Span<std::byte>> bytes;
    for (const FitLinear& linear : linears_) bytes.push_back(linear.out);
    return shared_.Complete(bytes);
  }

  template <typename T>
  static absl::Span<std::byte> BytesOf(std::vector<T>& values) {
    return {reinterpret_cast<std::byte*>(values.data()), values.size() * sizeof(T)};
  }

  bool HasFeedback(const FitLinear& linear) const { return options_.feedback && CanGptq(linear.format->id); }

  // By a sample of rows.
  absl::StatusOr<Basis> Choose() {
    if (options_.dampings.size() == 1 && !options_.scale_columns) return BasisOf(gram_, options_.dampings[0]);
    const SharedRows shared = Shared(kSampleRows);
    std::vector<Sample> samples(linears_.size());
    for (size_t i = 0; i < linears_.size(); ++i) {
      if (!HasFeedback(linears_[i])) continue;
      const int64_t rows = RowsOf(linears_[i]), count = std::min(rows, kSampleRows);
      Sample& sample = samples[i];
      sample.errors.resize(count);
      sample.first = shared.mine(i).first;
      std::vector<int64_t> places;  // at even distances
      for (int64_t r = sample.first; r < shared.mine(i).last; ++r) places.push_back(r * rows / count);
      if (places.empty()) continue;
      NIBBLE_ASSIGN_OR_RETURN(Candidates candidates, Prepare(linears_[i], std::move(places)));
      sample.candidates.emplace(std::move(candidates));
      NIBBLE_ASSIGN_OR_RETURN(const std::vector<double> errors, sample.candidates->Search(squares_, *held_out_error_));
      std::copy(errors.begin(), errors.end(), sample.errors.begin() + sample.first);
    }
    NIBBLE_RETURN_IF_ERROR(ShareErrors(shared, samples));
    for (Sample& sample : samples) sample.searched = Sum(sample.errors);
    std::optional<Basis> best;
    double least = std::numeric_limits<double>::infinity();
    const auto take = [&](Basis basis, double worthwhile) -> absl::Status {
      NIBBLE_ASSIGN_OR_RETURN(const double error, ErrorOf(basis, shared, samples));
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
  absl::StatusOr<double> ErrorOf(const Basis& basis, const SharedRows& shared, std::vector<Sample>& samples) const {
    for (Sample& sample : samples) {
      if (!sample.candidates) continue;
      NIBBLE_ASSIGN_OR_RETURN(const std::vector<double> errors, sample.candidates->Feedback(basis, *held_out_error_));
      std::copy(errors.begin(), errors.end(), sample.errors.begin() + sample.first);
    }
    NIBBLE_RETURN_IF_ERROR(ShareErrors(shared, samples));
    double sum = 0;
    for (const Sample& sample : samples) {
      if (!sample.errors.empty()) sum += sample.searched > 0 ? Sum(sample.errors) / sample.searched : 1;
    }
    return sum;
  }

  static absl::Status ShareErrors(const SharedRows& shared, std::vector<Sample>& samples) {
    std::vector<absl::Span<std::byte>> errors;
    for (Sample& sample : samples) errors.push_back(BytesOf(sample.errors));
    return shared.Complete(errors);
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

  absl::StatusOr<Candidates> Prepare(const FitLinear& linear, std::vector<int64_t> rows) const {
    Candidates candidates(device_, linear, fit_.size(), std::move(rows));
    NIBBLE_RETURN_IF_ERROR(candidates.Prepare(*held_out_error_));
    if (upstream_curvature_) {
      NIBBLE_RETURN_IF_ERROR(
          candidates.MakeUpForDrift(*fit_error_, *held_out_error_, *upstream_curvature_, options_.upstream));
    }
    return candidates;
  }

  // This process's rows of a linear: by the search, in FitLinear::out, and by `basis`, or by the search for what makes
  // up for upstream errors if it is null: where there are no codes to choose.
  absl::StatusOr<MadeRows> MakeRows(size_t i, const Basis* basis) {
    const FitLinear& linear = linears_[i];
    const SharedRows::Range mine = shared_.mine(i);
    MadeRows made{std::vector<RowFigures>(RowsOf(linear)), {}};
    if (mine.count() == 0) return made;
    std::vector<int64_t> rows(mine.count());
    std::iota(rows.begin(), rows.end(), mine.first);
    NIBBLE_ASSIGN_OR_RETURN(Candidates candidates, Prepare(linear, std::move(rows)));
    NIBBLE_ASSIGN_OR_RETURN(const std::vector<double> searched, candidates.Search(squares_, *held_out_error_));
    std::copy(candidates.bytes().begin(), candidates.bytes().end(), MyBytes(i).begin());
    std::vector<double> errors = searched;
    if (basis != nullptr) {
      NIBBLE_ASSIGN_OR_RETURN(errors, candidates.Feedback(*basis, *held_out_error_));
    } else if (upstream_curvature_) {
      NIBBLE_ASSIGN_OR_RETURN(errors, candidates.SearchTarget(squares_, *held_out_error_));
    }
    made.bytes.assign(candidates.bytes().begin(), candidates.bytes().end());
    for (int64_t r = 0; r < mine.count(); ++r) {
      made.figures[mine.first + r] = {candidates.outputs()[r], searched[r], errors[r], candidates.upstream()[r]};
    }
    return made;
  }

  // Leaves in FitLinear::out what is better of all the linear's rows, of which `made` has the figures.
  absl::StatusOr<FitFigures> Decide(size_t i, const MadeRows& made, const Basis* basis) const {
    FitFigures figures;
    double error = 0, upstream = 0;
    for (const RowFigures& row : made.figures) {
      figures.outputs += row.outputs;
      figures.searched += row.searched;
      error += row.error;
      upstream += row.upstream;
    }
    figures.error = figures.searched;
    if (!std::isfinite(figures.searched)) return BadData("outputs on held-out tokens", "finite numbers", "others");
    if (!(error < figures.searched)) return figures;
    std::copy(made.bytes.begin(), made.bytes.end(), MyBytes(i).begin());
    figures.error = error;
    figures.upstream = upstream / made.figures.size();
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
  const SharedRows shared_;
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
