// What the conformance tests of operations do not reach: products in all their forms, bf16, and memory that runs out.
#include "device/cuda/host_backend.h"

#include <cmath>
#include <cstdint>
#include <limits>
#include <vector>

#include "absl/status/status.h"
#include "absl/types/span.h"
#include "device/cuda/limited_backend.h"
#include "device/cuda/product.h"
#include "device/on_device.h"
#include "gtest/gtest.h"

namespace nibble::cuda {
namespace {

// Transposed or not, in batches, with gaps between rows, edges inside a tile.
TEST(Product, InAllItsForms) {
  for (int64_t m : {1, 64, 70}) {
    for (bool a_transposed : {false, true}) {
      for (bool b_transposed : {false, true}) {
        SCOPED_TRACE(testing::Message() << m << " rows, a^" << a_transposed << ", b^" << b_transposed);
        const int64_t n = 67, k = 19, batch = 2, gap = 3;
        const int64_t a_stride = (a_transposed ? m : k) + gap, b_stride = (b_transposed ? k : n) + gap,
                      c_stride = n + gap;
        const int64_t a_size = (a_transposed ? k : m) * a_stride, b_size = (b_transposed ? n : k) * b_stride;
        const Values a = RandomValues(batch * a_size, 1), b = RandomValues(b_size, 2);  // b is one for all of the batch
        const Values before = RandomValues(batch * m * c_stride, 3);
        for (float beta : {0.0f, 0.5f}) {
          Values c = before;
          HostBackend backend(1);
          Product product = {.m = m,
                             .n = n,
                             .k = k,
                             .batch = batch,
                             .alpha = -2,
                             .a = {a.data(), a_stride, a_transposed, a_size},
                             .b = {b.data(), b_stride, b_transposed, 0},
                             .beta = beta,
                             .c = c.data(),
                             .c_stride = c_stride,
                             .c_batch_stride = m * c_stride};
          backend.Multiply(product);
          Values by_tiles = before;
          product.c = by_tiles.data();
          backend.ForEachBlock(ProductKernel{product}.Blocks(), ProductKernel{product});
          ASSERT_EQ(by_tiles, c);
          for (int64_t i = 0; i < batch * m * c_stride; ++i) {
            const int64_t of = i / (m * c_stride), row = i / c_stride % m, col = i % c_stride;
            double sum = 0;
            for (int64_t d = 0; d < k && col < n; ++d) {
              sum += static_cast<double>(product.a.At(of, row, d)) * product.b.At(of, d, col);
            }
            if (col < n) {
              ASSERT_NEAR(c[i], -2 * sum + beta * before[i], 1e-4) << i;
            } else {
              ASSERT_EQ(c[i], before[i]) << i;
            }
          }
        }
      }
    }
  }
}

// What c held before, be it NaN, does not show through beta 0.
TEST(Product, OverwritesWhateverWasThere) {
  const Values one = {1};
  Values c = {NAN};
  const Product product = {
      .m = 1, .n = 1, .k = 1, .a = {one.data(), 1}, .b = {one.data(), 1}, .c = c.data(), .c_stride = 1};
  HostBackend(1).ForEachBlock(1, ProductKernel{product});
  EXPECT_EQ(c[0], 1);
}

TEST(RoundToBf16, ToNearestTiesToEven) {
  EXPECT_EQ(RoundToBf16(1 + 0x1p-8f), 1.0f);           // a tie
  EXPECT_EQ(RoundToBf16(1 + 0x3p-8f), 1 + 0x1p-6f);    // a tie the other way
  EXPECT_EQ(RoundToBf16(1 + 0x1.1p-8f), 1 + 0x1p-7f);  // above
  EXPECT_EQ(RoundToBf16(-3.140625f), -3.140625f);      // one of them
  EXPECT_EQ(RoundToBf16(0x1.fffp127f), std::numeric_limits<float>::infinity());
  EXPECT_TRUE(std::isnan(RoundToBf16(NAN)));
  EXPECT_TRUE(std::isnan(RoundToBf16(BitCast<float>(uint32_t{0x7f800001}))));
  EXPECT_TRUE(std::isnan(RoundToBf16(BitCast<float>(uint32_t{0x7fffffff}))));
}

// The model's linears and the statistics of their inputs may be rounded; everything else stays float32.
TEST(HostBackend, Bf16RoundsLinearsAndStatisticsAlone) {
  HostBackend backend(1, /*bf16=*/true);
  const Operations& operations = backend.operations();
  Values x = {1 + 0x1p-9f}, y = {0};
  const Matrix mx = {x.data(), 1, 1}, my = {y.data(), 1, 1};
  operations.linear(backend, mx, mx, nullptr, my);
  EXPECT_EQ(y[0], 1.0f);
  operations.gram(backend, mx, my);
  EXPECT_EQ(y[0], 2.0f);
  operations.cross_gram(backend, mx, mx, my);
  EXPECT_EQ(y[0], 3.0f);
  operations.matmul(backend, mx, mx, nullptr, my);
  EXPECT_EQ(y[0], (1 + 0x1p-9f) * (1 + 0x1p-9f));
}

TEST(LimitedBackend, AttentionTakesFewerQueriesAtATime) {
  const int64_t tokens = 50, width = 8;
  Values q = RandomValues(tokens * width, 1), k = RandomValues(tokens * width, 2), v = RandomValues(tokens * width, 3);
  const auto run = [&](HostBackend& backend) {
    Values y(tokens * width, NAN);
    backend.operations().attention(backend,
                                   {.heads = 2,
                                    .kv_heads = 2,
                                    .query = {q.data(), tokens, width},
                                    .key = {k.data(), tokens, width},
                                    .value = {v.data(), tokens, width},
                                    .window = 20},
                                   {y.data(), tokens, width});
    return y;
  };
  HostBackend large(1);
  const Values expected = run(large);
  LimitedBackend small({.floats = 2 * 7 * tokens});  // the scores of seven queries
  EXPECT_EQ(run(small), expected);
  EXPECT_TRUE(small.ok());
  LimitedBackend none({.floats = tokens});
  run(none);
  EXPECT_EQ(none.Download(nullptr, {}).code(), absl::StatusCode::kResourceExhausted);
}

// Whoever reads what an operation hands to the host before Download has told of the failure must not be misled.
TEST(LimitedBackend, AFactorWithoutRoomIsNoBadMatrix) {
  LimitedBackend none({.floats = 0});
  Values a = {1};
  EXPECT_EQ(none.operations().cholesky(none, {a.data(), 1, 1}), -1);
  EXPECT_FALSE(none.ok());
}

}  // namespace
}  // namespace nibble::cuda
