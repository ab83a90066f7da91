#include "cli/options.h"

#include <algorithm>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "cli/suggest.h"
#include "cli/units.h"
#include "pipeline/types/type_options.h"

namespace nibble::cli {

CLI::Option* AddModel(CLI::App& app, std::string& path) {
  return app.add_option("MODEL", path, "a Hugging Face folder, or a .gguf (first part of a split)")->required();
}

CLI::Option* AddGgufOutput(CLI::App& app, std::string& path, bool& force) {
  const auto ends_in_gguf = [](std::string& name) {
    return absl::EndsWithIgnoreCase(name, ".gguf") ? "" : "expected a name that ends in .gguf, found '" + name + "'";
  };
  CLI::Option* output = app.add_option("-o,--output", path, "the file to make; it appears only when it is complete")
                            ->type_name("OUT.gguf")
                            ->check(CLI::Validator(ends_in_gguf, ""));
  app.add_flag("--force", force, "replace the output if it exists");
  return output;
}

void AddResume(CLI::App& app, bool& resume) {
  app.add_flag("--resume", resume,
               "go on with what an interrupted run of the same job has done; without it that is replaced");
}

void AddKeepMtp(CLI::App& app, bool& keep_mtp) {
  app.add_flag("--keep-mtp", keep_mtp, "keep layers for multi-token prediction, which are dropped else");
}

uint64_t CountFrom(const std::string& option, const std::string& text, uint64_t min, uint64_t max) {
  uint64_t count;
  const bool is_digits = text.find_first_not_of("0123456789") == std::string::npos;
  if (is_digits && absl::SimpleAtoi(text, &count) && min <= count && count <= max) return count;
  throw CLI::ValidationError(option,
                             absl::StrCat("expected a whole number from ", min, " to ", max, ", found '", text, "'"));
}

CLI::Option* AddSize(CLI::App& app, const std::string& name, uint64_t& bytes, const std::string& description) {
  const auto parse = [name, &bytes](const std::string& text) {
    const absl::StatusOr<uint64_t> size = ParseSize(text);
    if (!size.ok()) throw CLI::ValidationError(name, std::string(size.status().message()));
    if (*size == 0) throw CLI::ValidationError(name, absl::StrCat("expected a size above 0, found '", text, "'"));
    bytes = *size;
  };
  return app.add_option_function<std::string>(name, parse, description)->type_name("SIZE");
}

CLI::Validator Between(double min, double max) {
  const auto check = [min, max](std::string& text) -> std::string {
    double value;
    if (absl::SimpleAtod(text, &value) && min <= value && value <= max) return "";
    return absl::StrCat("expected a number from ", min, " to ", max, ", found '", text, "'");
  };
  return CLI::Validator(check, "");
}

CLI::Option* AddChoice(CLI::App& app, const std::string& name, std::string& value,
                       const std::vector<std::string>& names, const std::string& description) {
  const auto check = [names](std::string& text) -> std::string {
    if (std::find(names.begin(), names.end(), text) != names.end()) return "";
    return absl::StrCat("expected ", absl::StrJoin(names, ", "), "; found '", text, "'", Suggestion(text, names));
  };
  return app.add_option(name, value, description)
      ->type_name(absl::StrJoin(names, "|"))
      ->check(CLI::Validator(check, ""));
}

CLI::Option* AddType(CLI::App& app, const std::string& name, std::string& value, const std::string& description) {
  return app.add_option(name, value, description)->type_name("TYPE");
}

absl::Status CheckType(absl::string_view option, absl::string_view name) {
  const std::vector<std::string> types = TypeNames();
  const auto is_name = [name](const std::string& type) { return absl::EqualsIgnoreCase(type, name); };
  if (std::any_of(types.begin(), types.end(), is_name)) return absl::OkStatus();
  const std::string suggestion = Suggestion(name, types);
  return absl::InvalidArgumentError(absl::StrCat(option, ": expected ",
                                                 suggestion.empty() ? "one of " + absl::StrJoin(types, " ") : "a type",
                                                 ", found '", name, "'", suggestion));
}

}  // namespace nibble::cli
