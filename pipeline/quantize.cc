#include "pipeline/quantize.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/types/span.h"
#include "base/status.h"
#include "formats/io/atomic_file.h"
#include "pipeline/plan.h"
#include "pipeline/stream.h"
#include "pipeline/types.h"

namespace nibble {
namespace {

absl::StatusOr<Method> ParseMethod(const std::string& name) {
  constexpr std::pair<absl::string_view, Method> kMethods[] = {{"rtn", Method::kRtn}, {"weighted", Method::kWeighted}};
  for (const auto& [known, method] : kMethods) {
    if (known == name) return method;
  }
  return absl::InvalidArgumentError(absl::StrCat("--method: expected rtn or weighted, found \"", name, "\""));
}

absl::StatusOr<OutputPlan> Planned(const Model& model, const TypeOptions& types, int threads) {
  NIBBLE_ASSIGN_OR_RETURN(const TypeChoices choices, ChooseQuantizedTypes(model, types));
  OutputPlan plan = MakePlan(model, choices);
  plan.report.set_buffer_bytes(BufferBytes(model, plan, threads));
  return plan;
}

absl::Status Write(io::FileSystem& files, const Model& model, OutputPlan& plan, const StreamOptions& stream,
                   const OutputOptions& output, Progress& progress) {
  NIBBLE_ASSIGN_OR_RETURN(auto out, io::AtomicFile::Create(files, output.path, plan.layout.file_bytes,
                                                           {.force = output.force, .inputs = model.inputs}));
  const std::string& header = plan.layout.header;
  NIBBLE_RETURN_IF_ERROR(
      out->file().WriteAt(0, absl::MakeSpan(reinterpret_cast<const std::byte*>(header.data()), header.size())));
  NIBBLE_ASSIGN_OR_RETURN(const StreamFigures figures, WriteTensors(model, plan, stream, out->file(), progress));
  if (figures.rounded_scales > 0) {
    plan.report.add_warnings(absl::StrCat(figures.rounded_scales,
                                          " scales of kept 4-bit codes lie between two halves: the nearest was taken"));
  }
  return out->Commit();
}

}  // namespace

absl::StatusOr<Plan> PlanQuantize(const Model& model, const TypeOptions& types, int threads) {
  NIBBLE_RETURN_IF_ERROR(ParseMethod(types.method).status());
  NIBBLE_ASSIGN_OR_RETURN(OutputPlan plan, Planned(model, types, threads));
  return std::move(plan.report);
}

absl::StatusOr<Plan> Quantize(io::FileSystem& files, const Model& model, const TypeOptions& types,
                              const OutputOptions& output, Progress& progress) {
  NIBBLE_ASSIGN_OR_RETURN(const Method method, ParseMethod(types.method));
  NIBBLE_ASSIGN_OR_RETURN(OutputPlan plan, Planned(model, types, output.threads));
  const StreamOptions stream{.method = method, .threads = output.threads, .stage = "quantize"};
  NIBBLE_RETURN_IF_ERROR(Write(files, model, plan, stream, output, progress));
  return std::move(plan.report);
}

absl::StatusOr<Plan> Convert(io::FileSystem& files, const Model& model, const std::string& dtype,
                             const OutputOptions& output, Progress& progress) {
  NIBBLE_ASSIGN_OR_RETURN(const TypeChoices choices, ChooseConvertedTypes(model, dtype));
  OutputPlan plan = MakePlan(model, choices);
  // To the nearest value: there is nothing to search for.
  const StreamOptions stream{.method = Method::kRtn, .threads = output.threads, .stage = "convert"};
  NIBBLE_RETURN_IF_ERROR(Write(files, model, plan, stream, output, progress));
  return std::move(plan.report);
}

}  // namespace nibble
