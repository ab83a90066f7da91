// Linears that compressed-tensors packed itself, against what it decompresses them to. Reads the unpacked
// ../shared/data (NIBBLE_DATA), where it is.
#include "converters/published_weight.h"

#include <cstdlib>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/types/span.h"
#include "converters/published_names.h"
#include "formats/io/file.h"
#include "formats/safetensors/safetensors.h"
#include "gtest/gtest.h"
#include "model/logical_tensor.h"
#include "quant/block/format.h"

namespace nibble {
namespace {

std::vector<float> Values(const TensorSource& source, StridedView view, const std::vector<int64_t>& shape) {
  LogicalTensor tensor{.rows = shape[0], .cols = shape[1]};
  view.rows = {{shape[0], shape[1]}};
  view.cols = {shape[1], 1};
  tensor.recipe = std::move(view);
  std::vector<float> values(tensor.rows * tensor.cols);
  EXPECT_EQ(ReadRows(source, tensor, 0, tensor.rows, absl::MakeSpan(values)), absl::OkStatus());
  return values;
}

class PublishedWeightTest : public testing::TestWithParam<const char*> {};

TEST_P(PublishedWeightTest, IsWhatItsLibraryMakesOfIt) {
  const char* data = std::getenv("NIBBLE_DATA");
  if (data == nullptr) GTEST_SKIP() << "NIBBLE_DATA is not set";
  const std::string path = absl::StrCat(data, "/fixtures/compressed-tensors/", GetParam(), ".safetensors");
  const absl::StatusOr<safetensors::Checkpoint> file = safetensors::OpenFile(io::Posix(), path);
  ASSERT_EQ(file.status(), absl::OkStatus());
  const PublishedNames names(file->tensors, {});
  const std::optional<PublishedWeight> weight = FindWeight(names, "weight");
  ASSERT_TRUE(weight && weight->Blocks());
  StridedView view{.tensor = weight->stored->name, .packed = weight->packed, .scales = weight->Blocks()};
  std::vector<float> values = Values(file->tensors, view, weight->shape);
  // The library multiplies in BF16, the scales' type; nibble in float32.
  const BlockFormat& bf16 = GetFormat(Format::kBF16);
  std::vector<std::byte> rounded(bf16.BytesFor(values.size()));
  bf16.encode_rtn(values.data(), values.size(), rounded.data());
  bf16.decode(rounded.data(), values.size(), values.data());
  EXPECT_EQ(values, Values(file->tensors, {.tensor = "expected_weight"}, weight->shape));
}

INSTANTIATE_TEST_SUITE_P(Formats, PublishedWeightTest, testing::Values("W4A16", "MXFP4A16", "NVFP4A16"),
                         [](const auto& info) { return std::string(info.param); });

}  // namespace
}  // namespace nibble
