#include "cli/plan_report.h"

#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_join.h"
#include "cli/calibration_report.h"
#include "cli/device_report.h"
#include "cli/json_writer.h"
#include "cli/plan_summary.h"
#include "cli/plan_types.h"
#include "cli/printable.h"
#include "cli/summary_line.h"
#include "cli/table.h"
#include "cli/units.h"

namespace nibble::cli {
namespace {

std::string TensorsText(const Plan& plan) {
  std::vector<std::vector<std::string>> rows = {{"  tensor", "shape", "source", "type", "size", "why"}};
  for (const PlannedTensor& tensor : plan.tensors()) {
    rows.push_back({absl::StrCat("  ", Printable(tensor.name())),
                    absl::StrCat("[", absl::StrJoin(tensor.shape(), ", "), "]"), tensor.source_type(), tensor.type(),
                    FormatSize(tensor.bytes()), Printable(tensor.reason())});
  }
  return FormatTable(rows, LastColumn::kFlushLeft);
}

std::string WorkFileLine(const Plan& plan) {
  if (plan.work_file_bytes() == 0) return "";
  return SummaryLine("work file",
                     absl::StrCat(FormatSize(plan.work_file_bytes()), " (hidden states; --memory, --work-dir)"));
}

std::string CheckpointLine(const Plan& plan) {
  if (plan.checkpoint_bytes() == 0) return "";
  return SummaryLine("checkpoints",
                     absl::StrCat(FormatSize(plan.checkpoint_bytes()), " beside the output (for --resume)"));
}

// Rounded as far as it is known.
std::string TimeText(const ExpectedTime& time) {
  const double seconds = time.seconds();
  std::string text = seconds < 10     ? absl::StrFormat("%.1f s", seconds)
                     : seconds < 120  ? absl::StrFormat("%.0f s", seconds)
                     : seconds < 7200 ? absl::StrFormat("%.0f min", seconds / 60)
                                      : absl::StrFormat("%.1f h", seconds / 3600);
  if (time.calibration_seconds() == 0) return absl::StrCat("about ", text);
  return absl::StrFormat("about %s (%.0f %% of it for the text)", text, 100 * time.calibration_seconds() / seconds);
}

std::string TimeLine(const Plan& plan) { return plan.has_time() ? SummaryLine("time", TimeText(plan.time())) : ""; }

void WriteTime(const ExpectedTime& time, JsonWriter& json) {
  json.Key("expected_time").BeginObject();
  json.Key("seconds").Number(time.seconds());
  json.Key("file_seconds").Number(time.file_seconds());
  json.Key("encode_seconds").Number(time.encode_seconds());
  json.Key("calibration_seconds").Number(time.calibration_seconds());
  json.EndObject();
}

void WriteTensors(const Plan& plan, JsonWriter& json) {
  json.Key("tensors").BeginArray();
  for (const PlannedTensor& tensor : plan.tensors()) {
    json.BeginObject();
    json.Key("name").String(tensor.name());
    json.Key("shape").BeginArray();
    for (const int64_t size : tensor.shape()) json.Number(static_cast<uint64_t>(size));
    json.EndArray();
    json.Key("source_type").String(tensor.source_type());
    json.Key("type").String(tensor.type());
    json.Key("bytes").Number(tensor.bytes());
    json.Key("bits_per_weight").Number(BitsPerWeight(tensor));
    json.Key("reason").String(tensor.reason());
    json.EndObject();
  }
  json.EndArray();
}

void WriteTypes(const Plan& plan, JsonWriter& json) {
  json.Key("types").BeginArray();
  for (const TypeUse& use : TypesOf(plan)) {
    json.BeginObject();
    json.Key("type").String(use.type());
    json.Key("tensors").Number(use.tensors());
    json.Key("bytes").Number(use.bytes());
    json.EndObject();
  }
  json.EndArray();
}

void WriteFit(const FitReport& fit, JsonWriter& json) {
  json.Key("fit").BeginObject();
  json.Key("budget_bytes").Number(fit.budget_bytes());
  json.Key("context").Number(fit.context());
  json.Key("cache_bytes").Number(fit.cache_bytes());
  json.Key("activation_bytes").Number(fit.activation_bytes());
  json.Key("is_measured").Bool(fit.is_measured());
  json.Key("expected_kld").Number(fit.expected_kld());
  json.Key("expected_kld_bound").Number(fit.expected_kld_bound());
  json.EndObject();
}

}  // namespace

// Until the job is done: what is replaced by --force stays until then.
uint64_t DiskBytes(const Plan& plan) { return plan.file_bytes() + plan.work_file_bytes() + plan.checkpoint_bytes(); }

std::string PlanText(const Plan& plan, absl::string_view model, uint64_t memory_bytes) {
  return absl::StrCat(Printable(model), " as ", plan.type(), "\n", PlanFigures(plan),
                      SummaryLine("memory", FormatSize(memory_bytes)), WorkFileLine(plan), CheckpointLine(plan),
                      SummaryLine("disk", FormatSize(DiskBytes(plan))), TimeLine(plan), "\n", TensorsText(plan));
}

std::string PlanJson(const Plan& plan, absl::string_view model, uint64_t memory_bytes) {
  JsonWriter json;
  json.BeginObject();
  json.Key("model").String(model);
  json.Key("type").String(plan.type());
  json.Key("transform").String(plan.transform());
  json.Key("source_bytes").Number(plan.source_bytes());
  json.Key("tensor_bytes").Number(plan.tensor_bytes());
  json.Key("file_bytes").Number(plan.file_bytes());
  json.Key("bits_per_weight").Number(plan.bits_per_weight());
  json.Key("memory_bytes").Number(memory_bytes);
  json.Key("work_file_bytes").Number(plan.work_file_bytes());
  json.Key("checkpoint_bytes").Number(plan.checkpoint_bytes());
  json.Key("disk_bytes").Number(DiskBytes(plan));
  if (plan.has_time()) WriteTime(plan.time(), json);
  if (plan.has_fit()) WriteFit(plan.fit(), json);
  json.Key("warnings").BeginArray();
  for (const std::string& warning : plan.warnings()) json.String(warning);
  json.EndArray();
  WriteTypes(plan, json);
  WriteTensors(plan, json);
  if (plan.has_calibration()) {
    json.Key("calibration");
    WriteCalibration(plan.calibration(), json);
  }
  WriteDeviceUse(plan.device_use(), json);
  json.EndObject();
  return json.Take();
}

}  // namespace nibble::cli
