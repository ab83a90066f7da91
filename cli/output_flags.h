// The options by which convert, quantize and plan are told where the output goes, and as what.
#ifndef NIBBLE_CLI_OUTPUT_FLAGS_H_
#define NIBBLE_CLI_OUTPUT_FLAGS_H_

#include <string>

#include "CLI/CLI.hpp"
#include "absl/status/statusor.h"
#include "pipeline/output/output_options.h"
#include "pipeline/types/container.h"

namespace nibble::cli {

// How an output is written, whatever it is: --resume, --hash-source, --max-shard-size. REQUIRES: `options` outlives
// `app`'s parse.
void AddWriting(CLI::App& app, OutputOptions& options);

class OutputFlags {
 public:
  // -o, --output, which is returned; --force, --format, and AddWriting's. REQUIRES: this outlives `app`'s parse.
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
