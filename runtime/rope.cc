#include "runtime/rope.h"

#include <cmath>
#include <vector>

#include "base/status.h"

namespace nibble {
namespace {

std::vector<double> Frequencies(const Rope& rope) {
  std::vector<double> frequencies(rope.dimensions() / 2);
  for (size_t i = 0; i < frequencies.size(); ++i) {
    frequencies[i] = std::pow(rope.base(), -2.0 * i / rope.dimensions());
    if (rope.frequency_factors_size() > 0) frequencies[i] /= rope.frequency_factors(i);
  }
  return frequencies;
}

}  // namespace

absl::StatusOr<RopeTable> MakeRopeTable(Device& device, const Rope& rope, int64_t first, int64_t count) {
  std::vector<float> cosine, sine;
  const double magnitude = rope.magnitude() == 0 ? 1 : rope.magnitude();
  const std::vector<double> frequencies = Frequencies(rope);
  for (int64_t position = first; position < first + count; ++position) {
    for (double frequency : frequencies) {
      cosine.push_back(magnitude * std::cos(position * frequency));
      sine.push_back(magnitude * std::sin(position * frequency));
    }
  }
  RopeTable table;
  NIBBLE_ASSIGN_OR_RETURN(table.cosine, device.Allocate(cosine.size()));
  NIBBLE_ASSIGN_OR_RETURN(table.sine, device.Allocate(sine.size()));
  device.Upload(cosine, table.cosine.data());
  device.Upload(sine, table.sine.data());
  return table;
}

}  // namespace nibble
