#include "cli/help.h"

#include <algorithm>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "cli/printable.h"
#include "cli/terminal.h"

namespace nibble::cli {
namespace {

constexpr int kLabelColumns = 28;  // with the space on both sides
constexpr int kLeastColumns = 60;
constexpr int kMostColumns = 100;  // longer lines are hard to read

// "  label     description", wrapped behind the label; a label that is too long has a line of its own.
std::string Entry(absl::string_view label, absl::string_view description, const HelpStyle& style) {
  const int width = std::clamp(style.columns, kLeastColumns, kMostColumns) - kLabelColumns;
  const std::string indent(kLabelColumns, ' ');
  std::string text = absl::StrCat("  ", label);
  const int used = Columns(text);
  absl::StrAppend(&text, used + 2 > kLabelColumns ? "\n" + indent : std::string(kLabelColumns - used, ' '));
  int column = 0;
  for (const absl::string_view word : absl::StrSplit(description, ' ', absl::SkipEmpty())) {
    const int length = Columns(word);
    if (column > 0 && column + 1 + length > width) {
      absl::StrAppend(&text, "\n", indent);
      column = 0;
    }
    absl::StrAppend(&text, column > 0 ? " " : "", word);
    column += length + (column > 0);
  }
  return text + "\n";
}

std::string Heading(absl::string_view text, const HelpStyle& style) {
  return absl::StrCat("\n", Paint(Ink::kHeading, absl::StrCat(text, ":"), style.colored), "\n");
}

bool IsArgument(const CLI::Option& option) { return option.get_positional(); }

// "-o, --output OUT", "    --force"
std::string Label(const CLI::Option& option) {
  std::string label = option.get_snames().empty() ? "    " : absl::StrCat("-", option.get_snames()[0], ", ");
  absl::StrAppend(&label, "--", option.get_lnames()[0]);
  if (!option.get_type_name().empty()) absl::StrAppend(&label, " ", option.get_type_name());
  return label;
}

std::string ArgumentName(const CLI::Option& option) {
  return option.get_name(/*positional=*/true) + (option.get_expected_max() > 1 ? "..." : "");
}

// "nibble quantize MODEL -o OUT [OPTIONS]"
std::string Usage(const CLI::App& app) {
  std::string arguments, required;
  for (const CLI::Option* option : app.get_options()) {
    if (IsArgument(*option)) {
      absl::StrAppend(&arguments, " ", ArgumentName(*option));
    } else if (option->get_required()) {
      const bool is_short = !option->get_snames().empty();
      absl::StrAppend(&required, is_short ? " -" : " --", (is_short ? option->get_snames() : option->get_lnames())[0],
                      " ", option->get_type_name());
    }
  }
  return absl::StrCat(app.get_name(), arguments, required, " [OPTIONS]");
}

std::string Examples(absl::string_view lines, const HelpStyle& style) {
  return absl::StrCat(Heading("Examples", style), "  ", absl::StrJoin(absl::StrSplit(lines, '\n'), "\n  "), "\n");
}

}  // namespace

std::string ProgramHelp(absl::Span<const Command> commands, const HelpStyle& style) {
  std::string text =
      "nibble turns a published checkpoint into a 4-bit model that fits a smaller machine,\n"
      "and measures how close the result is to the original.\n";
  absl::StrAppend(&text, Heading("Usage", style), "  nibble COMMAND [OPTIONS]\n");
  absl::string_view group;
  for (const Command& command : commands) {
    if (command.group != group) absl::StrAppend(&text, Heading(command.group, style));
    group = command.group;
    absl::StrAppend(&text, Entry(command.name, command.summary, style));
  }
  absl::StrAppend(&text, Examples("nibble quantize Llama-3.1-8B/ -o llama.gguf --type Q4_K_M\n"
                                  "nibble verify Llama-3.1-8B/ llama.gguf --text wiki.test.raw\n"
                                  "nibble quantize --help      # a command's options and more examples",
                                  style));
  return text;
}

std::string CommandHelp(const Command& command, const CLI::App& app, const HelpStyle& style) {
  std::string text = absl::StrCat(command.summary, "\n", Heading("Usage", style), "  ", Usage(app), "\n\n");
  std::vector<std::string> groups;
  for (const CLI::Option* option : app.get_options()) {
    if (IsArgument(*option)) {
      absl::StrAppend(&text, Entry(ArgumentName(*option), option->get_description(), style));
    } else if (std::find(groups.begin(), groups.end(), option->get_group()) == groups.end()) {
      groups.push_back(option->get_group());
    }
  }
  for (const std::string& group : groups) {
    absl::StrAppend(&text, Heading(group, style));
    for (const CLI::Option* option : app.get_options()) {
      if (IsArgument(*option) || option->get_group() != group) continue;
      absl::StrAppend(&text, Entry(Label(*option), option->get_description(), style));
    }
  }
  return text + Examples(command.examples, style);
}

}  // namespace nibble::cli
