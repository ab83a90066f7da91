#include "converters/quantization.h"

#include <cstdint>
#include <memory>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/types/span.h"
#include "base/status.h"
#include "formats/dtype.h"
#include "formats/io/file.h"
#include "formats/json/json.h"
#include "formats/tensor_source.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "model/logical_tensor.h"

namespace nibble {
namespace {

using ::testing::HasSubstr;

class NoFile : public io::ReadableFile {
 public:
  absl::Status ReadAt(uint64_t, absl::Span<std::byte>) const override { return absl::InternalError("read"); }
  const std::string& path() const override { return path_; }
  const io::FileInfo& info() const override { return info_; }

 private:
  std::string path_ = "m.safetensors";
  io::FileInfo info_;
};

TensorSource Source(std::vector<StoredTensor> tensors) {
  std::vector<std::unique_ptr<io::ReadableFile>> files;
  files.push_back(std::make_unique<NoFile>());
  return TensorSource::Create(std::move(files), std::move(tensors)).value();
}

json::Document Config(const std::string& members) {
  return json::Document::Parse(absl::StrCat("{", members, "}"), "config.json").value();
}

void ExpectStatus(const absl::Status& status, absl::StatusCode code, const std::string& message) {
  EXPECT_EQ(status.code(), code) << status;
  EXPECT_THAT(std::string(status.message()), HasSubstr(message));
  EXPECT_EQ(ExitCode(status), code == absl::StatusCode::kOk ? 0 : 65);
}

constexpr absl::StatusCode kOk = absl::StatusCode::kOk;
constexpr absl::StatusCode kBad = absl::StatusCode::kDataLoss;
constexpr absl::StatusCode kNot = absl::StatusCode::kUnimplemented;

std::string Of(const std::string& members) { return absl::StrCat("\"quantization_config\": {", members, "}"); }

constexpr char kFp8[] = R"("quant_method": "fp8", "weight_block_size": [128, 128])";
constexpr char kMxfp4[] = R"("quant_method": "mxfp4")";
std::string Int4(const std::string& weights = R"("num_bits": 4, "symmetric": true, "type": "int", "strategy": "group")",
                 const std::string& more = R"("format": "pack-quantized")") {
  return absl::StrCat(R"("quant_method": "compressed-tensors", "config_groups": {"group_0": {"weights": {)", weights,
                      R"(, "group_size": 32}}}, )", more);
}

constexpr char kFp8PerTensor[] = R"("num_bits": 8, "type": "float", "strategy": "tensor")";

TEST(CheckQuantization, NamesWhatIsNotRead) {
  const struct {
    std::string config;
    absl::StatusCode code;
    const char* message;
  } cases[] = {
      {"", kOk, ""},
      {R"("quantization_config": null)", kOk, ""},
      {Of(kFp8), kOk, ""},
      {Of(R"("quant_method": "fp8")"), kOk, ""},
      {Of(R"("quant_method": "fp8", "weight_block_size": null)"), kOk, ""},
      {Of(kMxfp4), kOk, ""},
      {Of(Int4()), kOk, ""},
      {Of(Int4(R"("num_bits": 4, "type": "float", "strategy": "group")", R"("format": "mxfp4-pack-quantized")")), kOk,
       ""},
      {Of(Int4(R"("num_bits": 4, "type": "float", "strategy": "tensor_group")", R"("format": "nvfp4-pack-quantized")")),
       kOk, ""},
      {Of(Int4(kFp8PerTensor, R"("format": "float-quantized")")), kOk, ""},
      {Of(R"("quant_method": "compressed-tensors", "format": "naive-quantized", "config_groups": {"g": {"weights":
             {"num_bits": 8, "symmetric": true, "type": "float", "strategy": "channel", "group_size": null}}})"),
       kOk, ""},
      {absl::StrCat(R"("text_config": {)", Of(kFp8), "}"), kOk, ""},
      {R"("quantization": {"qformat_weight": "fp8_e4m3"})", kOk, ""},
      // Methods that are not read.
      {Of(R"("quant_method": "bitsandbytes", "load_in_4bit": true)"), kNot,
       "config.json: $.quantization_config.quant_method: expected fp8, mxfp4, compressed-tensors, gptq or awq, found "
       "\"bitsandbytes\", which is not supported"},
      {Of(R"("load_in_4bit": true)"), kNot,
       "$.quantization_config.load_in_4bit: expected no quantization of bitsandbytes"},
      {Of(R"("load_in_8bit": true)"), kNot,
       "$.quantization_config.load_in_8bit: expected no quantization of bitsandbytes"},
      {absl::StrCat(R"("text_config": {)", Of(R"("quant_method": "hqq")"), "}"), kNot,
       "$.text_config.quantization_config.quant_method"},
      {R"("quantization": {"group_size": 64, "bits": 4})", kNot,
       "$.quantization.group_size: expected no quantization of MLX, found 64"},
      {absl::StrCat(R"("quantization": {"group_size": 64, "bits": 4}, )", Of(R"("group_size": 64, "bits": 4)")), kNot,
       "MLX"},
      // Integers in words.
      {Of(R"("quant_method": "gptq", "bits": 4, "group_size": 128, "desc_act": true, "sym": false)"), kOk, ""},
      {Of(R"("quant_method": "gptq", "bits": 8, "group_size": -1, "checkpoint_format": "gptq_v2")"), kOk, ""},
      {Of(R"("quant_method": "gptq", "bits": 4, "checkpoint_format": "gptq", "format": "gptq")"), kOk, ""},
      {Of(R"("quant_method": "awq", "bits": 4, "group_size": 128, "version": "gemm", "zero_point": true)"), kOk, ""},
      {Of(R"("quant_method": "gptq", "bits": 3)"), kNot, "$.quantization_config.bits: expected 4 or 8, found 3"},
      {Of(R"("quant_method": "gptq", "bits": 4, "checkpoint_format": "marlin")"), kNot,
       "checkpoint_format: expected gptq or gptq_v2, found \"marlin\""},
      {Of(R"("quant_method": "gptq", "bits": 4, "checkpoint_format": "gptq", "format": "gptq_v2")"), kBad,
       "format: expected \"gptq\", as above"},
      {Of(R"("quant_method": "gptq", "bits": 4, "is_marlin_format": true)"), kNot, "is_marlin_format"},
      {Of(R"("quant_method": "gptq", "bits": 4, "pack_dtype": "int64")"), kNot, "pack_dtype"},
      {Of(R"("quant_method": "gptq")"), kBad, "$.quantization_config.bits: expected an integer"},
      {Of(R"("quant_method": "gptq", "bits": 4, "group_size": 0)"), kBad, "group_size: expected -1 or a length"},
      {Of(R"("quant_method": "awq", "bits": 8)"), kNot, "$.quantization_config.bits: expected 4, found 8"},
      {Of(R"("quant_method": "awq", "bits": 4, "version": "gemv")"), kNot, "version: expected \"gemm\""},
      {Of(R"("quant_method": "awq", "bits": 4, "zero_point": false)"), kNot, "zero_point"},
      // Parts of a method.
      {Of(R"("quant_method": "fp8", "weight_block_size": [64, 64])"), kNot,
       "$.quantization_config.weight_block_size: expected [128, 128], found [64,64]"},
      {Of(Int4(R"("num_bits": 8, "symmetric": true, "type": "int", "strategy": "group")")), kNot,
       "$.quantization_config.config_groups.group_0.weights.num_bits: expected 4, found 8"},
      {Of(Int4(R"("num_bits": 4, "symmetric": false, "type": "int", "strategy": "group")")), kNot, "weights.symmetric"},
      {Of(Int4(R"("num_bits": 4, "symmetric": true, "type": "float", "strategy": "group")")), kNot, "weights.type"},
      {Of(Int4(R"("num_bits": 4, "symmetric": true, "type": "int", "strategy": "channel")")), kNot, "weights.strategy"},
      {Of(Int4(R"("num_bits": 4)", R"("format": "marlin-24")")), kNot,
       "$.quantization_config.format: expected pack-quantized, mxfp4-pack-quantized, nvfp4-pack-quantized, "
       "float-quantized, naive-quantized or mixed-precision, found \"marlin-24\""},
      {Of(Int4(R"("num_bits": 8, "type": "int", "strategy": "channel")", R"("format": "naive-quantized")")), kNot,
       "weights.type"},
      {Of(Int4(R"("num_bits": 8, "type": "float", "strategy": "block")", R"("format": "float-quantized")")), kNot,
       "weights.strategy: expected tensor or channel, found \"block\""},
      {Of(Int4(R"("num_bits": 4, "type": "int")", R"("format": "mxfp4-pack-quantized")")), kNot, "weights.type"},
      {Of(Int4(R"("num_bits": 4, "type": "float", "strategy": "group")", R"("format": "nvfp4-pack-quantized")")), kNot,
       "weights.strategy: expected \"tensor_group\""},
      {Of(R"("quant_method": "compressed-tensors", "format": "mixed-precision", "config_groups": {"a": {}})"), kBad,
       "$.quantization_config.config_groups.a.format: expected a string, found nothing"},
      {Of(R"("quant_method": "compressed-tensors", "format": "pack-quantized", "config_groups": {"a": {}, "b": {}})"),
       kBad, "$.quantization_config.config_groups.a.weights.group_size: expected an integer"},
      // What no program writes.
      {R"("quantization_config": [])", kBad, "$.quantization_config.quant_method: expected a string"},
      {Of(""), kBad, "$.quantization_config.quant_method: expected a string, found nothing"},
      {Of(R"("quant_method": 8)"), kBad, "$.quantization_config.quant_method: expected a string, found 8"},
      {Of(R"("quant_method": "fp8", "weight_block_size": [128])"), kBad, "weight_block_size: expected two lengths"},
      {Of(R"("quant_method": "fp8", "weight_block_size": [0, 128])"), kBad,
       "weight_block_size[0]: expected an integer"},
      {Of(R"("quant_method": "fp8", "weight_block_size": [128.0, 128])"), kBad,
       "weight_block_size[0]: expected an integer"},
      {Of(R"("quant_method": "compressed-tensors")"), kBad, "config_groups: expected an object"},
      {Of(R"("quant_method": "compressed-tensors", "format": "pack-quantized", "config_groups": {"g": {"weights": {"group_size": -1}}})"),
       kBad, "$.quantization_config.config_groups.g.weights.group_size: expected an integer"},
  };
  for (const auto& c : cases) {
    SCOPED_TRACE(c.config);
    ExpectStatus(CheckQuantization(Config(c.config).root()), c.code, c.message);
  }
}

const StoredTensor kBf16Tensor = {"a.weight", DType::kBF16, {256, 256}};
const StoredTensor kFp8Tensor = {"a.weight", DType::kF8_E4M3, {200, 256}};
const StoredTensor kMxfp4Tensor = {"a_blocks", DType::kU8, {64, 2, 16}};
const StoredTensor kInt4Tensor = {"a.weight_packed", DType::kI32, {64, 16}};

constexpr char kGptq[] = R"("quant_method": "gptq", "bits": 4, "group_size": 32)";
constexpr char kAwq[] = R"("quant_method": "awq", "bits": 4, "group_size": 32)";

// Of a linear of 64 inputs and 16 outputs.
std::vector<StoredTensor> Words(std::vector<int64_t> words, int64_t groups = 2, int64_t zeros = 2) {
  return {{"a.qweight", DType::kI32, std::move(words)},
          {"a.scales", DType::kF16, {groups, 16}},
          {"a.qzeros", DType::kI32, {groups, zeros}}};
}

StoredTensor Named(const char* name) { return {name, DType::kU8, {1}}; }
StoredTensor Scales(const char* name, std::vector<int64_t> shape) { return {name, DType::kF32, std::move(shape)}; }

TEST(CheckQuantizedTensors, MustBeWhatTheConfigSays) {
  const struct {
    const char* name;
    std::string config;
    std::vector<StoredTensor> tensors;
    absl::StatusCode code;
    const char* message;
  } cases[] = {
      {"plain", "", {kBf16Tensor}, kOk, ""},
      {"fp8", Of(kFp8), {kBf16Tensor, {"b.weight", DType::kF8_E5M2, {2, 2}}}, kOk, ""},
      {"mxfp4", Of(kMxfp4), {kMxfp4Tensor}, kOk, ""},
      {"int4", Of(Int4()), {kInt4Tensor}, kOk, ""},
      {"OpenAI's mxfp4", "", {Named("a.blocks")}, kOk, ""},
      {"Mistral's fp8", R"("quantization": {"qformat_weight": "fp8_e4m3"})", {kFp8Tensor}, kOk, ""},
      {"no fp8",
       Of(kFp8),
       {kBf16Tensor},
       kBad,
       "$.quantization_config.quant_method: expected a method that a tensor is stored in, found \"fp8\""},
      {"no mxfp4", Of(kMxfp4), {kBf16Tensor}, kBad, "found \"mxfp4\""},
      {"bytes are not mxfp4", Of(kMxfp4), {Named("a.weight")}, kBad, "found \"mxfp4\""},
      {"no int4", Of(Int4()), {kBf16Tensor}, kBad, "found \"compressed-tensors\""},
      {"another method", Of(kMxfp4), {kFp8Tensor}, kBad, "found \"mxfp4\""},
      {"undeclared fp8",
       "",
       {kFp8Tensor},
       kBad,
       "$.quantization_config.quant_method: expected \"fp8\", as tensor 'a.weight' is F8_E4M3, found nothing"},
      {"undeclared int4",
       "",
       {kInt4Tensor},
       kBad,
       "expected \"compressed-tensors\", as tensor 'a.weight_packed' is I32"},
      {"partial blocks", Of(kFp8), {kFp8Tensor, Scales("a.weight_scale_inv", {2, 2})}, kOk, ""},
      {"one scale", Of(kFp8), {kFp8Tensor, Scales("a.weight_scale_inv", {})}, kOk, ""},
      {"other blocks",
       Of(kFp8),
       {kFp8Tensor, Scales("a.weight_scale_inv", {4, 4})},
       kBad,
       "m.safetensors: tensor 'a.weight_scale_inv': expected shape [2, 2] for blocks of 128 x 128, which config.json: "
       "$.quantization_config says, found [4, 4]"},
      {"groups", Of(Int4()), {kInt4Tensor, Scales("a.weight_scale", {64, 4})}, kOk, ""},
      {"compressed fp8",
       Of(R"("quant_method": "compressed-tensors", "format": "float-quantized", "config_groups": {"g": {"weights":
             {"num_bits": 8, "symmetric": true, "type": "float", "strategy": "channel", "group_size": null}}})"),
       {kFp8Tensor, Scales("a.weight_scale", {200, 1})},
       kOk,
       ""},
      {"gptq", Of(kGptq), Words({8, 16}), kOk, ""},
      {"awq", Of(kAwq), Words({64, 2}), kOk, ""},
      {"gptq without words", Of(kGptq), {kBf16Tensor}, kBad, "found \"gptq\""},
      {"undeclared words", "", Words({8, 16}), kBad, "expected \"gptq\" or \"awq\", as tensor 'a.qweight' is I32"},
      {"gptq of awq's words", Of(kGptq), Words({64, 2}), kBad,
       "m.safetensors: tensor 'a.qweight': expected words of gptq, which config.json: $.quantization_config says, "
       "found "
       "shape [64, 2] for 16 outputs"},
      {"awq of gptq's words", Of(kAwq), Words({8, 16}), kBad, "expected words of awq"},
      {"words of other bits", Of(kGptq), Words({16, 16}, 2, 4), kBad,
       "tensor 'a.qzeros': expected 4 bits, which config.json: $.quantization_config says, found shape [2, 4]"},
      {"words of other groups", Of(kGptq), Words({8, 16}, 4), kBad,
       "tensor 'a.scales': expected 2 groups of 32, which config.json: $.quantization_config says, found 4"},
      {"words in an order that nothing tells",
       Of(R"("quant_method": "gptq", "bits": 4, "group_size": 32, "desc_act": true)"), Words({8, 16}), kBad,
       "expected a tensor 'a.g_idx' beside it, as config.json: $.quantization_config.desc_act is true"},
      {"bytes where integers are declared",
       Of(Int4()),
       {{"a.weight_packed", DType::kU8, {64, 64}}, Scales("a.weight_scale", {64, 4})},
       kBad,
       "tensor 'a.weight_packed': expected a type that a format packs"},
      {"words with settings of their own",
       Of(R"("quant_method": "gptq", "bits": 8, "group_size": 128, "dynamic": {"a": {"bits": 4}})"), Words({8, 16}),
       kOk, ""},
      {"other groups",
       Of(Int4()),
       {kInt4Tensor, Scales("a.weight_scale", {64, 1})},
       kBad,
       "tensor 'a.weight_scale': expected shape [64, 4] for blocks of 1 x 32"},
  };
  for (const auto& c : cases) {
    SCOPED_TRACE(c.name);
    const json::Document config = Config(c.config);
    ASSERT_EQ(CheckQuantization(config.root()), absl::OkStatus());
    ExpectStatus(CheckQuantizedTensors(config.root(), Source(c.tensors)), c.code, c.message);
  }
}

TEST(CheckQuantizedTensors, NamesTheProgramThatPackedThem) {
  const struct {
    std::vector<StoredTensor> tensors;
    const char* program;
  } cases[] = {
      {{Named("a.weight"), Named("a.weight.absmax"), Named("a.weight.quant_state.bitsandbytes__nf4")}, "bitsandbytes"},
      {{Named("a.weight"), Named("a.SCB")}, "bitsandbytes"},
      {{Named("a.weight"), Named("a.scales"), Named("a.biases")}, "MLX"},
      {{Named("a.W_q")}, "HQQ"},
      {{Named("a.codes"), Named("a.codebooks")}, "AQLM"},
      {{Named("a.q_weight")}, "EXL2"},
      {{Named("a.trellis")}, "EXL3"},
      {{Named("a.weight"), Named("a.weight_scale_2")}, "ModelOpt"},
  };
  const json::Document config = Config("");
  for (const auto& c : cases) {
    ExpectStatus(CheckQuantizedTensors(config.root(), Source(c.tensors)), kNot,
                 absl::StrCat("found those of ", c.program, ","));
  }
}

TEST(SetZeroPoints, OnlyVersionOneOfGptqStoresThemLessOne) {
  const struct {
    std::string config;
    int bits;
    uint32_t expected;
  } cases[] = {
      {Of(kGptq), 4, 0x11111111},
      {Of(kGptq), 8, 0x01010101},
      {Of(absl::StrCat(kGptq, R"(, "checkpoint_format": "gptq")")), 4, 0x11111111},
      {Of(absl::StrCat(kGptq, R"(, "checkpoint_format": "gptq_v2")")), 4, 0},
      {Of(absl::StrCat(kGptq, R"(, "format": "gptq_v2")")), 4, 0},
      {Of(kAwq), 4, 0},
  };
  for (const auto& c : cases) {
    std::vector<LogicalTensor> tensors(2);
    tensors[0].recipe = StridedView{.words = WordCodes{.bits = c.bits}};
    tensors[1].recipe = Constants{1};
    SetZeroPoints(Config(c.config).root(), absl::MakeSpan(tensors));
    EXPECT_EQ(std::get<StridedView>(tensors[0].recipe).words->add_to_zeros, c.expected) << c.config;
  }
}

}  // namespace
}  // namespace nibble
