// The options by which quantize and plan are told which types the output has.
#ifndef NIBBLE_CLI_TYPE_FLAGS_H_
#define NIBBLE_CLI_TYPE_FLAGS_H_

#include <string>
#include <vector>

#include "CLI/CLI.hpp"
#include "absl/status/statusor.h"
#include "pipeline/types/container.h"
#include "pipeline/types/type_options.h"

namespace nibble::cli {

class TypeFlags {
 public:
  // REQUIRES: this outlives `app`'s parse.
  void AddTo(CLI::App& app);
  void AddMethodTo(CLI::App& app);  // --method

  // kInvalidArgument with a suggestion on a type that is not known, and on a --tensor-type that is not "REGEX=TYPE".
  // REQUIRES: parsed.
  absl::StatusOr<TypeOptions> Parse(Container container) const;

 private:
  TypeOptions types_;
  CLI::Option* type_ = nullptr;
  CLI::Option* fit_ = nullptr;
  std::vector<std::string> tensor_types_;  // "REGEX=TYPE"
};

}  // namespace nibble::cli

#endif  // NIBBLE_CLI_TYPE_FLAGS_H_
