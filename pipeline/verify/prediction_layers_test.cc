// --keep-mtp through the jobs: layers for multi-token prediction come out as they went in, and nothing runs them.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <string>
#include <utility>
#include <vector>

#include "absl/types/span.h"
#include "converters/family.h"
#include "converters/test_checkpoint.h"
#include "formats/dtype.h"
#include "formats/io/file.h"
#include "formats/safetensors/safetensors.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "model/logical_tensor.h"
#include "model/model.h"
#include "model/model_spec.pb.h"
#include "pipeline/infer/infer.h"
#include "pipeline/no_progress.h"
#include "pipeline/quantize.h"
#include "pipeline/source/model_folder_fixture.h"
#include "pipeline/source/open_model.h"

namespace nibble {
namespace {

using ::testing::Contains;
using ::testing::HasSubstr;
using ::testing::Not;

class PredictionLayersTest : public ModelFolderTest {
 protected:
  void SetUp() override {
    ModelFolderTest::SetUp();
    ASSERT_EQ(RandomDeepseek().Write(Path("model")), absl::OkStatus());
  }

  Model Open(const std::string& name, bool keep_mtp) const {
    absl::StatusOr<Model> model = OpenModel(io::Posix(), Path(name), {.keep_mtp = keep_mtp});
    EXPECT_EQ(model.status(), absl::OkStatus());
    return *std::move(model);
  }

  // Converts "model".
  std::string Converted(const std::string& output, bool keep_mtp) {
    NoProgress progress;
    const auto plan = Convert(io::Posix(), Open("model", keep_mtp), "f32", {.path = Path(output)}, progress);
    EXPECT_EQ(plan.status(), absl::OkStatus());
    return output;
  }

  // Of a few ids, as the bytes of a file.
  std::string Logits(const Model& model) {
    const std::vector<int64_t> ids = {1, 2, 3, 4, 5, 6};
    std::vector<std::byte> bytes(ids.size() * sizeof(int64_t));
    std::copy_n(reinterpret_cast<const std::byte*>(ids.data()), bytes.size(), bytes.data());
    EXPECT_EQ(safetensors::WriteFile(io::Posix(), Path("ids.safetensors"), {{"input_ids", DType::kI64, {1, 6}}},
                                     {absl::MakeConstSpan(bytes)}, {}, /*force=*/true),
              absl::OkStatus());
    std::filesystem::remove(Path("logits.safetensors"));
    NoProgress progress;
    EXPECT_EQ(WriteLogits(io::Posix(), model,
                          {.ids_path = Path("ids.safetensors"), .output_path = Path("logits.safetensors")}, progress)
                  .status(),
              absl::OkStatus());
    return Bytes("logits.safetensors");
  }
};

std::vector<std::string> NamesOfLayer2(const Model& model) {
  std::vector<std::string> names;
  for (const LogicalTensor& tensor : model.tensors) {
    if (tensor.layer == 2) names.push_back(GgufName(tensor));
  }
  return names;
}

TEST_F(PredictionLayersTest, AreKeptOnlyWhereTheyAreAskedFor) {
  const Model published = Open("model", true);
  const Model kept = Open(Converted("kept.gguf", true), true);
  EXPECT_EQ(kept.spec.layers_size(), 2);
  EXPECT_EQ(kept.spec.prediction_layers_size(), 1);
  EXPECT_THAT(NamesOfLayer2(kept), Contains("blk.2.nextn.eh_proj.weight"));
  EXPECT_EQ(NamesOfLayer2(kept), NamesOfLayer2(published));
  EXPECT_THAT(kept.warnings, Not(Contains(HasSubstr("--keep-mtp"))));

  const Model dropped = Open("kept.gguf", false);
  EXPECT_EQ(dropped.spec.prediction_layers_size(), 0);
  EXPECT_TRUE(NamesOfLayer2(dropped).empty());
  EXPECT_THAT(dropped.warnings, Contains(HasSubstr("--keep-mtp")));
  EXPECT_THAT(Open("model", false).warnings, Contains(HasSubstr("--keep-mtp")));
}

TEST_F(PredictionLayersTest, ChangeNoLogits) {
  const std::string expected = Logits(Open("model", false));
  EXPECT_EQ(Logits(Open("model", true)), expected);
  EXPECT_EQ(Logits(Open(Converted("kept.gguf", true), true)), expected);
  EXPECT_EQ(Logits(Open("kept.gguf", false)), expected);
}

TEST_F(PredictionLayersTest, AskingForWhatIsNotThereIsAWarning) {
  const Model model = Open(Converted("dropped.gguf", false), true);
  EXPECT_THAT(model.warnings, Contains(HasSubstr("--keep-mtp: the model has no layers")));
}

}  // namespace
}  // namespace nibble
