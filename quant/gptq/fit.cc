#include "quant/gptq/fit.h"

#include <algorithm>
#include <deque>
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

  absl::StatusOr<double> Search(const std::vector<float>& squares, const OutputError& held_out) {
    EncodeSearched(device_, format_, squares.data(), squares.size(), values_, absl::MakeSpan(bytes_));
    return held_out.Of(judged_, format_, bytes_);
  }

  // How weights make up for upstream errors under this curvature. REQUIRES: the inputs' originals are known.
  absl::Status Solve(const Curvature& curvature) {
    correction_ = drift_;
    return curvature.Solve(device_, absl::MakeSpan(correction_));
  }

  // REQUIRES: Solve(), or upstream is 0.
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
  Curvature curvature;
  std::vector<float> upstream;  // by linear
};

// Rows of a linear that candidates are tried on.
struct Sample {
  Sample(Device& device, const BlockFormat& format, std::vector<float> rows)
      : values(std::move(rows)), candidates(device, format, values) {}

  const std::vector<float> values;
  Candidates candidates;
  double searched = 0;  // the error that the search leaves
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
    std::optional<Choice> choice;
    if (std::any_of(linears_.begin(), linears_.end(), [&](const FitLinear& linear) { return HasFeedback(linear); })) {
      if (HasOriginals()) {
        NIBBLE_ASSIGN_OR_RETURN(upstream_curvature_, Curvature::Of(device_, gram_, n, options_.upstream_damping));
      }
      NIBBLE_ASSIGN_OR_RETURN(choice, Choose());
    }
    for (size_t i = 0; i < linears_.size(); ++i) {
      const bool feedback = HasFeedback(linears_[i]);
      NIBBLE_ASSIGN_OR_RETURN(
          figures[i], Make(linears_[i], feedback ? &choice->curvature : nullptr, feedback ? choice->upstream[i] : 0));
    }
    return figures;
  }

 private:
  bool HasFeedback(const FitLinear& linear) const { return options_.feedback && CanGptq(linear.format->id); }
  bool HasOriginals() const { return fit_.originals() != InputStatistics::Originals::kNone; }

  // By a sample of rows.
  absl::StatusOr<Choice> Choose() {
    const std::vector<float> upstreams = HasOriginals() ? options_.upstream : std::vector<float>{0};
    if (options_.dampings.size() == 1 && upstreams.size() == 1) {
      NIBBLE_ASSIGN_OR_RETURN(Curvature only, Curvature::Of(device_, gram_, fit_.size(), options_.dampings[0]));
      return Choice{std::move(only), std::vector<float>(linears_.size(), upstreams[0])};
    }
    std::deque<Sample> samples;  // of the linears with feedback, in their order
    for (const FitLinear& linear : linears_) {
      if (!HasFeedback(linear)) continue;
      Sample& sample = samples.emplace_back(device_, *linear.format, SampleOf(linear.values, fit_.size()));
      NIBBLE_RETURN_IF_ERROR(sample.candidates.Prepare(*fit_error_, *held_out_error_));
      NIBBLE_ASSIGN_OR_RETURN(sample.searched, sample.candidates.Search(squares_, *held_out_error_));
      NIBBLE_RETURN_IF_ERROR(Solve(sample.candidates));
    }
    std::optional<Choice> best;
    double least = std::numeric_limits<double>::infinity();
    for (const double damping : options_.dampings) {
      NIBBLE_ASSIGN_OR_RETURN(Curvature curvature, Curvature::Of(device_, gram_, fit_.size(), damping));
      std::vector<float> chosen(linears_.size());
      double sum = 0;  // of shares of what the search leaves, so that each linear counts alike
      auto sample = samples.begin();
      for (size_t i = 0; i < linears_.size(); ++i) {
        if (!HasFeedback(linears_[i])) {
          sum += 1;
          continue;
        }
        NIBBLE_ASSIGN_OR_RETURN(const double share, LeastShare(*sample++, curvature, upstreams, chosen[i]));
        sum += share;
      }
      if (best && !(sum < (1 - kWorthLessDamping) * least)) continue;
      least = sum;
      best = Choice{std::move(curvature), std::move(chosen)};
    }
    return *std::move(best);
  }

  // Of the error that the search leaves, by the upstream share that leaves the least.
  absl::StatusOr<double> LeastShare(Sample& sample, const Curvature& curvature, absl::Span<const float> upstreams,
                                    float& chosen) {
    double least = std::numeric_limits<double>::infinity();
    for (const float upstream : upstreams) {
      NIBBLE_ASSIGN_OR_RETURN(const double error, sample.candidates.Feedback(curvature, upstream, *held_out_error_));
      if (!(error < least)) continue;
      least = error;
      chosen = upstream;
    }
    return sample.searched > 0 ? least / sample.searched : 1.0;
  }

  absl::Status Solve(Candidates& candidates) const {
    return upstream_curvature_ ? candidates.Solve(*upstream_curvature_) : absl::OkStatus();
  }

  // `curvature`: null for the search alone.
  absl::StatusOr<FitFigures> Make(const FitLinear& linear, const Curvature* curvature, float upstream) {
    Candidates candidates(device_, *linear.format, linear.values);
    NIBBLE_RETURN_IF_ERROR(candidates.Prepare(*fit_error_, *held_out_error_));
    FitFigures figures{.outputs = candidates.outputs()};
    NIBBLE_ASSIGN_OR_RETURN(figures.searched, candidates.Search(squares_, *held_out_error_));
    figures.error = figures.searched;
    std::copy(candidates.bytes().begin(), candidates.bytes().end(), linear.out.begin());
    if (curvature == nullptr) return figures;
    NIBBLE_RETURN_IF_ERROR(Solve(candidates));
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
  std::optional<Curvature> upstream_curvature_;  // where originals are known
};

}  // namespace

absl::StatusOr<std::vector<FitFigures>> FitLinears(Device& device, const InputStatistics& fit,
                                                   const InputStatistics& held_out, absl::Span<const FitLinear> linears,
                                                   const FitOptions& options) {
  return Fitting(device, fit, held_out, linears, options).Run();
}

}  // namespace nibble
