// The first layer's input: token embeddings, gathered row by row from the stored matrix, scaled where the model scales
// them, and learned positions where it has them.
#ifndef NIBBLE_RUNTIME_EMBEDDING_H_
#define NIBBLE_RUNTIME_EMBEDDING_H_

#include <cstdint>

#include "absl/status/status.h"
#include "absl/types/span.h"
#include "model/model.h"

namespace nibble {

// out [ids, hidden_size]: sequences of `length` ids, one after the other, whose first tokens are at position `past`.
// Reads the rows of these ids alone, each once. kInvalidArgument if the model has learned positions, but not so many.
// REQUIRES: ids < vocab_size.
absl::Status Embed(const Model& model, absl::Span<const uint32_t> ids, int64_t past, int64_t length, int threads,
                   absl::Span<float> out);

}  // namespace nibble

#endif  // NIBBLE_RUNTIME_EMBEDDING_H_
