// Every figure of four positions, worked out by hand.
#include "pipeline/verify/verify_figures.h"

#include <cmath>
#include <map>
#include <vector>

#include "gtest/gtest.h"

namespace nibble {
namespace {

TEST(FiguresTest, EveryDivergenceLiesInOneBin) {
  const std::vector<double> divergence = {0, 9e-7, 1e-6, 0.0199, 0.02, 7, 0.5};
  const Predictions any = {.log_likelihood = std::vector<double>(divergence.size(), -1),
                           .top = std::vector<uint32_t>(divergence.size()),
                           .divergence = divergence};
  Candidate c;
  FillFigures(any, any, c);
  std::map<double, uint64_t> found;
  for (const HistogramBin& bin : c.kld_histogram()) {
    if (bin.positions() > 0) found[bin.from()] = bin.positions();
  }
  EXPECT_EQ(found, (std::map<double, uint64_t>{{0, 2}, {1e-6, 1}, {0.01, 1}, {0.02, 1}, {0.5, 1}, {5, 1}}));
}

TEST(FiguresTest, ByHand) {
  const Predictions reference = {.log_likelihood = {std::log(0.5), std::log(0.25), std::log(0.5), std::log(0.25)},
                                 .top = {1, 2, 3, 4},
                                 .divergence = {}};
  const Predictions candidate = {.log_likelihood = {std::log(0.5), std::log(0.125), std::log(0.25), std::log(0.25)},
                                 .top = {1, 2, 3, 5},
                                 .divergence = {0.1, 0.4, 0.3, 0.2}};
  Candidate c;
  FillFigures(reference, candidate, c);

  // In bits: reference 1 2 1 2 (deviations -+0.5), candidate 1 3 2 2 (deviations -1 1 0 0).
  const double bit = std::log(2), se_r = bit * std::sqrt(1.0 / 4 / 3), se_c = bit * std::sqrt(2.0 / 4 / 3);
  const double covariance = bit * bit * (0.5 + 0.5) / 4 / 3;
  EXPECT_NEAR(Perplexity(reference).value, std::exp2(1.5), 1e-12);
  EXPECT_NEAR(Perplexity(reference).se, std::exp2(1.5) * se_r, 1e-12);
  EXPECT_NEAR(c.ppl(), 4, 1e-12);
  EXPECT_NEAR(c.ppl_se(), 4 * se_c, 1e-12);
  EXPECT_NEAR(c.ln_ppl_correlation(), covariance / se_r / se_c, 1e-12);
  EXPECT_NEAR(c.ln_ppl_ratio(), bit / 2, 1e-12);
  // The differences are 0 1 1 0 bits.
  EXPECT_NEAR(c.ln_ppl_ratio_se(), bit * std::sqrt(1.0 / 4 / 3), 1e-12);
  EXPECT_NEAR(c.ppl_ratio(), std::sqrt(2), 1e-12);
  EXPECT_NEAR(c.ppl_ratio_se(), std::sqrt(2) * c.ln_ppl_ratio_se(), 1e-12);
  const double ppl_r = std::exp2(1.5);
  EXPECT_NEAR(c.ppl_difference(), 4 - ppl_r, 1e-12);
  EXPECT_NEAR(c.ppl_difference_se(),
              std::sqrt(std::pow(4 * se_c, 2) + std::pow(ppl_r * se_r, 2) - 2 * 4 * ppl_r * covariance), 1e-12);

  EXPECT_NEAR(c.kld().mean(), 0.25, 1e-12);
  EXPECT_NEAR(c.kld().se(), std::sqrt(0.05 / 4 / 3), 1e-12);
  EXPECT_NEAR(c.kld().median(), 0.25, 1e-12);
  EXPECT_NEAR(c.kld().min(), 0.1, 1e-12);
  EXPECT_NEAR(c.kld().max(), 0.4, 1e-12);
  // Between 4 sorted values p % lies at 3 p / 100.
  EXPECT_NEAR(c.kld().p999(), 0.4 - 0.1 * 0.003, 1e-12);
  EXPECT_NEAR(c.kld().p99(), 0.4 - 0.1 * 0.03, 1e-12);
  EXPECT_NEAR(c.kld().p95(), 0.4 - 0.1 * 0.15, 1e-12);
  EXPECT_NEAR(c.kld().p90(), 0.4 - 0.1 * 0.3, 1e-12);
  EXPECT_NEAR(c.kld().p75(), 0.325, 1e-12);
  EXPECT_NEAR(c.kld().p25(), 0.175, 1e-12);
  EXPECT_NEAR(c.kld().p10(), 0.1 + 0.1 * 0.3, 1e-12);
  EXPECT_NEAR(c.kld().p05(), 0.1 + 0.1 * 0.15, 1e-12);
  EXPECT_NEAR(c.kld().p01(), 0.1 + 0.1 * 0.03, 1e-12);
  EXPECT_NEAR(c.kld().p001(), 0.1 + 0.1 * 0.003, 1e-12);

  // In percent points: 0, -12.5, -25, 0.
  EXPECT_NEAR(c.delta_p().mean(), -9.375, 1e-12);
  EXPECT_NEAR(c.delta_p().min(), -25, 1e-12);
  EXPECT_NEAR(c.delta_p().median(), -6.25, 1e-12);
  EXPECT_NEAR(c.delta_p_rms(), std::sqrt((156.25 + 625) / 4), 1e-12);
  EXPECT_GT(c.delta_p_rms_se(), 0);
  EXPECT_NEAR(c.top1(), 0.75, 1e-12);
  EXPECT_NEAR(c.top1_se(), 0.25, 1e-12);
}

}  // namespace
}  // namespace nibble
