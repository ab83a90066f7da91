#include "pipeline/output/quantization_config.h"

#include <string>

#include "formats/json/json.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace nibble {
namespace {

using ::testing::ElementsAre;

json::Document Config(const QuantizedModules& quantized) {
  return json::Document::Parse(QuantizationConfig(quantized), "config.json").value();
}

std::vector<std::string> Texts(const json::Value& array) {
  std::vector<std::string> texts;
  for (const json::Value& text : array.Elements()) texts.emplace_back(text.String().value());
  return texts;
}

TEST(QuantizationConfig, OneFormatTargetsAllLinearsButThoseIgnored) {
  const json::Document config = Config({.modules = {{"model.layers.0.mlp.up_proj", Format::kINT4_G128},
                                                    {"model.layers.1.mlp.up_proj", Format::kINT4_G128}},
                                        .ignored = {"lm_head", "model.layers.0.mlp.gate", "model.layers.1.mlp.gate"}});
  const json::Value root = config.root();
  EXPECT_EQ(*root.Get("quant_method").String(), "compressed-tensors");
  EXPECT_EQ(*root.Get("format").String(), "pack-quantized");
  EXPECT_EQ(*root.Get("quantization_status").String(), "compressed");
  ASSERT_EQ(root.Get("config_groups").size(), 1);
  const json::Value group = root.Get("config_groups").Get("group_0");
  EXPECT_THAT(Texts(group.Get("targets")), ElementsAre("Linear"));
  EXPECT_TRUE(group.Get("format").is_null());
  EXPECT_EQ(*group.Get("weights").Get("num_bits").Int(0, 9), 4);
  EXPECT_EQ(*group.Get("weights").Get("group_size").Int(0, 999), 128);
  EXPECT_EQ(*group.Get("weights").Get("type").String(), "int");
  EXPECT_EQ(*group.Get("weights").Get("strategy").String(), "group");
  EXPECT_TRUE(*group.Get("weights").Get("symmetric").Bool());
  EXPECT_THAT(Texts(root.Get("ignore")), ElementsAre("lm_head", R"(re:model\.layers\.\d+\.mlp\.gate$)"));
}

TEST(QuantizationConfig, SaysWhatEachFormatIs) {
  const struct {
    Format format;
    const char *name, *type, *strategy, *scale;
    int group;
  } cases[] = {{Format::kMXFP4, "mxfp4-pack-quantized", "float", "group", "torch.uint8", 32},
               {Format::kNVFP4, "nvfp4-pack-quantized", "float", "tensor_group", "torch.float8_e4m3fn", 16},
               {Format::kINT4_G32, "pack-quantized", "int", "group", "", 32}};
  for (const auto& c : cases) {
    const json::Document config = Config({.modules = {{"a", c.format}}, .ignored = {}});
    const json::Value weights = config.root().Get("config_groups").Get("group_0").Get("weights");
    EXPECT_EQ(*config.root().Get("format").String(), c.name);
    EXPECT_EQ(*weights.Get("type").String(), c.type);
    EXPECT_EQ(*weights.Get("strategy").String(), c.strategy);
    EXPECT_EQ(*weights.Get("group_size").Int(0, 999), c.group);
    EXPECT_EQ(weights.Get("scale_dtype").StringOr("").value(), c.scale);
  }
}

TEST(QuantizationConfig, SeveralFormatsAreGroupsOfPatternsOrNames) {
  const json::Document config = Config({.modules = {{"layers.0.up", Format::kMXFP4},
                                                    {"layers.1.up", Format::kMXFP4},
                                                    {"layers.0.down", Format::kMXFP4},
                                                    {"layers.1.down", Format::kINT4_G32},
                                                    {"layers.0.gate", Format::kINT4_G32}},
                                        .ignored = {"layers.1.gate"}});
  const json::Value root = config.root();
  EXPECT_EQ(*root.Get("format").String(), "mixed-precision");
  const json::Value first = root.Get("config_groups").Get("group_0"), second = root.Get("config_groups").Get("group_1");
  EXPECT_EQ(*first.Get("format").String(), "mxfp4-pack-quantized");
  EXPECT_EQ(*second.Get("format").String(), "pack-quantized");
  EXPECT_THAT(Texts(first.Get("targets")), ElementsAre(R"(re:layers\.\d+\.up$)", "layers.0.down"));
  EXPECT_THAT(Texts(second.Get("targets")), ElementsAre("layers.1.down", "layers.0.gate"));
  EXPECT_THAT(Texts(root.Get("ignore")), ElementsAre("layers.1.gate"));
}

TEST(QuantizationConfig, TheExpertsGroupComesFirst) {
  const json::Document config = Config({.modules = {{"mlp.shared_experts.up", Format::kMXFP4},
                                                    {"mlp.experts.0.up", Format::kINT4_G32},
                                                    {"attn.q", Format::kNVFP4}},
                                        .ignored = {}});
  const json::Value groups = config.root().Get("config_groups");
  EXPECT_THAT(Texts(groups.Get("group_0").Get("targets")), ElementsAre(R"(re:mlp\.experts\.\d+\.up$)"));
  EXPECT_THAT(Texts(groups.Get("group_1").Get("targets")), ElementsAre("mlp.shared_experts.up"));
}

TEST(QuantizationConfig, GroupsOfOneFormatsNameAreNotMixed) {
  const json::Document config =
      Config({.modules = {{"up", Format::kINT4_G128}, {"down", Format::kINT4_G32}}, .ignored = {}});
  EXPECT_EQ(*config.root().Get("format").String(), "pack-quantized");
  EXPECT_EQ(config.root().Get("config_groups").size(), 2);
  EXPECT_TRUE(config.root().Get("config_groups").Get("group_0").Get("format").is_null());
}

}  // namespace
}  // namespace nibble
