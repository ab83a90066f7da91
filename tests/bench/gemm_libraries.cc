// Which library multiplies matrices: y[T, out] = x[T, in] * w[out, in]^T in float32, as device/cpu/matmul.cc calls it:
// single-threaded on fixed tiles, tiles spread over OpenMP threads. Results: docs/performance.md. Not part of the build
// (only the chosen library is a dependency); to repeat, with libdnnl-dev, libopenblas-dev and libeigen3-dev:
//
//   g++ -std=c++20 -O3 -march=native -fopenmp -I/usr/include/eigen3 tests/bench/gemm_libraries.cc \
//       -ldnnl -lopenblas -o /tmp/gemm_libraries && OPENBLAS_NUM_THREADS=1 /tmp/gemm_libraries 2
#include <cblas.h>
#include <dnnl.h>
#include <omp.h>

#include <Eigen/Dense>
#include <algorithm>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <random>
#include <vector>

namespace {

using Gemm = void (*)(int64_t m, int64_t n, int64_t k, const float* x, const float* w, float* y, int64_t ldy);

void OneDnn(int64_t m, int64_t n, int64_t k, const float* x, const float* w, float* y, int64_t ldy) {
  omp_set_num_threads(1);
  dnnl_sgemm('N', 'T', m, n, k, 1, x, k, w, k, 0, y, ldy);
}

void OpenBlas(int64_t m, int64_t n, int64_t k, const float* x, const float* w, float* y, int64_t ldy) {
  cblas_sgemm(CblasRowMajor, CblasNoTrans, CblasTrans, m, n, k, 1, x, k, w, k, 0, y, ldy);
}

void EigenGemm(int64_t m, int64_t n, int64_t k, const float* x, const float* w, float* y, int64_t ldy) {
  using Matrix = Eigen::Matrix<float, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;
  Eigen::Map<Matrix, 0, Eigen::OuterStride<>>(y, m, n, Eigen::OuterStride<>(ldy)).noalias() =
      Eigen::Map<const Matrix>(x, m, k) * Eigen::Map<const Matrix>(w, n, k).transpose();
}

double GigaFlops(Gemm gemm, int threads, int64_t m, int64_t n, int64_t k, int64_t tile_m, int64_t tile_n) {
  std::mt19937 random(1);
  std::uniform_real_distribution<float> uniform(-1, 1);
  std::vector<float> x(m * k), w(n * k), y(m * n);
  for (float& value : x) value = uniform(random);
  for (float& value : w) value = uniform(random);
  const int64_t across = (n + tile_n - 1) / tile_n, tiles = (m + tile_m - 1) / tile_m * across;
  double best = 0;
  for (int repeat = 0; repeat < 7; ++repeat) {
    const auto start = std::chrono::steady_clock::now();
#pragma omp parallel for schedule(dynamic) num_threads(threads)
    for (int64_t tile = 0; tile < tiles; ++tile) {
      const int64_t row = tile / across * tile_m, column = tile % across * tile_n;
      gemm(std::min(tile_m, m - row), std::min(tile_n, n - column), k, &x[row * k], &w[column * k],
           &y[row * n + column], n);
    }
    const double seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
    best = std::max(best, 2e-9 * m * n * k / seconds);
  }
  return best;
}

}  // namespace

int main(int argc, char** argv) {
  const int threads = argc > 1 ? std::atoi(argv[1]) : 1;
  std::printf("    T   out    in     tile     oneDNN OpenBLAS  Eigen  (GFLOP/s, %d threads)\n", threads);
  for (const auto& [m, n, k] : {std::array<int64_t, 3>{512, 576, 576},
                                {512, 1536, 576},
                                {512, 576, 1536},
                                {512, 2048, 2048},
                                {2048, 1536, 576},
                                {2048, 576, 1536},
                                {2048, 2048, 2048},
                                {64, 64, 512}}) {
    for (const auto& [tile_m, tile_n] : {std::array<int64_t, 2>{128, 128}, {256, 256}, {512, 128}, {256, 512}}) {
      std::printf("%5ld %5ld %5ld  %4ld x %-4ld", m, n, k, tile_m, tile_n);
      for (Gemm gemm : {OneDnn, OpenBlas, EigenGemm}) {
        std::printf(" %8.1f", GigaFlops(gemm, threads, m, n, k, tile_m, tile_n));
      }
      std::printf("\n");
    }
  }
}
