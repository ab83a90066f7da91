#include "pipeline/verify/tensor_figures.h"

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <limits>
#include <optional>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "absl/strings/strip.h"
#include "absl/types/span.h"
#include "base/status.h"
#include "converters/family.h"
#include "formats/tensor_source.h"
#include "model/logical_tensor.h"
#include "model/role.h"
#include "model/tensor_list.h"
#include "pipeline/comm/divide.h"
#include "pipeline/comm/packed_values.h"
#include "pipeline/output/plan.h"
#include "pipeline/source/published_tensors.h"
#include "pipeline/source/residual_basis.h"
#include "quant/block/format.h"
#include "runtime/parallel.h"

namespace nibble {
namespace {

constexpr int64_t kPanelValues = 1 << 18;
constexpr double kNoError = std::numeric_limits<double>::quiet_NaN();  // there is none to tell

int64_t Elements(TensorStack stack) { return stack.size() * stack[0].rows * stack[0].cols; }

uint64_t BytesOf(const TensorSource& source, const std::string& name) {
  const StoredTensor* tensor = name.empty() ? nullptr : source.Find(name);
  return tensor == nullptr ? 0 : tensor->bytes;
}

// Its share of the stored tensors that it is a view of, scales and zero points included.
double StoredBytes(const TensorSource& source, const LogicalTensor& tensor) {
  const StridedView& view = std::get<StridedView>(tensor.recipe);
  uint64_t bytes = BytesOf(source, view.tensor);
  if (view.scales) bytes += BytesOf(source, view.scales->tensor) + BytesOf(source, view.scales->divisor);
  if (view.words) {
    for (const std::string& name : {view.words->scales, view.words->zeros, view.words->groups}) {
      bytes += BytesOf(source, name);
    }
  }
  double elements = 1;
  for (const int64_t length : ElementsShape(source, view)) elements *= length;
  return bytes * (tensor.rows * tensor.cols / elements);
}

std::string TypeName(const Model& model, const LogicalTensor& tensor) {
  const std::optional<Format> format = PackedFormat(tensor);
  return format ? std::string(GetFormat(*format).name) : SourceType(model, tensor);
}

struct Squares {
  double error = 0, reference = 0;
};

absl::StatusOr<Squares> ComparePanel(const Model& reference, const LogicalTensor& expected, const Model& candidate,
                                     const LogicalTensor& found, int64_t begin, int64_t end) {
  std::vector<float> a((end - begin) * expected.cols), b(a.size());
  NIBBLE_RETURN_IF_ERROR(ReadRows(reference.source, expected, begin, end, absl::MakeSpan(a)));
  NIBBLE_RETURN_IF_ERROR(ReadRows(candidate.source, found, begin, end, absl::MakeSpan(b)));
  Squares squares;
  for (size_t i = 0; i < a.size(); ++i) {
    squares.error += (double{b[i]} - a[i]) * (double{b[i]} - a[i]);
    squares.reference += double{a[i]} * a[i];
  }
  return squares;
}

absl::StatusOr<Squares> CompareStacks(const Model& reference, TensorStack expected, const Model& candidate,
                                      TensorStack found, int threads) {
  const int64_t rows = expected[0].rows;
  const int64_t wanted = std::max<int64_t>(1, kPanelValues / expected[0].cols);
  const int64_t step = std::min(rows, std::max(PanelRows(expected[0], wanted), PanelRows(found[0], wanted)));
  const int64_t panels = (rows + step - 1) / step;
  std::vector<Squares> parts(panels * expected.size());
  NIBBLE_RETURN_IF_ERROR(ParallelFor(threads, parts.size(), [&](int64_t i) -> absl::Status {
    const int64_t slice = i / panels, begin = i % panels * step;
    NIBBLE_ASSIGN_OR_RETURN(parts[i], ComparePanel(reference, expected[slice], candidate, found[slice], begin,
                                                   std::min(begin + step, rows)));
    return absl::OkStatus();
  }));
  Squares sum;
  for (const Squares& part : parts) {
    sum.error += part.error;
    sum.reference += part.reference;
  }
  return sum;
}

bool HaveOneShape(TensorStack a, TensorStack b) {
  if (a.size() != b.size() || a.empty()) return false;
  return a[0].rows == b[0].rows && a[0].cols == b[0].cols;
}

void CountTypes(Candidate& out) {
  std::vector<TypeUse> types;
  double bytes = 0, elements = 0;
  for (const TensorFigures& tensor : out.tensors()) {
    auto use = std::find_if(types.begin(), types.end(), [&](const TypeUse& t) { return t.type() == tensor.type(); });
    if (use == types.end()) {
      use = types.insert(use, TypeUse());
      use->set_type(tensor.type());
    }
    use->set_tensors(use->tensors() + 1);
    use->set_bytes(use->bytes() + tensor.bytes());
    bytes += tensor.bytes();
    elements += tensor.elements();
  }
  std::stable_sort(types.begin(), types.end(),
                   [](const TypeUse& a, const TypeUse& b) { return a.bytes() > b.bytes(); });
  out.mutable_types()->Assign(types.begin(), types.end());
  out.set_bits_per_weight(elements > 0 ? 8 * bytes / elements : 0);
}

void DescribeStack(const Model& model, TensorStack stack, TensorFigures& out) {
  const LogicalTensor& first = stack[0];
  double bytes = 0;
  for (const LogicalTensor& slice : stack) bytes += StoredBytes(model.source, slice);
  out.set_name(GgufName(first));
  out.set_role(std::string(absl::StripSuffix(GetRole(first.role).gguf_name, ".weight")));
  out.set_layer(first.layer);
  out.set_is_vector(first.is_vector);
  out.set_type(TypeName(model, first));
  out.set_elements(Elements(stack));
  out.set_bytes(std::llround(bytes));
  out.set_bits_per_weight(8 * bytes / Elements(stack));
}

// Nothing to measure it by: NaN.
double RelativeError(const Squares& squares) {
  if (squares.reference > 0) return std::sqrt(squares.error / squares.reference);
  return squares.error == 0 ? 0 : kNoError;
}

// Of this rank's stacks. Of the others kNoError.
absl::StatusOr<std::vector<double>> MeasureErrors(const Model& reference, const Model& candidate, int threads,
                                                  const Comm& comm, Progress& progress) {
  const absl::Span<const TensorStack> stacks = candidate.tensors.stacks();
  std::vector<uint64_t> costs;
  for (const TensorStack stack : stacks) costs.push_back(Elements(stack));
  const std::vector<int> owners = Divide(costs, comm.size());
  std::vector<double> errors(stacks.size(), kNoError);
  uint64_t total = 0, done = 0;
  for (size_t i = 0; i < stacks.size(); ++i) total += owners[i] == comm.rank() ? costs[i] : 0;
  for (size_t i = 0; i < stacks.size(); ++i) {
    if (owners[i] != comm.rank() || !std::holds_alternative<StridedView>(stacks[i][0].recipe)) continue;
    const LogicalTensor& first = stacks[i][0];
    progress.Update({.stage = "tensors", .detail = GgufName(first), .done = done, .total = total, .unit = "values"});
    done += costs[i];
    const TensorStack expected = reference.tensors.Find(first.role, first.layer);
    if (!HaveOneShape(expected, stacks[i])) continue;
    NIBBLE_ASSIGN_OR_RETURN(const Squares squares, CompareStacks(reference, expected, candidate, stacks[i], threads));
    errors[i] = RelativeError(squares);
  }
  return errors;
}

absl::StatusOr<std::vector<double>> GatherErrors(Comm& comm, const std::vector<double>& mine) {
  Packer packer;
  packer.Add(mine);
  NIBBLE_ASSIGN_OR_RETURN(const std::vector<std::string> all, comm.AllGather(packer.Take()));
  std::vector<double> errors(mine.size(), kNoError);
  for (const std::string& packed : all) {
    std::vector<double> its = Unpacker(packed).Take<double>();
    its.resize(errors.size(), kNoError);
    for (size_t i = 0; i < errors.size(); ++i) {
      if (!std::isnan(its[i])) errors[i] = its[i];
    }
  }
  return errors;
}

}  // namespace

absl::Status FillTensors(const Model& reference, const Model& candidate, int threads, Comm& comm, Progress& progress,
                         Candidate& out) {
  out.set_has_other_basis(!HaveOneBasis(candidate.spec, reference.spec));
  const absl::Span<const TensorStack> stacks = candidate.tensors.stacks();
  std::vector<double> errors(stacks.size(), kNoError);
  if (!out.has_other_basis()) {
    NIBBLE_ASSIGN_OR_RETURN(errors, MeasureErrors(reference, candidate, threads, comm, progress));
    NIBBLE_ASSIGN_OR_RETURN(errors, GatherErrors(comm, errors));
  }
  for (size_t i = 0; i < stacks.size(); ++i) {
    if (!std::holds_alternative<StridedView>(stacks[i][0].recipe)) continue;
    TensorFigures& tensor = *out.add_tensors();
    DescribeStack(candidate, stacks[i], tensor);
    if (!std::isnan(errors[i])) tensor.set_relative_error(errors[i]);
  }
  CountTypes(out);
  return absl::OkStatus();
}

}  // namespace nibble
