#include "pipeline/verify/verify_figures.h"

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <iterator>
#include <utility>
#include <vector>

namespace nibble {
namespace {

struct PercentileRow {
  double fraction;
  void (Distribution::*set)(double);
};

constexpr PercentileRow kPercentiles[] = {
    {0, &Distribution::set_min},      {0.001, &Distribution::set_p001}, {0.01, &Distribution::set_p01},
    {0.05, &Distribution::set_p05},   {0.1, &Distribution::set_p10},    {0.25, &Distribution::set_p25},
    {0.5, &Distribution::set_median}, {0.75, &Distribution::set_p75},   {0.9, &Distribution::set_p90},
    {0.95, &Distribution::set_p95},   {0.99, &Distribution::set_p99},   {0.999, &Distribution::set_p999},
    {1, &Distribution::set_max},
};

void FillDistribution(std::vector<double> samples, Distribution& out) {
  const Estimate mean = Mean(samples);
  out.set_mean(mean.value);
  out.set_se(mean.se);
  std::sort(samples.begin(), samples.end());
  for (const PercentileRow& row : kPercentiles) (out.*row.set)(Percentile(samples, row.fraction));
}

// Where the bins of divergences begin, in nats.
constexpr double kBins[] = {0,    1e-6, 2e-6, 5e-6, 1e-5, 2e-5, 5e-5, 1e-4, 2e-4, 5e-4, 1e-3,
                            2e-3, 5e-3, 0.01, 0.02, 0.05, 0.1,  0.2,  0.5,  1,    2,    5};

void FillHistogram(const std::vector<double>& samples, Candidate& out) {
  std::vector<uint64_t> counts(std::size(kBins));
  for (const double sample : samples) {
    ++counts[std::upper_bound(std::begin(kBins) + 1, std::end(kBins), sample) - std::begin(kBins) - 1];
  }
  for (size_t i = 0; i < counts.size(); ++i) {
    HistogramBin& bin = *out.add_kld_histogram();
    bin.set_from(kBins[i]);
    bin.set_positions(counts[i]);
  }
}

std::vector<double> Surprise(const Predictions& predictions) {
  std::vector<double> surprise;
  for (double log_likelihood : predictions.log_likelihood) surprise.push_back(-log_likelihood);
  return surprise;
}

void FillPerplexity(const Predictions& reference, const Predictions& candidate, Candidate& out) {
  const std::vector<double> r = Surprise(reference), c = Surprise(candidate);
  const Estimate mean_r = Mean(r), mean_c = Mean(c);
  const Estimate ppl_r = Exp(mean_r), ppl_c = Exp(mean_c);
  const double covariance = CovarianceOfMeans(r, c);
  const Estimate ln_ratio = Difference(mean_c, mean_r, covariance);
  const Estimate ratio = Exp(ln_ratio);
  const Estimate difference = Difference(ppl_c, ppl_r, ppl_c.value * ppl_r.value * covariance);
  const double spread = mean_r.se * mean_c.se;

  out.set_ppl(ppl_c.value);
  out.set_ppl_se(ppl_c.se);
  out.set_ln_ppl_correlation(spread == 0 ? 0 : covariance / spread);
  out.set_ln_ppl_ratio(ln_ratio.value);
  out.set_ln_ppl_ratio_se(ln_ratio.se);
  out.set_ppl_ratio(ratio.value);
  out.set_ppl_ratio_se(ratio.se);
  out.set_ppl_difference(difference.value);
  out.set_ppl_difference_se(difference.se);
}

void FillDeltaP(const Predictions& reference, const Predictions& candidate, Candidate& out) {
  std::vector<double> percent;
  for (size_t i = 0; i < reference.log_likelihood.size(); ++i) {
    percent.push_back(100 * (std::exp(candidate.log_likelihood[i]) - std::exp(reference.log_likelihood[i])));
  }
  const Estimate rms = RootMeanSquare(percent);
  out.set_delta_p_rms(rms.value);
  out.set_delta_p_rms_se(rms.se);
  FillDistribution(std::move(percent), *out.mutable_delta_p());
}

}  // namespace

Estimate Perplexity(const Predictions& predictions) { return Exp(Mean(Surprise(predictions))); }

void FillFigures(const Predictions& reference, const Predictions& candidate, Candidate& out) {
  FillPerplexity(reference, candidate, out);
  FillDistribution(candidate.divergence, *out.mutable_kld());
  FillHistogram(candidate.divergence, out);
  FillDeltaP(reference, candidate, out);
  int64_t same = 0;
  for (size_t i = 0; i < reference.top.size(); ++i) same += reference.top[i] == candidate.top[i];
  const Estimate top1 = Share(same, reference.top.size());
  out.set_top1(top1.value);
  out.set_top1_se(top1.se);
}

}  // namespace nibble
