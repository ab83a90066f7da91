// Token embeddings, gathered row by row from the stored matrix.
#ifndef NIBBLE_RUNTIME_EMBEDDING_H_
#define NIBBLE_RUNTIME_EMBEDDING_H_

#include <cstdint>

#include "absl/status/status.h"
#include "absl/types/span.h"
#include "model/model.h"

namespace nibble {

// out [ids, hidden_size]. Reads the rows of these ids alone, each once. REQUIRES: ids < vocab_size.
absl::Status GatherEmbeddings(const Model& model, absl::Span<const uint32_t> ids, int threads, absl::Span<float> out);

}  // namespace nibble

#endif  // NIBBLE_RUNTIME_EMBEDDING_H_
