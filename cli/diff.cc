#include "pipeline/check/diff.h"

#include <memory>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "base/status.h"
#include "cli/command.h"
#include "cli/option_groups.h"
#include "cli/printable.h"
#include "cli/table.h"
#include "pipeline/proto_json.h"

namespace nibble::cli {
namespace {

struct Options {
  std::string a, b;
  bool json = false;
};

using Rows = std::vector<std::vector<std::string>>;

std::string DiffText(const DiffReport& report) {
  std::string text;
  if (!report.tensors().empty()) {
    Rows rows = {{"tensor", "differs in", "relative error", "A", "B"}};
    for (const TensorDifference& tensor : report.tensors()) {
      rows.push_back({Printable(tensor.name()), tensor.what(),
                      tensor.has_relative_error() ? absl::StrFormat("%.3g", tensor.relative_error()) : "", tensor.a(),
                      tensor.b()});
    }
    absl::StrAppend(&text, FormatTable(rows, LastColumn::kFlushLeft), "\n");
  }
  if (!report.keys().empty()) {
    Rows rows = {{"key", "A", "B"}};
    for (const KeyDifference& key : report.keys()) {
      rows.push_back({Printable(key.key()), Printable(key.a()), Printable(key.b())});
    }
    absl::StrAppend(&text, FormatTable(rows, LastColumn::kFlushLeft), "\n");
  }
  const auto line = [&text](int differ, uint64_t same, const char* what) {
    absl::StrAppend(&text, differ, " ", what, " differ, ", same, " are the same\n");
  };
  line(report.tensors_size(), report.same_tensors(), "tensors");
  line(report.keys_size(), report.same_keys(), "keys");
  return text;
}

absl::Status RunDiff(const Options& options, Context& context) {
  NIBBLE_ASSIGN_OR_RETURN(const DiffReport report,
                          Diff(context.files, options.a, options.b, context.threads, context.progress));
  context.Show(options.json ? ProtoToJson(report) + "\n" : DiffText(report));
  if (!report.tensors().empty() || !report.keys().empty()) context.exit_code = 1;
  return absl::OkStatus();
}

}  // namespace

Job DefineDiff(CLI::App& app) {
  auto options = std::make_shared<Options>();
  app.add_option("A", options->a, "a .gguf (first part of a split), or a folder")->required();
  app.add_option("B", options->b, "another")->required();
  StartGroup(app, kOutputGroup);
  app.add_flag("--json", options->json, "as JSON");
  return [options](Context& context) { return RunDiff(*options, context); };
}

}  // namespace nibble::cli
