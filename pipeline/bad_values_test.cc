// The values class of bad input, through the whole job; the numbers are the catalogue's. What is no number is named and
// nothing is written; what is merely odd is encoded.
#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstring>
#include <filesystem>
#include <functional>
#include <limits>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "base/status.h"
#include "converters/test_checkpoint.h"
#include "formats/dtype.h"
#include "formats/io/file.h"
#include "formats/safetensors/safetensors.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "model/logical_tensor.h"
#include "model/model.h"
#include "model/role.h"
#include "pipeline/progress.h"
#include "pipeline/quantize.h"
#include "pipeline/source/byte_vocabulary.h"
#include "pipeline/source/open_model.h"
#include "pipeline/types/container.h"
#include "pipeline/types/type_options.h"

namespace nibble {
namespace {

namespace fs = std::filesystem;
using ::testing::HasSubstr;

constexpr float kNaN = std::numeric_limits<float>::quiet_NaN();
constexpr float kInfinity = std::numeric_limits<float>::infinity();

constexpr int64_t kRows = 256, kCols = 96;
constexpr TestShape kShape = {
    .layers = 1, .hidden = kRows, .heads = 8, .head_dim = 32, .feed_forward = kCols, .vocab = kByteVocabularySize};
constexpr char kTensor[] = "model.layers.0.mlp.down_proj.weight";

class Silent : public Progress {
 public:
  void Update(const ProgressUpdate&) override {}
  void Warn(const std::string&) override {}
};

// One matrix as it is published: codes, and scales beside them.
struct Part {
  std::string suffix;  // of the matrix's name
  DType dtype;
  std::vector<int64_t> shape;
  std::vector<std::byte> bytes;
};
struct Matrix {
  std::string quantization;  // of config.json
  std::vector<Part> parts;
};

template <typename T>
std::vector<std::byte> Bytes(const std::vector<T>& values) {
  std::vector<std::byte> bytes(values.size() * sizeof(T));
  std::memcpy(bytes.data(), values.data(), bytes.size());
  return bytes;
}

std::vector<std::byte> Filled(size_t size, int value) { return std::vector<std::byte>(size, std::byte(value)); }

template <typename T>
void Put(Part& part, size_t index, T value) {
  std::memcpy(part.bytes.data() + index * sizeof(T), &value, sizeof(T));
}

Matrix Floats(DType dtype, int one) {  // `one`: the code of 1.0
  const std::vector<uint16_t> codes(kRows * kCols, static_cast<uint16_t>(one));
  return {"", {{"", dtype, {kRows, kCols}, Bytes(codes)}}};
}
Matrix F32() { return {"", {{"", DType::kF32, {kRows, kCols}, Bytes(std::vector<float>(kRows * kCols, 1))}}}; }
Matrix Bf16() { return Floats(DType::kBF16, 0x3F80); }
Matrix F16() { return Floats(DType::kF16, 0x3C00); }

Matrix Fp8() {
  return {R"({"quant_method": "fp8", "weight_block_size": [128, 128]})",
          {{"", DType::kF8_E4M3, {kRows, kCols}, Filled(kRows * kCols, 0x38)},
           {"_scale_inv", DType::kF32, {2, 1}, Bytes(std::vector<float>{1, 1})}}};
}
Matrix Mxfp4() {
  return {R"({"quant_method": "mxfp4"})",
          {{"_blocks", DType::kU8, {kRows, kCols / 32, 16}, Filled(kRows * kCols / 2, 0x22)},
           {"_scales", DType::kU8, {kRows, kCols / 32}, Filled(kRows * kCols / 32, 127)}}};
}
Matrix Int4() {
  return {R"({"quant_method": "compressed-tensors", "format": "pack-quantized", "config_groups": {"group_0": {"weights":
             {"num_bits": 4, "type": "int", "symmetric": true, "strategy": "group", "group_size": 32}}}})",
          {{"_packed", DType::kI32, {kRows, kCols / 8}, Filled(kRows * kCols / 2, 0x99)},
           {"_scale", DType::kF32, {kRows, kCols / 32}, Bytes(std::vector<float>(kRows * kCols / 32, 1))}}};
}

class BadValues : public testing::Test {
 protected:
  void SetUp() override {
    fs::remove_all(folder_);
    fs::create_directories(folder_ + "/model");
  }

  void Write(const Matrix& matrix) {
    SetUp();
    TestCheckpoint checkpoint = RandomLlama(kShape);
    checkpoint.Remove(kTensor);
    if (!matrix.quantization.empty()) checkpoint.config["quantization_config"] = matrix.quantization;
    ASSERT_EQ(checkpoint.Write(folder_ + "/model"), absl::OkStatus());
    fs::rename(folder_ + "/model/model.safetensors", folder_ + "/model/a.safetensors");
    std::vector<safetensors::TensorInfo> infos;
    std::vector<absl::Span<const std::byte>> data;
    for (const Part& part : matrix.parts) {
      infos.push_back({kTensor + part.suffix, part.dtype, part.shape});
      data.push_back(part.bytes);
    }
    ASSERT_EQ(safetensors::WriteFile(io::Posix(), folder_ + "/model/b.safetensors", infos, data, {}, /*force=*/true),
              absl::OkStatus());
  }

  absl::Status Run(const std::string& source, const TypeOptions& types) {
    NIBBLE_ASSIGN_OR_RETURN(const Model model, OpenModel(io::Posix(), folder_ + "/" + source));
    Silent progress;
    return Quantize(io::Posix(), model, types, {.path = folder_ + "/out.gguf", .force = true}, progress).status();
  }

  void ExpectRefused(const absl::Status& status, const std::string& message) {
    EXPECT_EQ(ExitCode(status), 65) << status;
    EXPECT_THAT(std::string(status.message()), HasSubstr(message));
    EXPECT_FALSE(fs::exists(folder_ + "/out.gguf"));
    EXPECT_FALSE(fs::exists(folder_ + "/out.gguf.part"));
  }

  const std::string folder_ = testing::TempDir() + "/bad_values";
};

TEST_F(BadValues, AreNamedAndNothingIsWritten) {
  const struct {
    const char* name;
    Matrix matrix;
    std::function<void(Matrix&)> spoil;
    const char* message;
    const char* type = "Q8_0";
  } cases[] = {
      {"61 F32 NaN", F32(), [](Matrix& m) { Put(m.parts[0], 97, kNaN); },
       "down_proj.weight' [1, 1]: expected a finite value, found nan"},
      {"61 BF16 NaN", Bf16(), [](Matrix& m) { Put<uint16_t>(m.parts[0], 97, 0x7FC0); },
       "[1, 1]: expected a finite value"},
      {"61 F16 NaN", F16(), [](Matrix& m) { Put<uint16_t>(m.parts[0], 97, 0x7E00); },
       "[1, 1]: expected a finite value"},
      {"61 F8 NaN", Fp8(), [](Matrix& m) { Put<uint8_t>(m.parts[0], 97, 0x7F); }, "[1, 1]: expected a finite value"},
      {"62 F32 inf", F32(), [](Matrix& m) { Put(m.parts[0], 0, kInfinity); },
       "[0, 0]: expected a finite value, found inf"},
      {"62 F32 -inf", F32(), [](Matrix& m) { Put(m.parts[0], 0, -kInfinity); }, "expected a finite value, found -inf"},
      {"62 BF16 inf", Bf16(), [](Matrix& m) { Put<uint16_t>(m.parts[0], 5, 0x7F80); },
       "[0, 5]: expected a finite value"},
      {"62 F16 inf", F16(), [](Matrix& m) { Put<uint16_t>(m.parts[0], 5, 0x7C00); }, "[0, 5]: expected a finite value"},
      {"62 copied", Bf16(), [](Matrix& m) { Put<uint16_t>(m.parts[0], 5, 0x7F80); }, "expected a finite value", "BF16"},
      {"63 scale NaN", Fp8(), [](Matrix& m) { Put(m.parts[1], 1, kNaN); },
       "down_proj.weight_scale_inv' [1, 0]: expected a finite scale above 0, found nan"},
      {"63 scale zero", Fp8(), [](Matrix& m) { Put(m.parts[1], 1, 0.0f); }, "expected a finite scale above 0, found 0"},
      {"63 scale negative", Fp8(), [](Matrix& m) { Put(m.parts[1], 1, -1.0f); }, "a finite scale above 0, found -1"},
      {"63 scale infinite", Fp8(), [](Matrix& m) { Put(m.parts[1], 1, kInfinity); }, "above 0, found inf"},
      {"63 INT4 scale NaN", Int4(), [](Matrix& m) { Put(m.parts[1], 4, kNaN); },
       "weight_scale' [1, 1]: expected a finite"},
      {"63 INT4 scale zero, kept", Int4(), [](Matrix& m) { Put(m.parts[1], 4, 0.0f); }, "above 0, found 0", "Q4_0"},
      {"64 E8M0 255", Mxfp4(), [](Matrix& m) { Put<uint8_t>(m.parts[1], 4, 255); },
       "weight_scales' [1, 1]: expected a finite scale above 0, found nan"},
      {"64 E8M0 255, kept", Mxfp4(), [](Matrix& m) { Put<uint8_t>(m.parts[1], 4, 255); }, "above 0, found nan",
       "MXFP4"},
      {"66 a scale that F16 cannot hold", Int4(), [](Matrix& m) { Put(m.parts[1], 4, 1e5f); },
       "expected a scale that Q4_0 can hold, found 100000", "Q4_0"},
      {"66 a product beyond F16", Fp8(), [](Matrix& m) { Put(m.parts[1], 0, 7e4f); },
       "'blk.0.ffn_down.weight' [0, 0]: expected a value that F16 can hold, found 70000", "F16"},
      {"66 a product beyond floats", Fp8(),
       [](Matrix& m) {
         Put<uint8_t>(m.parts[0], 0, 0x7E);
         Put(m.parts[1], 0, 3e38f);
       },
       "[0, 0]: expected a finite value, found inf"},
      {"72 BF16 beyond F16", Bf16(), [](Matrix& m) { Put<uint16_t>(m.parts[0], 0, 0x4F80); },
       "expected a value that F16 can hold", "F16"},
      {"72 BF16 beyond a block's scale", Bf16(), [](Matrix& m) { Put<uint16_t>(m.parts[0], 0, 0x7F00); },
       "expected a value that Q8_0 can hold"},
  };
  for (const auto& c : cases) {
    SCOPED_TRACE(c.name);
    Matrix matrix = c.matrix;
    Write(matrix);
    ASSERT_EQ(Run("model", {.type = c.type}), absl::OkStatus());  // sound before it is spoiled
    c.spoil(matrix);
    Write(matrix);
    ExpectRefused(Run("model", {.type = c.type}), c.message);
  }
}

// Where a text chooses the codes, as without one.
TEST_F(BadValues, AreNamedWhereATextIsRun) {
  for (const char* method : {"weighted", "gptq"}) {
    SCOPED_TRACE(method);
    Matrix matrix = F32();
    for (const bool spoilt : {false, true}) {
      if (spoilt) Put(matrix.parts[0], 97, 1e30f);
      Write(matrix);
      absl::StatusOr<Model> model = OpenModel(io::Posix(), folder_ + "/model");
      ASSERT_EQ(model.status(), absl::OkStatus());
      model->vocabulary = MakeByteVocabulary();
      Silent progress;
      const absl::Status status = Quantize(io::Posix(), *model, {.type = "Q4_0", .method = method},
                                           {.path = folder_ + "/out.gguf", .force = true}, progress,
                                           {.texts = {.files = {{"text", std::string(200, '!') + "#%"}}, .ctx = 16}})
                                      .status();
      if (spoilt) {
        ExpectRefused(status, "'blk.0.ffn_down.weight' [1, 1]: expected a value that Q4_0 can hold, found 1e+30");
      } else {
        EXPECT_EQ(status, absl::OkStatus());
        fs::remove(folder_ + "/out.gguf");
      }
    }
  }
}

// 52, 55 and 56, of what belongs together.
TEST_F(BadValues, PartsThatDoNotFitAreNamed) {
  const struct {
    const char* name;
    Matrix matrix;
    std::function<void(Matrix&)> spoil;
    const char* message;
  } cases[] = {
      {"52 another shape", Bf16(),
       [](Matrix& m) {
         m.parts[0].shape = {kCols, kRows};
       },
       "down_proj.weight' [96, 256] instead of [256, 96]"},
      {"52 a vector", Bf16(), [](Matrix& m) { m.parts[0].shape = {kRows * kCols}; }, "[24576] instead of [256, 96]"},
      {"52 numbers of no weight", Floats(DType::kI16, 0), [](Matrix&) {}, "down_proj.weight' (I16)"},
      {"55 no FP8 scale", Fp8(), [](Matrix& m) { m.parts.pop_back(); },
       "no 'model.layers.0.mlp.down_proj.weight_scale_inv', the scales of"},
      {"55 no MXFP4 scale", Mxfp4(), [](Matrix& m) { m.parts.pop_back(); },
       "no 'model.layers.0.mlp.down_proj.weight_scales'"},
      {"55 no INT4 scale", Int4(), [](Matrix& m) { m.parts.pop_back(); },
       "no 'model.layers.0.mlp.down_proj.weight_scale'"},
      {"56 FP8 scales", Fp8(),
       [](Matrix& m) {
         m.parts[1].shape = {1, 2};
       },
       "expected shape [2, 1] for blocks of 128 x 128"},
      {"56 MXFP4 scales", Mxfp4(),
       [](Matrix& m) {
         m.parts[1].shape = {kCols / 32, kRows};
       },
       "which cannot be the scales of"},
      {"56 INT4 scales", Int4(),
       [](Matrix& m) {
         m.parts[1].shape = {kCols / 32, kRows};
       },
       "expected shape [256, 3]"},
      {"56 scales of no numbers", Fp8(), [](Matrix& m) { m.parts[1].dtype = DType::kI32; },
       "which cannot be the scales of"},
      {"57 undeclared", Fp8(), [](Matrix& m) { m.quantization.clear(); },
       "$.quantization_config.quant_method: expected \"fp8\""},
      {"57 declared, not stored", Bf16(), [](Matrix& m) { m.quantization = R"({"quant_method": "fp8"})"; },
       "$.quantization_config.quant_method: expected a method that a tensor is stored in, found \"fp8\""},
      {"57 another method", Fp8(), [](Matrix& m) { m.quantization = R"({"quant_method": "mxfp4"})"; },
       "found \"mxfp4\""},
  };
  for (const auto& c : cases) {
    SCOPED_TRACE(c.name);
    Matrix matrix = c.matrix;
    c.spoil(matrix);
    Write(matrix);
    ExpectRefused(Run("model", {}), c.message);
  }
}

// 67 to 71: odd values that every type holds, or that a fallback holds.
TEST_F(BadValues, OddOnesAreEncoded) {
  const struct {
    const char* name;
    float value, other;  // every third value, and the rest
  } cases[] = {
      {"67 denormals", 1e-40f, -3e-41f}, {"68 negative zeros", -0.0f, -0.0f},
      {"68 both zeros", 0, -0.0f},       {"69 all zero", 0, 0},
      {"70 all equal", 0.3f, 0.3f},      {"70 one in each block", 0.5f, 0},
  };
  for (const auto& c : cases) {
    SCOPED_TRACE(c.name);
    Matrix matrix = F32();
    for (int i = 0; i < kRows * kCols; ++i) Put(matrix.parts[0], i, i % 3 == 0 ? c.value : c.other);
    Write(matrix);
    for (const std::string& type : TypeNames(Container::kGguf)) {
      SCOPED_TRACE(type);
      ASSERT_EQ(Run("model", {.type = type}), absl::OkStatus());
      const Model output = OpenModel(io::Posix(), folder_ + "/out.gguf").value();
      std::vector<float> values(kRows * kCols);
      ASSERT_EQ(ReadRows(output.source, *output.Find(Role::kDown, 0), 0, kRows, absl::MakeSpan(values)),
                absl::OkStatus());
      const float tolerance = type == "F32" ? 0 : 1e-6f + 0.2f * std::max(c.value, c.other);
      for (size_t i = 0; i < values.size(); ++i) {
        ASSERT_NEAR(values[i], i % 3 == 0 ? c.value : c.other, tolerance) << i;
      }
    }
  }
}

}  // namespace
}  // namespace nibble
