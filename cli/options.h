// What several commands' options have in common.
#ifndef NIBBLE_CLI_OPTIONS_H_
#define NIBBLE_CLI_OPTIONS_H_

#include <cstdint>
#include <limits>
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

// The whole number that `text` is, in decimal digits alone. Throws CLI::ValidationError unless it is one from `min` to
// `max`.
uint64_t CountFrom(const std::string& option, const std::string& text, uint64_t min, uint64_t max);

// An option that takes a whole number. What the library reads itself takes an empty word, signs, 0x10 and 2^64 too.
template <class Count>
CLI::Option* AddCount(CLI::App& app, const std::string& name, Count& count, const std::string& description,
                      uint64_t min = 0, uint64_t max = std::numeric_limits<Count>::max()) {
  const auto parse = [option = name.substr(name.rfind(',') + 1), &count, min, max](const std::string& text) {
    count = static_cast<Count>(CountFrom(option, text, min, max));
  };
  return app.add_option_function<std::string>(name, parse, description)->type_name("N");
}

// An option that takes a size in bytes ("16GiB"), above 0.
CLI::Option* AddSize(CLI::App& app, const std::string& name, uint64_t& bytes, const std::string& description);

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
