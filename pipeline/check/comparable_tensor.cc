#include "pipeline/check/comparable_tensor.h"

#include <algorithm>
#include <cmath>
#include <cstddef>

#include "absl/strings/str_cat.h"
#include "absl/types/span.h"
#include "base/status.h"
#include "converters/family.h"
#include "formats/dtype.h"
#include "model/logical_tensor.h"
#include "pipeline/output/plan.h"
#include "quant/block/format.h"

namespace nibble {
namespace {

constexpr int64_t kElementsAtOnce = 1 << 18;  // a multiple of every block
constexpr uint64_t kBytesAtOnce = 1 << 20;

int64_t ElementsOf(const ComparableTensor& tensor) {
  int64_t elements = 1;
  for (const int64_t size : tensor.shape) elements *= size;
  return elements;
}

bool HasFloats(const ComparableTensor& tensor) {
  return tensor.stored == nullptr || GetDType(tensor.stored->dtype).format.has_value();
}

// Hands out a tensor's values, one run after the other.
class Values {
 public:
  explicit Values(const ComparableTensor& tensor) : tensor_(tensor), elements_(ElementsOf(tensor)) {}

  // The next out.size() values.
  absl::Status Next(absl::Span<float> out) {
    while (!out.empty()) {
      if (used_ == ready_.size()) NIBBLE_RETURN_IF_ERROR(Read());
      const size_t count = std::min(out.size(), ready_.size() - used_);
      std::copy_n(ready_.begin() + used_, count, out.begin());
      used_ += count;
      out.remove_prefix(count);
    }
    return absl::OkStatus();
  }

 private:
  absl::Status Read() {
    used_ = 0;
    return tensor_.stored == nullptr ? ReadOfModel() : ReadStored();
  }

  absl::Status ReadStored() {
    const BlockFormat& format = GetFormat(*GetDType(tensor_.stored->dtype).format);
    ready_.resize(std::min(kElementsAtOnce, elements_ - read_));
    bytes_.resize(format.BytesFor(ready_.size()));
    NIBBLE_RETURN_IF_ERROR(tensor_.source->Read(*tensor_.stored, format.BytesFor(read_), absl::MakeSpan(bytes_)));
    format.decode(bytes_.data(), ready_.size() / format.block_elements, ready_.data());
    read_ += ready_.size();
    return absl::OkStatus();
  }

  absl::Status ReadOfModel() {
    const LogicalTensor& slice = tensor_.slices[slice_];
    const int64_t wanted = PanelRows(slice, std::max<int64_t>(1, kElementsAtOnce / std::max<int64_t>(1, slice.cols)));
    const int64_t end = std::min(row_ + wanted, slice.rows);
    ready_.resize((end - row_) * slice.cols);
    NIBBLE_RETURN_IF_ERROR(ReadRows(*tensor_.source, slice, row_, end, absl::MakeSpan(ready_)));
    row_ = end;
    if (row_ == slice.rows) {
      row_ = 0;
      ++slice_;
    }
    return absl::OkStatus();
  }

  const ComparableTensor& tensor_;
  const int64_t elements_;
  int64_t read_ = 0;  // of a stored tensor: elements so far
  size_t slice_ = 0;  // of a model's: the next rows
  int64_t row_ = 0;
  std::vector<std::byte> bytes_;
  std::vector<float> ready_;
  size_t used_ = 0;  // of ready_
};

absl::StatusOr<bool> SameBytes(const ComparableTensor& a, const ComparableTensor& b) {
  std::vector<std::byte> x, y;
  for (uint64_t done = 0; done < a.stored->bytes; done += x.size()) {
    x.resize(std::min(kBytesAtOnce, a.stored->bytes - done));
    y.resize(x.size());
    NIBBLE_RETURN_IF_ERROR(a.source->Read(*a.stored, done, absl::MakeSpan(x)));
    NIBBLE_RETURN_IF_ERROR(b.source->Read(*b.stored, done, absl::MakeSpan(y)));
    if (x != y) return false;
  }
  return true;
}

}  // namespace

std::vector<ComparableTensor> StoredTensors(const TensorSource& source) {
  std::vector<ComparableTensor> tensors;
  for (const StoredTensor& stored : source.tensors()) {
    tensors.push_back(
        {stored.name, std::string(GetDType(stored.dtype).name), stored.shape, &source, &stored, TensorStack()});
  }
  return tensors;
}

std::vector<ComparableTensor> ModelTensors(const Model& model) {
  std::vector<ComparableTensor> tensors;
  for (const TensorStack slices : model.tensors.stacks()) {
    tensors.push_back(
        {GgufName(slices[0]), SourceType(model, slices[0]), ShapeOf(slices), &model.source, nullptr, slices});
  }
  return tensors;
}

std::string Described(const ComparableTensor& tensor) {
  return absl::StrCat(tensor.type, " ", ShapeText(tensor.shape));
}

absl::StatusOr<Comparison> Compare(const ComparableTensor& a, const ComparableTensor& b) {
  Comparison comparison;
  const bool as_bytes = a.stored != nullptr && b.stored != nullptr && a.stored->dtype == b.stored->dtype;
  if (as_bytes) {
    NIBBLE_ASSIGN_OR_RETURN(comparison.same, SameBytes(a, b));
    if (comparison.same) return comparison;
  }
  if (!HasFloats(a) || !HasFloats(b)) {
    comparison.same = false;
    return comparison;
  }
  Values of_a(a), of_b(b);
  std::vector<float> x, y;
  double squares = 0, errors = 0;
  const int64_t elements = ElementsOf(a);
  for (int64_t done = 0; done < elements; done += x.size()) {
    x.resize(std::min(kElementsAtOnce, elements - done));
    y.resize(x.size());
    NIBBLE_RETURN_IF_ERROR(of_a.Next(absl::MakeSpan(x)));
    NIBBLE_RETURN_IF_ERROR(of_b.Next(absl::MakeSpan(y)));
    for (size_t i = 0; i < x.size(); ++i) {
      squares += double{x[i]} * x[i];
      errors += (double{y[i]} - x[i]) * (double{y[i]} - x[i]);
    }
  }
  comparison.relative_error = errors == 0 ? 0 : std::sqrt(errors / squares);
  if (!as_bytes) comparison.same = errors == 0;
  return comparison;
}

}  // namespace nibble
