#include <filesystem>
#include <map>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "base/status.h"
#include "converters/family.h"
#include "converters/test_checkpoint.h"
#include "formats/io/file.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "model/model.h"
#include "model/role.h"
#include "pipeline/source/open_model.h"
#include "pipeline/types/converted_types.h"
#include "pipeline/types/quantized_types.h"
#include "pipeline/types/type_options.h"
#include "pipeline/types/type_table.h"
#include "quant/block/format.h"

namespace nibble {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

Model Open(const TestShape& shape) {
  const std::string folder = testing::TempDir() + "/types_test";
  std::filesystem::create_directories(folder);
  EXPECT_EQ(RandomLlama(shape).Write(folder), absl::OkStatus());
  return OpenModel(io::Posix(), folder).value();
}

// Rows that every block divides.
TestShape Even(int layers, bool tied = false) {
  return {.layers = layers,
          .hidden = 256,
          .heads = 4,
          .kv_heads = 2,
          .head_dim = 64,
          .feed_forward = 256,
          .vocab = 8,
          .tied = tied};
}

using Types = std::map<std::string, std::string>;  // tensor -> type

Types TypesOf(const Model& model, const TypeOptions& options) {
  const absl::StatusOr<TypeChoices> choices = ChooseQuantizedTypes(model, options);
  EXPECT_EQ(choices.status(), absl::OkStatus());
  Types types;
  for (size_t i = 0; i < model.tensors.size(); ++i) {
    types[GgufName(model.tensors[i])] = std::string(GetFormat(choices->each[i].format).name);
  }
  return types;
}

// The layers whose tensor of this name has this type.
std::vector<int> LayersWith(const Types& types, const std::string& tensor, const std::string& type) {
  std::vector<int> layers;
  for (int layer = 0;; ++layer) {
    const auto found = types.find(absl::StrCat("blk.", layer, ".", tensor));
    if (found == types.end()) return layers;
    if (found->second == type) layers.push_back(layer);
  }
}

TEST(NamedTypes, StandInTheOrderOfFormats) {
  for (const BlockFormat& format : Formats()) {
    if (format.gguf_type < 0) continue;  // of published tensors alone
    EXPECT_EQ(TypeOf(format.id).name, format.name);
    EXPECT_EQ(FindType(format.name), &TypeOf(format.id));
  }
  EXPECT_EQ(FindType("q4_k_m")->name, "Q4_K_M");
  EXPECT_EQ(FindType("Q9"), nullptr);
}

TEST(ChooseTypes, AFormatIsForTheLayersMatrices) {
  const Model model = Open(Even(1));
  Types types = TypesOf(model, {.type = "Q4_0"});
  EXPECT_EQ(types["blk.0.attn_q.weight"], "Q4_0");
  EXPECT_EQ(types["blk.0.ffn_down.weight"], "Q4_0");
  EXPECT_EQ(types["token_embd.weight"], "Q8_0");
  EXPECT_EQ(types["output.weight"], "Q8_0");
  EXPECT_EQ(types["blk.0.attn_norm.weight"], "F32");
  EXPECT_EQ(types["output_norm.weight"], "F32");
}

TEST(ChooseTypes, AFloatFormatAndPureAreForEveryMatrix) {
  const Model model = Open(Even(1));
  for (const TypeOptions& options : {TypeOptions{.type = "F16"}, TypeOptions{.type = "Q4_1", .pure = true}}) {
    Types types = TypesOf(model, options);
    EXPECT_EQ(types["token_embd.weight"], options.type);
    EXPECT_EQ(types["output.weight"], options.type);
    EXPECT_EQ(types["blk.0.attn_norm.weight"], "F32");
  }
}

TEST(ChooseTypes, MixesAreThePeers) {
  // As llama-quantize chooses for a model of this form (compared with its --dry-run when this table was made).
  const Model model = Open(Even(32));
  struct Case {
    const char* type;
    const char* base;
    const char* wider;
    std::vector<int> values, downs;
  };
  const std::vector<int> more_bits = {0, 1, 2, 3, 6, 9, 12, 15, 18, 21, 24, 27, 28, 29, 30, 31};
  for (const Case& c :
       {Case{"Q4_K_M", "Q4_K", "Q6_K", more_bits, more_bits}, Case{"Q5_K_M", "Q5_K", "Q6_K", more_bits, more_bits},
        Case{"Q4_K_S", "Q4_K", "Q5_K", {0, 1, 2, 3}, {0, 1, 2, 3}}, Case{"Q5_K_S", "Q5_K", "Q6_K", {}, {}}}) {
    SCOPED_TRACE(c.type);
    Types types = TypesOf(model, {.type = c.type});
    EXPECT_EQ(LayersWith(types, "attn_v.weight", c.wider), c.values);
    EXPECT_EQ(LayersWith(types, "ffn_down.weight", c.wider), c.downs);
    for (const char* name : {"attn_q.weight", "attn_k.weight", "attn_output.weight", "ffn_gate.weight"}) {
      EXPECT_EQ(LayersWith(types, name, c.base).size(), 32);
    }
    EXPECT_EQ(types["token_embd.weight"], c.base);
    EXPECT_EQ(types["output.weight"], "Q6_K");
  }
}

TEST(ChooseTypes, AMixGivesATiedEmbeddingTheOutputsType) {
  const Model model = Open(Even(1, /*tied=*/true));
  EXPECT_EQ(TypesOf(model, {.type = "Q4_K_M"})["token_embd.weight"], "Q6_K");
  EXPECT_EQ(TypesOf(model, {.type = "Q4_K_M", .output_tensor_type = "F16"})["token_embd.weight"], "F16");
}

TEST(ChooseTypes, SeventyBillionFormsHaveWiderValues) {
  const Model model =
      Open({.layers = 80, .hidden = 256, .heads = 8, .kv_heads = 1, .head_dim = 32, .feed_forward = 256, .vocab = 8});
  EXPECT_EQ(LayersWith(TypesOf(model, {.type = "Q4_K_S"}), "attn_v.weight", "Q5_K").size(), 80);
  const Types q4_k_m = TypesOf(model, {.type = "Q4_K_M"});
  EXPECT_THAT(LayersWith(q4_k_m, "attn_v.weight", "Q4_K"), IsEmpty());
  EXPECT_EQ(LayersWith(q4_k_m, "attn_v.weight", "Q6_K").size(), 40);
}

TEST(ChooseTypes, OptionsForSingleTensorsWin) {
  const Model model = Open(Even(2));
  TypeOptions options{.type = "Q4_K_M", .pure = true, .token_embedding_type = "Q5_K", .output_tensor_type = "BF16"};
  options.tensor_types = {{"blk\\.1\\.ffn", "Q8_0"}, {"ffn_up|token_embd", "Q6_K"}};
  Types types = TypesOf(model, options);
  EXPECT_EQ(types["token_embd.weight"], "Q5_K");
  EXPECT_EQ(types["output.weight"], "BF16");
  EXPECT_EQ(types["blk.1.ffn_up.weight"], "Q8_0");  // the first match
  EXPECT_EQ(types["blk.0.ffn_up.weight"], "Q6_K");
  EXPECT_EQ(types["blk.0.ffn_gate.weight"], "Q4_K");
  EXPECT_EQ(types["blk.1.ffn_norm.weight"], "F32");  // no matrix
}

TEST(ChooseTypes, RowsThatAreNotWholeBlocksFallBack) {
  struct Case {
    int64_t feed_forward;
    const char* type;
    const char* down;
  };
  for (const Case& c : {Case{96, "Q4_K", "Q5_0"},
                        {96, "Q5_K", "Q5_1"},
                        {96, "Q6_K", "Q8_0"},
                        {96, "IQ4_XS", "IQ4_NL"},
                        {96, "NVFP4", "F16"},
                        {96, "Q4_0", "Q4_0"},
                        {100, "Q4_0", "F16"},
                        {100, "Q4_K", "F16"}}) {
    SCOPED_TRACE(absl::StrCat(c.feed_forward, " ", c.type));
    TestShape shape = Even(1);
    shape.feed_forward = c.feed_forward;
    const Model model = Open(shape);
    EXPECT_EQ(TypesOf(model, {.type = c.type})["blk.0.ffn_down.weight"], c.down);
    const bool falls_back = std::string(c.type) != c.down;
    const TypeChoices choices = ChooseQuantizedTypes(model, {.type = c.type}).value();
    for (size_t i = 0; i < model.tensors.size(); ++i) {
      const bool is_down = model.tensors[i].role == Role::kDown;
      EXPECT_EQ(choices.each[i].reason.starts_with("fallback: rows of "), is_down && falls_back);
    }
    EXPECT_EQ(choices.warnings.size(), falls_back ? 1 : 0);
    const absl::Status strict = ChooseQuantizedTypes(model, {.type = c.type, .strict = true}).status();
    EXPECT_EQ(ExitCode(strict), falls_back ? 64 : 0);
    EXPECT_THAT(std::string(strict.message()), HasSubstr(falls_back ? "'blk.0.ffn_down.weight'" : ""));
  }
}

TEST(ChooseTypes, WishesThatCannotBeMetAreUsageErrors) {
  const Model model = Open(Even(1));
  struct Case {
    TypeOptions options;
    const char* message;
  };
  const Case cases[] = {
      {{.type = "Q9_X"}, "--type: expected one of F32, F16"},
      {{.type = "Q2_K"}, "--type: expected a type that can be written, found Q2_K, which is only read"},
      {{.token_embedding_type = "Q4_K_M"}, "--token-embedding-type: expected a format, found the mix Q4_K_M"},
      {{.output_tensor_type = "no"}, "--output-tensor-type: expected one of"},
      {{.tensor_types = {{"ffn_down", "Q3_K"}}}, "--tensor-type: expected a type that can be written"},
      {{.tensor_types = {{"ffn_down", ""}}}, "--tensor-type: expected REGEX=TYPE"},
      {{.tensor_types = {{"ffn_(down", "Q8_0"}}}, "--tensor-type: expected a regular expression, found \"ffn_(down\""},
      {{.tensor_types = {{"ffn_sideways", "Q8_0"}}}, "found \"ffn_sideways\""},
      {{.tensor_types = {{"attn_norm", "Q8_0"}}}, "expected a pattern that a matrix of the model matches"},
  };
  for (const Case& c : cases) {
    const absl::Status status = ChooseQuantizedTypes(model, c.options).status();
    EXPECT_EQ(ExitCode(status), 64) << status;
    EXPECT_THAT(std::string(status.message()), HasSubstr(c.message));
  }
  EXPECT_EQ(ExitCode(ChooseConvertedTypes(model, "f64").status()), 64);
}

TEST(ChooseTypes, MixtureOfExpertsTypeSaysWhatItMeansForADenseModel) {
  const Model model = Open(Even(1));
  EXPECT_EQ(TypesOf(model, {.type = "MXFP4_MOE"})["blk.0.ffn_up.weight"], "Q8_0");
  EXPECT_THAT(ChooseQuantizedTypes(model, {.type = "MXFP4_MOE"})->warnings, ElementsAre(HasSubstr("means Q8_0")));
}

}  // namespace
}  // namespace nibble
