// The types that a model can be quantized to, by name: every format, and the peer's mixes.
#ifndef NIBBLE_PIPELINE_TYPES_TYPE_TABLE_H_
#define NIBBLE_PIPELINE_TYPES_TYPE_TABLE_H_

#include <cstdint>

#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "model/model_spec.pb.h"
#include "model/role.h"
#include "pipeline/types/container.h"
#include "quant/block/format.h"

namespace nibble {

// Which of a model's tensors of one role a rule is asked about.
struct RuleContext {
  const ModelSpec& spec;
  int layer;
  int layers;
};

struct MixRule {
  Role role;
  bool (*applies)(const RuleContext& context);
  Format format;
};

struct NamedType {
  absl::string_view name;
  Format format;                         // of the layers' matrices that no rule speaks of
  Format embedding;                      // where it is not the output projection as well
  Format output;                         // and an embedding that is
  uint32_t file_type;                    // general.file_type: a wire value
  bool is_mix = false;                   // else it is a format's own name
  absl::Span<const MixRule> rules = {};  // the first that applies counts
};

// Formats first.
absl::Span<const NamedType> NamedTypes();

// Null if there is none. Names are matched without regard to case.
const NamedType* FindType(absl::string_view name);

// Whether its formats can be written; if not, a type is known only to name what a source has.
bool CanEncode(const NamedType& type);

// Whether a container has its formats for linears.
bool CanHold(Container container, const NamedType& type);

// The row of the format itself.
const NamedType& TypeOf(Format format);

}  // namespace nibble

#endif  // NIBBLE_PIPELINE_TYPES_TYPE_TABLE_H_
