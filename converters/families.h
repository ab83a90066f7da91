// The table of families, and which of them a checkpoint belongs to.
#ifndef NIBBLE_CONVERTERS_FAMILIES_H_
#define NIBBLE_CONVERTERS_FAMILIES_H_

#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "converters/family.h"
#include "formats/gguf/gguf.h"
#include "formats/json/json.h"
#include "model/model_spec.pb.h"

namespace nibble {

absl::Span<const Family* const> Families();

// By `architectures`, or, where the config has none, by a key that only one family has or `model_type`; kUnimplemented
// names what was found and what is known.
absl::StatusOr<const Family*> FindFamily(const json::Value& config);
absl::StatusOr<const Family*> FindFamily(const gguf::Metadata& metadata);
// REQUIRES: one of these made `spec`.
const Family& FamilyOf(const ModelSpec& spec);

}  // namespace nibble

#endif  // NIBBLE_CONVERTERS_FAMILIES_H_
