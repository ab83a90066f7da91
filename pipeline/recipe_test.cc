#include "pipeline/recipe.h"

#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace nibble {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Pair;

JobRecipe Parsed(const std::string& text) {
  const absl::StatusOr<JobRecipe> recipe = ParseRecipe(text, "r.txt");
  EXPECT_EQ(recipe.status(), absl::OkStatus());
  return recipe.value_or(JobRecipe());
}

TEST(RecipeTest, OptionsThereAndBack) {
  const TypeOptions types{.container = Container::kCompressedTensors,
                          .type = "int4_g32",
                          .method = "gptq",
                          .pure = true,
                          .token_embedding_type = "BF16",
                          .output_tensor_type = "f32",
                          .tensor_types = {{"a.*", "mxfp4"}, {"b", "NVFP4"}},
                          .strict = true,
                          .allow_requantize = true};
  const CalibrationTexts texts{.files = {{"x", "y"}}, .ctx = 64, .chunks = 7, .seed = 3};
  const JobRecipe recipe = Parsed(RecipeText(QuantizeRecipe(types, "values", texts, 1000)));
  EXPECT_EQ(recipe.max_shard_bytes(), 1000);
  const TypeOptions read = *TypesOf(recipe);
  EXPECT_EQ(read.container, Container::kCompressedTensors);
  EXPECT_EQ(read.type, "INT4_G32") << "in capitals";
  EXPECT_EQ(read.method, "gptq");
  EXPECT_TRUE(read.pure && read.strict && read.allow_requantize);
  EXPECT_EQ(read.token_embedding_type, "BF16");
  EXPECT_EQ(read.output_tensor_type, "F32");
  EXPECT_THAT(read.tensor_types, ElementsAre(Pair("a.*", "MXFP4"), Pair("b", "NVFP4")));
  const CalibrationTexts windows = *TextsBy(recipe, {.files = {{"x", "y"}}});
  EXPECT_EQ(std::tuple(windows.ctx, windows.chunks, windows.seed), std::tuple(64u, 7u, 3u));
  EXPECT_EQ(TransformsText(*TransformsOf(recipe)), "values");
}

TEST(RecipeTest, RolesAndLayersAreRegexes) {
  constexpr struct {
    const char* rule;
    const char* regex;
  } kCases[] = {
      {"role: 'attn_v'", "^(blk\\.[0-9]+\\.)?attn_v\\."},
      {"role: 'attn_v' layers: '7'", "^blk\\.(7)\\.attn_v\\."},
      {"role: 'ffn_up_exps' layers: '0-2,9'", "^blk\\.(0|1|2|9)\\.ffn_up_exps\\."},
      {"regex: 'x+'", "x+"},
  };
  for (const auto& [rule, regex] : kCases) {
    const TypeOptions types = *TypesOf(Parsed(absl::StrCat("format: 'gguf' types {", rule, " type: 'Q8_0'}")));
    EXPECT_THAT(types.tensor_types, ElementsAre(Pair(regex, "Q8_0"))) << rule;
  }
}

TEST(RecipeTest, WhatIsNoRecipeIsNamed) {
  constexpr struct {
    const char* text;
    const char* error;
  } kCases[] = {
      {"format: 'zip'", "recipe: format: expected gguf, compressed-tensors or mxfp4, found 'zip'"},
      {"format: 'gguf' types {role: 'a b'}", "found \"a b\""},
      {"format: 'gguf' types {role: 'a' regex: 'b'}", "found \"a\" and a regex"},
      {"format: 'gguf' types {role: 'a' layers: '3-1'}", "layers: expected numbers"},
      {"format: 'gguf' types {role: 'a' layers: '1,'}", "layers: expected numbers"},
      {"format: 'gguf' types {role: 'a' layers: '0-99999999'}", "layers: expected numbers"},
  };
  for (const auto& [text, error] : kCases) {
    const absl::Status status = TypesOf(Parsed(text)).status();
    EXPECT_TRUE(absl::IsInvalidArgument(status)) << text;
    EXPECT_THAT(std::string(status.message()), HasSubstr(error));
  }
  const absl::Status status = ParseRecipe("type: 'Q4_0'\nfromat: 'gguf'", "r.txt").status();
  EXPECT_TRUE(absl::IsInvalidArgument(status));
  EXPECT_THAT(std::string(status.message()), HasSubstr("r.txt: expected a recipe in text protobuf, found line 2"));
}

TEST(RecipeTest, WindowsNeedATextAndATextItsOwnWindows) {
  const JobRecipe with = Parsed("calibration {seed: 5}"), without;
  EXPECT_TRUE(absl::IsInvalidArgument(TextsBy(with, {}).status()));
  EXPECT_EQ(TextsBy(with, {.files = {{"x", "y"}}})->ctx, 512) << "was not said";
  EXPECT_EQ(TextsBy(without, {.files = {{"x", "y"}}, .seed = 8})->seed, 8);
}

TEST(RecipeTest, WhatWasChosenTakesThePlaceOfTheWish) {
  Plan plan;
  plan.set_transform("awq=0.25");
  const auto add = [&plan](const std::string& name, const char* type, int64_t size, const char* reason) {
    PlannedTensor& tensor = *plan.add_tensors();
    tensor.set_name(name);
    tensor.set_type(type);
    tensor.add_shape(size);
    tensor.set_reason(reason);
  };
  add("token_embd.weight", "Q6_K", 10, "fit: x");
  for (const int layer : {0, 1, 2, 4}) add(absl::StrCat("blk.", layer, ".attn_v.weight"), "Q4_K", 5, "fit: x");
  add("blk.3.attn_v.weight", "Q5_K", 5, "fit: x");
  add("blk.0.attn_q.weight", "Q8_0", 500, "--tensor-type q");
  JobRecipe wish = Parsed("transform: 'auto' fit {bytes: 5} types {regex: 'q' type: 'Q8_0'}");
  const JobRecipe chosen = Resolved(wish, plan);
  EXPECT_EQ(chosen.transform(), "awq=0.25");
  plan.set_transform("none");  // of those that were tried; channels were scaled where that paid
  EXPECT_EQ(Resolved(wish, plan).transform(), "");
  EXPECT_FALSE(chosen.has_fit());
  EXPECT_EQ(chosen.type(), "Q4_K") << "of most values";
  std::vector<std::string> rules;
  for (const TypeRule& rule : chosen.types()) {
    rules.push_back(absl::StrCat(rule.regex(), rule.role(), " ", rule.layers(), " ", rule.type()));
  }
  EXPECT_THAT(rules, ElementsAre("q  Q8_0", "attn_v 0-2,4 Q4_K", "attn_v 3 Q5_K", "token_embd  Q6_K"));
}

}  // namespace
}  // namespace nibble
