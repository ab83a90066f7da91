// What most decoders have in common, so that a family's file says what is its own: grouped-query attention with rope
// over whole heads, a gated feed-forward or a mixture of experts, one kind of layer. A family starts from UniformSpec
// and changes the layers that differ.
#ifndef NIBBLE_CONVERTERS_DECODER_H_
#define NIBBLE_CONVERTERS_DECODER_H_

#include <cstdint>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "converters/fields.h"
#include "converters/rope_scaling.h"
#include "formats/tensor_source.h"
#include "model/model_spec.pb.h"

namespace nibble {

// Bounds of what configs say: far beyond any model, and small enough that products of two fit 64 bits.
inline constexpr double kMaxLayers = 10'000;
inline constexpr double kMaxLength = 1 << 30;
inline constexpr double kMaxWidth = 1 << 24;

// For FieldRow::absent.
double Zero(const Fields& fields);
double One(const Fields& fields);
double AsHeads(const Fields& fields);
double AsKeyLength(const Fields& fields);
double HeadLength(
    const Fields& fields);  // hidden / heads: a fraction where that is not exact, which CheckHeads refuses
double DefaultRopeBase(const Fields& fields);  // 10000

// kDataLoss where key length, value length, heads and kv heads cannot go together, or more experts are used than there
// are.
absl::Status CheckHeads(const Fields& fields);

struct Identity {
  absl::string_view family;
  absl::string_view architecture;
  bool tied = false;  // embeddings
};

// Rope spans kRopeDimensions of each head, all of it where that is 0. Layers have experts if kExperts is not 0, and a
// window if kWindow is not.
ModelSpec UniformSpec(const Identity& identity, const Fields& fields, Rope::Pairing pairing, const ResolvedRope& rope);

// The fields that UniformSpec was made from: attention and feed-forward of the first layer, experts of the first layer
// that has some.
Fields UniformFields(const ModelSpec& spec);

// Of a GGUF: whether the output projection is the token embedding, and how many rows that has (0: it is missing).
bool IsTied(const TensorSource& source);
uint32_t EmbeddingRows(const TensorSource& source);

}  // namespace nibble

#endif  // NIBBLE_CONVERTERS_DECODER_H_
