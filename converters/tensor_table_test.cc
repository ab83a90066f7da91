#include "converters/tensor_table.h"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "converters/dims.h"
#include "converters/family.h"
#include "converters/layouts.h"
#include "converters/published_names.h"
#include "formats/dtype.h"
#include "formats/io/file.h"
#include "formats/tensor_source.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "model/logical_tensor.h"
#include "model/model_spec.pb.h"
#include "model/role.h"
#include "quant/block/format.h"

namespace nibble {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

// Two layers, the first dense, the second with three experts. All tables here are about some tensors of it.
constexpr int64_t kHidden = 4, kLength = 6, kExpertCount = 3, kExpertLength = 2;

ModelSpec Spec() {
  ModelSpec spec;
  spec.set_family("test");
  spec.set_hidden_size(kHidden);
  spec.add_layers()->mutable_feed_forward()->set_length(kLength);
  Experts& experts = *spec.add_layers()->mutable_feed_forward()->mutable_experts();
  experts.set_count(kExpertCount);
  experts.set_length(kExpertLength);
  return spec;
}

// Every tensor's values count from 0.
class CountingFile : public io::ReadableFile {
 public:
  absl::Status ReadAt(uint64_t offset, absl::Span<std::byte> out) const override {
    for (size_t i = 0; i < out.size(); i += sizeof(float)) {
      const float value = static_cast<float>((offset + i) / sizeof(float));
      std::copy_n(reinterpret_cast<const std::byte*>(&value), sizeof(value), out.data() + i);
    }
    return absl::OkStatus();
  }
  const std::string& path() const override { return path_; }
  const io::FileInfo& info() const override { return info_; }

 private:
  std::string path_ = "m";
  io::FileInfo info_;
};

TensorSource Source(std::vector<StoredTensor> tensors) {
  for (StoredTensor& tensor : tensors) {
    tensor.bytes = tensor.elements() * GetDType(tensor.dtype).block_bits / 8;
  }
  std::vector<std::unique_ptr<io::ReadableFile>> files;
  files.push_back(std::make_unique<CountingFile>());
  return TensorSource::Create(std::move(files), std::move(tensors)).value();
}

StoredTensor F32(std::string name, std::vector<int64_t> shape) {
  return {std::move(name), DType::kF32, std::move(shape)};
}

std::vector<float> Values(const TensorSource& source, const LogicalTensor& tensor) {
  std::vector<float> values(tensor.rows * tensor.cols);
  EXPECT_EQ(ReadRows(source, tensor, 0, tensor.rows, absl::MakeSpan(values)), absl::OkStatus());
  return values;
}

// One row of experts' up projections, [2, 4] each, in a layout.
void SecondExpert(Layout layout, std::vector<int64_t> shape, std::vector<float>& values) {
  const TensorRow rows[] = {{Role::kExpertUp, "layers.{}.up", Dim::kExpertLength, Dim::kHidden, layout}};
  const TensorSource source = Source({F32("layers.1.up", std::move(shape))});
  const absl::StatusOr<TensorMap> map = MapCheckpoint({rows}, Spec(), source);
  EXPECT_EQ(map.status(), absl::OkStatus());
  EXPECT_EQ(map->tensors.size(), kExpertCount);
  EXPECT_EQ(map->tensors[1].slice, 1);
  values = Values(source, map->tensors[1]);
}

TEST(TensorTable, StackedExpertsAreSlicesInEveryLayout) {
  std::vector<float> values;
  SecondExpert(AsInGguf, {3, 2, 4}, values);
  EXPECT_THAT(values, ElementsAre(8, 9, 10, 11, 12, 13, 14, 15));
  SecondExpert(Transposed, {3, 4, 2}, values);
  EXPECT_THAT(values, ElementsAre(8, 10, 12, 14, 9, 11, 13, 15));
  SecondExpert(EvenRows, {3, 4, 4}, values);
  EXPECT_THAT(values, ElementsAre(16, 17, 18, 19, 24, 25, 26, 27));
  SecondExpert(OddRows, {3, 4, 4}, values);
  EXPECT_THAT(values, ElementsAre(20, 21, 22, 23, 28, 29, 30, 31));
  SecondExpert(SecondHalf, {3, 4, 4}, values);
  EXPECT_THAT(values, ElementsAre(24, 25, 26, 27, 28, 29, 30, 31));
  SecondExpert(OddRowsTransposed, {3, 4, 4}, values);
  EXPECT_THAT(values, ElementsAre(17, 21, 25, 29, 19, 23, 27, 31));
  SecondExpert(SecondHalfTransposed, {3, 4, 4}, values);
  EXPECT_THAT(values, ElementsAre(18, 22, 26, 30, 19, 23, 27, 31));
  SecondExpert(FirstHalfTransposed, {3, 4, 4}, values);
  EXPECT_THAT(values, ElementsAre(16, 20, 24, 28, 17, 21, 25, 29));
}

TEST(TensorTable, BiasesOfExpertsAreSlicesToo) {
  const TensorRow rows[] = {
      {Role::kExpertUpBias, "layers.{}.bias", Dim::kExpertLength, Dim::kNone, OddRows},
  };
  const TensorSource source = Source({F32("layers.1.bias", {3, 4})});
  const TensorMap map = MapCheckpoint({rows}, Spec(), source).value();
  ASSERT_EQ(map.tensors.size(), 3);
  EXPECT_TRUE(map.tensors[2].is_vector);
  EXPECT_EQ(map.tensors[2].cols, 2);
  EXPECT_THAT(Values(source, map.tensors[2]), ElementsAre(9, 11));
}

constexpr TensorRow kPerExpert[] = {
    {Role::kUp, "layers.{}.up", Dim::kFeedForward, Dim::kHidden},
    {Role::kExpertUp, "layers.{}.experts.{e}.up", Dim::kExpertLength, Dim::kHidden},
};

std::vector<StoredTensor> PerExpert(int experts) {
  std::vector<StoredTensor> tensors = {F32("layers.0.up", {kLength, kHidden})};
  for (int e = 0; e < experts; ++e) {
    tensors.push_back(F32(absl::StrCat("layers.1.experts.", e, ".up"), {kExpertLength, kHidden}));
  }
  return tensors;
}

TEST(TensorTable, DenseLayersHaveNoExpertsAndTheOthersNoDenseTensors) {
  const TensorMap map = MapCheckpoint({kPerExpert}, Spec(), Source(PerExpert(3))).value();
  ASSERT_EQ(map.tensors.size(), 4);
  EXPECT_EQ(map.tensors[0].role, Role::kUp);
  EXPECT_EQ(map.tensors[0].slice, -1);
  EXPECT_EQ(map.tensors[3].role, Role::kExpertUp);
  EXPECT_EQ(map.tensors[3].slice, 2);
  EXPECT_EQ(GgufName(map.tensors[3]), "blk.1.ffn_up_exps.weight");
  EXPECT_THAT(map.warnings, IsEmpty());
}

std::string Error(const TensorTable& table, std::vector<StoredTensor> tensors) {
  return std::string(MapCheckpoint(table, Spec(), Source(std::move(tensors))).status().message());
}

TEST(TensorTable, MissingAndFurtherExpertsAreNamed) {
  EXPECT_THAT(Error({kPerExpert}, PerExpert(2)), HasSubstr("no 'layers.1.experts.2.up'"));
  EXPECT_THAT(Error({kPerExpert}, PerExpert(4)), HasSubstr("unknown 'layers.1.experts.3.up'"));
  EXPECT_THAT(Error({kPerExpert}, {F32("layers.0.up", {kLength, kHidden})}), HasSubstr("no 'layers.1.experts.0.up'"));
}

TEST(TensorTable, StackOfAnotherNumberIsNamedOnce) {
  const TensorRow rows[] = {{Role::kExpertUp, "layers.{}.up", Dim::kExpertLength, Dim::kHidden}};
  EXPECT_EQ(
      Error({rows}, {F32("layers.1.up", {2, 2, 4})}),
      "m: expected the tensors of a test with 2 layers, found shapes 'layers.1.up' [2, 2, 4] instead of [3, 2, 4]");
}

TEST(TensorTable, FirstAlternativeThatIsThereCounts) {
  const TensorRow rows[] = {
      {Role::kUp, "layers.{}.up_t", Dim::kFeedForward, Dim::kHidden, Transposed},
      {Role::kUp, "layers.{}.up", Dim::kFeedForward, Dim::kHidden},
  };
  for (const auto& [name, shape] :
       {std::pair("layers.0.up_t", std::vector<int64_t>{kHidden, kLength}), {"layers.0.up", {kLength, kHidden}}}) {
    const TensorMap map = MapCheckpoint({rows}, Spec(), Source({F32(name, shape)})).value();
    ASSERT_EQ(map.tensors.size(), 1) << name;
    EXPECT_EQ(std::get<StridedView>(map.tensors[0].recipe).tensor, name);
  }
  EXPECT_THAT(Error({rows}, {}), HasSubstr("no 'layers.0.up_t'"));
}

TEST(TensorTable, PrefixesAreTakenOffAndTowersAndFurtherLayersDroppedWithAWarningEach) {
  constexpr Prefix kPrefixes[] = {{"model.language_model.", ""}, {"language_model.", ""}};
  constexpr absl::string_view kDropped[] = {"vision_tower."};
  const TensorRow rows[] = {kPerExpert[0],
                            kPerExpert[1],
                            {Role::kPredictionProjection, "layers.{}.eh_proj", Dim::kHidden, Dim::kTwiceHidden}};
  const TensorTable table = {.rows = rows, .prefixes = kPrefixes, .dropped_prefixes = kDropped};
  for (const char* prefix : {"", "language_model.", "model.language_model."}) {
    std::vector<StoredTensor> tensors = PerExpert(3);
    tensors.push_back(F32("layers.2.eh_proj", {1}));
    for (StoredTensor& tensor : tensors) tensor.name.insert(0, prefix);
    tensors.push_back(F32("vision_tower.patch", {1}));
    const absl::StatusOr<TensorMap> map = MapCheckpoint(table, Spec(), Source(tensors));
    ASSERT_EQ(map.status(), absl::OkStatus()) << prefix;
    EXPECT_EQ(map->tensors.size(), 4);
    EXPECT_THAT(map->warnings, ElementsAre("dropped, as no part of the language model: 'vision_tower.patch'",
                                           absl::StrCat("dropped, as layers for multi-token prediction (--keep-mtp): '",
                                                        prefix, "layers.2.eh_proj'")));
    tensors.push_back(F32("layers.3.up", {kLength, kHidden}));  // of a layer that has no projection
    EXPECT_THAT(Error(table, tensors), HasSubstr("unknown 'layers.3.up'"));
  }
}

constexpr TensorRow kUp[] = {{Role::kUp, "layers.{}.up.weight", Dim::kFeedForward, Dim::kHidden}};

// The scales that are found for layers.0.up.weight, [6, 4] unless the spec is told otherwise.
absl::StatusOr<StridedView> ViewOf(std::vector<StoredTensor> tensors, ModelSpec spec = Spec()) {
  const absl::StatusOr<TensorMap> map = MapCheckpoint({kUp}, spec, Source(std::move(tensors)));
  if (!map.ok()) return map.status();
  return std::get<StridedView>(map->tensors[0].recipe);
}

TEST(TensorTable, ScalesOfFp8AreFoundUnderEveryName) {
  const StoredTensor weight = {"layers.0.up.weight", DType::kF8_E4M3, {6, 4}};
  struct Case {
    const char* scales;
    std::vector<int64_t> shape;
    BlockScales expected;
  };
  for (const Case& c : {Case{"layers.0.up.weight_scale_inv", {1, 1}, {"", 6, 4}},
                        {"layers.0.up.weight_scale", {}, {"", 6, 4}},
                        {"layers.0.up.qscale_weight", {}, {"", 6, 4}},
                        {"layers.0.up.weight_scale", {6, 1}, {"", 1, 4}}}) {
    const absl::StatusOr<StridedView> view = ViewOf({weight, F32(c.scales, c.shape)});
    ASSERT_EQ(view.status(), absl::OkStatus()) << c.scales;
    EXPECT_EQ(view->scales, (BlockScales{c.scales, c.expected.block_rows, c.expected.block_cols}));
    EXPECT_EQ(view->packed, std::nullopt);
  }
  EXPECT_THAT(ViewOf({weight}).status().message(),
              HasSubstr("no 'layers.0.up.weight_scale_inv', the scales of 'layers.0.up.weight'"));
  EXPECT_THAT(ViewOf({weight, F32("layers.0.up.weight_scale_inv", {2, 1})}).status().message(),
              HasSubstr("'layers.0.up.weight_scale_inv' F32 [2, 1], which cannot be the scales of"));
}

TEST(TensorTable, BlocksOf128MayBePartial) {
  ModelSpec spec = Spec();
  spec.set_hidden_size(192);
  spec.mutable_layers(0)->mutable_feed_forward()->set_length(130);
  const StoredTensor weight = {"layers.0.up.weight", DType::kF8_E4M3, {130, 192}};
  const absl::StatusOr<StridedView> view = ViewOf({weight, F32("layers.0.up.weight_scale_inv", {2, 2})}, spec);
  ASSERT_EQ(view.status(), absl::OkStatus());
  EXPECT_EQ(view->scales, (BlockScales{"layers.0.up.weight_scale_inv", 128, 128}));
}

TEST(TensorTable, PackedInt4AndMxfp4AreFoundWithTheirScales) {
  ModelSpec spec = Spec();
  spec.set_hidden_size(64);
  const absl::StatusOr<StridedView> int4 = ViewOf({{"layers.0.up.weight_packed", DType::kI32, {6, 8}},
                                                   {"layers.0.up.weight_scale", DType::kBF16, {6, 2}},
                                                   {"layers.0.up.weight_shape", DType::kI32, {2}}},
                                                  spec);
  ASSERT_EQ(int4.status(), absl::OkStatus());
  EXPECT_EQ(int4->packed, Format::kInt4);
  EXPECT_EQ(int4->scales, (BlockScales{"layers.0.up.weight_scale", 1, 32}));
  const absl::StatusOr<StridedView> mxfp4 = ViewOf(
      {{"layers.0.up.weight_blocks", DType::kU8, {6, 2, 16}}, {"layers.0.up.weight_scales", DType::kU8, {6, 2}}}, spec);
  ASSERT_EQ(mxfp4.status(), absl::OkStatus());
  EXPECT_EQ(mxfp4->packed, Format::kF4);
  EXPECT_EQ(mxfp4->scales, (BlockScales{"layers.0.up.weight_scales", 1, 32}));
  EXPECT_THAT(ViewOf({{"layers.0.up.weight_blocks", DType::kU8, {6, 2, 16}}}, spec).status().message(),
              HasSubstr("no 'layers.0.up.weight_scales'"));
}

TEST(TensorTable, PackedF4IsFoundWithItsScales) {
  ModelSpec spec = Spec();
  spec.set_hidden_size(64);
  const StoredTensor packed = {"layers.0.up.weight_packed", DType::kU8, {6, 32}};
  const StoredTensor nv_scales = {"layers.0.up.weight_scale", DType::kF8_E4M3, {6, 4}};
  const StoredTensor global = {"layers.0.up.weight_global_scale", DType::kF32, {1}};
  const absl::StatusOr<StridedView> mxfp4 = ViewOf({packed, {"layers.0.up.weight_scale", DType::kU8, {6, 2}}}, spec);
  ASSERT_EQ(mxfp4.status(), absl::OkStatus());
  EXPECT_EQ(mxfp4->packed, Format::kF4);
  EXPECT_EQ(mxfp4->scales, (BlockScales{"layers.0.up.weight_scale", 1, 32}));
  const absl::StatusOr<StridedView> nvfp4 = ViewOf({packed, nv_scales, global}, spec);
  ASSERT_EQ(nvfp4.status(), absl::OkStatus());
  EXPECT_EQ(nvfp4->scales, (BlockScales{"layers.0.up.weight_scale", 1, 16, "layers.0.up.weight_global_scale"}));
  EXPECT_THAT(ViewOf({packed, nv_scales}, spec).status().message(), HasSubstr("which cannot be the scales of"));
}

// Of a linear of 64 inputs and 16 outputs, in groups of 32.
std::vector<StoredTensor> Words(std::vector<int64_t> words, std::vector<int64_t> zeros = {2, 2}) {
  return {{"layers.0.up.qweight", DType::kI32, std::move(words)},
          {"layers.0.up.scales", DType::kF16, {2, 16}},
          {"layers.0.up.qzeros", DType::kI32, std::move(zeros)}};
}

TEST(TensorTable, WordsAreFoundWithTheirParts) {
  ModelSpec spec = Spec();
  spec.set_hidden_size(64);
  spec.mutable_layers(0)->mutable_feed_forward()->set_length(16);
  std::vector<StoredTensor> tensors = Words({8, 16});
  const absl::StatusOr<StridedView> gptq = ViewOf(tensors, spec);
  ASSERT_EQ(gptq.status(), absl::OkStatus());
  ASSERT_TRUE(gptq->words.has_value());
  EXPECT_EQ(gptq->tensor, "layers.0.up.qweight");
  EXPECT_EQ(gptq->words->order, WordCodes::Order::kInputs);
  EXPECT_EQ(gptq->words->bits, 4);
  EXPECT_EQ(gptq->words->groups, "");
  tensors.push_back({"layers.0.up.g_idx", DType::kI32, {64}});
  EXPECT_EQ(ViewOf(tensors, spec)->words->groups, "layers.0.up.g_idx");
  EXPECT_EQ(ViewOf(Words({16, 16}, {2, 4}), spec)->words->bits, 8);
  EXPECT_EQ(ViewOf(Words({64, 2}), spec)->words->order, WordCodes::Order::kInterleaved);

  const auto error = [&](const std::vector<StoredTensor>& tensors) {
    return std::string(ViewOf(tensors, spec).status().message());
  };
  EXPECT_THAT(error({tensors[0], tensors[2]}), HasSubstr("no 'layers.0.up.scales', the scales of"));
  EXPECT_THAT(error({tensors[0], tensors[1]}), HasSubstr("no 'layers.0.up.qzeros', the zero points of"));
  EXPECT_THAT(error(Words({4, 16})), HasSubstr("'layers.0.up.qweight' [16, 32] instead of [16, 64]"));
  constexpr char kNoWords[] = "which are no integers of GPTQ or AWQ of 4 or 8 bits";
  EXPECT_THAT(error(Words({6, 16}, {2, 3})), HasSubstr(kNoWords));  // of 6 bits
  EXPECT_THAT(error(Words({64, 4}, {2, 4})), HasSubstr(kNoWords));  // AWQ of 8
  EXPECT_THAT(error(Words({8, 17})), HasSubstr(kNoWords));
  EXPECT_THAT(error(Words({8, 16}, {3, 2})), HasSubstr(kNoWords));
  EXPECT_THAT(error(Words({0, 16})), HasSubstr(kNoWords));
  tensors[3].shape = {63};
  EXPECT_THAT(error(tensors), HasSubstr("and groups [63], which are no integers"));
  tensors[3] = {"layers.0.up.g_idx", DType::kF32, {64}};
  EXPECT_THAT(error(tensors), HasSubstr(kNoWords));
  tensors[1].dtype = DType::kU8;
  EXPECT_THAT(error(tensors), HasSubstr("scales U8"));
}

// AutoGPTQ writes one for every linear. The file's numbers count from 0, so that one number is zero and two are not.
TEST(TensorTable, BiasesOfWordsMayBeZeroWhereTheModelHasNone) {
  ModelSpec spec = Spec();
  spec.set_hidden_size(64);
  spec.mutable_layers(0)->mutable_feed_forward()->set_length(16);
  std::vector<StoredTensor> tensors = Words({8, 16});
  tensors.push_back(F32("layers.0.up.bias", {1}));
  EXPECT_EQ(ViewOf(tensors, spec).status(), absl::OkStatus());
  tensors.back().shape = {2};
  EXPECT_THAT(ViewOf(tensors, spec).status().message(), HasSubstr("unknown 'layers.0.up.bias'"));
  tensors.back() = F32("layers.0.down.bias", {1});
  EXPECT_THAT(ViewOf(tensors, spec).status().message(), HasSubstr("unknown 'layers.0.down.bias'"));
}

TEST(TensorTable, GgufsOwnNamesAndSumsAreOfThePublishedTensorsAlone) {
  const TensorRow rows[] = {{Role::kFeedForwardNorm, "layers.{}.norm", Dim::kHidden, Dim::kNone, AsInGguf,
                             Presence::kRequired, 1, "post_attention_norm.weight"}};
  const TensorSource published = Source({F32("layers.0.norm", {4}), F32("layers.1.norm", {4})});
  const TensorMap map = MapCheckpoint({rows}, Spec(), published).value();
  EXPECT_EQ(GgufName(map.tensors[1]), "blk.1.post_attention_norm.weight");
  EXPECT_THAT(Values(published, map.tensors[1]), ElementsAre(1, 2, 3, 4));
  const TensorSource gguf =
      Source({F32("blk.0.post_attention_norm.weight", {4}), F32("blk.1.post_attention_norm.weight", {4})});
  const TensorMap from_gguf = MapGguf({rows}, Spec(), gguf).value();
  EXPECT_THAT(Values(gguf, from_gguf.tensors[1]), ElementsAre(0, 1, 2, 3));
}

TEST(TensorTable, AGgufsExpertsLieInOneTensor) {
  const TensorSource gguf = Source({F32("blk.0.ffn_up.weight", {6, 4}), F32("blk.1.ffn_up_exps.weight", {3, 2, 4})});
  const TensorMap map = MapGguf({kPerExpert}, Spec(), gguf).value();
  ASSERT_EQ(map.tensors.size(), 4);
  EXPECT_THAT(Values(gguf, map.tensors[2]), ElementsAre(8, 9, 10, 11, 12, 13, 14, 15));
}

}  // namespace
}  // namespace nibble
