// What a GPU does in a second at best, by what its driver tells of it.
#ifndef NIBBLE_DEVICE_CUDA_DEVICE_PEAK_H_
#define NIBBLE_DEVICE_CUDA_DEVICE_PEAK_H_

#include <cuda_runtime_api.h>

#include "device/device.h"

namespace nibble::cuda {

struct DeviceFacts {
  int major = 0, minor = 0;  // compute capability
  int processors = 0;
  double clock = 0, memory_clock = 0;  // Hz
  int bus_bits = 0;
};

inline DeviceFacts FactsOf(int device) {
  const auto get = [&](cudaDeviceAttr attribute) {
    int value = 0;
    return cudaDeviceGetAttribute(&value, attribute, device) == cudaSuccess ? value : 0;
  };
  return {.major = get(cudaDevAttrComputeCapabilityMajor),
          .minor = get(cudaDevAttrComputeCapabilityMinor),
          .processors = get(cudaDevAttrMultiProcessorCount),
          .clock = get(cudaDevAttrClockRate) * 1e3,
          .memory_clock = get(cudaDevAttrMemoryClockRate) * 1e3,
          .bus_bits = get(cudaDevAttrGlobalMemoryBusWidth)};
}

// Of a processor in one clock, by compute capability: float32 lanes, and operations on bf16 of its tensor cores.
struct ProcessorPeak {
  int major, minor;
  int float_lanes, bf16_flops;
};

inline constexpr ProcessorPeak kProcessorPeaks[] = {
    {8, 0, 64, 2048},    // A100
    {9, 0, 128, 4096},   // H100, H200
    {10, 0, 128, 8192},  // B200
};

// Of a GPU that is not in the table only memory's peak is known.
inline DevicePeak PeakOf(const DeviceFacts& facts, bool bf16) {
  DevicePeak peak{.bytes = 2 * facts.memory_clock * facts.bus_bits / 8};
  for (const ProcessorPeak& processor : kProcessorPeaks) {
    if (processor.major != facts.major || processor.minor != facts.minor) continue;
    peak.flops = 2.0 * processor.float_lanes * facts.processors * facts.clock;
    peak.linear_flops = bf16 ? facts.clock * facts.processors * processor.bf16_flops : peak.flops;
  }
  return peak;
}

}  // namespace nibble::cuda

#endif  // NIBBLE_DEVICE_CUDA_DEVICE_PEAK_H_
