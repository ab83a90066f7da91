// What well-known types cost other models: lines to compare a candidate with.
#ifndef NIBBLE_CLI_KNOWN_TYPES_H_
#define NIBBLE_CLI_KNOWN_TYPES_H_

#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "pipeline/report.pb.h"

namespace nibble::cli {

struct KnownModel {
  absl::string_view name;
  absl::string_view source;  // where its figures are from
};

absl::Span<const KnownModel> KnownModels();

// All types of all models, of each model the largest first.
void AddKnownTypes(VerifyReport& report);

}  // namespace nibble::cli

#endif  // NIBBLE_CLI_KNOWN_TYPES_H_
