#include "pipeline/expected_time.h"

#include "absl/status/status.h"
#include "converters/test_checkpoint.h"
#include "gtest/gtest.h"
#include "model/model.h"
#include "pipeline/output/plan.h"
#include "pipeline/output/stream.h"
#include "pipeline/report.pb.h"
#include "pipeline/source/model_folder_fixture.h"
#include "pipeline/types/quantized_types.h"
#include "pipeline/types/type_options.h"

namespace nibble {
namespace {

class ExpectedTimeTest : public ModelFolderTest {
 protected:
  static ExpectedTime Of(const Model& model, const char* type, Method method, int64_t tokens = 0) {
    const OutputPlan plan = MakePlan(model, ChooseQuantizedTypes(model, {.type = type}).value());
    const auto time = ExpectTime(model, plan, {.method = method, .threads = 1}, tokens, {.threads = 1});
    EXPECT_EQ(time.status(), absl::OkStatus());
    return *time;
  }
};

TEST_F(ExpectedTimeTest, ASearchTakesLongerThanRounding) {
  const Model model = Open(RandomLlama({.hidden = 256, .head_dim = 64, .feed_forward = 512}));
  const ExpectedTime rounded = Of(model, "Q4_K", Method::kRtn), searched = Of(model, "Q4_K", Method::kWeighted);
  EXPECT_GT(rounded.encode_seconds(), 0);
  EXPECT_GT(searched.encode_seconds(), rounded.encode_seconds());
  EXPECT_EQ(rounded.calibration_seconds(), 0);
  EXPECT_GT(rounded.file_seconds(), 0);
  EXPECT_GE(searched.seconds(), searched.encode_seconds());
  EXPECT_GE(rounded.seconds(), rounded.file_seconds());
}

TEST_F(ExpectedTimeTest, ATextTakesItsTime) {
  const Model model = Open(RandomLlama({.hidden = 256, .head_dim = 64, .feed_forward = 512}));
  const ExpectedTime with = Of(model, "Q4_K", Method::kWeighted, 100'000);
  EXPECT_GT(with.calibration_seconds(), 0);
  EXPECT_GT(with.seconds(), Of(model, "Q4_K", Method::kWeighted).seconds());
  EXPECT_GT(Of(model, "Q4_K", Method::kWeighted, 10'000'000).calibration_seconds(), 3 * with.calibration_seconds());
}

TEST_F(ExpectedTimeTest, KnowsExpertsAndFloats) {
  const Model model = Open(RandomQwen3Moe());
  EXPECT_GT(Of(model, "Q4_0", Method::kWeighted, 1000).calibration_seconds(), 0);
  EXPECT_LT(Of(model, "BF16", Method::kWeighted).encode_seconds(),
            Of(model, "Q4_0", Method::kWeighted).encode_seconds());
}

}  // namespace
}  // namespace nibble
