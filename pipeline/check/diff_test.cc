#include "pipeline/check/diff.h"

#include <filesystem>
#include <string>
#include <vector>

#include "converters/test_checkpoint.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "pipeline/no_progress.h"
#include "pipeline/quantize.h"
#include "pipeline/source/model_folder_fixture.h"

namespace nibble {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

class DiffTest : public ModelFolderTest {
 protected:
  void Make(const Model& model, const TypeOptions& types, const std::string& name) {
    ASSERT_EQ(Quantize(io::Posix(), model, types, {.path = Path(name), .force = true}, progress_).status(),
              absl::OkStatus());
  }

  DiffReport Compare(const std::string& a, const std::string& b) {
    const absl::StatusOr<DiffReport> report = Diff(io::Posix(), Path(a), Path(b), 2, progress_);
    EXPECT_EQ(report.status(), absl::OkStatus());
    return report.value_or(DiffReport());
  }

  // "name: what"
  static std::vector<std::string> Tensors(const DiffReport& report) {
    std::vector<std::string> texts;
    for (const TensorDifference& tensor : report.tensors()) texts.push_back(tensor.name() + ": " + tensor.what());
    return texts;
  }
  static std::vector<std::string> KeyNames(const DiffReport& report) {
    std::vector<std::string> names;
    for (const KeyDifference& key : report.keys()) names.push_back(key.key());
    return names;
  }

  NoProgress progress_;
};

TEST_F(DiffTest, AFileIsLikeItself) {
  const Model model = Open(RandomLlama({.layers = 1}));
  Make(model, {.type = "Q4_0", .method = "rtn"}, "a.gguf");
  for (const char* name : {"a.gguf", "model"}) {
    const DiffReport report = Compare(name, name);
    EXPECT_THAT(Tensors(report), IsEmpty());
    EXPECT_THAT(KeyNames(report), IsEmpty());
    EXPECT_EQ(report.same_tensors(), 12);
    EXPECT_GT(report.same_keys(), 5);
  }
}

TEST_F(DiffTest, TypesDifferWithTheErrorOfTheirValues) {
  const Model model = Open(RandomLlama({.layers = 1}));
  Make(model, {.type = "Q8_0", .method = "rtn"}, "a.gguf");
  Make(model, {.type = "Q8_0", .method = "rtn", .tensor_types = {{"ffn_up", "Q4_0"}}}, "b.gguf");
  const DiffReport report = Compare("a.gguf", "b.gguf");
  ASSERT_THAT(Tensors(report), ElementsAre("blk.0.ffn_up.weight: type"));
  EXPECT_EQ(report.tensors(0).a(), "Q8_0 [96, 64]");
  EXPECT_EQ(report.tensors(0).b(), "Q4_0 [96, 64]");
  EXPECT_GT(report.tensors(0).relative_error(), 0.01);
  EXPECT_LT(report.tensors(0).relative_error(), 0.2);
  EXPECT_THAT(KeyNames(report), IsEmpty()) << "the recipe was not told";
}

TEST_F(DiffTest, BytesDifferAndKeysDo) {
  TestCheckpoint checkpoint = RandomLlama({.layers = 1});
  Make(Open(checkpoint), {.type = "F32"}, "a.gguf");
  checkpoint.Find("model.norm.weight").values[3] += 1;
  checkpoint.config["rms_norm_eps"] = "0.5";
  Make(Open(checkpoint), {.type = "F32"}, "b.gguf");
  const DiffReport report = Compare("a.gguf", "b.gguf");
  EXPECT_THAT(Tensors(report), ElementsAre("output_norm.weight: bytes"));
  EXPECT_THAT(KeyNames(report), testing::Contains("llama.attention.layer_norm_rms_epsilon"));
  EXPECT_GT(report.tensors(0).relative_error(), 0);
}

TEST_F(DiffTest, ShapesAndMissingTensors) {
  Make(Open(RandomLlama({.layers = 2})), {.type = "F32"}, "a.gguf");
  Make(Open(RandomLlama({.layers = 1, .vocab = 40})), {.type = "F32"}, "b.gguf");
  const DiffReport report = Compare("a.gguf", "b.gguf");
  EXPECT_THAT(Tensors(report), testing::IsSupersetOf({"token_embd.weight: shape", "blk.1.attn_q.weight: only in A"}));
  EXPECT_THAT(Tensors(Compare("b.gguf", "a.gguf")), testing::Contains("blk.1.attn_q.weight: only in B"));
}

TEST_F(DiffTest, AFolderAndItsGgufHaveTheSameValues) {
  const Model model = Open(RandomLlama({.layers = 1}));
  ASSERT_EQ(Convert(io::Posix(), model, "source", {.path = Path("model.gguf")}, progress_).status(), absl::OkStatus());
  const DiffReport report = Compare("model", "model.gguf");
  // Norms are stored as F32.
  for (const TensorDifference& tensor : report.tensors()) {
    EXPECT_EQ(tensor.what(), "type") << tensor.name();
    EXPECT_EQ(tensor.relative_error(), 0) << tensor.name();
  }
  EXPECT_THAT(KeyNames(report), IsEmpty());
}

TEST_F(DiffTest, AFolderAndWhatWasMadeOfItAreComparedByValues) {
  Make(Open(RandomLlama({.layers = 1})), {.container = Container::kCompressedTensors, .type = "INT4_G32"}, "out");
  const DiffReport report = Compare("model", "out");
  EXPECT_THAT(Tensors(report), testing::Contains("blk.0.ffn_up.weight: type"));
  EXPECT_EQ(report.tensors_size(), 7) << "linears of one layer";
  EXPECT_THAT(KeyNames(report),
              testing::IsSupersetOf({"config.json: quantization_config", "nibble.manifest.json: sources"}));
}

TEST_F(DiffTest, FoldersOfTheSameNamesAreComparedByBytes) {
  TestCheckpoint checkpoint = RandomLlama({.layers = 1});
  Open(checkpoint);
  std::filesystem::copy(Path("model"), Path("other"));
  checkpoint.Find("model.norm.weight").values[3] += 1;
  Open(checkpoint);
  EXPECT_THAT(Tensors(Compare("model", "other")), ElementsAre("model.norm.weight: bytes"));
}

}  // namespace
}  // namespace nibble
