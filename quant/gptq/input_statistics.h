// What calibration keeps of a linear's inputs.
#ifndef NIBBLE_QUANT_GPTQ_INPUT_STATISTICS_H_
#define NIBBLE_QUANT_GPTQ_INPUT_STATISTICS_H_

#include <cstdint>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "device/device.h"

namespace nibble {

// Sums over tokens of what a linear gets, X [T, n], and, where they are known, of what it would get if nothing before
// it were quantized, O [T, n], and, where its outputs are added to a hidden state, of what this state would be then,
// less what it is: S [T, m]. Matrices are on the device; there from the first tokens on.
class InputStatistics {
 public:
  enum class Originals { kNone, kCross, kAll };  // which of the sums below are formed
  explicit InputStatistics(Originals originals = Originals::kNone) : originals_(originals) {}

  // `original`: O, of x's shape; not read for kNone. `state_drift`: S; without rows always, or never; never for kNone.
  absl::Status Add(Device& device, ConstMatrix x, ConstMatrix original, ConstMatrix state_drift = Matrix());
  absl::Status Add(Device& device, ConstMatrix x) { return Add(device, x, x); }

  // As though `tokens` more tokens had been seen, like those of `prior` on average. REQUIRES: kNone; of one size, or
  // this one empty; prior.tokens() > 0.
  absl::Status AddPrior(Device& device, const InputStatistics& prior, double tokens);

  // Adds the sums of other tokens. REQUIRES: the same originals, and the same matrices where both have tokens.
  absl::Status AddSums(Device& device, InputStatistics other);

  // What of it is not on the device; with matrices(), all that another process needs to have it too.
  struct Counts {
    int64_t tokens = 0, size = 0, outputs = 0;
    std::vector<double> state_squares;
  };
  Counts counts() const { return {tokens_, size_, outputs_, state_squares_}; }
  // Those of the sums below that are there, in their order.
  std::vector<Matrix> matrices() const;
  // With these counts; what the matrices have is undefined.
  static absl::StatusOr<InputStatistics> WithRoom(Device& device, Originals originals, const Counts& counts);

  Originals originals() const { return originals_; }
  int64_t tokens() const { return tokens_; }
  int64_t size() const { return size_; }                                             // n
  int64_t outputs() const { return outputs_; }                                       // m; 0 without S
  Matrix gram() const { return gram_.matrix(size_, size_); }                         // X^T X
  Matrix cross() const { return cross_.matrix(size_, size_); }                       // X^T O; not for kNone
  Matrix original() const { return original_.matrix(size_, size_); }                 // O^T O; for kAll alone
  Matrix state_cross() const { return state_cross_.matrix(outputs_, size_); }        // S^T X
  Matrix state_original() const { return state_original_.matrix(outputs_, size_); }  // S^T O; for kAll alone
  absl::Span<const double> state_squares() const { return state_squares_; }          // of S, by column; for kAll alone

 private:
  // Room for all sums, if there is none yet.
  absl::Status Allocate(Device& device, int64_t size, int64_t outputs);
  absl::Status Begin(Device& device, int64_t size, int64_t outputs);

  Originals originals_;
  int64_t tokens_ = 0, size_ = 0, outputs_ = 0;
  Buffer gram_, cross_, original_, state_cross_, state_original_;
  std::vector<double> state_squares_;
};

}  // namespace nibble

#endif  // NIBBLE_QUANT_GPTQ_INPUT_STATISTICS_H_
