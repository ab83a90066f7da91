#include "pipeline/expected_time.h"

#include <omp.h>

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <ctime>
#include <memory>
#include <utility>
#include <variant>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/container/flat_hash_set.h"
#include "absl/time/clock.h"
#include "absl/time/time.h"
#include "absl/types/span.h"
#include "base/status.h"
#include "device/device.h"
#include "device/operations.h"
#include "formats/dtype.h"
#include "model/logical_tensor.h"
#include "model/role.h"
#include "pipeline/calibration/calibrated_linears.h"
#include "pipeline/calibration/stages.h"
#include "quant/block/format.h"

namespace nibble {
namespace {

constexpr double kBytesPerSecond = 1e9;
constexpr double kPlainSeconds = 3e-10;  // of a value that is copied, or goes from one float to another
constexpr size_t kSampleValues = 1 << 14;
constexpr absl::Duration kLeast = absl::Milliseconds(30);  // of a measurement: other programs have their turns in it
constexpr int64_t kFewestRuns = 8;
constexpr double kLeastShare = 0.05;

// Of a product that is run to see how fast they are: x [kRows, kSide], w [kSide, kSide].
constexpr int64_t kRows = 512, kSide = 1024;
constexpr double kFlopsOfProduct = 2.0 * kRows * kSide * kSide;

// Of fitting a linear [rows, n] on T tokens (quant/gptq/fit.cc): sums of inputs of the model, of the original, and of
// both, T n^2 each, symmetric or not; a curvature for each damping and the upstream answer, n^3 each; and rounding and
// judging the rows with each, 2 rows n^2.
constexpr double kSums = 4, kCurvatures = 4, kPasses = 8;

// Of a processor, that this thread had.
double ThreadSeconds() {
  timespec time = {};
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time);
  return static_cast<double>(time.tv_sec) + 1e-9 * static_cast<double>(time.tv_nsec);
}

// Values as weights have them, more or less: two waves whose lengths have nothing to do with one another.
std::vector<float> SampleValues() {
  std::vector<float> values(kSampleValues);
  for (size_t i = 0; i < values.size(); ++i) {
    values[i] = 0.02f * std::sin(0.37f * static_cast<float>(i)) * std::cos(1.91f * static_cast<float>(i));
  }
  return values;
}

// What values take of a processor, and how much of the processors there is for them now.
class EncodeSpeed {
 public:
  EncodeSpeed(Method method, int threads) : method_(method), threads_(threads), values_(SampleValues()) {}

  // Of a value.
  double Seconds(Format source, Format target) { return Decoding(source) + Encoding(target); }

  // How much of the threads' time they had, while they were measured: other programs had the rest.
  double Share() const { return wall_ == 0 ? 1 : std::clamp(processor_ / wall_, kLeastShare, 1.0); }

 private:
  double Decoding(Format id) {
    const BlockFormat& format = GetFormat(id);
    if (format.block_elements == 1 || format.encode_rtn == nullptr) return kPlainSeconds;
    return Remembered(decoding_, format,
                      [&](std::byte* bytes, float* decoded, size_t blocks) { format.decode(bytes, blocks, decoded); });
  }

  double Encoding(Format id) {
    const BlockFormat& format = GetFormat(id);
    if (format.block_elements == 1) return kPlainSeconds;
    return Remembered(encoding_, format, [&](std::byte* bytes, float* values, size_t blocks) {
      if (method_ == Method::kRtn) {
        format.encode_rtn(values, blocks, bytes);
      } else {
        format.encode_weighted(values, nullptr, blocks, bytes);
      }
    });
  }

  template <typename Run>
  double Remembered(absl::flat_hash_map<Format, double>& known, const BlockFormat& format, Run&& run) {
    const auto [found, is_new] = known.emplace(format.id, 0);
    if (is_new) found->second = Measure(format, run);
    return found->second;
  }

  template <typename Run>
  double Measure(const BlockFormat& format, Run&& run) {
    const size_t blocks = kSampleValues / format.block_elements;
    int64_t runs = 0;
    double wall = 0, processor = 0;  // of all threads
#pragma omp parallel num_threads(threads_) reduction(+ : runs, wall, processor)
    {
      std::vector<float> values = values_;
      std::vector<std::byte> bytes(format.BytesFor(kSampleValues));
      format.encode_rtn(values.data(), blocks, bytes.data());
      const absl::Time begin = absl::Now();
      const double processor_begin = ThreadSeconds();
      while (runs < kFewestRuns || absl::Now() - begin < kLeast) {
        run(bytes.data(), values.data(), blocks);
        ++runs;
      }
      processor = ThreadSeconds() - processor_begin;
      wall = absl::ToDoubleSeconds(absl::Now() - begin);
    }
    wall_ += wall;
    processor_ += processor;
    return processor / (static_cast<double>(runs) * kSampleValues);
  }

  const Method method_;
  const int threads_;
  const std::vector<float> values_;
  absl::flat_hash_map<Format, double> decoding_, encoding_;
  double wall_ = 0, processor_ = 0;  // seconds of all threads
};

// What the stored elements are.
Format SourceFormat(const Model& model, const LogicalTensor& tensor) {
  const StridedView* view = std::get_if<StridedView>(&tensor.recipe);
  if (view == nullptr) return Format::kF32;
  if (view->packed) return *view->packed;
  if (view->words) return Format::kInt4;
  return GetDType(model.source.Find(view->tensor)->dtype).format.value_or(Format::kF32);
}

double SecondsOfEncoding(const Model& model, const OutputPlan& plan, const std::vector<bool>& is_calibrated,
                         EncodeSpeed& speed) {
  double sum = 0;
  for (size_t i = 0; i < plan.tensors.size(); ++i) {
    const OutputTensor& tensor = plan.tensors[i];
    if (is_calibrated[i]) continue;
    const LogicalTensor& slice = tensor.slices[0];
    const double values = static_cast<double>(tensor.slices.size()) * slice.rows * slice.cols;
    sum += values * (tensor.keep_bits ? kPlainSeconds : speed.Seconds(SourceFormat(model, slice), tensor.format));
  }
  return sum;
}

absl::StatusOr<double> FlopsPerSecond(const LinearOptions& linears) {
  NIBBLE_ASSIGN_OR_RETURN(const std::unique_ptr<Device> device,
                          MakeDevice({.device = linears.device, .threads = linears.threads, .bf16 = true}));
  NIBBLE_ASSIGN_OR_RETURN(const Buffer x, device->Allocate(kRows * kSide));
  NIBBLE_ASSIGN_OR_RETURN(const Buffer w, device->Allocate(kSide * kSide));
  NIBBLE_ASSIGN_OR_RETURN(const Buffer y, device->Allocate(kRows * kSide));
  const std::vector<float> ones(kSide * kSide, 1);
  device->Upload(absl::MakeConstSpan(ones).first(kRows * kSide), x.data());
  device->Upload(ones, w.data());
  const auto multiply = [&] {
    device->operations().linear(*device, x.matrix(kRows, kSide), w.matrix(kSide, kSide), nullptr,
                                y.matrix(kRows, kSide));
    float one = 0;
    return device->Download(y.data(), absl::MakeSpan(&one, 1));  // waits for it
  };
  NIBBLE_RETURN_IF_ERROR(multiply());  // the first makes what the others use
  const absl::Time begin = absl::Now();
  int products = 0;
  for (; absl::Now() - begin < kLeast; ++products) NIBBLE_RETURN_IF_ERROR(multiply());
  return products * kFlopsOfProduct / absl::ToDoubleSeconds(absl::Now() - begin);
}

double FlopsOfCalibration(const Model& model, const OutputPlan& plan, const std::vector<bool>& is_calibrated,
                          int64_t tokens, const LinearOptions& options) {
  const double paths = RunsOriginal(options) ? 2 : 1;
  absl::flat_hash_set<std::pair<int, const Stage*>> summed;  // inputs that linears share are summed once
  double flops = 0;
  for (size_t i = 0; i < plan.tensors.size(); ++i) {
    const LogicalTensor& slice = plan.tensors[i].slices[0];
    if (!GetRole(slice.role).is_linear) continue;
    const double slices = plan.tensors[i].slices.size();
    const double n = slice.cols, rows = slice.rows;
    double shown = tokens;  // to each slice
    if (GetRole(slice.role).is_expert) {
      const Experts& experts = model.spec.layers(slice.layer).feed_forward().experts();
      shown = shown * experts.used() / std::max<double>(1, experts.count());
    }
    flops += slices * paths * 2 * shown * rows * n;
    if (!is_calibrated[i]) continue;
    flops += slices * kPasses * rows * n * n;
    if (summed.insert({slice.layer, FindStage(slice.role)}).second) {
      flops += slices * (kSums * shown * n * n + kCurvatures * n * n * n);
    }
  }
  return flops;
}

}  // namespace

absl::StatusOr<ExpectedTime> ExpectTime(const Model& model, const OutputPlan& plan, const StreamOptions& stream,
                                        int64_t tokens, const LinearOptions& linears) {
  ExpectedTime time;
  const int threads = stream.threads > 0 ? stream.threads : omp_get_max_threads();
  std::vector<bool> is_calibrated(plan.tensors.size());
  if (tokens > 0) {
    is_calibrated = CalibratedTensors(plan, linears.method);
    NIBBLE_ASSIGN_OR_RETURN(const double rate, FlopsPerSecond(linears));
    time.set_calibration_seconds(FlopsOfCalibration(model, plan, is_calibrated, tokens, linears) / rate);
  }
  EncodeSpeed speed(stream.method, threads);
  const double processor_seconds = SecondsOfEncoding(model, plan, is_calibrated, speed);
  time.set_encode_seconds(processor_seconds / (threads * speed.Share()));
  time.set_file_seconds((plan.report.source_bytes() + plan.report.file_bytes()) / (kBytesPerSecond * speed.Share()));
  time.set_seconds(std::max(time.file_seconds(), time.encode_seconds()) + time.calibration_seconds());
  return time;
}

}  // namespace nibble
