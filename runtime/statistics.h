// Figures of samples, as llama-perplexity gives them: means with the standard error of independent samples,
// percentiles by linear interpolation.
#ifndef NIBBLE_RUNTIME_STATISTICS_H_
#define NIBBLE_RUNTIME_STATISTICS_H_

#include <vector>

#include "absl/types/span.h"

namespace nibble {

struct Estimate {
  double value = 0;
  double se = 0;  // standard error; 0 for a single sample
};

// REQUIRES: not empty, here and below.
Estimate Mean(absl::Span<const double> samples);

// Of the two means: divided by the number of samples less one, as a standard error's square is.
double CovarianceOfMeans(absl::Span<const double> a, absl::Span<const double> b);

// Root mean square, its error propagated from the squares' mean; 0 +- 0 where all are 0.
Estimate RootMeanSquare(absl::Span<const double> samples);

// Share of trials that succeeded.
Estimate Share(int64_t successes, int64_t trials);

// exp of an estimate.
Estimate Exp(const Estimate& estimate);

// a - b, of means whose covariance is given.
Estimate Difference(const Estimate& a, const Estimate& b, double covariance);

// REQUIRES: `sorted` ascends; 0 <= fraction <= 1.
double Percentile(absl::Span<const double> sorted, double fraction);

}  // namespace nibble

#endif  // NIBBLE_RUNTIME_STATISTICS_H_
