// Times every heavy operation of a device, at the shapes of an 8B model.
//
// usage: bench [cpu|cuda [SHARE]]
//
// SHARE (default 1) scales the shapes, for devices that are slow. Prints one line per operation: the best of five runs
// after one that warms up, in milliseconds, TFLOP/s and GB/s, counted by what the operation needs at least.
#include <algorithm>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <functional>
#include <limits>
#include <random>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "absl/types/span.h"
#include "base/status.h"
#include "device/device.h"
#include "device/make_device.h"
#include "quant/block/format.h"

namespace nibble {
namespace {

class Bench {
 public:
  Bench(Device& device, double share) : device_(device), operations_(device.operations()), share_(share) {}

  absl::Status Run() {
    const int64_t tokens = Scaled(2048), hidden = Scaled(4096), wide = Scaled(14336), vocabulary = Scaled(32768);
    const int64_t length = 128, heads = std::max<int64_t>(1, hidden / length),
                  kv_heads = std::max<int64_t>(1, heads / 4);
    NIBBLE_ASSIGN_OR_RETURN(const Buffer x_buffer, Filled(tokens * wide));
    NIBBLE_ASSIGN_OR_RETURN(const Buffer w_buffer, Filled(wide * hidden));
    NIBBLE_ASSIGN_OR_RETURN(const Buffer y_buffer, Filled(tokens * std::max(wide, vocabulary)));
    NIBBLE_ASSIGN_OR_RETURN(const Buffer h_buffer, Filled(hidden * hidden));
    const Matrix x = x_buffer.matrix(tokens, hidden), y = y_buffer.matrix(tokens, hidden);
    const Matrix wide_x = x_buffer.matrix(tokens, wide), wide_y = y_buffer.matrix(tokens, wide);
    const Matrix w = w_buffer.matrix(wide, hidden), h = h_buffer.matrix(hidden, hidden);
    const double product = 2.0 * tokens * hidden * wide, read = 4.0 * tokens * hidden;

    NIBBLE_RETURN_IF_ERROR(Time("matmul", product, 0, [&] { operations_.matmul(device_, x, w, nullptr, wide_y); }));
    NIBBLE_RETURN_IF_ERROR(Time("linear", product, 0, [&] { operations_.linear(device_, x, w, nullptr, wide_y); }));
    NIBBLE_RETURN_IF_ERROR(Time("rms_norm", 0, 2 * read, [&] { operations_.rms_norm(device_, x, nullptr, 1e-6f, y); }));
    NIBBLE_RETURN_IF_ERROR(
        Time("swiglu", 0, 12.0 * tokens * wide, [&] { operations_.swiglu(device_, wide_x, wide_y); }));
    NIBBLE_RETURN_IF_ERROR(Time("attention", 2.0 * tokens * tokens * heads * length, 0, [&] {
      const Matrix kv = w_buffer.matrix(tokens, kv_heads * length);
      operations_.attention(device_,
                            {.heads = heads,
                             .kv_heads = kv_heads,
                             .scale = 0.1f,
                             .query = x_buffer.matrix(tokens, heads * length),
                             .key = kv,
                             .value = kv},
                            y_buffer.matrix(tokens, heads * length));
    }));
    NIBBLE_RETURN_IF_ERROR(Time("gram", 2.0 * tokens * hidden * hidden, 0, [&] { operations_.gram(device_, x, h); }));
    NIBBLE_RETURN_IF_ERROR(TimeSolve(hidden));
    NIBBLE_RETURN_IF_ERROR(TimeRounding(std::min<int64_t>(Scaled(4096), 4096), hidden));
    for (const Format format : {Format::kQ4_0, Format::kQ4_K, Format::kIQ4_XS, Format::kMXFP4}) {
      NIBBLE_RETURN_IF_ERROR(TimeCodecs(GetFormat(format), Scaled(4096), hidden));
    }
    NIBBLE_RETURN_IF_ERROR(TimeSums(hidden));
    std::vector<SoftmaxState> states(tokens);
    std::vector<uint32_t> targets(tokens);
    return Time("accumulate_softmax", 0, 4.0 * tokens * vocabulary, [&] {
      operations_.accumulate_softmax(device_, y_buffer.matrix(tokens, vocabulary), 0, targets, absl::MakeSpan(states));
    });
  }

 private:
  int64_t Scaled(int64_t size) const { return std::max<int64_t>(128, static_cast<int64_t>(size * share_) / 128 * 128); }

  absl::StatusOr<Buffer> Uploaded(const std::vector<float>& values) {
    NIBBLE_ASSIGN_OR_RETURN(Buffer buffer, device_.Allocate(values.size()));
    device_.Upload(values, buffer.data());
    return buffer;
  }

  absl::StatusOr<Buffer> Filled(int64_t count) {
    std::minstd_rand random(1);
    std::vector<float> values(count);
    for (float& value : values) value = static_cast<float>(random()) / std::minstd_rand::max() - 0.5f;
    return Uploaded(values);
  }

  absl::Status TimeSolve(int64_t n) {
    std::vector<float> values(n * n, 0.5f);
    for (int64_t i = 0; i < n; ++i) values[i * n + i] = 2;
    NIBBLE_ASSIGN_OR_RETURN(const Buffer matrix, Uploaded(values));
    NIBBLE_ASSIGN_OR_RETURN(const Buffer factor, Uploaded(values));
    NIBBLE_ASSIGN_OR_RETURN(const Buffer rows, Filled(n * n));
    const double cube = 1.0 * n * n * n;
    NIBBLE_RETURN_IF_ERROR(Time("cholesky", cube / 3, 0, [&] {
      operations_.copy_heads(device_, 1, false, matrix.matrix(n, n), 0, factor.matrix(n, n));
      operations_.cholesky(device_, factor.matrix(n, n));
    }));
    return Time("cholesky_solve", 2 * cube, 0,
                [&] { operations_.cholesky_solve(device_, factor.matrix(n, n), rows.matrix(n, n)); });
  }

  absl::Status TimeRounding(int64_t rows, int64_t n) {
    constexpr int64_t kCodes = 16, kGroup = 32, kChoices = 3;
    const int64_t groups = n / kGroup;
    std::vector<int32_t> group(n);
    for (int64_t j = 0; j < n; ++j) group[j] = static_cast<int32_t>(j / kGroup);
    NIBBLE_ASSIGN_OR_RETURN(const Buffer w, Filled(rows * n));
    NIBBLE_ASSIGN_OR_RETURN(const Buffer error, Filled(rows * n));
    NIBBLE_ASSIGN_OR_RETURN(const Buffer levels, Filled(rows * groups * kChoices * kCodes));
    NIBBLE_ASSIGN_OR_RETURN(const Buffer coupling, Uploaded(std::vector<float>(n * n, 1e-4f)));
    const std::vector<float> pivots(n, 1.0f);
    std::vector<uint8_t> codes(rows * n), choices(rows * groups);
    NIBBLE_RETURN_IF_ERROR(Time("round_columns", 1.0 * rows * n * n, 0, [&] {
      operations_.round_columns(device_,
                                {.w = w.matrix(rows, n),
                                 .coupling = coupling.matrix(n, n),
                                 .group = group,
                                 .levels = levels.matrix(rows, groups * kCodes),
                                 .codes = kCodes},
                                error.matrix(rows, n), absl::MakeSpan(codes));
    }));
    return Time("refine_groups", 2.0 * rows * n * n, 0, [&] {
      operations_.refine_groups(device_,
                                {.w = w.matrix(rows, n),
                                 .coupling = coupling.matrix(n, n),
                                 .pivots = pivots,
                                 .group = kGroup,
                                 .levels = levels.matrix(rows, groups * kChoices * kCodes),
                                 .choices = kChoices,
                                 .codes = kCodes},
                                error.matrix(rows, n), absl::MakeSpan(codes), absl::MakeSpan(choices));
    });
  }

  // GB/s of values; the blocks go to the host and back.
  absl::Status TimeCodecs(const BlockFormat& format, int64_t rows, int64_t n) {
    NIBBLE_ASSIGN_OR_RETURN(const Buffer values, Filled(rows * n));
    NIBBLE_ASSIGN_OR_RETURN(const Buffer weights, Uploaded(std::vector<float>(n, 1.0f)));
    std::vector<std::byte> blocks(format.BytesFor(rows * n));
    const double bytes = 4.0 * rows * n;
    const auto time = [&](const char* name, const std::function<void()>& run) {
      return Time(absl::StrCat(name, " ", format.name), 0, bytes, run);
    };
    NIBBLE_RETURN_IF_ERROR(
        time("encode_rtn", [&] { operations_.encode_rtn(device_, format, values.data(), absl::MakeSpan(blocks)); }));
    NIBBLE_RETURN_IF_ERROR(time("encode_weighted", [&] {
      operations_.encode_weighted(device_, format, values.matrix(rows, n), weights.data(), absl::MakeSpan(blocks));
    }));
    return time("decode", [&] { operations_.decode(device_, format, blocks, values.data()); });
  }

  absl::Status TimeSums(int64_t n) {
    NIBBLE_ASSIGN_OR_RETURN(const Buffer values, Filled(n * n));
    const Matrix m = values.matrix(n, n);
    std::vector<double> sums(n);
    NIBBLE_RETURN_IF_ERROR(
        Time("largest_magnitude", 0, 4.0 * n * n, [&] { operations_.largest_magnitude(device_, m); }));
    NIBBLE_RETURN_IF_ERROR(
        Time("dot_rows", 0, 8.0 * n * n, [&] { operations_.dot_rows(device_, m, m, nullptr, absl::MakeSpan(sums)); }));
    return Time("quadratic_forms", 1.0 * n * n * n, 6.0 * n * n,
                [&] { operations_.quadratic_forms(device_, m, m, m.data, absl::MakeSpan(sums)); });
  }

  absl::Status Time(const std::string& name, double flops, double bytes, const std::function<void()>& run) {
    constexpr int kRuns = 5;
    double best = std::numeric_limits<double>::infinity();
    for (int i = 0; i <= kRuns; ++i) {
      const auto start = std::chrono::steady_clock::now();
      run();
      NIBBLE_RETURN_IF_ERROR(device_.Download(nullptr, {}));
      const double seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
      if (i > 0) best = std::min(best, seconds);
    }
    std::printf("%-24s %10.3f ms %8.2f TFLOP/s %8.1f GB/s\n", name.c_str(), best * 1e3, flops / best * 1e-12,
                bytes / best * 1e-9);
    return absl::OkStatus();
  }

  Device& device_;
  const Operations& operations_;
  const double share_;
};

absl::Status Main(int argc, char** argv) {
  const std::string name = argc > 1 ? argv[1] : "cuda";
  const double share = argc > 2 ? std::atof(argv[2]) : 1;
  if ((name != "cpu" && name != "cuda") || !(share > 0)) {
    return absl::InvalidArgumentError("usage: bench [cpu|cuda [SHARE]]");
  }
  NIBBLE_ASSIGN_OR_RETURN(const auto device,
                          MakeDevice({.device = name == "cpu" ? DeviceKind::kCpu : DeviceKind::kCuda, .bf16 = true}));
  std::printf("%s\n", std::string(device->name()).c_str());
  const DevicePeak peak = device->peak();
  if (peak.bytes > 0) {
    std::printf("peak %.0f TFLOP/s of float32, %.0f of linears, %.0f GB/s\n", peak.flops * 1e-12,
                peak.linear_flops * 1e-12, peak.bytes * 1e-9);
  }
  return Bench(*device, share).Run();
}

}  // namespace
}  // namespace nibble

int main(int argc, char** argv) {
  const absl::Status status = nibble::Main(argc, argv);
  if (!status.ok()) std::fprintf(stderr, "bench: %s\n", std::string(status.message()).c_str());
  return nibble::ExitCode(status);
}
