// What several commands' options have in common.
#ifndef NIBBLE_CLI_OPTIONS_H_
#define NIBBLE_CLI_OPTIONS_H_

#include <cstdint>
#include <string>
#include <vector>

#include "CLI/CLI.hpp"
#include "absl/status/status.h"
#include "absl/strings/string_view.h"

namespace nibble::cli {

// Texts are read whole, up to this many bytes.
inline constexpr uint64_t kTextLimit = uint64_t{1} << 30;

// MODEL: a Hugging Face folder or a .gguf.
CLI::Option* AddModel(CLI::App& app, std::string& path);

// -o, --output, which is returned, and --force. REQUIRES: `path` and `force` outlive `app`'s parse.
CLI::Option* AddGgufOutput(CLI::App& app, std::string& path, bool& force);

// --resume, of jobs with a journal.
void AddResume(CLI::App& app, bool& resume);

// --keep-mtp
void AddKeepMtp(CLI::App& app, bool& keep_mtp);

// An option that takes a size in bytes ("16GiB") above 0.
CLI::Option* AddSize(CLI::App& app, const std::string& name, uint64_t& bytes, const std::string& description);

// --seed, any whole number of 64 bits.
void AddSeed(CLI::App& app, uint64_t& seed, const std::string& description);

// A number from `min` to `max`; unlike CLI::Range it refuses NaN.
CLI::Validator Between(double min, double max);

// An option that takes one of `names`, as written.
CLI::Option* AddChoice(CLI::App& app, const std::string& name, std::string& value,
                       const std::vector<std::string>& names, const std::string& description);

// An option that takes one of TypeNames(), in any case; CheckType says whether it did.
CLI::Option* AddType(CLI::App& app, const std::string& name, std::string& value, const std::string& description);

// kInvalidArgument with a suggestion if `name` is no type that quantize knows; `option` is named in the message.
absl::Status CheckType(absl::string_view option, absl::string_view name);

}  // namespace nibble::cli

#endif  // NIBBLE_CLI_OPTIONS_H_
