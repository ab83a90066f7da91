// How long rounding a layer's weights with error feedback takes (quant/gptq), beside the products that GPTQ as
// published has to make: d_out d_in^2 + 4/3 d_in^3 multiply-adds, at what float32 products of this machine reach.
//
// usage: solve THREADS D_OUT D_IN
//
// {"gflops": of products, "bound_seconds": by them, "solve_seconds": the factor of H, the search for scales, codes with
// feedback, "refined_seconds": and their refinement, "peak_bytes": of the program}
#include <sys/resource.h>

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <random>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "base/status.h"
#include "device/buffers.h"
#include "device/device.h"
#include "device/make_device.h"
#include "device/operations.h"
#include "quant/block/format.h"
#include "quant/gptq/curvature.h"
#include "quant/gptq/gptq.h"

namespace nibble {
namespace {

constexpr int64_t kTokens = 2048;  // that H is made of; the damping lets it be singular
constexpr double kDamping = 0.05;

template <typename Work>
double Seconds(Work work) {
  const auto begin = std::chrono::steady_clock::now();
  work();
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
}

std::vector<float> Gaussian(int64_t n, float scale, int seed) {
  std::mt19937 random(seed);
  std::normal_distribution<float> normal(0, scale);
  std::vector<float> values(n);
  for (float& value : values) value = normal(random);
  return values;
}

absl::StatusOr<double> Gflops(Device& device) {
  constexpr int64_t kSize = 2048;
  NIBBLE_ASSIGN_OR_RETURN(const Buffer x, Uploaded(device, Gaussian(kSize * kSize, 1, 1)));
  NIBBLE_ASSIGN_OR_RETURN(const Buffer y, device.Allocate(kSize * kSize));
  double best = 1e30;
  for (int i = 0; i < 5; ++i) {
    best = std::min(best, Seconds([&] {
                      device.operations().matmul(device, x.matrix(kSize, kSize), x.matrix(kSize, kSize), nullptr,
                                                 y.matrix(kSize, kSize));
                    }));
  }
  return 2.0 * kSize * kSize * kSize / best / 1e9;
}

absl::StatusOr<std::vector<float>> Gram(Device& device, int64_t n) {
  NIBBLE_ASSIGN_OR_RETURN(const Buffer x, Uploaded(device, Gaussian(kTokens * n, 1, 2)));
  NIBBLE_ASSIGN_OR_RETURN(const Buffer gram, Uploaded(device, std::vector<float>(n * n)));
  device.operations().gram(device, x.matrix(kTokens, n), gram.matrix(n, n));
  std::vector<float> values(n * n);
  NIBBLE_RETURN_IF_ERROR(device.Download(gram.data(), absl::MakeSpan(values)));
  return values;
}

absl::StatusOr<double> Solve(Device& device, absl::Span<const float> gram, absl::Span<const float> values, int64_t n,
                             int rounds) {
  const BlockFormat& format = GetFormat(Format::kQ4_0);
  std::vector<std::byte> bytes(format.BytesFor(values.size()));
  absl::Status status;
  const double seconds = Seconds([&] {
    const auto curvature = Curvature::Of(device, gram, n, kDamping);
    status = curvature.status();
    if (status.ok()) {
      status = EncodeGptq(device, format, *curvature, values, {.rounds = rounds}, absl::MakeSpan(bytes)).status();
    }
  });
  NIBBLE_RETURN_IF_ERROR(status);
  return seconds;
}

absl::Status Run(int threads, int64_t d_out, int64_t d_in) {
  NIBBLE_ASSIGN_OR_RETURN(const std::unique_ptr<Device> device, MakeDevice({.threads = threads}));
  NIBBLE_ASSIGN_OR_RETURN(const double gflops, Gflops(*device));
  NIBBLE_ASSIGN_OR_RETURN(const std::vector<float> gram, Gram(*device, d_in));
  const std::vector<float> values = Gaussian(d_out * d_in, 0.02f, 3);
  NIBBLE_ASSIGN_OR_RETURN(const double solve, Solve(*device, gram, values, d_in, 0));
  NIBBLE_ASSIGN_OR_RETURN(const double refined, Solve(*device, gram, values, d_in, GptqOptions().rounds));
  const double in = static_cast<double>(d_in);
  const double bound = 2 * (static_cast<double>(d_out) * in * in + 4.0 / 3 * in * in * in) / gflops / 1e9;
  rusage usage;
  getrusage(RUSAGE_SELF, &usage);
  std::printf(
      "{\"gflops\": %.1f, \"bound_seconds\": %.3f, \"solve_seconds\": %.3f, \"refined_seconds\": %.3f, "
      "\"peak_bytes\": %ld}\n",
      gflops, bound, solve, refined, usage.ru_maxrss * 1024);
  return absl::OkStatus();
}

}  // namespace
}  // namespace nibble

int main(int argc, char** argv) {
  if (argc != 4) {
    std::fprintf(stderr, "usage: solve THREADS D_OUT D_IN\n");
    return 64;
  }
  const absl::Status status = nibble::Run(std::atoi(argv[1]), std::atoll(argv[2]), std::atoll(argv[3]));
  if (!status.ok()) std::fprintf(stderr, "solve: %s\n", status.ToString().c_str());
  return status.ok() ? 0 : 1;
}
