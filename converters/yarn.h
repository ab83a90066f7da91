// YaRN (arXiv 2309.00071), as Hugging Face's transformers computes it.
#ifndef NIBBLE_CONVERTERS_YARN_H_
#define NIBBLE_CONVERTERS_YARN_H_

#include <cstdint>
#include <vector>

#include "model/model_spec.pb.h"

namespace nibble {

// One divisor per pair of dimensions: 1 for frequencies that turn often within the original context, `factor` for those
// that hardly turn, a mixture of the frequencies between. REQUIRES: factor, original_context, beta_* > 0, base > 1.
std::vector<float> YarnFactors(const RopeScaling& scaling, uint32_t dimensions, double base);

// 0.1 * multiplier * ln(factor) + 1; 1 for factors up to 1.
double YarnMscale(double factor, double multiplier = 1);

// The factor of cosine and sine.
float YarnMagnitude(const RopeScaling& scaling);

}  // namespace nibble

#endif  // NIBBLE_CONVERTERS_YARN_H_
