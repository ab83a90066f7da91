// Logits and hidden states of trained checkpoints against transformers': the embedded one, and ../shared/zoo's where
// they are.
#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <filesystem>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/types/span.h"
#include "converters/families.h"
#include "formats/io/file.h"
#include "formats/json/json.h"
#include "formats/safetensors/safetensors.h"
#include "formats/tensor_source.h"
#include "gtest/gtest.h"
#include "model/model.h"
#include "pipeline/infer/infer.h"
#include "pipeline/no_progress.h"
#include "pipeline/source/open_model.h"

namespace nibble {
namespace {

std::vector<float> Floats(const TensorSource& source, const std::string& name) {
  const StoredTensor* tensor = source.Find(name);
  if (tensor == nullptr) return {};
  std::vector<float> values(tensor->elements());
  EXPECT_TRUE(
      source
          .Read(*tensor, 0, absl::MakeSpan(reinterpret_cast<std::byte*>(values.data()), values.size() * sizeof(float)))
          .ok());
  return values;
}

double RelativeError(absl::Span<const float> values, absl::Span<const float> expected) {
  double error = 0, largest = 0;
  for (size_t i = 0; i < expected.size(); ++i) {
    error = std::max<double>(error, std::abs(values[i] - expected[i]));
    largest = std::max<double>(largest, std::abs(expected[i]));
  }
  return error / largest;
}

struct Case {
  std::string name, folder, golden;
};

// Ours, and every folder of the zoo.
std::vector<Case> Cases() {
  std::vector<Case> cases = {{"tiny", "tiny/model", "tiny/golden.safetensors"}};
  const char* shared = std::getenv("NIBBLE_SHARED");
  if (shared == nullptr) return cases;
  for (const auto& entry : std::filesystem::directory_iterator(absl::StrCat(shared, "/zoo/models"))) {
    const std::string folder = entry.path().string();
    cases.push_back({entry.path().filename().string(), folder, folder + "/golden.safetensors"});
  }
  return cases;
}

bool FamilyIsKnown(const std::string& folder) {
  const std::string path = folder + "/config.json";
  const json::Document config = *json::Document::Parse(*io::ReadWholeFile(io::Posix(), path, 1 << 20), path);
  return FindFamily(config.root()).ok();
}

class GoldenTest : public testing::TestWithParam<Case> {};

TEST_P(GoldenTest, LogitsAndHiddenStates) {
  const auto& [name, folder, golden_path] = GetParam();
  if (!FamilyIsKnown(folder)) GTEST_SKIP() << "a family that converters/ does not have";
  const std::string output = testing::TempDir() + "/logits.safetensors";
  const absl::StatusOr<Model> model = OpenModel(io::Posix(), folder);
  ASSERT_TRUE(model.ok()) << model.status();
  NoProgress progress;
  const absl::Status status =
      WriteLogits(io::Posix(), *model, {.ids_path = golden_path, .output_path = output, .hidden = true}, progress)
          .status();
  ASSERT_TRUE(status.ok()) << status;

  const safetensors::Checkpoint golden = *safetensors::OpenFile(io::Posix(), golden_path);
  const safetensors::Checkpoint ours = *safetensors::OpenFile(io::Posix(), output);
  EXPECT_EQ(ours.tensors.Find("logits")->shape, golden.tensors.Find("logits")->shape);
  const std::vector<float> expected = Floats(golden.tensors, "logits");
  EXPECT_LE(RelativeError(Floats(ours.tensors, "logits"), expected), 1e-4);
  for (int layer = 0; layer <= model->spec.layers_size(); ++layer) {
    const std::string tensor = absl::StrCat("hidden_", layer);
    const std::vector<float> hidden = Floats(golden.tensors, tensor);  // of the first sequence
    const std::vector<float> found = Floats(ours.tensors, tensor);
    ASSERT_GE(found.size(), hidden.size());
    EXPECT_LE(RelativeError(absl::MakeSpan(found).subspan(0, hidden.size()), hidden), 1e-4) << tensor;
  }
}

INSTANTIATE_TEST_SUITE_P(Checkpoints, GoldenTest, testing::ValuesIn(Cases()),
                         [](const testing::TestParamInfo<Case>& info) { return info.param.name; });

}  // namespace
}  // namespace nibble
