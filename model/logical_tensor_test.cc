#include "model/logical_tensor.h"

#include <cmath>
#include <cstring>
#include <limits>
#include <memory>
#include <random>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "formats/dtype.h"
#include "formats/io/file.h"
#include "formats/tensor_source.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "model/memory_file.h"
#include "quant/block/format.h"

namespace nibble {
namespace {

using ::testing::HasSubstr;

// One tensor "t" and the values that its bytes mean.
struct Fixture {
  TensorSource source;
  std::vector<float> values;

  const StoredTensor& tensor() const { return source.tensors()[0]; }
};

Fixture Store(Format format, std::vector<int64_t> shape, const std::vector<float>& values) {
  const BlockFormat& codec = GetFormat(format);
  const size_t blocks = values.size() / codec.block_elements;
  std::vector<std::byte> bytes(blocks * codec.block_bytes);
  codec.encode_rtn(values.data(), blocks, bytes.data());
  Fixture fixture;
  fixture.values.resize(values.size());
  codec.decode(bytes.data(), blocks, fixture.values.data());
  StoredTensor tensor{.name = "t", .dtype = DTypeOf(format), .shape = std::move(shape), .bytes = bytes.size()};
  std::vector<std::unique_ptr<io::ReadableFile>> files;
  files.push_back(std::make_unique<MemoryFile>(std::move(bytes)));
  fixture.source = TensorSource::Create(std::move(files), {std::move(tensor)}).value();
  return fixture;
}

Fixture Random(Format format, std::vector<int64_t> shape, std::mt19937& random) {
  int64_t elements = 1;
  for (const int64_t size : shape) elements *= size;
  std::vector<float> values(elements);
  std::normal_distribution<float> normal;
  for (float& value : values) value = normal(random);
  return Store(format, std::move(shape), values);
}

// The definition in the header, element by element.
float Oracle(const Fixture& fixture, const StridedView& view, int64_t row, int64_t col) {
  int64_t element = view.base + col * view.cols.stride;
  int64_t below = 1;
  for (size_t k = view.rows.size(); k-- > 0;) {
    element += row / below % view.rows[k].count * view.rows[k].stride;
    below *= view.rows[k].count;
  }
  return fixture.values.at(element);
}

LogicalTensor Logical(StridedView view) {
  LogicalTensor tensor;
  for (const Axis& axis : view.rows) tensor.rows *= axis.count;
  tensor.cols = view.cols.count;
  tensor.recipe = std::move(view);
  return tensor;
}

void ExpectOracle(const Fixture& fixture, const LogicalTensor& tensor, int64_t begin, int64_t end) {
  std::vector<float> out((end - begin) * tensor.cols, -1);
  ASSERT_EQ(ReadRows(fixture.source, tensor, begin, end, absl::MakeSpan(out)), absl::OkStatus());
  const StridedView& view = std::get<StridedView>(tensor.recipe);
  for (int64_t row = begin; row < end; ++row) {
    for (int64_t col = 0; col < tensor.cols; ++col) {
      ASSERT_EQ(out[(row - begin) * tensor.cols + col], Oracle(fixture, view, row, col)) << row << ", " << col;
    }
  }
}

// Views with any axes over the fixture's elements, in any order.
StridedView RandomView(int64_t elements, std::mt19937& random) {
  const auto uniform = [&](int64_t low, int64_t high) { return low + int64_t(random() % (high - low + 1)); };
  StridedView view{.tensor = "t"};
  std::vector<Axis> axes;
  int64_t span = 1;
  for (int64_t k = uniform(1, 4); k > 0; --k) {
    const int64_t stride = uniform(0, 3) == 0 ? uniform(0, 70) : span;
    const int64_t room = stride == 0 ? 8 : (elements - span) / stride;
    const Axis axis{1 + (room > 0 ? uniform(0, std::min<int64_t>(room, 40)) : 0), stride};
    span += (axis.count - 1) * axis.stride;
    axes.push_back(axis);
  }
  std::shuffle(axes.begin(), axes.end(), random);
  view.cols = axes.back();
  axes.pop_back();
  view.rows = axes;
  view.base = uniform(0, elements - span);
  return view;
}

class ReadRowsOf : public testing::TestWithParam<Format> {};
INSTANTIATE_TEST_SUITE_P(Formats, ReadRowsOf, testing::Values(Format::kF32, Format::kBF16, Format::kQ4_0),
                         [](const auto& info) { return std::string(GetFormat(info.param).name); });

TEST_P(ReadRowsOf, AgreesWithTheDefinitionOnRandomViews) {
  std::mt19937 random(7);
  const Fixture fixture = Random(GetParam(), {64, 96}, random);
  for (int i = 0; i < 300; ++i) {
    const LogicalTensor tensor = Logical(RandomView(64 * 96, random));
    const int64_t begin = random() % tensor.rows;
    const int64_t end = begin + 1 + random() % (tensor.rows - begin);
    SCOPED_TRACE(i);
    ExpectOracle(fixture, tensor, begin, end);
  }
}

TEST_P(ReadRowsOf, ReadsSlicesTransposesAndPermutedRows) {
  std::mt19937 random(8);
  const Fixture fixture = Random(GetParam(), {64, 96}, random);
  const StridedView slice{.tensor = "t", .base = 8 * 96, .rows = {{16, 96}}, .cols = {96, 1}};
  const StridedView transposed{.tensor = "t", .rows = {{96, 1}}, .cols = {64, 96}};
  const StridedView odd_rows{.tensor = "t", .base = 96, .rows = {{32, 192}}, .cols = {96, 1}};
  for (const StridedView& view :
       {IdentityView(fixture.tensor()), RopeInterleavedView(fixture.tensor(), 4), slice, transposed, odd_rows}) {
    const LogicalTensor tensor = Logical(view);
    ExpectOracle(fixture, tensor, 0, tensor.rows);
    ExpectOracle(fixture, tensor, 5, 11);
    ExpectOracle(fixture, tensor, 3, 3);
  }
}

TEST(ReadRows, JoinsScatteredRowsOfATensorLargerThanOneFetch) {
  std::mt19937 random(9);
  const Fixture fixture = Random(Format::kBF16, {2048, 1024}, random);
  const LogicalTensor tensor = Logical(RopeInterleavedView(fixture.tensor(), 2));
  ExpectOracle(fixture, tensor, 0, tensor.rows);
  ExpectOracle(fixture, tensor, 1000, 1100);
}

TEST(ReadRows, TakesInterleavedRopeRowsFromHalfSplitOnes) {
  const Fixture fixture = Store(Format::kF32, {8, 1}, {0, 1, 2, 3, 4, 5, 6, 7});
  std::vector<float> out(8);
  const LogicalTensor matrix = Logical(RopeInterleavedView(fixture.tensor(), 2));
  ASSERT_EQ(ReadRows(fixture.source, matrix, 0, 8, absl::MakeSpan(out)), absl::OkStatus());
  EXPECT_THAT(out, testing::ElementsAre(0, 2, 1, 3, 4, 6, 5, 7));
}

TEST(ReadRows, GivesAPermutedBiasAsOneRow) {
  const Fixture fixture = Store(Format::kF32, {8}, {0, 1, 2, 3, 4, 5, 6, 7});
  LogicalTensor bias;
  bias.is_vector = true;
  bias.cols = 8;
  bias.recipe = RopeInterleavedView(fixture.tensor(), 1);
  std::vector<float> out(8);
  ASSERT_EQ(ReadRows(fixture.source, bias, 0, 1, absl::MakeSpan(out)), absl::OkStatus());
  EXPECT_THAT(out, testing::ElementsAre(0, 4, 1, 5, 2, 6, 3, 7));

  ASSERT_EQ(RawDType(fixture.source, bias), DType::kF32);
  std::vector<float> raw(8);
  ASSERT_EQ(ReadRawRows(fixture.source, bias, 0, 1, absl::MakeSpan(reinterpret_cast<std::byte*>(raw.data()), 32)),
            absl::OkStatus());
  EXPECT_EQ(raw, out);
}

TEST(ReadRows, GivesConstants) {
  const Fixture fixture = Store(Format::kF32, {1}, {0});
  LogicalTensor tensor;
  tensor.cols = 3;
  tensor.recipe = Constants{1, 2, 8};
  std::vector<float> out(3);
  ASSERT_EQ(ReadRows(fixture.source, tensor, 0, 1, absl::MakeSpan(out)), absl::OkStatus());
  EXPECT_THAT(out, testing::ElementsAre(1, 2, 8));
  EXPECT_EQ(RawDType(fixture.source, tensor), std::nullopt);
}

TEST(ReadRows, NamesAValueThatIsNotFinite) {
  for (const float bad : {std::numeric_limits<float>::quiet_NaN(), -std::numeric_limits<float>::infinity()}) {
    std::vector<float> values(6 * 4, 1);
    values[4 * 4 + 2] = bad;  // stored row 4 is row 3 of the view
    const Fixture fixture = Store(Format::kF32, {6, 4}, values);
    const LogicalTensor permuted = Logical(RopeInterleavedView(fixture.tensor(), 1));
    std::vector<float> out(8);
    EXPECT_EQ(ReadRows(fixture.source, permuted, 0, 2, absl::MakeSpan(out)), absl::OkStatus());
    const absl::Status status = ReadRows(fixture.source, permuted, 2, 4, absl::MakeSpan(out));
    EXPECT_EQ(status.code(), absl::StatusCode::kDataLoss);
    EXPECT_EQ(status.message(), absl::StrCat("memory: tensor 't' [4, 2]: expected a finite value, found ",
                                             std::isnan(bad) ? "nan" : "-inf"));
    std::vector<std::byte> raw(8 * 4);
    EXPECT_EQ(ReadRawRows(fixture.source, permuted, 2, 4, absl::MakeSpan(raw)), status);
  }
}

TEST(ReadRawRows, HandsOutStoredBlocksWhereRowsAreWholeBlocks) {
  std::mt19937 random(10);
  const Fixture fixture = Random(Format::kQ4_0, {8, 96}, random);
  const LogicalTensor permuted = Logical(RopeInterleavedView(fixture.tensor(), 2));
  ASSERT_EQ(RawDType(fixture.source, permuted), DType::kQ4_0);
  const BlockFormat& format = GetFormat(Format::kQ4_0);
  std::vector<std::byte> raw(format.BytesFor(5 * 96));
  ASSERT_EQ(ReadRawRows(fixture.source, permuted, 2, 7, absl::MakeSpan(raw)), absl::OkStatus());
  std::vector<float> decoded(5 * 96), expected(5 * 96);
  format.decode(raw.data(), 5 * 3, decoded.data());
  ASSERT_EQ(ReadRows(fixture.source, permuted, 2, 7, absl::MakeSpan(expected)), absl::OkStatus());
  EXPECT_EQ(decoded, expected);
}

TEST(RawDType, IsNothingWhereARowIsNoRunOfWholeBlocks) {
  std::mt19937 random(11);
  const Fixture fixture = Random(Format::kQ4_0, {8, 96}, random);
  const auto raw = [&](StridedView view) { return RawDType(fixture.source, Logical(std::move(view))); };
  EXPECT_EQ(raw({.tensor = "t", .rows = {{8, 96}}, .cols = {64, 1}}), DType::kQ4_0);
  EXPECT_EQ(raw({.tensor = "t", .base = 32, .rows = {{8, 96}}, .cols = {64, 1}}), DType::kQ4_0);
  EXPECT_EQ(raw({.tensor = "t", .base = 16, .rows = {{7, 96}}, .cols = {64, 1}}), std::nullopt);
  EXPECT_EQ(raw({.tensor = "t", .rows = {{8, 96}}, .cols = {48, 1}}), std::nullopt);
  EXPECT_EQ(raw({.tensor = "t", .rows = {{8, 80}}, .cols = {64, 1}}), std::nullopt);
  EXPECT_EQ(raw({.tensor = "t", .rows = {{96, 1}}, .cols = {8, 96}}), std::nullopt);
}

TEST(Roles, StandInTheOrderOfTheEnum) {
  for (const RoleInfo& role : Roles()) EXPECT_EQ(GetRole(role.id).gguf_name, role.gguf_name);
}

}  // namespace
}  // namespace nibble
