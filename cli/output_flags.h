// The options by which quantize and plan are told where the output goes, and as what.
#ifndef NIBBLE_CLI_OUTPUT_FLAGS_H_
#define NIBBLE_CLI_OUTPUT_FLAGS_H_

#include <string>

#include "CLI/CLI.hpp"
#include "absl/status/statusor.h"
#include "pipeline/container.h"
#include "pipeline/output_options.h"

namespace nibble::cli {

// --resume. REQUIRES: `options` outlives `app`'s parse.
void AddResume(CLI::App& app, OutputOptions& options);
// --hash-source. REQUIRES: `hash_source` outlives `app`'s parse.
void AddHashSource(CLI::App& app, bool& hash_source);

class OutputFlags {
 public:
  // -o, --output, which is returned; --force, --format, --max-shard-size. REQUIRES: this outlives `app`'s parse.
  CLI::Option* AddTo(CLI::App& app);

  // By --format, else by the output's name: a .gguf, or a folder. kInvalidArgument if the two disagree.
  // REQUIRES: parsed.
  absl::StatusOr<nibble::Container> Container() const;
  // The same for a format that something else names; empty: by the output's name.
  absl::StatusOr<nibble::Container> ContainerFor(const std::string& format) const;
  OutputOptions Options(int threads) const;

 private:
  OutputOptions options_;
  std::string format_;
};

}  // namespace nibble::cli

#endif  // NIBBLE_CLI_OUTPUT_FLAGS_H_
