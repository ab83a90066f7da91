// How far a candidate's hidden states are from the reference's.
#ifndef NIBBLE_RUNTIME_STATE_DIFFERENCE_H_
#define NIBBLE_RUNTIME_STATE_DIFFERENCE_H_

#include <cstdint>

#include "absl/types/span.h"

namespace nibble {

// Sums over rows; differences of several groups of rows add up.
struct StateDifference {
  double squared_error = 0;
  double squared_reference = 0;
  double cosines = 0;
  int64_t rows = 0;

  StateDifference& operator+=(const StateDifference& other);
  // ||candidate - reference|| / ||reference|| over all rows; 0 where both are 0.
  double RelativeError() const;
  // The mean over rows.
  double Cosine() const { return cosines / rows; }
};

// Both [rows, width]. The same for any number of threads.
StateDifference CompareStates(absl::Span<const float> reference, absl::Span<const float> candidate, int64_t width,
                              int threads);

}  // namespace nibble

#endif  // NIBBLE_RUNTIME_STATE_DIFFERENCE_H_
