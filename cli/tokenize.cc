#include "pipeline/infer/tokenize.h"

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "base/status.h"
#include "cli/command.h"
#include "cli/json_writer.h"
#include "cli/option_groups.h"
#include "cli/options.h"

namespace nibble::cli {
namespace {

struct TokenizeOptions {
  std::string model;
  std::optional<std::string> file;
  std::optional<std::string> text;
  bool add_special = false;
  bool json = false;
};

std::string IdsAsJson(const std::vector<uint32_t>& ids) {
  JsonWriter json(JsonWriter::Layout::kOneLine);
  json.BeginObject();
  json.Key("ids").BeginArray();
  for (const uint32_t id : ids) json.Number(uint64_t{id});
  json.EndArray();
  json.EndObject();
  return json.Take();
}

absl::Status RunTokenize(const TokenizeOptions& options, Context& context) {
  if (options.file.has_value() == options.text.has_value()) {
    return absl::InvalidArgumentError("tokenize: expected either --file or --text; see 'nibble tokenize --help'");
  }
  NIBBLE_ASSIGN_OR_RETURN(const Model model, context.Open(options.model));
  std::string text;
  if (options.file) {
    NIBBLE_ASSIGN_OR_RETURN(text, io::ReadWholeFile(context.files, *options.file, kTextLimit));
  } else {
    text = *options.text;
  }
  NIBBLE_ASSIGN_OR_RETURN(const std::vector<uint32_t> ids, Tokenize(model, text, options.add_special));
  context.Show(absl::StrCat(options.json ? IdsAsJson(ids) : absl::StrJoin(ids, " "), "\n"));
  return absl::OkStatus();
}

}  // namespace

Job DefineTokenize(CLI::App& app) {
  auto options = std::make_shared<TokenizeOptions>();
  StartGroup(app, kTextGroup);
  AddModel(app, options->model);
  app.add_option("--file", options->file, "the file that holds the text")->type_name("FILE");
  app.add_option("--text", options->text, "the text itself")->type_name("TEXT");
  app.add_flag("--add-special", options->add_special, "add the special tokens that the vocabulary puts around a text");
  StartGroup(app, kOutputGroup);
  app.add_flag("--json", options->json, "print {\"ids\": [...]}");
  return [options](Context& context) { return RunTokenize(*options, context); };
}

}  // namespace nibble::cli
