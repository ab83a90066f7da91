#include "pipeline/source/residual_basis.h"

#include <cmath>
#include <string>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace nibble {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

ModelSpec Spec(uint32_t block) {
  ModelSpec spec;
  spec.set_hidden_size(12);
  spec.set_residual_hadamard(block);
  return spec;
}

TEST(ResidualBasis, ComesBackFromAGguf) {
  for (const uint32_t block : {0, 4}) {
    gguf::Metadata metadata("x.gguf");
    BasisToGguf(Spec(block), metadata);
    EXPECT_EQ(metadata.Find("nibble.transform.residual_hadamard") != nullptr, block != 0);
    ModelSpec spec = Spec(0);
    EXPECT_EQ(BasisFromGguf(metadata, spec), absl::OkStatus());
    EXPECT_EQ(spec.residual_hadamard(), block);
  }
}

TEST(ResidualBasis, RefusesBlocksThatCannotBe) {
  for (const uint32_t block : {0, 3, 8, 16}) {
    gguf::Metadata metadata("x.gguf");
    metadata.Set("nibble.transform.residual_hadamard", block);
    ModelSpec spec = Spec(0);
    const absl::Status status = BasisFromGguf(metadata, spec);
    EXPECT_EQ(status.code(), absl::StatusCode::kDataLoss) << block;
    EXPECT_THAT(std::string(status.message()), HasSubstr("nibble.transform.residual_hadamard")) << block;
  }
}

TEST(ChangeBasis, TurnsBlocksThereAndBack) {
  const std::vector<float> published = {1, 2, 3, 4, 0, 0, 0, 8, 5, 5, 5, 5, -1, 0, 0, 0, 1, 1, 1, 1, 2, 2, 0, 0};
  std::vector<float> states = published;
  ChangeBasis(Spec(0), Spec(4), absl::MakeSpan(states));
  EXPECT_THAT(absl::MakeSpan(states).subspan(0, 12), ElementsAre(5, -1, -2, 0, 4, -4, -4, 4, 10, 0, 0, 0));
  std::vector<float> in_twos = states;
  ChangeBasis(Spec(4), Spec(2), absl::MakeSpan(in_twos));
  for (int i : {0, 2}) {
    EXPECT_NEAR(in_twos[i], (published[i] + published[i + 1]) / std::sqrt(2), 1e-6);
    EXPECT_NEAR(in_twos[i + 1], (published[i] - published[i + 1]) / std::sqrt(2), 1e-6);
  }
  ChangeBasis(Spec(4), Spec(0), absl::MakeSpan(states));
  EXPECT_EQ(states, published);
}

}  // namespace
}  // namespace nibble
