// The operations of calibration on every device, against the plainest double-precision code and bit for bit against
// themselves with other numbers of threads.
#include <algorithm>
#include <cmath>
#include <cstdint>
#include <limits>
#include <utility>
#include <vector>

#include "absl/types/span.h"
#include "device/device_cases.h"
#include "device/on_device.h"
#include "gtest/gtest.h"
#include "quant/block/host_device.h"

namespace nibble {
namespace {

// A matrix of full rank: the gram of more rows than columns.
Values RandomGram(int64_t n, uint32_t seed) {
  const int64_t rows = n + 20;
  const Values x = RandomValues(rows * n, seed);
  Values gram(n * n);
  for (int64_t i = 0; i < n; ++i) {
    for (int64_t j = 0; j < n; ++j) {
      double sum = 0;
      for (int64_t t = 0; t < rows; ++t) sum += static_cast<double>(x[t * n + i]) * x[t * n + j];
      gram[i * n + j] = static_cast<float>(sum);
    }
  }
  return gram;
}

TEST_P(OnDevice, GramAddsToWhatIsThere) {
  for (const int64_t n : {5, 192, 200, 400}) {
    const int64_t rows = 70;
    const Values x = RandomValues(rows * n, 1), before = RandomGram(n, 2);
    Doubles expected(before.begin(), before.end());
    for (int64_t i = 0; i < n; ++i) {
      for (int64_t j = 0; j < n; ++j) {
        for (int64_t t = 0; t < rows; ++t) expected[i * n + j] += static_cast<double>(x[t * n + i]) * x[t * n + j];
      }
    }
    Check(
        [&](Device& device) {
          const Buffer dx = Put(device, x), h = Put(device, before);
          device.operations().gram(device, dx.matrix(rows, n), h.matrix(n, n));
          return Get(device, h);
        },
        expected);
  }
}

TEST_P(OnDevice, AddSquares) {
  const int64_t rows = 300, cols = 130;
  const Values x = RandomValues(rows * cols, 1);
  Doubles expected(cols, 5.0);
  for (int64_t t = 0; t < rows; ++t) {
    for (int64_t j = 0; j < cols; ++j) expected[j] += static_cast<double>(x[t * cols + j]) * x[t * cols + j];
  }
  std::vector<Doubles> results;
  for (int threads : {1, 2, 3}) {
    const auto device = Make(threads);
    const Buffer buffer = Put(*device, x);
    Doubles& sums = results.emplace_back(cols, 5.0);
    device->operations().add_squares(*device, buffer.matrix(rows, cols), absl::MakeSpan(sums));
    EXPECT_EQ(sums, results[0]) << threads << " threads";
  }
  for (int64_t j = 0; j < cols; ++j) EXPECT_NEAR(results[0][j], expected[j], 1e-13 * expected[j]) << j;
}

TEST_P(OnDevice, LargestMagnitude) {
  constexpr float kInfinity = std::numeric_limits<float>::infinity();
  const int64_t rows = 77, cols = 1031;
  Values values = RandomValues(rows * cols, 1);
  const auto largest = [&] {
    std::vector<float> found;
    for (int threads : {1, 2, 3}) {
      const auto device = Make(threads);
      const Buffer buffer = Put(*device, values);
      found.push_back(device->operations().largest_magnitude(*device, buffer.matrix(rows, cols)));
      EXPECT_EQ(device->operations().largest_magnitude(*device, buffer.matrix(0, cols)), 0);
    }
    EXPECT_EQ(BitCast<uint32_t>(found[1]), BitCast<uint32_t>(found[0]));
    EXPECT_EQ(BitCast<uint32_t>(found[2]), BitCast<uint32_t>(found[0]));
    return found[0];
  };
  values[rows * cols - 1] = -1000;
  EXPECT_EQ(largest(), 1000);
  values[0] = -kInfinity;
  EXPECT_EQ(largest(), kInfinity);
  values[40000] = -std::numeric_limits<float>::quiet_NaN();
  EXPECT_TRUE(std::isnan(largest()));
}

TEST_P(OnDevice, DotRows) {
  const int64_t rows = 90, cols = 700;
  const Values a = RandomValues(rows * cols, 1), b = RandomValues(rows * cols, 2), weights = RandomValues(cols, 3);
  for (const bool weighted : {false, true}) {
    Doubles expected(rows), sizes(rows), first;
    for (int64_t i = 0; i < rows * cols; ++i) {
      const double term = (weighted ? double{weights[i % cols]} : 1.0) * a[i] * b[i];
      expected[i / cols] += term;
      sizes[i / cols] += std::abs(term);
    }
    for (int threads : {1, 2, 3}) {
      const auto device = Make(threads);
      const Buffer da = Put(*device, a), db = Put(*device, b), dw = Put(*device, weights);
      Doubles sums(rows, NAN);
      device->operations().dot_rows(*device, da.matrix(rows, cols), db.matrix(rows, cols),
                                    weighted ? dw.data() : nullptr, absl::MakeSpan(sums));
      if (threads == 1) first = sums;
      EXPECT_EQ(sums, first) << threads << " threads";
    }
    for (int64_t r = 0; r < rows; ++r) EXPECT_NEAR(first[r], expected[r], 1e-14 * sizes[r]) << r;
  }
}

TEST_P(OnDevice, QuadraticForms) {
  for (const int64_t n : {1, 96, 128, 129, 700}) {
    for (const int64_t rows : {1, 90, 600}) {
      SCOPED_TRACE(testing::Message() << rows << " x " << n);
      const Values x = RandomValues(rows * n, 1), gram = RandomGram(n, 2);
      Values h = gram, weights(n);
      Doubles expected(rows), sizes(rows), first;
      for (int64_t j = 0; j < n; ++j) {
        weights[j] = gram[j * n + j];
        for (int64_t i = 0; i < n; ++i) h[j * n + i] = gram[j * n + i] / weights[j];
      }
      for (int64_t r = 0; r < rows; ++r) {
        for (int64_t j = 0; j < n; ++j) {
          double sum = 0, size = 0;
          for (int64_t i = 0; i < n; ++i) {
            const double term = static_cast<double>(gram[j * n + i]) * x[r * n + i];
            sum += term;
            size += std::abs(term);
          }
          expected[r] += x[r * n + j] * sum;
          sizes[r] += std::abs(x[r * n + j]) * size;
        }
      }
      for (int64_t j = 0; j < n; ++j) std::fill_n(&h[j * n + j] + 1, n - j - 1, NAN);  // not read
      for (int threads : {1, 2, 3}) {
        const auto device = Make(threads);
        const Buffer dx = Put(*device, x), dh = Put(*device, h), dw = Put(*device, weights);
        Doubles sums(rows, NAN);
        device->operations().quadratic_forms(*device, dx.matrix(rows, n), dh.matrix(n, n), dw.data(),
                                             absl::MakeSpan(sums));
        if (threads == 1) first = sums;
        EXPECT_EQ(sums, first) << threads << " threads";
      }
      for (int64_t r = 0; r < rows; ++r) EXPECT_NEAR(first[r], expected[r], 1e-6 * sizes[r]) << r;
    }
  }
}

TEST_P(OnDevice, CholeskyFactors) {
  for (const int64_t n : {1, 50, 96, 97, 500}) {
    SCOPED_TRACE(n);
    const Values a = RandomGram(n, 1);
    Doubles factor(n * n);
    for (int64_t i = 0; i < n; ++i) {
      for (int64_t j = 0; j <= i; ++j) {
        double rest = a[i * n + j];
        for (int64_t k = 0; k < j; ++k) rest -= factor[i * n + k] * factor[j * n + k];
        factor[i * n + j] = i == j ? std::sqrt(rest) : rest / factor[j * n + j];
      }
    }
    Values lower_alone = a;  // what lies above the diagonal is not read
    for (int64_t i = 0; i < n; ++i) std::fill_n(&lower_alone[i * n + i] + 1, n - i - 1, NAN);
    Check(
        [&](Device& device) {
          const Buffer buffer = Put(device, lower_alone);
          EXPECT_EQ(device.operations().cholesky(device, buffer.matrix(n, n)), -1);
          return Get(device, buffer);
        },
        factor, 2e-4);
  }
}

TEST_P(OnDevice, CholeskyNamesThePivotThatFails) {
  for (const int64_t bad : {0, 17, 130, 199}) {
    const int64_t n = 200;
    Values a = RandomGram(n, 1);
    a[bad * n + bad] = bad == 17 ? NAN : -1;
    const auto device = Make(2);
    const Buffer buffer = Put(*device, a);
    EXPECT_EQ(device->operations().cholesky(*device, buffer.matrix(n, n)), bad);
  }
}

TEST_P(OnDevice, CrossGramAddsToWhatIsThere) {
  for (const auto& shape : {std::pair<int64_t, int64_t>{5, 7}, {200, 130}, {64, 400}}) {
    const int64_t rows = 70, m = shape.first, n = shape.second;
    const Values x = RandomValues(rows * m, 1), y = RandomValues(rows * n, 2), before = RandomValues(m * n, 3);
    Doubles expected(before.begin(), before.end());
    for (int64_t i = 0; i < m; ++i) {
      for (int64_t j = 0; j < n; ++j) {
        for (int64_t t = 0; t < rows; ++t) expected[i * n + j] += static_cast<double>(x[t * m + i]) * y[t * n + j];
      }
    }
    Check(
        [&](Device& device) {
          const Buffer dx = Put(device, x), dy = Put(device, y), c = Put(device, before);
          device.operations().cross_gram(device, dx.matrix(rows, m), dy.matrix(rows, n), c.matrix(m, n));
          return Get(device, c);
        },
        expected);
  }
}

TEST_P(OnDevice, CholeskySolveUndoesTheMatrix) {
  for (const int64_t n : {1, 50, 64, 65, 300}) {
    SCOPED_TRACE(n);
    const int64_t rows = 70;
    Values a = RandomGram(n, 1);
    for (int64_t i = 0; i < n; ++i) a[i * n + i] += n;  // well conditioned: the answer is known to a few digits less
    const Values x = RandomValues(rows * n, 2);
    Values b(rows * n);
    for (int64_t r = 0; r < rows; ++r) {
      for (int64_t j = 0; j < n; ++j) {
        double sum = 0;
        for (int64_t i = 0; i < n; ++i) sum += static_cast<double>(x[r * n + i]) * a[i * n + j];
        b[r * n + j] = static_cast<float>(sum);
      }
    }
    Check(
        [&](Device& device) {
          const Buffer factor = Put(device, a), rows_of_b = Put(device, b);
          EXPECT_EQ(device.operations().cholesky(device, factor.matrix(n, n)), -1);
          device.operations().cholesky_solve(device, factor.matrix(n, n), rows_of_b.matrix(rows, n));
          return Get(device, rows_of_b);
        },
        Doubles(x.begin(), x.end()), 1e-4);
  }
}

int64_t NearestLevel(const float* levels, int64_t codes, double target) {
  int64_t code = 0;
  for (int64_t c = 1; c < codes; ++c) {
    if (std::abs(target - levels[c]) < std::abs(target - levels[code])) code = c;
  }
  return code;
}

struct Rounding {
  Doubles errors, left;
  std::vector<uint8_t> codes, choices;
};

// The operation's contract, word by word.
Rounding RoundPlainly(const RoundColumnsArguments& a) {
  const int64_t rows = a.w.rows, n = a.w.cols;
  Rounding result = {Doubles(rows * n), Doubles(rows * n), std::vector<uint8_t>(rows * n), {}};
  for (int64_t r = 0; r < rows; ++r) {
    double* error = &result.errors[r * n];
    for (int64_t j = 0; j < n; ++j) {
      double target = a.w.row(r)[j];
      for (int64_t i = 0; i < j; ++i) target += error[i] * a.coupling.row(j)[i];
      const float* levels = a.levels.row(r) + a.group[j] * a.codes;
      const int64_t code = NearestLevel(levels, a.codes, target);
      result.codes[r * n + j] = static_cast<uint8_t>(code);
      error[j] = static_cast<double>(a.w.row(r)[j]) - levels[code];
      result.left[r * n + j] = target - levels[code];
    }
  }
  return result;
}

TEST_P(OnDevice, RoundColumns) {
  struct Case {
    int64_t rows, n, codes;
  };
  for (const Case& c : {Case{1, 32, 16}, {70, 96, 16}, {64, 160, 64}, {130, 64, 5}}) {
    SCOPED_TRACE(testing::Message() << c.rows << " x " << c.n << ", " << c.codes << " codes");
    const int64_t group_length = 16, groups = c.n / group_length;
    Values w = RandomValues(c.rows * c.n, 1), coupling = RandomValues(c.n * c.n, 3);
    const Values levels = RandomValues(c.rows * groups * c.codes, 4);
    for (float& value : coupling) value *= 0.02f;
    std::vector<int32_t> group(c.n);
    for (int64_t j = 0; j < c.n; ++j) group[j] = static_cast<int32_t>((j * 7 % c.n) / group_length);
    const auto arguments = [&](float* w, const float* coupling, const float* levels) {
      return RoundColumnsArguments{.w = {w, c.rows, c.n},
                                   .coupling = {coupling, c.n, c.n},
                                   .group = group,
                                   .levels = {levels, c.rows, groups * c.codes},
                                   .codes = c.codes};
    };
    const Rounding expected = RoundPlainly(arguments(w.data(), coupling.data(), levels.data()));
    std::vector<uint8_t> codes(c.rows * c.n);
    for (const bool of_targets : {false, true}) {
      Check(
          [&](Device& device) {
            const Buffer dw = Put(device, w), dcoupling = Put(device, coupling), dlevels = Put(device, levels);
            const Buffer error = *device.Allocate(w.size());
            device.operations().round_columns(device, arguments(dw.data(), dcoupling.data(), dlevels.data()),
                                              error.matrix(c.rows, c.n), absl::MakeSpan(codes));
            return Get(device, of_targets ? dw : error);
          },
          of_targets ? expected.left : expected.errors);
      EXPECT_EQ(codes, expected.codes);
    }
  }
}

// The operation's contract, word by word, but that the costs of choices are whole sums e H e^T.
Rounding RefinePlainly(const RefineGroupsArguments& a, const Values& before) {
  const int64_t rows = a.w.rows, n = a.w.cols, groups = n / a.group;
  Rounding result = {
      Doubles(before.begin(), before.end()), {}, std::vector<uint8_t>(rows * n), std::vector<uint8_t>(rows * groups)};
  for (int64_t r = 0; r < rows; ++r) {
    const absl::Span<double> error = absl::MakeSpan(result.errors).subspan(r * n, n);
    for (int64_t g = 0; g < groups; ++g) {
      Doubles best(error.begin(), error.end());
      double least = std::numeric_limits<double>::infinity();
      for (int64_t choice = 0; choice < a.choices; ++choice) {
        const float* levels = a.levels.row(r) + (g * a.choices + choice) * a.codes;
        Doubles trial(error.begin(), error.end());
        std::vector<uint8_t> codes(a.group);
        for (int pass = 0; pass < 2; ++pass) {
          for (int64_t j = g * a.group; j < (g + 1) * a.group; ++j) {
            double target = a.w.row(r)[j];
            for (int64_t i = 0; i < n; ++i) {
              if (i != j) target += trial[i] * a.coupling.row(j)[i];
            }
            const int64_t code = NearestLevel(levels, a.codes, target);
            codes[j - g * a.group] = static_cast<uint8_t>(code);
            trial[j] = static_cast<double>(a.w.row(r)[j]) - levels[code];
          }
        }
        double cost = 0;
        for (int64_t j = 0; j < n; ++j) {
          for (int64_t i = 0; i < n; ++i) cost += a.pivots[j] * trial[j] * a.coupling.row(j)[i] * trial[i];
        }
        if (!(cost < least)) continue;
        least = cost;
        best = trial;
        result.choices[r * groups + g] = static_cast<uint8_t>(choice);
        std::copy(codes.begin(), codes.end(), &result.codes[r * n + g * a.group]);
      }
      std::copy(best.begin(), best.end(), error.begin());
    }
  }
  return result;
}

TEST_P(OnDevice, RefineGroups) {
  struct Case {
    int64_t rows, n, group, choices, codes;
  };
  for (const Case& c : {Case{1, 32, 32, 1, 16}, {70, 96, 32, 3, 16}, {64, 64, 16, 5, 64}, {130, 128, 128, 2, 5}}) {
    SCOPED_TRACE(testing::Message() << c.rows << " x " << c.n << ", groups of " << c.group);
    const int64_t groups = c.n / c.group;
    const Values gram = RandomGram(c.n, 1), w = RandomValues(c.rows * c.n, 2);
    const Values levels = RandomValues(c.rows * groups * c.choices * c.codes, 3);
    Values coupling(c.n * c.n), pivots(c.n), before(c.rows * c.n);
    for (int64_t j = 0; j < c.n; ++j) {
      pivots[j] = gram[j * c.n + j];
      for (int64_t i = 0; i < c.n; ++i) coupling[j * c.n + i] = gram[j * c.n + i] / pivots[j];
    }
    for (int64_t r = 0; r < c.rows; ++r) {  // on levels of choice 0
      for (int64_t j = 0; j < c.n; ++j) {
        before[r * c.n + j] = w[r * c.n + j] - levels[(r * groups + j / c.group) * c.choices * c.codes];
      }
    }
    const auto arguments = [&](const float* w, const float* coupling, const float* levels) {
      return RefineGroupsArguments{.w = {w, c.rows, c.n},
                                   .coupling = {coupling, c.n, c.n},
                                   .pivots = pivots,
                                   .group = c.group,
                                   .levels = {levels, c.rows, groups * c.choices * c.codes},
                                   .choices = c.choices,
                                   .codes = c.codes};
    };
    const Rounding expected = RefinePlainly(arguments(w.data(), coupling.data(), levels.data()), before);
    std::vector<uint8_t> codes(c.rows * c.n), choices(c.rows * groups);
    Check(
        [&](Device& device) {
          const Buffer dw = Put(device, w), dcoupling = Put(device, coupling), dlevels = Put(device, levels);
          const Buffer error = Put(device, before);
          device.operations().refine_groups(device, arguments(dw.data(), dcoupling.data(), dlevels.data()),
                                            error.matrix(c.rows, c.n), absl::MakeSpan(codes), absl::MakeSpan(choices));
          return Get(device, error);
        },
        expected.errors);
    EXPECT_EQ(codes, expected.codes);
    EXPECT_EQ(choices, expected.choices);
  }
}

INSTANTIATE_TEST_SUITE_P(Devices, OnDevice, testing::ValuesIn(kDevices),
                         [](const auto& info) { return info.param.name; });

}  // namespace
}  // namespace nibble
