// Folds as ReadRows evaluates them, against the matrices that they mean.
#include "model/fold.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstring>
#include <memory>
#include <random>
#include <string>
#include <utility>
#include <vector>

#include "absl/types/span.h"
#include "formats/dtype.h"
#include "formats/io/file.h"
#include "formats/tensor_source.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "model/logical_tensor.h"
#include "model/memory_file.h"
#include "quant/block/format.h"

namespace nibble {
namespace {

constexpr int64_t kRows = 40, kCols = 160;

struct Stored {
  TensorSource source;
  LogicalTensor tensor;
  std::vector<float> values;
};

Stored Random(int64_t rows, int64_t cols) {
  std::mt19937 random(rows + cols);
  std::normal_distribution<float> normal;
  Stored stored;
  stored.values.resize(rows * cols);
  for (float& value : stored.values) value = normal(random);
  std::vector<std::byte> bytes(stored.values.size() * sizeof(float));
  std::memcpy(bytes.data(), stored.values.data(), bytes.size());
  const StoredTensor tensor{.name = "t", .dtype = DType::kF32, .shape = {rows, cols}, .bytes = bytes.size()};
  stored.tensor = {.rows = rows, .cols = cols, .recipe = IdentityView(tensor)};
  std::vector<std::unique_ptr<io::ReadableFile>> files;
  files.push_back(std::make_unique<MemoryFile>(std::move(bytes)));
  stored.source = TensorSource::Create(std::move(files), {tensor}).value();
  return stored;
}

FoldScales Scales(std::vector<float> factors, bool divide = false, int64_t begin = 0) {
  return {std::make_shared<std::vector<float>>(std::move(factors)), divide, begin};
}

using Matrix = std::vector<std::vector<double>>;

// The step as a matrix.
Matrix MatrixOf(const FoldStep& step, int64_t size) {
  Matrix matrix(size, std::vector<double>(size));
  for (int64_t i = 0; i < size; ++i) matrix[i][i] = 1;
  if (const FoldScales* scales = std::get_if<FoldScales>(&step)) {
    for (size_t i = 0; i < scales->factors->size(); ++i) {
      const double factor = (*scales->factors)[i];
      matrix[scales->begin + i][scales->begin + i] = scales->divide ? 1 / factor : factor;
    }
    return matrix;
  }
  const FoldHadamard& hadamard = std::get<FoldHadamard>(step);
  for (int64_t i = hadamard.begin; i < size; ++i) {
    const int64_t block = (i - hadamard.begin) / hadamard.block * hadamard.block + hadamard.begin;
    for (int64_t k = 0; k < hadamard.block; ++k) {
      const int sign = std::popcount(static_cast<uint64_t>((i - block) & k)) % 2 == 0 ? 1 : -1;
      matrix[i][block + k] = sign / std::sqrt(hadamard.block);
    }
  }
  return matrix;
}

Matrix MatrixOf(const std::vector<FoldStep>& steps, int64_t size) {
  Matrix product = MatrixOf(FoldHadamard{}, size);
  for (const FoldStep& step : steps) {
    const Matrix left = MatrixOf(step, size), right = product;
    for (int64_t i = 0; i < size; ++i) {
      for (int64_t j = 0; j < size; ++j) {
        product[i][j] = 0;
        for (int64_t k = 0; k < size; ++k) product[i][j] += left[i][k] * right[k][j];
      }
    }
  }
  return product;
}

struct Case {
  const char* name;
  Fold fold;
};

std::vector<Case> Cases() {
  std::vector<float> row_factors, col_factors;
  for (int64_t i = 0; i < kRows; ++i) row_factors.push_back(0.25f + i % 7);
  for (int64_t i = 0; i < kCols; ++i) col_factors.push_back(i % 5 - 2.5f);
  return {{"nothing", {}},
          {"columns scaled", {.rows = {}, .cols = {Scales(col_factors)}}},
          {"columns divided", {.rows = {}, .cols = {Scales(col_factors, true)}}},
          {"rows scaled from the third on", {.rows = {Scales({2, 3, 4}, false, 3)}, .cols = {}}},
          {"columns rotated", {.rows = {}, .cols = {FoldHadamard{16}}}},
          {"rows rotated", {.rows = {FoldHadamard{8}}, .cols = {}}},
          {"rows rotated from the eighth on", {.rows = {FoldHadamard{32, 8}}, .cols = {}}},
          {"blocks within blocks", {.rows = {FoldHadamard{4, 8}, FoldHadamard{8}}, .cols = {}}},
          {"all of it",
           {.rows = {Scales(row_factors, true), FoldHadamard{8}, Scales(row_factors)},
            .cols = {Scales(col_factors), FoldHadamard{32}, FoldHadamard{16, 16}}}}};
}

TEST(Fold, IsAMapOfRowsAndOneOfColumns) {
  for (Case& c : Cases()) {
    Stored stored = Random(kRows, kCols);
    const Matrix left = MatrixOf(c.fold.rows, kRows), right = MatrixOf(c.fold.cols, kCols);
    stored.tensor.fold = std::make_shared<Fold>(std::move(c.fold));
    std::vector<float> found(kRows * kCols);
    ASSERT_EQ(ReadRows(stored.source, stored.tensor, 0, kRows, absl::MakeSpan(found)), absl::OkStatus());
    Matrix half(kRows, std::vector<double>(kCols));
    for (int64_t i = 0; i < kRows; ++i) {
      for (int64_t j = 0; j < kCols; ++j) {
        for (int64_t k = 0; k < kRows; ++k) half[i][j] += left[i][k] * stored.values[k * kCols + j];
      }
    }
    for (int64_t i = 0; i < kRows; ++i) {
      for (int64_t j = 0; j < kCols; ++j) {
        double expected = 0;
        for (int64_t k = 0; k < kCols; ++k) expected += half[i][k] * right[j][k];
        ASSERT_NEAR(found[i * kCols + j], expected, 1e-5) << c.name << " " << i << " " << j;
      }
    }
  }
}

TEST(Fold, GivesTheSameBitsForAnyRowsAskedFor) {
  for (Case& c : Cases()) {
    Stored stored = Random(kRows, kCols);
    stored.tensor.fold = std::make_shared<Fold>(std::move(c.fold));
    std::vector<float> all(kRows * kCols);
    ASSERT_EQ(ReadRows(stored.source, stored.tensor, 0, kRows, absl::MakeSpan(all)), absl::OkStatus());
    for (int64_t begin = 0; begin <= kRows; ++begin) {
      for (int64_t end = begin; end <= kRows; ++end) {
        std::vector<float> some((end - begin) * kCols);
        ASSERT_EQ(ReadRows(stored.source, stored.tensor, begin, end, absl::MakeSpan(some)), absl::OkStatus());
        const auto same_bits = [](float a, float b) { return std::memcmp(&a, &b, sizeof a) == 0; };
        ASSERT_TRUE(std::equal(some.begin(), some.end(), all.begin() + begin * kCols, same_bits))
            << c.name << " " << begin << " " << end;
      }
    }
  }
}

TEST(Fold, NamesATensorThatItTakesBeyondFloats) {
  Stored stored = Random(8, 32);
  stored.tensor.fold = std::make_shared<Fold>(Fold{.rows = {Scales({1, 1, 3e38f})}, .cols = {}});
  std::vector<float> rows(2 * 32);
  EXPECT_EQ(ReadRows(stored.source, stored.tensor, 0, 2, absl::MakeSpan(rows)), absl::OkStatus());
  const absl::Status status = ReadRows(stored.source, stored.tensor, 2, 4, absl::MakeSpan(rows));
  EXPECT_EQ(status.code(), absl::StatusCode::kDataLoss);
  EXPECT_THAT(std::string(status.message()),
              testing::HasSubstr("memory: tensor 't': expected values that a transform leaves finite, found"));
}

TEST(Fold, MakesPanelsWholeAndStoredBitsOfNoUse) {
  Stored stored = Random(300, 32);
  EXPECT_EQ(PanelRows(stored.tensor, 10), 10);
  EXPECT_EQ(RawDType(stored.source, stored.tensor), DType::kF32);
  stored.tensor.fold = std::make_shared<Fold>(Fold{.rows = {FoldHadamard{64}}, .cols = {FoldHadamard{32}}});
  EXPECT_EQ(PanelRows(stored.tensor, 10), 64);
  EXPECT_EQ(PanelRows(stored.tensor, 65), 128);
  EXPECT_EQ(PanelRows(stored.tensor, 290), 300);
  EXPECT_EQ(RawDType(stored.source, stored.tensor), std::nullopt);
}

}  // namespace
}  // namespace nibble
