// The option by which quantize and plan are told what to fold into the weights first.
#ifndef NIBBLE_CLI_TRANSFORM_FLAGS_H_
#define NIBBLE_CLI_TRANSFORM_FLAGS_H_

#include <string>
#include <vector>

#include "CLI/CLI.hpp"
#include "absl/status/statusor.h"
#include "pipeline/transform/transform.h"

namespace nibble::cli {

class TransformFlags {
 public:
  // REQUIRES: this outlives `app`'s parse.
  void AddTo(CLI::App& app);

  // REQUIRES: parsed, here and below.
  const std::string& text() const { return text_; }
  // None where the choice is left to us. kInvalidArgument if a name is not known.
  absl::StatusOr<std::vector<Transform>> Parse() const;

 private:
  std::string text_;
};

}  // namespace nibble::cli

#endif  // NIBBLE_CLI_TRANSFORM_FLAGS_H_
