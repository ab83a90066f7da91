#include "pipeline/stream.h"

#include <omp.h>

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/synchronization/mutex.h"
#include "absl/types/span.h"
#include "base/status.h"
#include "formats/dtype.h"
#include "model/logical_tensor.h"
#include "quant/block/format.h"

namespace nibble {
namespace {

constexpr int64_t kPanelElements = 1 << 18;  // 1 MiB as floats: long reads, and short waits at the end of a job

// A block's extreme value comes out nearly as it went in, unless it is beyond what the format holds.
constexpr float kAlwaysHeld = 1000;   // every format's range goes further
constexpr float kRounding = 0x1p-8f;  // relative error of a value on its own: more than BF16's
constexpr float kBlockError = 0.5f;   // of the extreme value of a block: more than any code's

struct Panel {
  const OutputTensor* output;
  int64_t begin, end;  // rows
  uint64_t offset;     // in the file
  uint64_t source_bytes;
};

uint64_t SourceBytes(const Model& model, const LogicalTensor& tensor, int64_t rows) {
  const StridedView* view = std::get_if<StridedView>(&tensor.recipe);
  if (view == nullptr) return 0;
  const DTypeInfo& dtype = GetDType(model.source.Find(view->tensor)->dtype);
  return rows * tensor.cols * dtype.block_bits / dtype.block_elements / 8;
}

std::vector<Panel> CutPanels(const Model& model, const OutputPlan& plan) {
  std::vector<Panel> panels;
  for (size_t i = 0; i < plan.tensors.size(); ++i) {
    const LogicalTensor& tensor = *plan.tensors[i].tensor;
    const int64_t rows = std::max<int64_t>(1, kPanelElements / std::max<int64_t>(1, tensor.cols));
    const uint64_t row_bytes = GetFormat(plan.tensors[i].format).BytesFor(tensor.cols);
    for (int64_t begin = 0; begin < tensor.rows; begin += rows) {
      const int64_t end = std::min(begin + rows, tensor.rows);
      panels.push_back({&plan.tensors[i], begin, end, plan.layout.offsets[i] + begin * row_bytes,
                        SourceBytes(model, tensor, end - begin)});
    }
  }
  return panels;
}

// A thread's buffers.
struct Buffers {
  std::vector<float> values;
  std::vector<float> decoded;
  std::vector<std::byte> bytes;
};

size_t Extreme(absl::Span<const float> block) {
  const auto smaller = [](float a, float b) { return std::fabs(a) < std::fabs(b); };
  return std::max_element(block.begin(), block.end(), smaller) - block.begin();
}

// Encodes panels of one model.
class Encoder {
 public:
  Encoder(const Model& model, Method method) : model_(model), method_(method) {}

  // Fills buffers.bytes with the panel's rows in their format.
  absl::Status Encode(const Panel& panel, Buffers& buffers) const {
    const LogicalTensor& tensor = *panel.output->tensor;
    const BlockFormat& format = GetFormat(panel.output->format);
    const int64_t elements = (panel.end - panel.begin) * tensor.cols;
    buffers.bytes.resize(format.BytesFor(elements));
    if (panel.output->keep_bits) {
      return ReadRawRows(model_.source, tensor, panel.begin, panel.end, absl::MakeSpan(buffers.bytes));
    }
    buffers.values.resize(elements);
    NIBBLE_RETURN_IF_ERROR(ReadRows(model_.source, tensor, panel.begin, panel.end, absl::MakeSpan(buffers.values)));
    const size_t blocks = elements / format.block_elements;
    if (method_ == Method::kRtn) {
      format.encode_rtn(buffers.values.data(), blocks, buffers.bytes.data());
    } else {
      format.encode_weighted(buffers.values.data(), nullptr, blocks, buffers.bytes.data());
    }
    return CheckOverflow(panel, format, buffers);
  }

 private:
  // Encoders give values beyond a format's range its ends: the values themselves, or the scale of their block.
  absl::Status CheckOverflow(const Panel& panel, const BlockFormat& format, Buffers& buffers) const {
    const std::vector<float>& values = buffers.values;
    if (std::none_of(values.begin(), values.end(), [](float value) { return std::fabs(value) > kAlwaysHeld; })) {
      return absl::OkStatus();
    }
    buffers.decoded.resize(values.size());
    format.decode(buffers.bytes.data(), values.size() / format.block_elements, buffers.decoded.data());
    for (size_t block = 0; block < values.size(); block += format.block_elements) {
      const int64_t at = Extreme(absl::MakeSpan(values).subspan(block, format.block_elements)) + block;
      const float tolerated = std::fabs(values[at]) * (format.block_elements == 1 ? kRounding : kBlockError);
      if (std::fabs(values[at]) <= kAlwaysHeld || std::fabs(buffers.decoded[at] - values[at]) <= tolerated) continue;
      const int64_t cols = panel.output->tensor->cols;
      return BadData(absl::StrCat(model_.path, ": tensor '", panel.output->name, "' ",
                                  ShapeText({panel.begin + at / cols, at % cols})),
                     absl::StrCat("a value that ", format.name, " can hold"), absl::StrCat(values[at]));
    }
    return absl::OkStatus();
  }

  const Model& model_;
  const Method method_;
};

// What all threads share: how far they are, and the first error in the file's order.
class Shared {
 public:
  Shared(const std::vector<Panel>& panels, const char* stage, Progress& progress) : progress_(progress) {
    update_.stage = stage;
    for (const Panel& panel : panels) update_.total += panel.source_bytes;
  }

  // Whether a panel can still matter: none behind an error does.
  bool Wanted(size_t panel) {
    absl::MutexLock lock(&mutex_);
    return panel < failed_panel_;
  }

  void Done(const Panel& panel) {
    absl::MutexLock lock(&mutex_);
    update_.done += panel.source_bytes;
    update_.detail = panel.output->name;
    progress_.Update(update_);
  }

  void Failed(size_t panel, absl::Status error) {
    absl::MutexLock lock(&mutex_);
    if (panel >= failed_panel_) return;
    failed_panel_ = panel;
    error_ = std::move(error);
  }

  absl::Status error() const { return error_; }

 private:
  absl::Mutex mutex_;
  Progress& progress_;
  ProgressUpdate update_;
  size_t failed_panel_ = SIZE_MAX;
  absl::Status error_;
};

}  // namespace

absl::Status WriteTensors(const Model& model, const OutputPlan& plan, const StreamOptions& options,
                          io::WritableFile& file, Progress& progress) {
  const std::vector<Panel> panels = CutPanels(model, plan);
  const Encoder encoder(model, options.method);
  Shared shared(panels, options.stage, progress);
#pragma omp parallel num_threads(options.threads > 0 ? options.threads : omp_get_max_threads())
  {
    Buffers buffers;
#pragma omp for schedule(dynamic, 1)
    for (size_t i = 0; i < panels.size(); ++i) {
      if (!shared.Wanted(i)) continue;
      absl::Status status = encoder.Encode(panels[i], buffers);
      if (status.ok()) status = file.WriteAt(panels[i].offset, buffers.bytes);
      if (status.ok()) {
        shared.Done(panels[i]);
      } else {
        shared.Failed(i, std::move(status));
      }
    }
  }
  return shared.error();
}

}  // namespace nibble
