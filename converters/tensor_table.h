// A family's tensors as a table, read in two directions: published names and layouts -> logical tensors, and GGUF names
// -> the same logical tensors. A family is its rows; nothing else has to be written to map its tensors.
//
//   constexpr TensorRow kRows[] = {
//       {Role::kTokenEmbedding, "model.embed_tokens.weight", Dim::kVocab, Dim::kHidden},
//       {Role::kQuery, "model.layers.{}.self_attn.q_proj.weight", Dim::kQueries, Dim::kHidden},
//       {Role::kQueryBias, "model.layers.{}.self_attn.q_proj.bias", Dim::kQueries, Dim::kNone, AsInGguf, kOptional},
//       // a tensor per expert: "{e}"
//       {Role::kExpertUp, "model.layers.{}.mlp.experts.{e}.up_proj.weight", Dim::kExpertLength, Dim::kHidden},
//       // or all experts in one, outermost axis; gate and up fused, [in, out]
//       {Role::kExpertUp, "model.layers.{}.mlp.experts.gate_up_proj", Dim::kExpertLength, Dim::kHidden,
//        OddRowsTransposed},
//
// Rows and columns are those of the logical tensor, that is of one slice, in GGUF's order; `layout` says where it lies
// in the published tensor (layouts.h). Rows of one role that follow one another are alternatives: the first whose
// tensor a checkpoint has is taken. Which layers a row is about follows from its role and the layer's spec (dims.h:
// AppliesTo). FP8, packed INT4, MXFP4 blocks and words of GPTQ and AWQ, with their scales, are found by themselves
// (published_weight.h); what else such a word needs to be read only the config says (quantization.h).
#ifndef NIBBLE_CONVERTERS_TENSOR_TABLE_H_
#define NIBBLE_CONVERTERS_TENSOR_TABLE_H_

#include <cstdint>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "converters/dims.h"
#include "converters/family.h"
#include "converters/layouts.h"
#include "converters/published_names.h"
#include "formats/tensor_source.h"
#include "model/model_spec.pb.h"
#include "model/role.h"

namespace nibble {

enum class Presence : uint8_t {
  kRequired,
  kOptional,    // in every layer that it is about, or in none
  kUnlessTied,  // the output projection: a checkpoint that has it although it is tied gets a warning
};

struct TensorRow {
  Role role;
  absl::string_view published;  // "{}" stands for the layer, "{e}" for the slice
  Dim rows;                     // of a vector: its length
  Dim cols;
  Layout layout = AsInGguf;
  Presence presence = Presence::kRequired;
  float add = 0;                     // to published values: GGUF's are these sums
  absl::string_view gguf_name = "";  // where it is not the role's own
};

// Layers beyond the spec's are unknown, but for those that a row of Role::kPredictionProjection has a tensor of (for
// multi-token prediction): they are dropped with a warning.
struct TensorTable {
  absl::Span<const TensorRow> rows;  // in the order in which a GGUF is written, rows of a layer next to one another
  absl::Span<const absl::string_view> ignored_suffixes = {};  // of published names: buffers that carry no weights
  absl::Span<const Prefix> prefixes = {};                     // that published names may have more than the table's
  absl::Span<const absl::string_view> dropped_prefixes = {};  // vision towers and the like: dropped with a warning
};

// kDataLoss, in one line, on every tensor that is missing, of another shape or kind than the spec says, or unknown.
// Rope factors that need a tensor come from the spec.
absl::StatusOr<TensorMap> MapCheckpoint(const TensorTable& table, const ModelSpec& spec, const TensorSource& source);
absl::StatusOr<TensorMap> MapGguf(const TensorTable& table, const ModelSpec& spec, const TensorSource& source);

}  // namespace nibble

#endif  // NIBBLE_CONVERTERS_TENSOR_TABLE_H_
