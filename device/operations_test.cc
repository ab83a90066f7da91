// Every operation of every device against the plainest double-precision code, and bit for bit against itself with
// other numbers of threads.
#include "device/operations.h"

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <vector>

#include "device/device_cases.h"
#include "device/on_device.h"
#include "gtest/gtest.h"

namespace nibble {
namespace {

TEST_P(OnDevice, MatMul) {
  struct Case {
    int64_t rows, in, out;
    bool bias;
  };
  // One row and few rows (decode), less than a tile, exactly one, and more in both directions.
  for (const Case& c : {Case{1, 576, 100, false},
                        {1, 19, 7, true},
                        {3, 64, 33, true},
                        {4, 64, 33, true},
                        {50, 7, 5, false},
                        {256, 64, 128, false},
                        {300, 576, 200, true},
                        {700, 33, 300, false}}) {
    SCOPED_TRACE(testing::Message() << c.rows << " x " << c.in << " x " << c.out);
    const Values x = RandomValues(c.rows * c.in, 1), w = RandomValues(c.out * c.in, 2), bias = RandomValues(c.out, 3);
    Doubles expected(c.rows * c.out);
    for (int64_t t = 0; t < c.rows; ++t) {
      for (int64_t o = 0; o < c.out; ++o) {
        double sum = c.bias ? bias[o] : 0;
        for (int64_t i = 0; i < c.in; ++i) sum += static_cast<double>(x[t * c.in + i]) * w[o * c.in + i];
        expected[t * c.out + o] = sum;
      }
    }
    Check(
        [&](Device& device) {
          const Buffer dx = Put(device, x), dw = Put(device, w), dbias = Put(device, bias);
          const Buffer y = *device.Allocate(c.rows * c.out);
          device.operations().matmul(device, dx.matrix(c.rows, c.in), dw.matrix(c.out, c.in),
                                     c.bias ? dbias.data() : nullptr, y.matrix(c.rows, c.out));
          return Get(device, y);
        },
        expected);
  }
}

TEST_P(OnDevice, Add) {
  const Values x = RandomValues(300 * 70, 1), y = RandomValues(300 * 70, 2);
  Doubles expected;
  for (size_t i = 0; i < x.size(); ++i) expected.push_back(static_cast<double>(x[i]) + y[i]);
  Check(
      [&](Device& device) {
        const Buffer dx = Put(device, x), dy = Put(device, y);
        device.operations().add(device, dx.matrix(300, 70), dy.matrix(300, 70));
        return Get(device, dy);
      },
      expected);
}

TEST_P(OnDevice, RmsNorm) {
  const int64_t rows = 300, cols = 67;
  const float epsilon = 0.1;
  const Values x = RandomValues(rows * cols, 1), weight = RandomValues(cols, 2);
  Doubles expected;
  for (int64_t row = 0; row < rows; ++row) {
    double squares = 0;
    for (int64_t col = 0; col < cols; ++col) squares += std::pow(x[row * cols + col], 2.0);
    for (int64_t col = 0; col < cols; ++col) {
      expected.push_back(x[row * cols + col] / std::sqrt(squares / cols + epsilon) * weight[col]);
    }
  }
  Doubles without_weight = expected;
  for (int64_t i = 0; i < rows * cols; ++i) without_weight[i] /= weight[i % cols];
  for (bool in_place : {false, true}) {
    for (bool weighted : {false, true}) {
      Check(
          [&](Device& device) {
            const Buffer dx = Put(device, x), dweight = Put(device, weight), other = *device.Allocate(x.size());
            const Buffer& y = in_place ? dx : other;
            device.operations().rms_norm(device, dx.matrix(rows, cols), weighted ? dweight.data() : nullptr, epsilon,
                                         y.matrix(rows, cols));
            return Get(device, y);
          },
          weighted ? expected : without_weight);
    }
  }
}

TEST_P(OnDevice, LayerNorm) {
  const int64_t rows = 5, cols = 67;
  const float epsilon = 0.1;
  Values x = RandomValues(rows * cols, 1);
  const Values weight = RandomValues(cols, 2), bias = RandomValues(cols, 3);
  for (int64_t col = 0; col < cols; ++col) x[col] += 1000;  // the mean is not lost in the squares
  for (bool with_bias : {false, true}) {
    Doubles expected;
    for (int64_t row = 0; row < rows; ++row) {
      double mean = 0, variance = 0;
      for (int64_t col = 0; col < cols; ++col) mean += x[row * cols + col] / static_cast<double>(cols);
      for (int64_t col = 0; col < cols; ++col) variance += std::pow(x[row * cols + col] - mean, 2) / cols;
      for (int64_t col = 0; col < cols; ++col) {
        const double normed = (x[row * cols + col] - mean) / std::sqrt(variance + epsilon);
        expected.push_back(normed * weight[col] + (with_bias ? bias[col] : 0));
      }
    }
    for (bool in_place : {false, true}) {
      Check(
          [&](Device& device) {
            const Buffer dx = Put(device, x), dweight = Put(device, weight), dbias = Put(device, bias);
            const Buffer other = *device.Allocate(x.size());
            const Buffer& y = in_place ? dx : other;
            device.operations().layer_norm(device, dx.matrix(rows, cols), dweight.data(),
                                           with_bias ? dbias.data() : nullptr, epsilon, y.matrix(rows, cols));
            return Get(device, y);
          },
          expected);
    }
  }
}

TEST_P(OnDevice, ScaleRows) {
  const int64_t rows = 6, cols = 7, count = 3;
  const Values x = RandomValues(rows * cols, 1), factors = RandomValues(count, 2);
  Doubles expected;
  for (int64_t i = 0; i < rows * cols; ++i) {
    expected.push_back(static_cast<double>(x[i]) * factors[i / cols % count]);
  }
  Check(
      [&](Device& device) {
        const Buffer dx = Put(device, x), dfactors = Put(device, factors);
        device.operations().scale_rows(device, dfactors.data(), count, dx.matrix(rows, cols));
        return Get(device, dx);
      },
      expected);
}

TEST_P(OnDevice, CopyHeads) {
  const int64_t rows = 4, heads = 3, from = 2, to = 7, first = 4;
  const Values x = RandomValues(rows * heads * from, 1), y = RandomValues(rows * heads * to, 2);
  for (bool shared : {false, true}) {
    const int64_t cols = shared ? from : heads * from;
    Doubles expected(y.begin(), y.end());
    for (int64_t row = 0; row < rows; ++row) {
      for (int64_t head = 0; head < heads; ++head) {
        for (int64_t i = 0; i < from; ++i) {
          expected[(row * heads + head) * to + first + i] = x[row * cols + (shared ? 0 : head * from) + i];
        }
      }
    }
    Check(
        [&](Device& device) {
          const Buffer dx = Put(device, x), dy = Put(device, y);
          device.operations().copy_heads(device, heads, shared, dx.matrix(rows, cols), first,
                                         dy.matrix(rows, heads * to));
          return Get(device, dy);
        },
        expected, 0);
  }
}

TEST_P(OnDevice, Rope) {
  const int64_t positions = 300, sequences = 3, heads = 2, length = 10, pairs = 4, first = 1;  // 8 of 10 turn
  const Values angles = RandomValues(positions * pairs, 1), x = RandomValues(sequences * positions * heads * length, 2);
  Values cosine, sine;
  for (float angle : angles) cosine.push_back(std::cos(angle)), sine.push_back(std::sin(angle));
  for (RopePairing pairing : {RopePairing::kInterleaved, RopePairing::kHalfSplit}) {
    Doubles expected(x.begin(), x.end());
    for (int64_t row = 0; row < sequences * positions; ++row) {
      for (int64_t head = 0; head < heads; ++head) {
        for (int64_t i = 0; i < pairs; ++i) {
          const bool interleaved = pairing == RopePairing::kInterleaved;
          double* start = &expected[(row * heads + head) * length + first];
          double& one = start[interleaved ? 2 * i : i];
          double& other = start[interleaved ? 2 * i + 1 : i + pairs];
          const double angle = angles[row % positions * pairs + i], a = one, b = other;
          one = a * std::cos(angle) - b * std::sin(angle);
          other = b * std::cos(angle) + a * std::sin(angle);
        }
      }
    }
    Check(
        [&](Device& device) {
          const Buffer dx = Put(device, x), dcosine = Put(device, cosine), dsine = Put(device, sine);
          device.operations().rope(device,
                                   {.pairing = pairing,
                                    .heads = heads,
                                    .first = first,
                                    .cosine = dcosine.matrix(positions, pairs),
                                    .sine = dsine.matrix(positions, pairs)},
                                   dx.matrix(sequences * positions, heads * length));
          return Get(device, dx);
        },
        expected);
  }
}

TEST_P(OnDevice, Attention) {
  struct Case {
    int64_t sequences, queries, keys, heads, kv_heads, key_length, value_length;
    int64_t window = 0, chunk = 0;
    bool sinks = false;
  };
  // Several blocks of queries; grouped heads; keys from before; decode; windows and chunks shorter and longer than a
  // block, that end inside and with it; sinks.
  for (const Case& c : {Case{1, 1, 1, 1, 1, 4, 4},
                        {1, 1, 100, 4, 2, 8, 8},
                        {2, 5, 5, 6, 2, 8, 4},
                        {3, 150, 150, 2, 1, 16, 16},
                        {1, 70, 200, 4, 4, 8, 8},
                        {2, 150, 150, 2, 1, 8, 4, 1},
                        {2, 150, 150, 2, 1, 8, 4, 10},
                        {1, 150, 200, 2, 2, 8, 8, 100},
                        {1, 1, 100, 2, 2, 8, 8, 16},
                        {2, 150, 150, 2, 1, 8, 4, 0, 10},
                        {1, 150, 170, 2, 2, 8, 8, 0, 64},
                        {1, 1, 97, 2, 2, 8, 8, 0, 16},
                        {1, 150, 170, 2, 2, 8, 8, 20, 64},
                        {2, 5, 5, 4, 2, 8, 4, 0, 0, true},
                        {1, 100, 150, 4, 2, 8, 8, 20, 0, true}}) {
    SCOPED_TRACE(testing::Message() << c.queries << " queries, " << c.keys << " keys, window " << c.window << ", chunk "
                                    << c.chunk);
    const int64_t q_cols = c.heads * c.key_length, k_cols = c.kv_heads * c.key_length;
    const int64_t v_cols = c.kv_heads * c.value_length, y_cols = c.heads * c.value_length;
    const int64_t q_rows = c.sequences * c.queries, k_rows = c.sequences * c.keys;
    const Values q = RandomValues(q_rows * q_cols, 1), k = RandomValues(k_rows * k_cols, 2),
                 v = RandomValues(k_rows * v_cols, 3), sinks = RandomValues(c.heads, 4);
    const double scale = 0.3;
    Doubles expected(q_rows * y_cols);
    for (int64_t s = 0; s < c.sequences; ++s) {
      for (int64_t h = 0; h < c.heads; ++h) {
        const int64_t g = h * c.kv_heads / c.heads;
        for (int64_t t = 0; t < c.queries; ++t) {
          Doubles p;
          double sum = c.sinks ? std::exp(sinks[h]) : 0;
          const int64_t position = c.keys - c.queries + t;
          for (int64_t n = 0; n <= position; ++n) {
            const bool seen =
                (c.window == 0 || position - n < c.window) && (c.chunk == 0 || n / c.chunk == position / c.chunk);
            if (!seen) {
              p.push_back(0);
              continue;
            }
            double score = 0;
            for (int64_t i = 0; i < c.key_length; ++i) {
              score += static_cast<double>(q[(s * c.queries + t) * q_cols + h * c.key_length + i]) *
                       k[(s * c.keys + n) * k_cols + g * c.key_length + i];
            }
            p.push_back(std::exp(scale * score));
            sum += p.back();
          }
          for (size_t n = 0; n < p.size(); ++n) {
            for (int64_t i = 0; i < c.value_length; ++i) {
              expected[(s * c.queries + t) * y_cols + h * c.value_length + i] +=
                  p[n] / sum * v[(s * c.keys + n) * v_cols + g * c.value_length + i];
            }
          }
        }
      }
    }
    Check(
        [&](Device& device) {
          const Buffer dq = Put(device, q), dk = Put(device, k), dv = Put(device, v), dsinks = Put(device, sinks);
          const Buffer y = *device.Allocate(expected.size());
          device.operations().attention(device,
                                        {.sequences = c.sequences,
                                         .heads = c.heads,
                                         .kv_heads = c.kv_heads,
                                         .scale = static_cast<float>(scale),
                                         .query = dq.matrix(q_rows, q_cols),
                                         .key = dk.matrix(k_rows, k_cols),
                                         .value = dv.matrix(k_rows, v_cols),
                                         .window = c.window,
                                         .chunk = c.chunk,
                                         .sinks = c.sinks ? dsinks.data() : nullptr},
                                        y.matrix(q_rows, y_cols));
          return Get(device, y);
        },
        expected);
  }
}

// Scores far apart, as attention sinks make them, neither overflow nor lose the small ones.
TEST_P(OnDevice, AttentionWithLargeScores) {
  const std::unique_ptr<Device> device = Make(2);
  const Buffer k = Put(*device, {1, 0, -1, 0, 1, 0}), v = Put(*device, {2, 5, 4});
  const Buffer q = Put(*device, {0, 0, 0, 0, 1000, 0}), y = *device->Allocate(3);
  device->operations().attention(*device, {1, 1, 1, 1, q.matrix(3, 2), k.matrix(3, 2), v.matrix(3, 1)}, y.matrix(3, 1));
  EXPECT_EQ(Get(*device, y), (Values{2, 3.5, 3}));
  const Buffer sink = Put(*device, {1000});  // as large as the last query's scores, far above the others'
  device->operations().attention(
      *device, {.query = q.matrix(3, 2), .key = k.matrix(3, 2), .value = v.matrix(3, 1), .sinks = sink.data()},
      y.matrix(3, 1));
  EXPECT_EQ(Get(*device, y), (Values{0, 0, 2}));
}

TEST_P(OnDevice, Activations) {
  const auto sigmoid = [](double x) { return 1 / (1 + std::exp(-x)); };
  const auto gelu = [](double x) { return x / 2 * (1 + std::tanh(std::sqrt(2 / M_PI) * (x + 0.044715 * x * x * x))); };
  struct Case {
    const char* name;
    std::function<double(double, double)> expected;  // of gate and up
    void (*run)(Device& device, ConstMatrix up, Matrix gate);
  };
  const Case cases[] = {
      {"swiglu", [&](double g, double u) { return g * sigmoid(g) * u; },
       [](Device& device, ConstMatrix up, Matrix gate) { device.operations().swiglu(device, up, gate); }},
      {"swiglu_clamped",
       [&](double g, double u) {
         g = std::min(g, 0.5);
         return g * sigmoid(1.75 * g) * (std::clamp(u, -0.5, 0.5) + 1);
       },
       [](Device& device, ConstMatrix up, Matrix gate) {
         device.operations().swiglu_clamped(device, 0.5, 1.75, up, gate);
       }},
      {"geglu", [&](double g, double u) { return gelu(g) * u; },
       [](Device& device, ConstMatrix up, Matrix gate) { device.operations().geglu(device, up, gate); }},
      {"gelu", [&](double g, double) { return gelu(g); },
       [](Device& device, ConstMatrix, Matrix gate) { device.operations().gelu(device, gate); }},
  };
  for (const Case& c : cases) {
    SCOPED_TRACE(c.name);
    Values gate = RandomValues(100, 1), up = RandomValues(100, 2);
    for (bool extreme : {false, true}) {
      if (extreme) gate[0] = -200, gate[1] = 200;  // both ends of the sigmoid
      Doubles expected;
      for (int i = 0; i < 100; ++i) expected.push_back(c.expected(gate[i], up[i]));
      Check(
          [&](Device& device) {
            const Buffer dgate = Put(device, gate), dup = Put(device, up);
            c.run(device, dup.matrix(10, 10), dgate.matrix(10, 10));
            return Get(device, dgate);
          },
          expected);
    }
  }
}

// Logits and their divergence, taken in pieces of any width, are those of the whole row.
TEST_P(OnDevice, SoftmaxAndDivergenceInPieces) {
  const int64_t rows = 7, cols = 100;
  Values reference = RandomValues(rows * cols, 1), candidate = RandomValues(rows * cols, 2);
  reference[5] = 90;                                // far above what came before
  reference[cols + 3] = reference[cols + 40] = 50;  // a tie: the first wins
  std::vector<uint32_t> targets = {0, 99, 5, 50, 49, 51, 7};
  Doubles expected;  // log-sum-exp, argmax, target, divergence
  for (int64_t row = 0; row < rows; ++row) {
    const float* r = &reference[row * cols];
    const float* c = &candidate[row * cols];
    double r_sum = 0, c_sum = 0, divergence = 0;
    for (int64_t i = 0; i < cols; ++i) r_sum += std::exp(static_cast<double>(r[i])), c_sum += std::exp(c[i]);
    for (int64_t i = 0; i < cols; ++i) {
      divergence += std::exp(static_cast<double>(r[i])) / r_sum * ((r[i] - std::log(r_sum)) - (c[i] - std::log(c_sum)));
    }
    expected.insert(expected.end(), {std::log(r_sum), static_cast<double>(std::max_element(r, r + cols) - r),
                                     r[targets[row]], divergence});
  }
  for (int64_t width : {int64_t{1}, int64_t{33}, cols}) {
    SCOPED_TRACE(width);
    Check(
        [&](Device& device) {
          std::vector<SoftmaxState> r_states(rows), c_states(rows);
          std::vector<DivergenceState> divergences(rows);
          for (int64_t begin = 0; begin < cols; begin += width) {
            const int64_t end = std::min(begin + width, cols);
            Values r, c;
            for (int64_t row = 0; row < rows; ++row) {
              r.insert(r.end(), &reference[row * cols + begin], &reference[row * cols] + end);
              c.insert(c.end(), &candidate[row * cols + begin], &candidate[row * cols] + end);
            }
            const Buffer dr = Put(device, r), dc = Put(device, c);
            const Operations& operations = device.operations();
            operations.accumulate_softmax(device, dr.matrix(rows, end - begin), begin, targets,
                                          absl::MakeSpan(r_states));
            operations.accumulate_softmax(device, dc.matrix(rows, end - begin), begin, targets,
                                          absl::MakeSpan(c_states));
            operations.accumulate_divergence(device, dr.matrix(rows, end - begin), dc.matrix(rows, end - begin),
                                             absl::MakeSpan(divergences));
          }
          Values result;
          for (int64_t row = 0; row < rows; ++row) {
            const SoftmaxState &r = r_states[row], &c = c_states[row];
            const double divergence = divergences[row].sum / r.sum - r.LogSumExp() + c.LogSumExp();
            for (double value : {r.LogSumExp(), static_cast<double>(r.argmax), r.target_value, divergence}) {
              result.push_back(value);
            }
          }
          return result;
        },
        expected);
  }
}

TEST_P(OnDevice, TooMuchMemoryIsAnError) {
  EXPECT_EQ(Make(1)->Allocate(int64_t{1} << 55).status().code(), absl::StatusCode::kResourceExhausted);
}

INSTANTIATE_TEST_SUITE_P(Devices, OnDevice, testing::ValuesIn(kDevices),
                         [](const testing::TestParamInfo<DeviceCase>& info) { return info.param.name; });

}  // namespace
}  // namespace nibble
