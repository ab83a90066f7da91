#include "cli/output_flags.h"

#include "absl/status/status.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "cli/option_groups.h"
#include "cli/options.h"

namespace nibble::cli {

void AddWriting(CLI::App& app, OutputOptions& options) {
  AddResume(app, options.resume);
  app.add_flag(
      "--hash-source", options.hash_source,
      "tell the SHA-256 of whole source files in the manifest, and compare it with what their folder publishes");
  AddSize(app, "--max-shard-size", options.max_shard_bytes,
          "of a folder: cut its tensors into files of at most so much (default 5GB)");
}

CLI::Option* OutputFlags::AddTo(CLI::App& app) {
  StartGroup(app, kOutputGroup);
  CLI::Option* output = app.add_option("-o,--output", options_.path,
                                       "the .gguf, or the folder, to make; it appears only when it is complete")
                            ->type_name("OUT");
  app.add_flag("--force", options_.force, "replace the output if it exists");
  AddChoice(app, "--format", format_, {"gguf", "compressed-tensors", "mxfp4"},
            "what to make: by the output's name, if not given; 'mxfp4' is a folder as gpt-oss is published");
  AddWriting(app, options_);
  return output;
}

absl::StatusOr<nibble::Container> OutputFlags::Container() const { return ContainerFor(format_); }

absl::StatusOr<nibble::Container> OutputFlags::ContainerFor(const std::string& format) const {
  const bool is_gguf_name = absl::EndsWithIgnoreCase(options_.path, ".gguf");
  const bool is_gguf = format.empty() ? is_gguf_name || options_.path.empty() : format == "gguf";
  if (!options_.path.empty() && is_gguf != is_gguf_name) {
    return absl::InvalidArgumentError(absl::StrCat("--output: expected ",
                                                   is_gguf ? "a name that ends in .gguf" : "a folder", " for --format ",
                                                   format, ", found '", options_.path, "'"));
  }
  if (is_gguf) return nibble::Container::kGguf;
  return format == "mxfp4" ? nibble::Container::kMxfp4 : nibble::Container::kCompressedTensors;
}

OutputOptions OutputFlags::Options(int threads) const {
  OutputOptions options = options_;
  options.threads = threads;
  return options;
}

}  // namespace nibble::cli
