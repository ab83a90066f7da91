// The windows of tokens that verify runs, and which of their positions are scored: llama-perplexity's rules.
#ifndef NIBBLE_PIPELINE_VERIFY_VERIFY_WINDOWS_H_
#define NIBBLE_PIPELINE_VERIFY_VERIFY_WINDOWS_H_

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "model/model.h"

namespace nibble {

struct Windows {
  int64_t length = 0;         // tokens of each
  std::vector<uint32_t> ids;  // one window after the other

  int64_t count() const { return ids.size() / length; }
  // Positions [first_scored(), length - 1) of each window are scored: each predicts the token after it.
  int64_t first_scored() const { return length / 2; }
  int64_t scored() const { return length - 1 - first_scored(); }

  // Windows [first, last).
  Windows Between(int64_t first, int64_t last) const {
    return {length, {ids.begin() + first * length, ids.begin() + last * length}};
  }
};

// The first `limit` windows (0: all) of `length` tokens of the text, its last newline dropped. kNotFound if the model
// has no tokenizer; kInvalidArgument if the text is shorter than one window or a window has no position to score.
absl::StatusOr<Windows> CutWindows(const Model& model, absl::string_view text, uint32_t length, uint32_t limit);

}  // namespace nibble

#endif  // NIBBLE_PIPELINE_VERIFY_VERIFY_WINDOWS_H_
