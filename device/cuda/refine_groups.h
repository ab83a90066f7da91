// Coordinate descent over groups of columns: a thread tries its row's choices of levels one after the other.
#ifndef NIBBLE_DEVICE_CUDA_REFINE_GROUPS_H_
#define NIBBLE_DEVICE_CUDA_REFINE_GROUPS_H_

#include <cstdint>

#include "absl/types/span.h"
#include "device/cuda/kernel.h"
#include "device/cuda/product.h"
#include "device/cuda/round_columns.h"
#include "device/cuda/scratch.h"
#include "device/operations.h"

namespace nibble::cuda {

// What rows try and what they have found, of one group: element j of a row lies at j * rows + row, so that neighbouring
// threads have neighbouring floats.
struct GroupTrials {
  float *outside, *trial, *best;
  uint8_t *codes, *best_codes;
};

struct RefineGroupKernel {
  static constexpr int kPasses = 2;

  NIBBLE_HOST_DEVICE void operator()(int64_t row) const {
    TakeOutside(row);
    double least = 0;
    int64_t chosen = 0;
    for (int64_t choice = 0; choice < choices; ++choice) {
      const float* own = levels.row(row) + (begin / group * choices + choice) * count;
      for (int64_t j = 0; j < group; ++j) t.trial[At(j, row)] = error.row(row)[begin + j];
      for (int pass = 0; pass < kPasses; ++pass) {
        for (int64_t j = 0; j < group; ++j) RoundColumn(row, j, own);
      }
      const double cost = Cost(row);
      if (choice > 0 && !(cost < least)) continue;
      least = cost;
      chosen = choice;
      for (int64_t j = 0; j < group; ++j) {
        t.best[At(j, row)] = t.trial[At(j, row)];
        t.best_codes[At(j, row)] = t.codes[At(j, row)];
      }
    }
    chosen_choices[row * (w.cols / group) + begin / group] = static_cast<uint8_t>(chosen);
    for (int64_t j = 0; j < group; ++j) {
      error.row(row)[begin + j] = t.best[At(j, row)];
      chosen_codes[row * w.cols + begin + j] = t.best_codes[At(j, row)];
    }
  }

  NIBBLE_HOST_DEVICE int64_t At(int64_t j, int64_t row) const { return j * w.rows + row; }
  NIBBLE_HOST_DEVICE float Coupling(int64_t j, int64_t i) const { return coupling.row(begin + j)[begin + i]; }

  // Of what all columns' errors add to the group's, the group's own is taken off.
  NIBBLE_HOST_DEVICE void TakeOutside(int64_t row) const {
    for (int64_t j = 0; j < group; ++j) {
      float sum = sums[row * group + j];
      for (int64_t i = 0; i < group; ++i) sum -= error.row(row)[begin + i] * Coupling(j, i);
      t.outside[At(j, row)] = sum;
    }
  }

  NIBBLE_HOST_DEVICE void RoundColumn(int64_t row, int64_t j, const float* own) const {
    float target = t.outside[At(j, row)];
    for (int64_t i = 0; i < group; ++i) {
      if (i != j) target += t.trial[At(i, row)] * Coupling(j, i);
    }
    const float value = w.row(row)[begin + j];
    const int code = NearestLevel(own, count, target + value);
    t.codes[At(j, row)] = static_cast<uint8_t>(code);
    t.trial[At(j, row)] = value - own[code];
  }

  // What the group's errors add to e H e^T.
  NIBBLE_HOST_DEVICE double Cost(int64_t row) const {
    double cost = 0;
    for (int64_t j = 0; j < group; ++j) {
      float sum = 2 * t.outside[At(j, row)];
      for (int64_t i = 0; i < group; ++i) sum += t.trial[At(i, row)] * Coupling(j, i);
      cost += pivots[begin + j] * static_cast<double>(t.trial[At(j, row)]) * sum;
    }
    return cost;
  }

  int64_t begin, group;  // the group's first column, and its columns
  const float* sums;     // [rows, group]: what all errors add
  ConstMatrix w, coupling, levels;
  int64_t choices, count;  // of levels; of codes
  const float* pivots;
  GroupTrials t;
  Matrix error;
  uint8_t *chosen_codes, *chosen_choices;
};

template <typename Backend>
void RefineGroups(Device& device, const RefineGroupsArguments& arguments, Matrix error, absl::Span<uint8_t> codes,
                  absl::Span<uint8_t> choices) {
  auto& backend = static_cast<Backend&>(device);
  const int64_t rows = arguments.w.rows, n = arguments.w.cols, group = arguments.group, size = rows * group;
  const Scratch<float> pivots(backend, arguments.pivots), floats(backend, 4 * size);
  const Scratch<uint8_t> bytes(backend, 2 * size), chosen_codes(backend, rows * n);
  const Scratch<uint8_t> chosen_choices(backend, rows * (n / group));
  if (!pivots.ok() || !floats.ok() || !bytes.ok() || !chosen_codes.ok() || !chosen_choices.ok()) return;
  float* const sums = floats.data();
  const GroupTrials trials = {sums + size, sums + 2 * size, sums + 3 * size, bytes.data(), bytes.data() + size};
  for (int64_t begin = 0; begin < n; begin += group) {
    backend.Multiply({.m = rows,
                      .n = group,
                      .k = n,
                      .a = {error.data, n},
                      .b = {arguments.coupling.row(begin), n, /*transposed=*/true},
                      .c = sums,
                      .c_stride = group});
    backend.ForEach(rows, RefineGroupKernel{begin, group, sums, arguments.w, arguments.coupling, arguments.levels,
                                            arguments.choices, arguments.codes, pivots.data(), trials, error,
                                            chosen_codes.data(), chosen_choices.data()});
  }
  backend.CopyOut(chosen_codes.data(), codes.size(), codes.data());
  backend.CopyOut(chosen_choices.data(), choices.size(), choices.data());
}

}  // namespace nibble::cuda

#endif  // NIBBLE_DEVICE_CUDA_REFINE_GROUPS_H_
