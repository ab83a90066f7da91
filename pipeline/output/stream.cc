#include "pipeline/output/stream.h"

#include <omp.h>

#include <algorithm>
#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/synchronization/mutex.h"
#include "absl/types/span.h"
#include "base/status.h"
#include "model/logical_tensor.h"
#include "pipeline/device_use.h"
#include "pipeline/output/check_overflow.h"
#include "pipeline/output/int4_blocks.h"
#include "pipeline/output/panels.h"
#include "pipeline/output/stream_on_device.h"
#include "quant/block/encode_rows.h"
#include "quant/block/format.h"

namespace nibble {
namespace {

constexpr int64_t kFetchElements = 1 << 20;  // as many are read at once, whatever the panel

int ThreadsOf(int threads) { return threads > 0 ? threads : omp_get_max_threads(); }

// A thread's buffers.
struct Buffers {
  std::vector<float> values;
  std::vector<float> weights;
  std::vector<std::byte> bytes;
  int64_t rounded_scales = 0;  // of all panels so far
};

// Encodes panels of one model.
class Encoder {
 public:
  Encoder(const Model& model, const StreamOptions& options) : model_(model), options_(options) {}

  // Fills buffers.bytes with the panel's rows in their format.
  absl::Status Encode(const Panel& panel, Buffers& buffers) const {
    const LogicalTensor& tensor = *panel.slice;
    const BlockFormat& format = GetFormat(panel.output->format);
    const int64_t elements = (panel.end - panel.begin) * tensor.cols;
    buffers.bytes.resize(format.BytesFor(elements));
    if (panel.output->keep_bits) return Keep(panel, buffers);
    buffers.values.resize(elements);
    NIBBLE_RETURN_IF_ERROR(ReadRows(model_.source, tensor, panel.begin, panel.end, absl::MakeSpan(buffers.values)));
    const auto [surplus, multiplier] = std::pair(panel.output->surplus, panel.output->multiplier);
    if (surplus != 0 || multiplier != 1) {
      for (float& value : buffers.values) value = (value - surplus) * multiplier;
    }
    if (options_.method == Method::kRtn) {
      format.encode_rtn(buffers.values.data(), elements / format.block_elements, buffers.bytes.data());
    } else {
      const float* weights = options_.weights == nullptr ? nullptr : options_.weights->Find(tensor);
      EncodeRows(format, buffers.values, tensor.cols, weights, buffers.weights, absl::MakeSpan(buffers.bytes));
    }
    return CheckOverflow(model_, *panel.output, tensor, panel.begin, buffers.values);
  }

 private:
  absl::Status Keep(const Panel& panel, Buffers& buffers) const {
    const LogicalTensor& tensor = *panel.slice;
    NIBBLE_RETURN_IF_ERROR(ReadRawRows(model_.source, tensor, panel.begin, panel.end, absl::MakeSpan(buffers.bytes),
                                       &buffers.rounded_scales));
    if (panel.output->format != Format::kINT4_G32 || RawDType(model_.source, tensor) != DType::kQ4_0) {
      return absl::OkStatus();
    }
    return Q4ToInt4Blocks(absl::MakeSpan(buffers.bytes),
                          absl::StrCat(model_.path, ": tensor '", panel.output->name, "'"));
  }

  const Model& model_;
  const StreamOptions& options_;
};

// What all threads share: how far they are, and the first error in the file's order.
class Shared {
 public:
  Shared(uint64_t source_bytes, const char* stage, Progress& progress) : progress_(progress) {
    update_.stage = stage;
    update_.total = source_bytes;
  }

  // Whether a panel can still matter: none behind an error does, and none where another rank has one.
  bool Wanted(size_t panel) {
    absl::MutexLock lock(&mutex_);
    return panel < failed_panel_;
  }

  void Stop() {
    absl::MutexLock lock(&mutex_);
    failed_panel_ = 0;
  }

  void Done(const OutputTensor& tensor, uint64_t source_bytes, std::optional<DeviceLoad> device = std::nullopt) {
    absl::MutexLock lock(&mutex_);
    update_.device = std::move(device);
    update_.done += source_bytes;
    update_.detail = tensor.name;
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

uint64_t BufferBytes(const Model& model, const OutputPlan& plan, int threads) {
  uint64_t largest = 0;
  for (const OutputTensor& output : plan.tensors) {
    const LogicalTensor& slice = output.slices[0];
    const int64_t rows = PanelRowsOf(slice);
    const uint64_t elements = rows * slice.cols;
    const uint64_t fetched = std::min<uint64_t>(elements, kFetchElements);
    const uint64_t floats = output.keep_bits ? slice.cols : elements + fetched + RowsAtOnce(slice.cols) * slice.cols;
    const uint64_t bytes = SourceBytes(model, slice, rows) * fetched / std::max<uint64_t>(1, elements) +
                           GetFormat(output.format).BytesFor(elements);
    largest = std::max(largest, floats * sizeof(float) + bytes);
  }
  return largest * ThreadsOf(threads);
}

absl::StatusOr<StreamFigures> WriteTensors(const Model& model, const OutputPlan& plan, const StreamOptions& options,
                                           Output& output, Progress& progress) {
  Comm& comm = *options.comm;
  const bool has_device = options.device != nullptr && !options.device->is_host();
  OutputPlan of_device, rest;
  for (const OutputTensor& tensor : plan.tensors) {
    if (has_device) (DeviceEncodes(tensor) ? of_device : rest).tensors.push_back(tensor);
  }
  const Panels device_panels(model, of_device, comm.rank(), comm.size());
  const Panels panels(model, has_device ? rest : plan, comm.rank(), comm.size());
  const Encoder encoder(model, options);
  Shared shared(panels.source_bytes() + device_panels.source_bytes(), options.stage, progress);
  DeviceStreamResult by_device;
  if (device_panels.size() > 0) {
    by_device = WriteOnDevice(model, device_panels.row_runs(), options, output,
                              [&](const OutputTensor& tensor, const LogicalTensor& slice, int64_t rows) {
                                shared.Done(tensor, SourceBytes(model, slice, rows), LoadOf(*options.device));
                              });
  }
  int64_t rounded_scales = 0;
  uint64_t output_bytes = 0;
#pragma omp parallel num_threads(ThreadsOf(options.threads)) reduction(+ : rounded_scales, output_bytes)
  {
    Buffers buffers;
#pragma omp for schedule(dynamic, 1)
    for (size_t i = 0; i < panels.size(); ++i) {
      // Thread 0 is the one that called.
      if (omp_get_thread_num() == 0 && comm.HasFailed()) shared.Stop();
      if (!shared.Wanted(i)) continue;
      const Panel panel = panels[i];
      if (panel.output->place > by_device.failed) continue;
      if (output.Has(*panel.output, panel.slice_place, panel.begin, panel.end - panel.begin)) {
        shared.Done(*panel.output, panel.source_bytes);
        continue;
      }
      absl::Status status = encoder.Encode(panel, buffers);
      if (status.ok()) status = output.WriteRows(*panel.output, panel.slice_place, panel.begin, buffers.bytes);
      if (status.ok()) {
        shared.Done(*panel.output, panel.source_bytes);
        output_bytes += buffers.bytes.size();
      } else {
        shared.Failed(i, std::move(status));
      }
    }
    rounded_scales += buffers.rounded_scales;
  }
  NIBBLE_RETURN_IF_ERROR(shared.error());
  NIBBLE_RETURN_IF_ERROR(by_device.status);
  NIBBLE_ASSIGN_OR_RETURN(const std::vector<std::string> counts, comm.AllGather(absl::StrCat(rounded_scales)));
  StreamFigures figures{.source_bytes = panels.source_bytes() + device_panels.source_bytes(),
                        .output_bytes = output_bytes + by_device.bytes,
                        .cost = panels.cost() + device_panels.cost()};
  for (const std::string& count : counts) {
    int64_t its = 0;
    if (!absl::SimpleAtoi(count, &its)) return absl::InternalError("a bug of nibble: a count that is no number");
    figures.rounded_scales += its;
  }
  return figures;
}

}  // namespace nibble
