// Folders, from quantize to the model that is read from them.
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <map>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/types/span.h"
#include "base/status.h"
#include "converters/family.h"
#include "converters/test_checkpoint.h"
#include "formats/dtype.h"
#include "formats/io/faulty_file_system.h"
#include "formats/io/file.h"
#include "formats/tensor_source.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "model/logical_tensor.h"
#include "model/model.h"
#include "pipeline/no_progress.h"
#include "pipeline/quantize.h"
#include "pipeline/source/model_folder_fixture.h"
#include "pipeline/source/open_model.h"
#include "pipeline/types/container.h"
#include "pipeline/types/type_options.h"
#include "quant/block/format.h"

namespace nibble {
namespace {

using ::testing::Contains;
using ::testing::HasSubstr;
using ::testing::Not;

constexpr Container kFolder = Container::kCompressedTensors;

// Rows of 256, which all groups divide, and of 96, which those of 128 and NVFP4's blocks do not.
constexpr TestShape kShape = {
    .hidden = 256, .heads = 8, .kv_heads = 2, .head_dim = 32, .feed_forward = 96, .vocab = 40};

class FolderOutputTest : public ModelFolderTest {
 protected:
  absl::StatusOr<Plan> Run(const Model& model, TypeOptions types, OutputOptions output) {
    types.container = kFolder;
    output.path = Path(output.path);
    return Quantize(io::Posix(), model, types, output, progress_);
  }

  NoProgress progress_;
};

std::vector<float> Values(const Model& model, const LogicalTensor& tensor) {
  std::vector<float> values(tensor.rows * tensor.cols);
  EXPECT_EQ(ReadRows(model.source, tensor, 0, tensor.rows, absl::MakeSpan(values)), absl::OkStatus());
  return values;
}

float DivisorOf(const Model& model) {
  for (const StoredTensor& tensor : model.source.tensors()) {
    if (!absl::EndsWith(tensor.name, "_global_scale")) continue;
    float value = 0;
    EXPECT_EQ(model.source.Read(tensor, 0, absl::MakeSpan(reinterpret_cast<std::byte*>(&value), sizeof(value))),
              absl::OkStatus());
    return value;
  }
  return 1;
}

// Whether values of this type change when they are written in it.
bool IsEncoded(const PlannedTensor& planned, const LogicalTensor& tensor) {
  const bool is_scaled = std::get<StridedView>(tensor.recipe).scales.has_value();
  return planned.reason() != "kept bits" && (is_scaled || FindFormat(planned.type())->block_elements > 1);
}

// Every tensor of the output is what its planned type makes of the source's: encoded, or the same.
void ExpectEncoded(const Model& source, const Plan& plan, const Model& output, bool weighted) {
  std::map<std::string, PlannedTensor> planned;
  for (const PlannedTensor& tensor : plan.tensors()) planned[tensor.name()] = tensor;
  ASSERT_EQ(output.tensors.size(), source.tensors.size());
  const float divisor = DivisorOf(output);
  for (size_t i = 0; i < source.tensors.size(); ++i) {
    const LogicalTensor& tensor = source.tensors[i];
    SCOPED_TRACE(absl::StrCat(GgufName(tensor), " ", tensor.slice));
    std::vector<float> expected = Values(source, tensor);
    const bool is_constant = std::holds_alternative<Constants>(tensor.recipe);
    if (!is_constant && IsEncoded(planned.at(GgufName(tensor)), tensor)) {
      const BlockFormat& format = *FindFormat(planned.at(GgufName(tensor)).type());
      const float factor = format.id == Format::kNVFP4 ? divisor : 1;
      for (float& value : expected) value *= factor;
      std::vector<std::byte> bytes(format.BytesFor(expected.size()));
      const size_t blocks = expected.size() / format.block_elements;
      if (weighted) {
        format.encode_weighted(expected.data(), nullptr, blocks, bytes.data());
      } else {
        format.encode_rtn(expected.data(), blocks, bytes.data());
      }
      format.decode(bytes.data(), blocks, expected.data());
      for (float& value : expected) value /= factor;
    }
    ASSERT_EQ(Values(output, output.tensors[i]), expected);
  }
}

std::map<std::string, int> Types(const Plan& plan) {
  std::map<std::string, int> types;
  for (const PlannedTensor& tensor : plan.tensors()) ++types[tensor.type()];
  return types;
}

std::vector<std::string> Names(const Model& model) {
  std::vector<std::string> names;
  for (const StoredTensor& tensor : model.source.tensors()) names.push_back(tensor.name);
  return names;
}

TEST_F(FolderOutputTest, EveryTypeReadsBackAsItWasEncoded) {
  const Model model = Open(RandomLlama(kShape));
  for (const char* type : {"INT4_G32", "INT4_G128", "MXFP4", "NVFP4"}) {
    for (const char* method : {"rtn", "weighted"}) {
      const std::string name = absl::StrCat(type, "-", method);
      SCOPED_TRACE(name);
      const absl::StatusOr<Plan> plan = Run(model, {.type = type, .method = method}, {.path = name});
      ASSERT_EQ(plan.status(), absl::OkStatus());
      ExpectEncoded(model, *plan, Reopen(name), method == std::string("weighted"));
      EXPECT_GE(Types(*plan)[type], 12);
      EXPECT_EQ(plan->file_bytes(), std::filesystem::file_size(Path(name + "/model.safetensors")));
    }
  }
}

TEST_F(FolderOutputTest, EveryFamilyReadsBackAsItWasEncoded) {
  const struct {
    const char* name;
    TestCheckpoint checkpoint;
  } cases[] = {{"biases", RandomLlama({.tied = true, .biases = true})},
               {"experts", RandomQwen3Moe({}, 3, 1)},
               {"latents", RandomDeepseek()}};
  for (const auto& c : cases) {
    SCOPED_TRACE(c.name);
    const Model model = Open(c.checkpoint);
    const absl::StatusOr<Plan> plan = Run(model, {.type = "INT4_G32"}, {.path = c.name});
    ASSERT_EQ(plan.status(), absl::OkStatus());
    ExpectEncoded(model, *plan, Reopen(c.name), true);
  }
}

TEST_F(FolderOutputTest, HasThePublishedNames) {
  const Model model = Open(RandomQwen3Moe());
  std::ofstream(Path("model/generation_config.json")) << "{}";
  std::ofstream(Path("model/README.md")) << "of another model";
  ASSERT_EQ(Run(model, {.type = "INT4_G32"}, {.path = "out"}).status(), absl::OkStatus());
  const Model output = Reopen("out");
  const StoredTensor* packed = output.source.Find("model.layers.1.mlp.experts.2.down_proj.weight_packed");
  ASSERT_NE(packed, nullptr);
  EXPECT_EQ(packed->dtype, DType::kI32);
  EXPECT_EQ(packed->shape, (std::vector<int64_t>{64, 32 / 8}));
  const StoredTensor* scale = output.source.Find("model.layers.1.mlp.experts.2.down_proj.weight_scale");
  EXPECT_EQ(scale->dtype, DType::kBF16);
  EXPECT_EQ(scale->shape, (std::vector<int64_t>{64, 1}));
  const StoredTensor* shape = output.source.Find("model.layers.1.mlp.experts.2.down_proj.weight_shape");
  int64_t lengths[2] = {};
  ASSERT_EQ(output.source.Read(*shape, 0, absl::MakeSpan(reinterpret_cast<std::byte*>(lengths), sizeof(lengths))),
            absl::OkStatus());
  EXPECT_THAT(lengths, testing::ElementsAre(64, 32));
  EXPECT_NE(output.source.Find("model.layers.1.mlp.gate.weight"), nullptr);  // the router
  EXPECT_EQ(output.source.Find("model.layers.1.mlp.experts.2.down_proj.weight"), nullptr);
  for (const StoredTensor& tensor : output.source.tensors()) {
    EXPECT_EQ(tensor.offset % (GetDType(tensor.dtype).block_bits / 8), 0) << tensor.name;
  }
  const std::string config = Bytes("out/config.json");
  EXPECT_THAT(config, HasSubstr("\"architectures\""));
  EXPECT_THAT(config, HasSubstr("\"format\": \"pack-quantized\""));
  EXPECT_THAT(config, HasSubstr(R"("re:model\\.layers\\.\\d+\\.mlp\\.gate$")"));
  EXPECT_EQ(Bytes("out/generation_config.json"), "{}");
  EXPECT_FALSE(std::filesystem::exists(Path("out/README.md")));
}

TEST_F(FolderOutputTest, ShardsAreCutWhereAskedAndHaveAnIndex) {
  const Model model = Open(RandomLlama(kShape));
  const absl::StatusOr<Plan> plan = Run(model, {.type = "MXFP4"}, {.path = "out", .max_shard_bytes = 100'000});
  ASSERT_EQ(plan.status(), absl::OkStatus());
  const Model output = Reopen("out");
  EXPECT_GT(output.source.files().size(), 2);
  EXPECT_THAT(output.warnings, Not(Contains(HasSubstr("total_size"))));
  for (const auto& file : output.source.files()) EXPECT_LT(file->info().size, 110'000) << file->path();
  ExpectEncoded(model, *plan, output, true);
}

TEST_F(FolderOutputTest, BytesDoNotDependOnThreads) {
  TestShape shape = kShape;
  shape.feed_forward = 4096;  // several panels
  const Model model = Open(RandomLlama(shape));
  for (const int threads : {1, 2, 3}) {
    ASSERT_EQ(Run(model, {.type = "NVFP4"}, {.path = absl::StrCat(threads), .threads = threads}).status(),
              absl::OkStatus());
    EXPECT_TRUE(Bytes(absl::StrCat(threads, "/model.safetensors")) == Bytes("1/model.safetensors"));
  }
}

TEST_F(FolderOutputTest, PackedSourcesKeepTheirBitsUnlessAsked) {
  const Model model = Open(RandomLlama());
  ASSERT_EQ(Run(model, {.type = "INT4_G32"}, {.path = "int4"}).status(), absl::OkStatus());
  const Model int4 = Reopen("int4");
  const absl::StatusOr<Plan> kept = Run(int4, {.type = "MXFP4"}, {.path = "kept"});
  ASSERT_EQ(kept.status(), absl::OkStatus());
  EXPECT_TRUE(Bytes("kept/model.safetensors") == Bytes("int4/model.safetensors"));
  EXPECT_EQ(Bytes("kept/config.json"), Bytes("int4/config.json"));
  const absl::StatusOr<Plan> anew = Run(int4, {.type = "MXFP4", .allow_requantize = true}, {.path = "anew"});
  ASSERT_EQ(anew.status(), absl::OkStatus());
  EXPECT_THAT(Names(Reopen("anew")), Not(Contains("model.layers.0.mlp.up_proj.weight_shape")));
  ExpectEncoded(int4, *anew, Reopen("anew"), true);
  const TypeOptions decoded = {.type = "MXFP4", .tensor_types = {{"ffn_up", "BF16"}}, .allow_requantize = true};
  const absl::StatusOr<Plan> some = Run(int4, decoded, {.path = "some"});
  ASSERT_EQ(some.status(), absl::OkStatus());
  EXPECT_THAT(Names(Reopen("some")), Contains("model.layers.0.mlp.up_proj.weight"));
  ExpectEncoded(int4, *some, Reopen("some"), true);
}

TEST_F(FolderOutputTest, TypesMayBeMixed) {
  const Model model = Open(RandomLlama());
  const absl::StatusOr<Plan> plan =
      Run(model, {.type = "INT4_G32", .tensor_types = {{"ffn_down", "MXFP4"}, {"attn_v", "BF16"}}}, {.path = "out"});
  ASSERT_EQ(plan.status(), absl::OkStatus());
  const Model output = Reopen("out");
  EXPECT_NE(output.source.Find("model.layers.0.self_attn.v_proj.weight"), nullptr);
  EXPECT_EQ(output.source.Find("model.layers.0.mlp.down_proj.weight_packed")->dtype, DType::kU8);
  ExpectEncoded(model, *plan, output, true);
  EXPECT_THAT(Bytes("out/config.json"), HasSubstr("mixed-precision"));
}

TEST_F(FolderOutputTest, WhatAFolderCannotHoldIsRefused) {
  const Model model = Open(RandomLlama());
  const struct {
    TypeOptions types;
    const char* message;
  } cases[] = {
      {{.type = "Q4_K_M"}, "--type: expected one of MXFP4, NVFP4, INT4_G32, INT4_G128 for a folder, found Q4_K_M"},
      {{.type = "MXFP4", .tensor_types = {{"ffn_down", "Q4_0"}}}, "--tensor-type: expected one of MXFP4"},
      {{.type = "MXFP4", .pure = true}, "--pure"},
      {{.type = "MXFP4", .token_embedding_type = "MXFP4"}, "--token-embedding-type"},
  };
  for (const auto& c : cases) {
    const absl::Status status = Run(model, c.types, {.path = "out"}).status();
    EXPECT_EQ(ExitCode(status), 64) << status;
    EXPECT_THAT(std::string(status.message()), HasSubstr(c.message));
  }
  const absl::Status in_gguf =
      Quantize(io::Posix(), model, {.type = "INT4_G32"}, {.path = Path("x.gguf")}, progress_).status();
  EXPECT_EQ(ExitCode(in_gguf), 64) << in_gguf;
  EXPECT_FALSE(std::filesystem::exists(Path("out")));
}

TEST_F(FolderOutputTest, OfAGgufIsTheFolderThatItsSourceGives) {
  const Model model = Open(RandomLlama());
  ASSERT_EQ(Convert(io::Posix(), model, "source", {.path = Path("x.gguf")}, progress_).status(), absl::OkStatus());
  for (const char* type : {"INT4_G32", "MXFP4", "NVFP4"}) {
    ASSERT_EQ(Run(model, {.type = type}, {.path = "direct", .force = true}).status(), absl::OkStatus());
    const Model direct = Reopen("direct");
    const auto plan = Run(Reopen("x.gguf"), {.type = type}, {.path = "out", .force = true});
    ASSERT_EQ(plan.status(), absl::OkStatus());
    const Model output = Reopen("out");
    ASSERT_EQ(output.tensors.size(), direct.tensors.size());
    for (const LogicalTensor& tensor : direct.tensors) {
      const LogicalTensor* found = output.Find(tensor.role, tensor.layer, tensor.slice);
      ASSERT_NE(found, nullptr) << GgufName(tensor);
      EXPECT_EQ(Values(output, *found), Values(direct, tensor)) << type << " " << GgufName(tensor);
    }
  }
}

// What the blocks of a GGUF are in the folder that `convert` makes of it.
TEST_F(FolderOutputTest, ConvertKeepsTheBitsThatAFolderCanHold) {
  const Model model = Open(RandomLlama(kShape));
  const struct {
    const char *type, *dtype;
    const char* found;  // in config.json; empty: an error, below
    const char* error;
  } cases[] = {{"MXFP4", "source", "mxfp4-pack-quantized", ""},
               {"MXFP4", "bf16", "mxfp4-pack-quantized", ""},
               {"NVFP4", "source", "nvfp4-pack-quantized", ""},
               {"NVFP4", "f32", "\"float32\"", ""},
               {"Q4_K", "f32", "\"float32\"", ""},
               {"Q4_K", "source", "", "': expected F32, F16, BF16, MXFP4, NVFP4 or Q4_0, found Q4_K, which is not"},
               {"Q8_0", "source", "", "found Q8_0, which is not supported in a folder; --dtype bf16 decodes it"},
               {"Q4_0", "source", "", "expected Q4_0's scales to be ones that INT4_G32 has"}};
  for (const auto& c : cases) {
    SCOPED_TRACE(absl::StrCat(c.type, " ", c.dtype));
    std::filesystem::remove_all(Path("out"));
    const TypeOptions types = {.type = c.type, .token_embedding_type = "F32", .output_tensor_type = "F32"};
    ASSERT_EQ(Quantize(io::Posix(), model, types, {.path = Path("x.gguf"), .force = true}, progress_).status(),
              absl::OkStatus());
    const Model gguf = Reopen("x.gguf");
    const absl::Status status = ConvertToFolder(io::Posix(), gguf, c.dtype, {.path = Path("out")}, progress_).status();
    if (*c.error != '\0') {
      EXPECT_EQ(ExitCode(status), 65) << status;
      EXPECT_THAT(std::string(status.message()), HasSubstr(c.error));
      EXPECT_FALSE(std::filesystem::exists(Path("out")));
      continue;
    }
    ASSERT_EQ(status, absl::OkStatus());
    EXPECT_THAT(Bytes("out/config.json"), HasSubstr(c.found));
    const Model output = Reopen("out");
    for (const LogicalTensor& tensor : gguf.tensors) {
      EXPECT_EQ(Values(output, *output.Find(tensor.role, tensor.layer, tensor.slice)), Values(gguf, tensor))
          << GgufName(tensor);
    }
  }
}

TEST_F(FolderOutputTest, ConvertMakesFoldersOfGgufsAlone) {
  const Model model = Open(RandomLlama());
  const absl::Status status = ConvertToFolder(io::Posix(), model, "source", {.path = Path("out")}, progress_).status();
  EXPECT_EQ(ExitCode(status), 65) << status;
  EXPECT_THAT(std::string(status.message()), HasSubstr("expected a GGUF to make a folder of"));
}

TEST_F(FolderOutputTest, WhatIsThereStaysWithoutForce) {
  const Model model = Open(RandomLlama());
  const TypeOptions types = {.type = "INT4_G32"};
  ASSERT_EQ(Run(model, types, {.path = "out"}).status(), absl::OkStatus());
  EXPECT_EQ(ExitCode(Run(model, types, {.path = "out"}).status()), 73);
  EXPECT_EQ(ExitCode(Run(model, types, {.path = "model", .force = true}).status()), 73);
  std::filesystem::create_directories(Path("else/deeper"));
  EXPECT_EQ(ExitCode(Run(model, types, {.path = "else", .force = true}).status()), 73);
  EXPECT_EQ(Run(model, {.type = "MXFP4"}, {.path = "out", .force = true}).status(), absl::OkStatus());
  EXPECT_THAT(Bytes("out/config.json"), HasSubstr("mxfp4-pack-quantized"));
}

// Each call of each kind fails once: the job says so, and leaves the final path as it was.
TEST_F(FolderOutputTest, AFailureAnywhereLeavesTheOutputAsItWas) {
  Open(RandomLlama({.layers = 1}));
  std::filesystem::create_directories(Path("out"));
  std::ofstream(Path("out/config.json")) << "before";
  const OutputOptions output{.path = Path("out"), .force = true, .threads = 1};
  for (const io::Call call : {io::Call::kRead, io::Call::kCreate, io::Call::kWrite, io::Call::kPreallocate,
                              io::Call::kSync, io::Call::kClose, io::Call::kRename, io::Call::kMakeDirectory}) {
    for (int n = 1;; ++n) {
      io::FaultyFileSystem files(io::Posix());
      const absl::StatusOr<Model> model = OpenModel(files, Path("model"));
      ASSERT_EQ(model.status(), absl::OkStatus());
      files.FailNth(call, n, absl::UnavailableError("injected"));
      const absl::Status status =
          Quantize(files, *model, {.container = kFolder, .type = "NVFP4", .method = "rtn"}, output, progress_).status();
      if (files.calls(call) < n) {
        std::filesystem::remove_all(Path("out"));
        std::filesystem::create_directories(Path("out"));
        std::ofstream(Path("out/config.json")) << "before";
        break;  // all of them have failed once
      }
      SCOPED_TRACE(absl::StrCat("call kind ", static_cast<int>(call), " number ", n));
      EXPECT_EQ(ExitCode(status), 74) << status;
      EXPECT_THAT(std::string(status.message()), HasSubstr("injected"));
      EXPECT_EQ(Bytes("out/config.json"), "before");
      EXPECT_FALSE(std::filesystem::exists(Path("out.part")));
    }
  }
}

// Families of ../shared/zoo (where it is).
class ZooFolderTest : public FolderOutputTest, public testing::WithParamInterface<const char*> {};

TEST_P(ZooFolderTest, ReadsBackAsItWasEncoded) {
  const char* shared = std::getenv("NIBBLE_SHARED");
  if (shared == nullptr) GTEST_SKIP() << "NIBBLE_SHARED is not set";
  const absl::StatusOr<Model> model = OpenModel(io::Posix(), absl::StrCat(shared, "/zoo/models/", GetParam()));
  ASSERT_EQ(model.status(), absl::OkStatus());
  const absl::StatusOr<Plan> plan = Run(*model, {.type = "INT4_G32", .method = "rtn"}, {.path = "out", .force = true});
  ASSERT_EQ(plan.status(), absl::OkStatus());
  const Model output = Reopen("out");
  ExpectEncoded(*model, *plan, output, false);
  EXPECT_TRUE(output.vocabulary.has_value());
}

INSTANTIATE_TEST_SUITE_P(Models, ZooFolderTest,
                         testing::Values("llama2", "llama3", "mistral", "mixtral", "qwen2", "qwen3", "qwen3_moe",
                                         "gemma3", "deepseek_v3", "deepseek_v3_fp8", "kimi_k2", "kimi_k2_int4"),
                         [](const auto& info) { return std::string(info.param); });

// gpt-oss as it is published, of floats and of itself.
class Mxfp4FolderTest : public FolderOutputTest, public testing::WithParamInterface<const char*> {
 protected:
  static absl::StatusOr<Model> OpenZoo(absl::string_view name) {
    return OpenModel(io::Posix(), absl::StrCat(std::getenv("NIBBLE_SHARED"), "/zoo/models/", name));
  }
};

std::map<std::string, std::pair<DType, std::vector<int64_t>>> Shapes(const Model& model) {
  std::map<std::string, std::pair<DType, std::vector<int64_t>>> shapes;
  for (const StoredTensor& tensor : model.source.tensors()) shapes[tensor.name] = {tensor.dtype, tensor.shape};
  return shapes;
}

TEST_P(Mxfp4FolderTest, HasThePublishedNamesAndShapesAndReadsBackAsItWasEncoded) {
  if (std::getenv("NIBBLE_SHARED") == nullptr) GTEST_SKIP() << "NIBBLE_SHARED is not set";
  const absl::StatusOr<Model> model = OpenZoo(GetParam()), published = OpenZoo("gpt_oss_mxfp4");
  ASSERT_EQ(model.status(), absl::OkStatus());
  const TypeOptions types = {.container = Container::kMxfp4, .type = "MXFP4"};
  const absl::StatusOr<Plan> plan = Quantize(io::Posix(), *model, types, {.path = Path("out")}, progress_);
  ASSERT_EQ(plan.status(), absl::OkStatus());
  const Model output = Reopen("out");
  EXPECT_EQ(Shapes(output), Shapes(*published));
  ExpectEncoded(*model, *plan, output, true);
  EXPECT_THAT(Bytes("out/config.json"), HasSubstr("\"quant_method\": \"mxfp4\""));
  EXPECT_TRUE(output.vocabulary.has_value());
}

INSTANTIATE_TEST_SUITE_P(Models, Mxfp4FolderTest, testing::Values("gpt_oss", "gpt_oss_mxfp4"),
                         [](const auto& info) { return std::string(info.param); });

TEST_F(FolderOutputTest, GptOssLayoutIsForGptOssAlone) {
  const Model model = Open(RandomLlama());
  const struct {
    TypeOptions types;
    int exit_code;
    const char* message;
  } cases[] = {
      {{.type = "MXFP4"}, 65, "expected gpt-oss for --format mxfp4, found llama, which is not supported"},
      {{.type = "INT4_G32"}, 64, "--type: expected one of MXFP4 for a folder, found INT4_G32"},
      {{.type = "MXFP4", .tensor_types = {{"ffn_down", "BF16"}}}, 64, "--tensor-type: expected none beside"},
  };
  for (auto c : cases) {
    c.types.container = Container::kMxfp4;
    const absl::Status status = Quantize(io::Posix(), model, c.types, {.path = Path("out")}, progress_).status();
    EXPECT_EQ(ExitCode(status), c.exit_code) << status;
    EXPECT_THAT(std::string(status.message()), HasSubstr(c.message));
  }
}

class RefusedByFolders : public FolderOutputTest, public testing::WithParamInterface<const char*> {};

TEST_P(RefusedByFolders, ByName) {
  const char* shared = std::getenv("NIBBLE_SHARED");
  if (shared == nullptr) GTEST_SKIP() << "NIBBLE_SHARED is not set";
  const absl::StatusOr<Model> model = OpenModel(io::Posix(), absl::StrCat(shared, "/zoo/models/", GetParam()));
  ASSERT_EQ(model.status(), absl::OkStatus());
  const absl::Status status = Run(*model, {.type = "MXFP4"}, {.path = "out"}).status();
  EXPECT_EQ(ExitCode(status), 65) << status;
  EXPECT_THAT(std::string(status.message()), HasSubstr("not supported"));
}

INSTANTIATE_TEST_SUITE_P(Models, RefusedByFolders, testing::Values("gpt2", "gpt_oss", "gpt_oss_mxfp4", "llama4"),
                         [](const auto& info) { return std::string(info.param); });

}  // namespace
}  // namespace nibble
