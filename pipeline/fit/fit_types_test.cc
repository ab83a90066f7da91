#include "pipeline/fit/fit_types.h"

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "base/status.h"
#include "converters/family.h"
#include "converters/test_checkpoint.h"
#include "gtest/gtest.h"
#include "model/model.h"
#include "model/role.h"
#include "pipeline/context_memory.h"
#include "pipeline/output/plan.h"
#include "pipeline/source/model_folder_fixture.h"
#include "pipeline/types/container.h"
#include "pipeline/types/quantized_types.h"
#include "pipeline/types/type_choices.h"
#include "pipeline/types/type_options.h"
#include "quant/block/format.h"

namespace nibble {
namespace {

using Formats = std::map<std::string, Format>;

class FitTypesTest : public ModelFolderTest {
 protected:
  void SetUp() override {
    ModelFolderTest::SetUp();
    // 111 tensors, whose rows every block divides.
    model_.emplace(Open(RandomLlama(
        {.layers = 12, .hidden = 256, .heads = 4, .kv_heads = 2, .head_dim = 64, .feed_forward = 256, .vocab = 256})));
    least_ = SizeOf({.type = "MXFP4", .pure = true});
    most_ = SizeOf({.type = "BF16", .pure = true});
  }

  uint64_t SizeOf(const TypeOptions& options) const {
    return MakePlan(*model_, ChooseQuantizedTypes(*model_, options).value()).layout.file_bytes;
  }

  static TypeOptions Budget(uint64_t bytes) { return {.method = "rtn", .fit = {.bytes = bytes}}; }

  TypeChoices Fitted(const TypeOptions& options, int threads = 0) const {
    absl::StatusOr<TypeChoices> choices = FitTypes(*model_, options, threads);
    EXPECT_EQ(choices.status(), absl::OkStatus());
    return *std::move(choices);
  }

  Formats FormatsOf(const TypeChoices& choices) const {
    Formats formats;
    for (size_t i = 0; i < choices.each.size(); ++i) {
      formats[GgufName(model_->tensors.stacks()[i][0])] = choices.each[i].format;
    }
    return formats;
  }

  void ExpectRefused(const TypeOptions& options, const std::string& part) const {
    const absl::Status status = FitTypes(*model_, options, 0).status();
    EXPECT_EQ(ExitCode(status), 64);
    EXPECT_TRUE(absl::StrContains(status.message(), part)) << status.message() << " lacks " << part;
  }

  std::optional<Model> model_;
  uint64_t least_ = 0, most_ = 0;
};

TEST_F(FitTypesTest, LandsAtMostHalfAPercentBelowTheBudget) {
  for (const int percent : {10, 50, 99}) {
    const uint64_t budget = least_ + (most_ - least_) * percent / 100;
    const TypeChoices choices = Fitted(Budget(budget));
    const OutputPlan plan = MakePlan(*model_, choices);
    EXPECT_LE(plan.layout.file_bytes, budget) << percent;
    EXPECT_GE(plan.layout.file_bytes, budget * 0.995) << percent;
    EXPECT_LE(plan.report.fit().expected_kld_bound(), plan.report.fit().expected_kld());
    // Near the source's size it lands there at the cost of the optimum.
    if (percent < 99) {
      EXPECT_GE(plan.report.fit().expected_kld_bound(), plan.report.fit().expected_kld() * 0.99);
    }
  }
}

TEST_F(FitTypesTest, TakesBudgetsFromTheSmallestSizeToTheSources) {
  EXPECT_EQ(MakePlan(*model_, Fitted(Budget(least_))).layout.file_bytes, least_);
  EXPECT_EQ(MakePlan(*model_, Fitted(Budget(most_))).layout.file_bytes, most_);
  ExpectRefused(Budget(least_ - 1), absl::StrCat("at least ", least_, " bytes"));
  ExpectRefused(Budget(most_ + 1), absl::StrCat("from ", least_, " bytes"));
}

TEST_F(FitTypesTest, LeavesRoomForAContext) {
  const ContextMemory memory = MemoryAtContext(model_->spec, 1000);
  TypeOptions options = Budget((least_ + most_) / 2 + memory.cache + memory.buffers);
  options.fit.context = 1000;
  const TypeChoices choices = Fitted(options);
  EXPECT_EQ(FormatsOf(choices), FormatsOf(Fitted(Budget((least_ + most_) / 2))));
  EXPECT_EQ(choices.fit->context(), 1000u);
  EXPECT_EQ(choices.fit->cache_bytes(), memory.cache);
  EXPECT_EQ(choices.fit->activation_bytes(), memory.buffers);
  options.fit.bytes = least_;
  ExpectRefused(options, absl::StrCat("at least ", least_ + memory.cache + memory.buffers, " bytes"));
}

TEST_F(FitTypesTest, PinsStayAndTheRestMakesUpForThem) {
  TypeOptions options = Budget((least_ + most_) / 2);
  options.tensor_types = {{"ffn_down", "Q4_0"}, {"blk\\.3\\.attn_q", "F16"}};
  options.token_embedding_type = "Q5_1";
  options.output_tensor_type = "Q6_K";
  const TypeChoices choices = Fitted(options);
  for (const auto& [name, format] : FormatsOf(choices)) {
    if (absl::StrContains(name, "ffn_down")) {
      EXPECT_EQ(format, Format::kQ4_0) << name;
    }
    if (absl::StrContains(name, "blk.3.attn_q.")) {
      EXPECT_EQ(format, Format::kF16) << name;
    }
    if (name == "token_embd.weight") {
      EXPECT_EQ(format, Format::kQ5_1);
    }
    if (name == "output.weight") {
      EXPECT_EQ(format, Format::kQ6_K);
    }
    if (absl::StrContains(name, "norm")) {
      EXPECT_EQ(format, Format::kF32) << name;
    }
  }
  EXPECT_GE(MakePlan(*model_, choices).layout.file_bytes, options.fit.bytes * 0.995);
}

TEST_F(FitTypesTest, WhatMattersMoreGetsMore) {
  TypeOptions options = Budget((3 * least_ + most_) / 4);
  options.fit.sensitivities = {{"blk.5.ffn_up.weight", 1e6}, {"blk.6.ffn_up.weight", 1e-6}};
  const TypeChoices choices = Fitted(options);
  EXPECT_EQ(FormatsOf(choices)["blk.5.ffn_up.weight"], Format::kBF16);
  EXPECT_LE(GetFormat(FormatsOf(choices)["blk.6.ffn_up.weight"]).BytesFor(256), 144u);
  EXPECT_TRUE(choices.fit->is_measured());
}

// What is known of linears' inputs makes them cheaper, and embedding and output worth more of the bytes.
TEST_F(FitTypesTest, KnownInputsLeaveMoreForTheRest) {
  TypeOptions options = Budget((3 * least_ + most_) / 4);
  const auto bytes_of_the_rest = [&](double left) {
    options.fit.left_in_linears = left;
    auto formats = FormatsOf(Fitted(options));
    return GetFormat(formats["token_embd.weight"]).BytesFor(256) + GetFormat(formats["output.weight"]).BytesFor(256);
  };
  EXPECT_GT(bytes_of_the_rest(0.01), bytes_of_the_rest(1));
}

TEST_F(FitTypesTest, IsTheSameForAnyNumberOfThreads) {
  const TypeOptions options = Budget((2 * least_ + most_) / 3);
  EXPECT_EQ(FormatsOf(Fitted(options, 1)), FormatsOf(Fitted(options, 5)));
}

TEST_F(FitTypesTest, EveryTypeHasAReason) {
  const TypeChoices choices = Fitted(Budget((least_ + most_) / 2));
  EXPECT_EQ(choices.name, "fit");
  for (size_t i = 0; i < choices.each.size(); ++i) {
    if (model_->tensors.stacks()[i][0].is_vector) continue;
    EXPECT_TRUE(absl::StartsWith(choices.each[i].reason, "fit: sensitivity ")) << choices.each[i].reason;
  }
}

TEST_F(FitTypesTest, IsNotForTheLayoutOfOneType) {
  TypeOptions options = Budget(least_);
  options.container = Container::kMxfp4;
  ExpectRefused(options, "expected another --format than mxfp4");
}

TEST_F(FitTypesTest, LandsInFoldersToo) {
  constexpr Container kFolder = Container::kCompressedTensors;
  const auto size_of = [&](const TypeChoices& choices) {
    return MakeFolderPlan(*model_, choices, 1 << 20).folder->file_bytes;
  };
  const uint64_t least = size_of(*ChooseQuantizedTypes(*model_, {.container = kFolder, .type = "INT4_G128"}));
  const uint64_t most = SizeOf({.type = "BF16", .pure = true});
  for (const int percent : {10, 30, 50}) {  // there is no type between 4.5 and 16 bits: the steps are large
    TypeOptions options = Budget(least + (most - least) * percent / 100);
    options.container = kFolder;
    const TypeChoices choices = Fitted(options);
    EXPECT_LE(size_of(choices), options.fit.bytes) << percent;
    EXPECT_GE(size_of(choices), options.fit.bytes * 0.995) << percent;
    for (const auto& [name, format] : FormatsOf(choices)) {
      const bool is_linear = !absl::StrContains(name, "norm") && absl::StrContains(name, "blk.");
      if (!is_linear) {
        EXPECT_EQ(GetFormat(format).block_elements, 1u) << name;
      }
    }
  }
  TypeOptions too_small = Budget(least / 2);
  too_small.container = kFolder;
  ExpectRefused(too_small, "the smallest possible size");
}

TEST_F(FitTypesTest, ExpertsOfAFolderHaveOneType) {
  const Model experts = Open(RandomQwen3Moe());
  TypeOptions options = {.container = Container::kCompressedTensors, .type = "INT4_G32"};
  const uint64_t least = MakeFolderPlan(experts, *ChooseQuantizedTypes(experts, options), 1 << 30).folder->file_bytes;
  options.fit.bytes = least * 12 / 10;
  const TypeChoices choices = FitTypes(experts, options, 0).value();
  std::set<Format> formats;
  for (size_t i = 0; i < choices.each.size(); ++i) {
    const LogicalTensor& tensor = experts.tensors.stacks()[i][0];
    if (GetRole(tensor.role).is_expert) formats.insert(choices.each[i].format);
  }
  EXPECT_EQ(formats.size(), 1u);
}

// Of a folder for vLLM; in a GGUF each stands for itself.
TEST_F(FitTypesTest, LinearsThatAreFusedHaveOneType) {
  const auto mixed_layers = [&](const TypeChoices& choices, const std::vector<std::string>& names) {
    const Formats formats = FormatsOf(choices);
    int mixed = 0;
    for (int layer = 0; layer < 12; ++layer) {
      std::set<Format> found;
      for (const std::string& name : names) found.insert(formats.at(absl::StrCat("blk.", layer, ".", name, ".weight")));
      mixed += found.size() > 1;
    }
    return mixed;
  };
  TypeOptions options = Budget(least_ + (most_ - least_) / 3);
  for (int layer = 0; layer < 12; ++layer) {
    for (const char* name : {"attn_v", "ffn_up"}) {
      options.fit.sensitivities[absl::StrCat("blk.", layer, ".", name, ".weight")] = 1000;
    }
  }
  const TypeChoices in_gguf = Fitted(options);
  options.container = Container::kCompressedTensors;
  const TypeChoices in_folder = Fitted(options);
  for (const auto& names : {std::vector<std::string>{"attn_q", "attn_k", "attn_v"}, {"ffn_gate", "ffn_up"}}) {
    EXPECT_GT(mixed_layers(in_gguf, names), 0);
    EXPECT_EQ(mixed_layers(in_folder, names), 0);
  }
  EXPECT_GT(mixed_layers(in_folder, {"attn_v", "attn_output", "ffn_up", "ffn_down"}), 0);
  EXPECT_TRUE(in_folder.warnings.empty()) << in_folder.warnings[0];
}

TEST_F(FitTypesTest, RowsThatNoBlockDividesStayFloats) {
  const Model odd = Open(RandomLlama({.feed_forward = 40}));
  const uint64_t least =
      MakePlan(odd, ChooseQuantizedTypes(odd, {.type = "MXFP4", .pure = true}).value()).layout.file_bytes;
  const TypeChoices choices = FitTypes(odd, Budget(least), 0).value();
  for (size_t i = 0; i < choices.each.size(); ++i) {
    if (odd.tensors.stacks()[i][0].cols == 40) {
      EXPECT_EQ(choices.each[i].format, Format::kBF16);
    }
  }
}

}  // namespace
}  // namespace nibble
