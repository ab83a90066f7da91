// A family's tensors as a table, read in two directions: published names and layouts -> logical tensors, and GGUF names
// -> the same logical tensors.
#ifndef NIBBLE_CONVERTERS_TENSOR_TABLE_H_
#define NIBBLE_CONVERTERS_TENSOR_TABLE_H_

#include <cstdint>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "converters/family.h"
#include "formats/tensor_source.h"
#include "model/model_spec.pb.h"
#include "model/role.h"

namespace nibble {

// A length that follows from the spec.
enum class Dim : uint8_t {
  kNone,  // of a vector: no second axis
  kVocab,
  kHidden,
  kQueries,   // heads * key_length
  kKeys,      // kv_heads * key_length
  kValues,    // kv_heads * value_length
  kAttended,  // heads * value_length
  kFeedForward,
};

enum class Presence : uint8_t {
  kRequired,
  kOptional,    // in every layer, or in none
  kUnlessTied,  // the output projection: a checkpoint that has it although it is tied gets a warning
};

// How published rows stand to GGUF's; a GGUF's own tensors are as they should be.
enum class PublishedRows : uint8_t {
  kAsInGguf,
  kHalfSplitHeads,    // rope pairs of each head half a head apart: llama.cpp interleaves them
  kHalfSplitKvHeads,  // the same for the heads of keys
};

struct TensorRow {
  Role role;
  absl::string_view published;  // "{}" stands for the layer
  Dim rows;                     // of a vector: its length
  Dim cols;
  PublishedRows published_rows = PublishedRows::kAsInGguf;
  Presence presence = Presence::kRequired;
};

struct TensorTable {
  absl::Span<const TensorRow> rows;  // in the order in which a GGUF is written, rows of a layer next to one another
  absl::Span<const absl::string_view> ignored_suffixes;  // of published names: buffers that carry no weights
};

// kDataLoss, in one line, on every tensor that is missing, of another shape or kind than the spec says, or unknown.
// Rope factors that need a tensor come from the spec.
absl::StatusOr<TensorMap> MapCheckpoint(const TensorTable& table, const ModelSpec& spec, const TensorSource& source);
absl::StatusOr<TensorMap> MapGguf(const TensorTable& table, const ModelSpec& spec, const TensorSource& source);

}  // namespace nibble

#endif  // NIBBLE_CONVERTERS_TENSOR_TABLE_H_
