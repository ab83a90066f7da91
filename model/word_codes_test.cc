// Integers in words, against codes, scales and zero points that are packed here.
#include <cmath>
#include <cstdint>
#include <cstring>
#include <limits>
#include <memory>
#include <numeric>
#include <random>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/types/span.h"
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
using Order = WordCodes::Order;

constexpr int kAwqOutputs[] = {0, 2, 4, 6, 1, 3, 5, 7};

// A linear's parts as numbers, and how they are packed.
struct Linear {
  int64_t outputs = 24, inputs = 40, groups = 5;
  WordCodes codes{.scales = "s", .zeros = "z"};
  std::vector<int> code, zero;  // [inputs, outputs], [groups, outputs]
  std::vector<float> scale;     // [groups, outputs]
  std::vector<int32_t> group;   // [inputs]

  Linear(Order order, int bits, bool act_order, uint32_t add_to_zeros) {
    codes.order = order;
    codes.bits = bits;
    codes.add_to_zeros = add_to_zeros;
    if (act_order) codes.groups = "g";
    std::mt19937 random(bits);
    code.resize(inputs * outputs);
    for (int& value : code) value = random() % (1 << bits);
    zero.resize(groups * outputs);
    for (int& value : zero) value = 1 + random() % ((1 << bits) - 1);
    for (size_t i = 0; i < zero.size(); ++i) scale.push_back(1 + i / 1024.0f);
    for (int64_t i = 0; i < inputs; ++i) group.push_back(i / (inputs / groups));
    if (act_order) std::shuffle(group.begin(), group.end(), random);
  }

  float Value(int64_t output, int64_t input) const {
    const int64_t at = group[input] * outputs + output;
    return (code[input * outputs + output] - zero[at]) * scale[at];
  }

  // [rows, outputs] as words of outputs.
  std::vector<uint32_t> OfOutputs(const std::vector<int>& values) const {
    const int per = 32 / codes.bits;
    std::vector<uint32_t> words;
    for (size_t first = 0; first < values.size(); first += per) {
      uint32_t word = 0;
      for (int i = 0; i < per; ++i) {
        const int from = codes.order == Order::kInterleaved ? kAwqOutputs[i] : i;
        word |= static_cast<uint32_t>(values[first + from]) << (i * codes.bits);
      }
      words.push_back(word);
    }
    return words;
  }
  std::vector<uint32_t> OfInputs() const {
    const int per = 32 / codes.bits;
    std::vector<uint32_t> words(inputs / per * outputs);
    for (int64_t input = 0; input < inputs; ++input) {
      for (int64_t output = 0; output < outputs; ++output) {
        words[input / per * outputs + output] |= static_cast<uint32_t>(code[input * outputs + output])
                                                 << (input % per * codes.bits);
      }
    }
    return words;
  }

  TensorSource Source() const {
    std::vector<uint32_t> zeros = OfOutputs(zero);
    for (uint32_t& word : zeros) word -= codes.add_to_zeros;
    const int per = 32 / codes.bits;
    const bool by_inputs = codes.order == Order::kInputs;
    Add("w", DType::kI32, by_inputs ? std::vector{inputs / per, outputs} : std::vector{inputs, outputs / per},
        by_inputs ? OfInputs() : OfOutputs(code));
    Add("z", DType::kI32, {groups, outputs / per}, zeros);
    const BlockFormat& half = GetFormat(Format::kF16);
    std::vector<std::byte> scales(half.BytesFor(scale.size()));
    half.encode_rtn(scale.data(), scale.size(), scales.data());
    Add("s", DType::kF16, {groups, outputs}, scales);
    Add("g", DType::kI32, {inputs}, group);
    std::vector<std::unique_ptr<io::ReadableFile>> files;
    files.push_back(std::make_unique<MemoryFile>(std::exchange(bytes_, {})));
    return TensorSource::Create(std::move(files), std::exchange(tensors_, {})).value();
  }

 private:
  template <typename T>
  void Add(std::string name, DType dtype, std::vector<int64_t> shape, const std::vector<T>& values) const {
    const uint64_t size = values.size() * sizeof(T);
    tensors_.push_back({std::move(name), dtype, std::move(shape), 0, bytes_.size(), size});
    bytes_.resize(bytes_.size() + size);
    std::memcpy(bytes_.data() + bytes_.size() - size, values.data(), size);
  }
  mutable std::vector<std::byte> bytes_;
  mutable std::vector<StoredTensor> tensors_;
};

LogicalTensor Whole(const Linear& linear) {
  StridedView view{.tensor = "w", .words = linear.codes};
  view.rows = {{linear.outputs, linear.inputs}};
  view.cols = {linear.inputs, 1};
  LogicalTensor tensor{.rows = linear.outputs, .cols = linear.inputs};
  tensor.recipe = std::move(view);
  return tensor;
}

std::vector<float> Rows(const TensorSource& source, const LogicalTensor& tensor, int64_t begin, int64_t end) {
  std::vector<float> values((end - begin) * tensor.cols);
  EXPECT_EQ(ReadRows(source, tensor, begin, end, absl::MakeSpan(values)), absl::OkStatus());
  return values;
}

TEST(WordCodes, AreTheValuesThatTheirPartsMean) {
  const struct {
    const char* name;
    Order order;
    int bits;
    bool act_order;
    uint32_t add_to_zeros;
  } cases[] = {{"GPTQ, version 2", Order::kInputs, 4, false, 0},
               {"GPTQ", Order::kInputs, 4, false, 0x11111111},
               {"GPTQ with act-order", Order::kInputs, 4, true, 0x11111111},
               {"GPTQ of 8 bits", Order::kInputs, 8, false, 0x01010101},
               {"GPTQ of 8 bits with act-order, version 2", Order::kInputs, 8, true, 0},
               {"AWQ", Order::kInterleaved, 4, false, 0}};
  for (const auto& c : cases) {
    SCOPED_TRACE(c.name);
    const Linear linear(c.order, c.bits, c.act_order, c.add_to_zeros);
    const TensorSource source = linear.Source();
    LogicalTensor tensor = Whole(linear);
    std::vector<float> expected;
    for (int64_t i = 0; i < linear.outputs * linear.inputs; ++i) {
      expected.push_back(linear.Value(i / linear.inputs, i % linear.inputs));
    }
    ASSERT_EQ(Rows(source, tensor, 0, tensor.rows), expected);
    EXPECT_EQ(RawDType(source, tensor), std::nullopt);
    EXPECT_EQ(ElementsShape(source, std::get<StridedView>(tensor.recipe)),
              (std::vector<int64_t>{linear.outputs, linear.inputs}));
    // Any rows, which begin and end within words.
    for (const auto& [begin, end] : {std::pair(0, 1), {5, 6}, {7, 9}, {3, 22}, {23, 24}}) {
      EXPECT_EQ(Rows(source, tensor, begin, end),
                std::vector<float>(expected.begin() + begin * tensor.cols, expected.begin() + end * tensor.cols));
    }
    // Parts of rows in another order, and against their grain.
    StridedView& view = std::get<StridedView>(tensor.recipe);
    view.rows = {{2, 12 * linear.inputs}, {6, linear.inputs}, {2, 6 * linear.inputs}};
    view.cols = {7, 1};
    view.base = 3;
    tensor.cols = 7;
    const std::vector<float> permuted = Rows(source, tensor, 0, tensor.rows);
    EXPECT_EQ(permuted[(12 + 2 * 3 + 1) * 7 + 2], linear.Value(12 + 6 + 3, 3 + 2));
    view.rows = {{linear.inputs, 1}};
    view.cols = {4, linear.inputs};
    view.base = 9 * linear.inputs;
    tensor.rows = linear.inputs;
    tensor.cols = 4;
    EXPECT_EQ(Rows(source, tensor, 0, tensor.rows)[11 * 4 + 2], linear.Value(9 + 2, 11));
  }
}

// As GPTQModel adds and subtracts it: in whole words.
TEST(WordCodes, ZeroPointsOfZeroCarry) {
  Linear linear(Order::kInputs, 4, false, 0x11111111);
  for (size_t i = 0; i < linear.zero.size(); i += 3) linear.zero[i] = 0;
  const TensorSource source = linear.Source();
  const LogicalTensor tensor = Whole(linear);
  EXPECT_EQ(Rows(source, tensor, 0, 1)[0], linear.Value(0, 0));
  EXPECT_EQ(Rows(source, tensor, 1, 2)[0], linear.Value(1, 0));
}

TEST(WordCodes, RowsAreReadManyAtATime) {
  const Linear linear(Order::kInputs, 4, false, 0);
  LogicalTensor tensor = Whole(linear);
  tensor.rows = 1 << 20;
  EXPECT_EQ(PanelRows(tensor, 1), 256);
  EXPECT_EQ(PanelRows(tensor, 1000), 1000);
}

TEST(WordCodes, BadPartsAreNamed) {
  const auto error = [](const Linear& linear) {
    const LogicalTensor tensor = Whole(linear);
    std::vector<float> values(tensor.rows * tensor.cols);
    const absl::Status status = ReadRows(linear.Source(), tensor, 0, tensor.rows, absl::MakeSpan(values));
    EXPECT_EQ(status.code(), absl::StatusCode::kDataLoss) << status;
    return std::string(status.message());
  };
  for (const int group : {-1, 5, std::numeric_limits<int>::max()}) {
    Linear linear(Order::kInputs, 4, true, 0);
    linear.group[17] = group;
    EXPECT_THAT(error(linear), HasSubstr(absl::StrCat("tensor 'g' [17]: expected a group below 5, found ", group)));
  }
  Linear linear(Order::kInterleaved, 4, false, 0);
  linear.scale[2 * 24 + 3] = std::numeric_limits<float>::quiet_NaN();
  EXPECT_THAT(error(linear), HasSubstr("tensor 's' [2, 3]: expected a finite scale, found nan"));
}

}  // namespace
}  // namespace nibble
