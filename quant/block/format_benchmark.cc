// Every codec of the format table: nanoseconds a value take to decode, to encode by the plain rule and by the search.
//
//   bazel run //quant/block:format_benchmark -- --benchmark_filter=Q4_K
#include <cmath>
#include <cstddef>
#include <random>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "benchmark/benchmark.h"
#include "quant/block/format.h"

namespace nibble {
namespace {

constexpr size_t kValues = 1 << 16;  // in the second-level cache, with what they are encoded as

std::vector<float> Gaussian(float scale) {
  std::mt19937 random(1);
  std::normal_distribution<float> normal(0, scale);
  std::vector<float> values(kValues);
  for (float& value : values) value = normal(random);
  return values;
}

// Values and weights as a linear's, and room for what they become.
struct Inputs {
  explicit Inputs(const BlockFormat& format)
      : values(Gaussian(0.02f)),
        weights(Gaussian(1)),
        blocks(kValues / format.block_elements),
        bytes(format.BytesFor(kValues)) {
    for (float& weight : weights) weight = std::exp(weight);
  }
  std::vector<float> values, weights;
  size_t blocks;
  std::vector<std::byte> bytes;
};

void CountValues(benchmark::State& state) {
  state.SetItemsProcessed(static_cast<int64_t>(state.iterations() * kValues));
}

void Decode(benchmark::State& state, const BlockFormat& format) {
  Inputs inputs(format);
  if (format.encode_rtn != nullptr) format.encode_rtn(inputs.values.data(), inputs.blocks, inputs.bytes.data());
  for (auto _ : state) {
    format.decode(inputs.bytes.data(), inputs.blocks, inputs.values.data());
    benchmark::ClobberMemory();
  }
  CountValues(state);
}

void EncodeRtn(benchmark::State& state, const BlockFormat& format) {
  Inputs inputs(format);
  for (auto _ : state) {
    format.encode_rtn(inputs.values.data(), inputs.blocks, inputs.bytes.data());
    benchmark::ClobberMemory();
  }
  CountValues(state);
}

void EncodeWeighted(benchmark::State& state, const BlockFormat& format) {
  Inputs inputs(format);
  for (auto _ : state) {
    format.encode_weighted(inputs.values.data(), inputs.weights.data(), inputs.blocks, inputs.bytes.data());
    benchmark::ClobberMemory();
  }
  CountValues(state);
}

void RegisterAll() {
  for (const BlockFormat& format : Formats()) {
    const auto add = [&](absl::string_view what, void (*run)(benchmark::State&, const BlockFormat&)) {
      benchmark::RegisterBenchmark(absl::StrCat(format.name, "/", what).c_str(), run, format);
    };
    add("decode", Decode);
    if (format.encode_rtn == nullptr) continue;
    add("rtn", EncodeRtn);
    add("weighted", EncodeWeighted);
  }
}

}  // namespace
}  // namespace nibble

int main(int argc, char** argv) {
  nibble::RegisterAll();
  benchmark::Initialize(&argc, argv);
  benchmark::RunSpecifiedBenchmarks();
}
