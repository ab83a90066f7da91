// A candidate's figures from what it and the reference predicted.
#ifndef NIBBLE_PIPELINE_VERIFY_VERIFY_FIGURES_H_
#define NIBBLE_PIPELINE_VERIFY_VERIFY_FIGURES_H_

#include "pipeline/report.pb.h"
#include "runtime/predictions.h"
#include "runtime/statistics.h"

namespace nibble {

Estimate Perplexity(const Predictions& predictions);

// Every field that follows from predictions. REQUIRES: the same positions, at least one, all finite.
void FillFigures(const Predictions& reference, const Predictions& candidate, Candidate& out);

}  // namespace nibble

#endif  // NIBBLE_PIPELINE_VERIFY_VERIFY_FIGURES_H_
