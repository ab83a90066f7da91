// Logits and hidden states of trained checkpoints against transformers': the embedded one, and ../shared/zoo's where
// they are.
#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/types/span.h"
#include "formats/io/file.h"
#include "formats/safetensors/safetensors.h"
#include "formats/tensor_source.h"
#include "gtest/gtest.h"
#include "model/model.h"
#include "pipeline/infer.h"
#include "pipeline/open_model.h"
#include "pipeline/progress.h"

namespace nibble {
namespace {

class NoProgress : public Progress {
 public:
  void Update(const ProgressUpdate&) override {}
  void Warn(const std::string&) override {}
};

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
  const char* name;
  const char* folder;
  const char* golden;
  bool shared;  // paths lie in NIBBLE_SHARED, not in the project
};

const Case kCases[] = {
    {"Tiny", "tiny/model", "tiny/golden.safetensors", false},
    {"Llama2", "zoo/models/llama2", "zoo/models/llama2/golden.safetensors", true},
    {"Llama3", "zoo/models/llama3", "zoo/models/llama3/golden.safetensors", true},
};

class GoldenTest : public testing::TestWithParam<Case> {};

TEST_P(GoldenTest, LogitsAndHiddenStates) {
  const char* shared = std::getenv("NIBBLE_SHARED");
  if (GetParam().shared && shared == nullptr) GTEST_SKIP() << "NIBBLE_SHARED is not set";
  const std::string root = GetParam().shared ? absl::StrCat(shared, "/") : "";
  const std::string folder = root + GetParam().folder, golden_path = root + GetParam().golden;
  const std::string output = testing::TempDir() + "/logits.safetensors";
  const absl::StatusOr<Model> model = OpenModel(io::Posix(), folder);
  ASSERT_TRUE(model.ok()) << model.status();
  NoProgress progress;
  const absl::Status status =
      WriteLogits(io::Posix(), *model, {.ids_path = golden_path, .output_path = output, .hidden = true}, progress);
  ASSERT_TRUE(status.ok()) << status;

  const safetensors::Checkpoint golden = *safetensors::OpenFile(io::Posix(), golden_path);
  const safetensors::Checkpoint ours = *safetensors::OpenFile(io::Posix(), output);
  EXPECT_EQ(ours.tensors.Find("logits")->shape, golden.tensors.Find("logits")->shape);
  const std::vector<float> expected = Floats(golden.tensors, "logits");
  EXPECT_LE(RelativeError(Floats(ours.tensors, "logits"), expected), 1e-4);
  for (int layer = 0; layer <= model->spec.layers_size(); ++layer) {
    const std::string name = absl::StrCat("hidden_", layer);
    const std::vector<float> hidden = Floats(golden.tensors, name);  // of the first sequence
    const std::vector<float> found = Floats(ours.tensors, name);
    ASSERT_GE(found.size(), hidden.size());
    EXPECT_LE(RelativeError(absl::MakeSpan(found).subspan(0, hidden.size()), hidden), 1e-4) << name;
  }
}

INSTANTIATE_TEST_SUITE_P(Checkpoints, GoldenTest, testing::ValuesIn(kCases),
                         [](const testing::TestParamInfo<Case>& info) { return info.param.name; });

}  // namespace
}  // namespace nibble
