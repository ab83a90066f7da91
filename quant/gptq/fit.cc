#include "quant/gptq/fit.h"

#include <algorithm>
#include <limits>
#include <optional>

#include "base/status.h"
#include "quant/gptq/curvature.h"
#include "quant/gptq/gptq.h"
#include "quant/gptq/output_error.h"

namespace nibble {
namespace {

constexpr int64_t kSampleRows = 96;
constexpr double kWorthLessDamping = 0.05;

// Rows at even distances.
std::vector<float> SampleOf(absl::Span<const float> values, int64_t n) {
  const int64_t rows = values.size() / n, count = std::min(rows, kSampleRows);
  std::vector<float> sample(count * n);
  for (int64_t i = 0; i < count; ++i) std::copy_n(&values[i * rows / count * n], n, &sample[i * n]);
  return sample;
}

// One linear, or a sample of it, and the errors that its candidates leave.
class Candidates {
 public:
  Candidates(Device& device, const BlockFormat& format, absl::Span<const float> values)
      : device_(device), format_(format), values_(values), bytes_(format.BytesFor(values.size())) {}

  absl::Status Prepare(const OutputError& fit, const OutputError& held_out) {
    NIBBLE_ASSIGN_OR_RETURN(drift_, fit.Drift(values_));
    NIBBLE_ASSIGN_OR_RETURN(judged_, held_out.Prepare(values_));
    return absl::OkStatus();
  }

  double outputs() const { return judged_.outputs; }
  absl::Span<const std::byte> bytes() const { return bytes_; }
  bool has_drift() const { return !drift_.empty(); }

  absl::StatusOr<double> Search(const std::vector<float>& squares, const OutputError& held_out) {
    EncodeSearched(device_, format_, squares.data(), squares.size(), values_, absl::MakeSpan(bytes_));
    return held_out.Of(judged_, format_, bytes_);
  }

  // The way that upstream errors are made up for under this curvature.
  absl::Status Solve(const Curvature& curvature) {
    correction_ = drift_;
    if (drift_.empty()) return absl::OkStatus();
    return curvature.Solve(device_, absl::MakeSpan(correction_));
  }

  // REQUIRES: Solve(curvature).
  absl::StatusOr<double> Feedback(const Curvature& curvature, float upstream, const OutputError& held_out) {
    std::vector<float> target(values_.begin(), values_.end());
    for (size_t i = 0; i < correction_.size(); ++i) target[i] += upstream * correction_[i];
    NIBBLE_RETURN_IF_ERROR(EncodeGptq(device_, format_, curvature, target, {}, absl::MakeSpan(bytes_)).status());
    return held_out.Of(judged_, format_, bytes_);
  }

 private:
  Device& device_;
  const BlockFormat& format_;
  const absl::Span<const float> values_;
  std::vector<std::byte> bytes_;
  std::vector<float> drift_, correction_;
  OutputError::Linear judged_;
};

// What a stage's linears are to be made with.
struct Choice {
  double damping = 0;
  std::vector<float> upstream;  // by linear
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
    Choice choice;
    NIBBLE_ASSIGN_OR_RETURN(upstream_curvature_, Curvature::Of(device_, gram_, n, options_.upstream_damping));
    const bool any = std::any_of(linears_.begin(), linears_.end(), [&](const FitLinear& linear) {
      return options_.feedback && CanGptq(linear.format->id);
    });
    if (any) {
      NIBBLE_ASSIGN_OR_RETURN(choice, Choose());
      NIBBLE_ASSIGN_OR_RETURN(curvature, Curvature::Of(device_, gram_, n, choice.damping));
    }
    for (size_t i = 0; i < linears_.size(); ++i) {
      NIBBLE_ASSIGN_OR_RETURN(figures[i],
                              Make(linears_[i], curvature, choice.upstream.empty() ? 0 : choice.upstream[i]));
    }
    return figures;
  }

 private:
  // By a sample of rows.
  absl::StatusOr<Choice> Choose() {
    const bool one_way = fit_.originals() == InputStatistics::Originals::kNone || options_.upstream.size() == 1;
    if (one_way && options_.dampings.size() == 1) {
      return Choice{options_.dampings[0], std::vector<float>(linears_.size(), options_.upstream[0])};
    }
    Choice best;
    double least = std::numeric_limits<double>::infinity();
    for (const double damping : options_.dampings) {
      NIBBLE_ASSIGN_OR_RETURN(const Curvature curvature, Curvature::Of(device_, gram_, fit_.size(), damping));
      Choice choice{damping, {}};
      double sum = 0;  // of shares of what the search leaves, so that each linear counts alike
      for (const FitLinear& linear : linears_) {
        NIBBLE_ASSIGN_OR_RETURN(const SampleFigures figures, BestUpstream(linear, curvature));
        choice.upstream.push_back(figures.upstream);
        sum += figures.share;
      }
      if (!(sum < (1 - kWorthLessDamping) * least)) continue;
      least = sum;
      best = choice;
    }
    return best;
  }

  struct SampleFigures {
    float upstream = 0;
    double share = 1;  // of the error that the search leaves
  };

  absl::StatusOr<SampleFigures> BestUpstream(const FitLinear& linear, const Curvature& curvature) {
    if (!CanGptq(linear.format->id)) return SampleFigures();
    const std::vector<float> sample = SampleOf(linear.values, fit_.size());
    Candidates candidates(device_, *linear.format, sample);
    NIBBLE_RETURN_IF_ERROR(candidates.Prepare(*fit_error_, *held_out_error_));
    NIBBLE_ASSIGN_OR_RETURN(const double searched, candidates.Search(squares_, *held_out_error_));
    NIBBLE_RETURN_IF_ERROR(candidates.Solve(*upstream_curvature_));
    float best = 0;
    double least = std::numeric_limits<double>::infinity();
    for (const float upstream : options_.upstream) {
      if (upstream > 0 && !candidates.has_drift()) continue;
      NIBBLE_ASSIGN_OR_RETURN(const double error, candidates.Feedback(curvature, upstream, *held_out_error_));
      if (!(error < least)) continue;
      least = error;
      best = upstream;
    }
    return SampleFigures{best, searched > 0 ? least / searched : 1.0};
  }

  absl::StatusOr<FitFigures> Make(const FitLinear& linear, const std::optional<Curvature>& curvature, float upstream) {
    Candidates candidates(device_, *linear.format, linear.values);
    NIBBLE_RETURN_IF_ERROR(candidates.Prepare(*fit_error_, *held_out_error_));
    FitFigures figures{.outputs = candidates.outputs()};
    NIBBLE_ASSIGN_OR_RETURN(figures.searched, candidates.Search(squares_, *held_out_error_));
    figures.error = figures.searched;
    std::copy(candidates.bytes().begin(), candidates.bytes().end(), linear.out.begin());
    if (!curvature || !CanGptq(linear.format->id)) return figures;
    NIBBLE_RETURN_IF_ERROR(candidates.Solve(*upstream_curvature_));
    NIBBLE_ASSIGN_OR_RETURN(const double error, candidates.Feedback(*curvature, upstream, *held_out_error_));
    if (!(error < figures.searched)) return figures;
    std::copy(candidates.bytes().begin(), candidates.bytes().end(), linear.out.begin());
    figures.error = error;
    figures.feedback = true;
    figures.damping = curvature->damping();
    figures.upstream = upstream;
    return figures;
  }

  Device& device_;
  const InputStatistics& fit_;
  const InputStatistics& held_out_;
  const absl::Span<const FitLinear> linears_;
  const FitOptions& options_;
  std::vector<float> gram_, squares_;
  std::optional<OutputError> fit_error_, held_out_error_;
  std::optional<Curvature> upstream_curvature_;
};

}  // namespace

absl::StatusOr<std::vector<FitFigures>> FitLinears(Device& device, const InputStatistics& fit,
                                                   const InputStatistics& held_out, absl::Span<const FitLinear> linears,
                                                   const FitOptions& options) {
  return Fitting(device, fit, held_out, linears, options).Run();
}

}  // namespace nibble
