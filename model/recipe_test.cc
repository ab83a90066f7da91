// Stored elements with scales: values, raw blocks, and what is wrong with them.
#include <cmath>
#include <cstdint>
#include <cstring>
#include <limits>
#include <memory>
#include <random>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "formats/dtype.h"
#include "formats/tensor_source.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "model/logical_tensor.h"
#include "model/memory_file.h"
#include "quant/block/format.h"

namespace nibble {
namespace {

using ::testing::HasSubstr;
using Bytes = std::vector<std::byte>;

// Tensors written one behind the other.
class Store {
 public:
  void Add(std::string name, DType dtype, std::vector<int64_t> shape, const Bytes& bytes) {
    tensors_.push_back({std::move(name), dtype, std::move(shape), 0, bytes_.size(), bytes.size()});
    bytes_.insert(bytes_.end(), bytes.begin(), bytes.end());
  }
  void AddFloats(std::string name, DType dtype, std::vector<int64_t> shape, const std::vector<float>& values) {
    const BlockFormat& format = GetFormat(*GetDType(dtype).format);
    Bytes bytes(format.BytesFor(values.size()));
    format.encode_rtn(values.data(), values.size(), bytes.data());
    Add(std::move(name), dtype, std::move(shape), bytes);
  }
  TensorSource Source() {
    std::vector<std::unique_ptr<io::ReadableFile>> files;
    files.push_back(std::make_unique<MemoryFile>(bytes_));
    return TensorSource::Create(std::move(files), tensors_).value();
  }

 private:
  Bytes bytes_;
  std::vector<StoredTensor> tensors_;
};

Bytes RandomBytes(size_t size, std::mt19937& random, uint8_t mask = 0xff) {
  Bytes bytes(size);
  for (std::byte& byte : bytes) byte = static_cast<std::byte>(random() & mask);
  return bytes;
}

LogicalTensor Logical(StridedView view) {
  LogicalTensor tensor;
  for (const Axis& axis : view.rows) tensor.rows *= axis.count;
  tensor.cols = view.cols.count;
  tensor.recipe = std::move(view);
  return tensor;
}

std::vector<float> Values(const TensorSource& source, const LogicalTensor& tensor) {
  std::vector<float> values(tensor.rows * tensor.cols);
  EXPECT_EQ(ReadRows(source, tensor, 0, tensor.rows, absl::MakeSpan(values)), absl::OkStatus());
  return values;
}

TEST(Recipe, BlocksOfFp8HaveScalesAlsoWhereTheyArePartial) {
  std::mt19937 random(1);
  const int64_t rows = 20, cols = 13;
  const Bytes codes = RandomBytes(rows * cols, random, 0xbf);  // no NaN
  Store store;
  store.Add("w", DType::kF8_E4M3, {rows, cols}, codes);
  const std::vector<float> scales = {1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12};
  store.AddFloats("s", DType::kF32, {3, 4}, scales);  // of blocks of 8 x 4
  const TensorSource source = store.Source();
  StridedView view = IdentityView(source.tensors()[0]);
  view.scales = BlockScales{"s", 8, 4};
  std::vector<float> codes_as_values(rows * cols);
  GetFormat(Format::kF8_E4M3).decode(codes.data(), rows * cols, codes_as_values.data());
  const auto expected = [&](int64_t row, int64_t col) {
    return codes_as_values[row * cols + col] * scales[row / 8 * 4 + col / 4];
  };
  const std::vector<float> values = Values(source, Logical(view));
  for (int64_t i = 0; i < rows * cols; ++i) ASSERT_EQ(values[i], expected(i / cols, i % cols)) << i;
  EXPECT_EQ(RawDType(source, Logical(view)), std::nullopt);

  view.rows = {{cols, 1}};
  view.cols = {rows - 3, cols};
  view.base = 3 * cols;
  const std::vector<float> transposed = Values(source, Logical(view));
  for (int64_t i = 0; i < cols * (rows - 3); ++i) {
    ASSERT_EQ(transposed[i], expected(3 + i % (rows - 3), i / (rows - 3))) << i;
  }
}

TEST(Recipe, OneScaleMayServeAWholeTensorOrARow) {
  Store store;
  store.Add("w", DType::kF8_E4M3, {2, 2},
            {std::byte{0x38}, std::byte{0x40}, std::byte{0xb8}, std::byte{0}});  // 1 2 -1 0
  store.AddFloats("one", DType::kBF16, {}, {0.5f});
  store.AddFloats("rows", DType::kF32, {2, 1}, {3, 4});
  const TensorSource source = store.Source();
  StridedView view = IdentityView(source.tensors()[0]);
  view.scales = BlockScales{"one", 2, 2};
  EXPECT_THAT(Values(source, Logical(view)), testing::ElementsAre(0.5f, 1, -0.5f, 0));
  view.scales = BlockScales{"rows", 1, 2};
  EXPECT_THAT(Values(source, Logical(view)), testing::ElementsAre(3, 6, -4, 0));
}

// NVFP4 of compressed-tensors: a scale per 16 elements, divided by one for all.
TEST(Recipe, ScalesMayHaveADivisor) {
  std::mt19937 random(3);
  const Bytes codes = RandomBytes(2 * 32 / 2, random);
  const Bytes scales = {std::byte{0x38}, std::byte{0x40}, std::byte{0x30}, std::byte{0x01}};  // 1, 2, 1/2, 2^-9
  Store store;
  store.Add("w", DType::kU8, {2, 16}, codes);
  store.Add("s", DType::kF8_E4M3, {2, 2}, scales);
  store.AddFloats("g", DType::kF32, {1}, {6});
  store.AddFloats("bad", DType::kF32, {1}, {0});
  const TensorSource source = store.Source();
  StridedView view{.tensor = "w", .rows = {{2, 32}}, .cols = {32, 1}};
  view.packed = Format::kF4;
  view.scales = BlockScales{"s", 1, 16, "g"};
  const std::vector<float> values = Values(source, Logical(view));
  std::vector<float> elements(64);
  GetFormat(Format::kF4).decode(codes.data(), 32, elements.data());
  const float expected[] = {1.0f / 6, 2.0f / 6, 0.5f / 6, 0x1p-9f / 6};
  for (size_t i = 0; i < values.size(); ++i) ASSERT_EQ(values[i], elements[i] * expected[i / 16]) << i;
  EXPECT_EQ(RawDType(source, Logical(view)), std::nullopt);
  view.scales->divisor = "bad";
  std::vector<float> row(32);
  EXPECT_THAT(std::string(ReadRows(source, Logical(view), 0, 1, absl::MakeSpan(row)).message()),
              HasSubstr("tensor 'bad' [0]: expected a finite scale above 0, found 0"));
}

TEST(Recipe, AddsToEveryValue) {
  Store store;
  store.AddFloats("w", DType::kBF16, {3}, {0.5f, -1, 2});
  const TensorSource source = store.Source();
  StridedView view = IdentityView(source.tensors()[0]);
  view.add = 1;
  EXPECT_THAT(Values(source, Logical(view)), testing::ElementsAre(1.5f, 0, 3));
  EXPECT_EQ(RawDType(source, Logical(view)), std::nullopt);
}

// Two experts, fused pairs of rows, as gpt-oss has them: blocks [2, 6, 2, 16], scales [2, 6, 2].
struct MxFp4 {
  TensorSource source;
  LogicalTensor tensor;
  Bytes codes, scales;

  explicit MxFp4(int seed) {
    std::mt19937 random(seed);
    codes = RandomBytes(2 * 6 * 2 * 16, random);
    scales = RandomBytes(2 * 6 * 2, random, 0x7f);
    Store store;
    store.Add("w_blocks", DType::kU8, {2, 6, 2, 16}, codes);
    store.Add("w_scales", DType::kU8, {2, 6, 2}, scales);
    source = store.Source();
    StridedView view{.tensor = "w_blocks", .base = (6 + 1) * 64, .rows = {{3, 2 * 64}}, .cols = {64, 1}};
    view.packed = Format::kF4;
    view.scales = BlockScales{"w_scales", 1, 32};
    tensor = Logical(std::move(view));
  }
};

TEST(Recipe, Mxfp4IsReadAsValuesAndAsGgufsBlocks) {
  const MxFp4 fixture(2);
  constexpr float kValues[] = {0, 0.5f, 1, 1.5f, 2, 3, 4, 6, 0, -0.5f, -1, -1.5f, -2, -3, -4, -6};
  const std::vector<float> values = Values(fixture.source, fixture.tensor);
  for (int64_t row = 0; row < 3; ++row) {
    for (int64_t col = 0; col < 64; ++col) {
      const int64_t group = (6 + 1 + 2 * row) * 2 + col / 32;
      const int byte = static_cast<int>(fixture.codes[group * 16 + col % 32 / 2]);
      const float code = kValues[col % 2 == 0 ? byte & 15 : byte >> 4];
      ASSERT_EQ(values[row * 64 + col], std::ldexp(code, static_cast<int>(fixture.scales[group]) - 127)) << row << col;
    }
  }
  ASSERT_EQ(RawDType(fixture.source, fixture.tensor), DType::kMXFP4);
  const BlockFormat& format = GetFormat(Format::kMXFP4);
  Bytes raw(format.BytesFor(3 * 64));
  ASSERT_EQ(ReadRawRows(fixture.source, fixture.tensor, 0, 3, absl::MakeSpan(raw)), absl::OkStatus());
  std::vector<float> decoded(values.size());
  format.decode(raw.data(), raw.size() / format.block_bytes, decoded.data());
  EXPECT_EQ(decoded, values);
  EXPECT_EQ(raw[0], fixture.scales[14]);
  EXPECT_EQ(raw[1], (fixture.codes[14 * 16] & std::byte{15}) | (fixture.codes[14 * 16 + 8] & std::byte{15}) << 4);
  EXPECT_EQ(raw[2], fixture.codes[14 * 16] >> 4 | (fixture.codes[14 * 16 + 8] >> 4) << 4);
}

// Kimi K2's: I32 words [2, 8] of eight codes, BF16 scales [2, 2].
TEST(Recipe, Int4IsReadAsValuesAndAsQ4_0) {
  std::mt19937 random(3);
  const Bytes words = RandomBytes(2 * 8 * 4, random);
  Store store;
  store.Add("w", DType::kI32, {2, 8}, words);
  store.AddFloats("s", DType::kBF16, {2, 2}, {0.25f, 3, 1e-6f, 1.5f});
  const TensorSource source = store.Source();
  StridedView view{.tensor = "w", .rows = {{2, 64}}, .cols = {64, 1}};
  view.packed = Format::kInt4;
  view.scales = BlockScales{"s", 1, 32};
  const LogicalTensor tensor = Logical(view);
  const std::vector<float> values = Values(source, tensor);
  for (int64_t i = 0; i < 32; ++i) {
    uint32_t word;
    std::memcpy(&word, words.data() + i / 8 * 4, 4);
    EXPECT_EQ(values[i], (static_cast<int>(word >> i % 8 * 4 & 15) - 8) * 0.25f) << i;
  }
  ASSERT_EQ(RawDType(source, tensor), DType::kQ4_0);
  const BlockFormat& format = GetFormat(Format::kQ4_0);
  Bytes raw(format.BytesFor(128));
  int64_t rounded = 0;
  ASSERT_EQ(ReadRawRows(source, tensor, 0, 2, absl::MakeSpan(raw), &rounded), absl::OkStatus());
  EXPECT_EQ(rounded, 1);  // 1e-6 is between two halves
  std::vector<float> decoded(128);
  format.decode(raw.data(), 4, decoded.data());
  for (int64_t i = 0; i < 128; ++i) EXPECT_NEAR(decoded[i], values[i], i / 32 == 2 ? 1e-6f : 0) << i;
}

TEST(Recipe, AScaleBeyondHalfIsAnErrorForQ4_0) {
  Store store;
  store.Add("w", DType::kI32, {1, 4}, Bytes(16));
  store.AddFloats("s", DType::kBF16, {1, 1}, {131072});
  const TensorSource source = store.Source();
  StridedView view{.tensor = "w", .rows = {{1, 32}}, .cols = {32, 1}};
  view.packed = Format::kInt4;
  view.scales = BlockScales{"s", 1, 32};
  Bytes raw(18);
  const absl::Status status = ReadRawRows(source, Logical(view), 0, 1, absl::MakeSpan(raw));
  EXPECT_EQ(status.message(), "memory: tensor 's' [0, 0]: expected a scale that Q4_0 can hold, found 131072");
}

TEST(Recipe, NamesABadScale) {
  for (const float bad :
       {0.0f, -1.0f, std::numeric_limits<float>::quiet_NaN(), std::numeric_limits<float>::infinity()}) {
    Store store;
    store.Add("w", DType::kF8_E4M3, {4, 4}, Bytes(16));
    store.AddFloats("s", DType::kF32, {2, 2}, {1, 1, 1, bad});
    const TensorSource source = store.Source();
    StridedView view = IdentityView(source.tensors()[0]);
    view.scales = BlockScales{"s", 2, 2};
    std::vector<float> out(8);
    EXPECT_EQ(ReadRows(source, Logical(view), 0, 2, absl::MakeSpan(out)), absl::OkStatus());
    const absl::Status status = ReadRows(source, Logical(view), 2, 4, absl::MakeSpan(out));
    EXPECT_EQ(status.code(), absl::StatusCode::kDataLoss);
    EXPECT_THAT(std::string(status.message()), HasSubstr("tensor 's' [1, 1]: expected a finite scale above 0, found"));
  }
}

TEST(Recipe, NamesAnExponentOf255AndAnOverflow) {
  for (const auto& [code, message] : {std::pair(uint8_t{255}, "tensor 's' [0, 1]: expected a finite scale above 0"),
                                      {uint8_t{254}, "tensor 'w' [0, 1, 5]: expected a finite value, found inf"}}) {
    Bytes codes(32);
    codes[16 + 2] = std::byte{0x70};  // element 5 of the second block: 6
    Store store;
    store.Add("w", DType::kU8, {1, 2, 16}, codes);
    store.Add("s", DType::kF8_E8M0, {1, 2}, {std::byte{1}, std::byte{code}});
    const TensorSource source = store.Source();
    StridedView view{.tensor = "w", .rows = {{1, 64}}, .cols = {64, 1}};
    view.packed = Format::kF4;
    view.scales = BlockScales{"s", 1, 32};
    std::vector<float> out(64);
    Bytes raw(34);
    for (const absl::Status& status : {ReadRows(source, Logical(view), 0, 1, absl::MakeSpan(out)),
                                       ReadRawRows(source, Logical(view), 0, 1, absl::MakeSpan(raw))}) {
      EXPECT_EQ(status.code(), absl::StatusCode::kDataLoss);
      EXPECT_THAT(std::string(status.message()), HasSubstr(message));
    }
  }
}

TEST(Recipe, NamesAScaleOfABlockThatMeansNaN) {
  const struct {
    DType dtype;
    size_t byte;  // of the second block's last scale
    uint8_t nan;
    const char* place;
  } cases[] = {{DType::kMXFP4, 17, 0xff, "[0, 32]"}, {DType::kNVFP4, 36 + 3, 0x7f, "[1, 48]"}};
  for (const auto& c : cases) {
    const BlockFormat& format = GetFormat(*GetDType(c.dtype).format);
    Bytes bytes(format.BytesFor(128), std::byte{1});
    for (const bool spoilt : {false, true}) {
      if (spoilt) bytes[c.byte] = std::byte{c.nan};
      Store store;
      store.Add("w", c.dtype, {2, 64}, bytes);
      const TensorSource source = store.Source();
      const LogicalTensor tensor = Logical(IdentityView(source.tensors()[0]));
      std::vector<float> out(128);
      Bytes raw(bytes.size());
      for (const absl::Status& status : {ReadRows(source, tensor, 0, 2, absl::MakeSpan(out)),
                                         ReadRawRows(source, tensor, 0, 2, absl::MakeSpan(raw))}) {
        if (!spoilt) {
          EXPECT_EQ(status, absl::OkStatus());
          continue;
        }
        EXPECT_EQ(status.message(),
                  absl::StrCat("memory: tensor 'w' ", c.place, ": expected a finite scale, found nan"));
      }
    }
  }
}

TEST(PanelRows, AreManyWhereAViewWalksAgainstTheGrain) {
  const LogicalTensor along = Logical({.tensor = "t", .rows = {{9000, 100}}, .cols = {100, 1}});
  const LogicalTensor against = Logical({.tensor = "t", .rows = {{9000, 1}}, .cols = {100, 9000}});
  EXPECT_EQ(PanelRows(along, 91), 91);
  EXPECT_EQ(PanelRows(against, 91), 4096);
  EXPECT_EQ(PanelRows(against, 5000), 5000);
  EXPECT_EQ(PanelRows(Logical({.tensor = "t", .rows = {{30, 1}}, .cols = {100, 30}}), 91), 30);
  EXPECT_EQ(PanelRows(along, 0), 1);
}

}  // namespace
}  // namespace nibble
