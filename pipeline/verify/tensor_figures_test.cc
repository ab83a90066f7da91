#include "pipeline/verify/tensor_figures.h"

#include <cmath>
#include <string>
#include <vector>

#include "gtest/gtest.h"
#include "pipeline/comm/comm.h"
#include "pipeline/no_progress.h"
#include "runtime/random_model.h"

namespace nibble {
namespace {

Candidate Fill(const Model& reference, const Model& candidate, int threads = 2) {
  NoProgress progress;
  Candidate out;
  const absl::Status status = FillTensors(reference, candidate, threads, Comm::Alone(), progress, out);
  EXPECT_TRUE(status.ok()) << status;
  return out;
}

void AddExperts(ModelSpec& spec) {
  for (Layer& layer : *spec.mutable_layers()) {
    Experts& experts = *layer.mutable_feed_forward()->mutable_experts();
    experts.set_count(3);
    experts.set_used(2);
    experts.set_length(32);
  }
}

TEST(TensorFigures, ErrorsAreAsDefined) {
  const RandomModel a = MakeRandomModel({.seed = 1, .edit = AddExperts});
  const RandomModel b = MakeRandomModel({.seed = 2, .edit = AddExperts});
  const Candidate out = Fill(a.model, b.model);
  ASSERT_EQ(out.tensors_size(), b.model.tensors.stacks().size());
  for (int i = 0; i < out.tensors_size(); ++i) {
    const LogicalTensor& first = b.model.tensors.stacks()[i][0];
    const TensorFigures& tensor = out.tensors(i);
    const std::vector<float>&x = a.values.at({first.role, first.layer}), &y = b.values.at({first.role, first.layer});
    double error = 0, norm = 0;
    for (size_t k = 0; k < x.size(); ++k) {
      error += (double{y[k]} - x[k]) * (double{y[k]} - x[k]);
      norm += double{x[k]} * x[k];
    }
    EXPECT_NEAR(tensor.relative_error(), std::sqrt(error / norm), 1e-9) << tensor.name();
    EXPECT_EQ(tensor.elements(), y.size()) << tensor.name();
    EXPECT_EQ(tensor.bytes(), 4 * y.size()) << tensor.name();
    EXPECT_EQ(tensor.layer(), first.layer);
  }
}

TEST(TensorFigures, TypesBytesAndBits) {
  const RandomModel plain = MakeRandomModel({}), quantized = MakeRandomModel({.matrices = Format::kQ8_0});
  const Candidate out = Fill(plain.model, quantized.model);
  uint64_t bytes = 0;
  for (const TensorFigures& tensor : out.tensors()) {
    bytes += tensor.bytes();
    if (tensor.is_vector()) continue;
    EXPECT_EQ(tensor.type(), "Q8_0") << tensor.name();
    EXPECT_EQ(tensor.bits_per_weight(), 8.5);
    EXPECT_GT(tensor.relative_error(), 0);
    EXPECT_LT(tensor.relative_error(), 0.01);
  }
  ASSERT_EQ(out.types_size(), 2);
  EXPECT_EQ(out.types(0).type(), "Q8_0");
  EXPECT_EQ(out.types(0).bytes() + out.types(1).bytes(), bytes);
  EXPECT_GT(out.bits_per_weight(), 8.5);
  EXPECT_LT(out.bits_per_weight(), 11);
}

TEST(TensorFigures, WhatCannotBeComparedHasNoError) {
  const RandomModel narrow = MakeRandomModel({.feed_forward = 32}), wide = MakeRandomModel({.feed_forward = 64});
  const Candidate wider = Fill(narrow.model, wide.model);
  for (const TensorFigures& tensor : wider.tensors()) {
    EXPECT_EQ(tensor.has_relative_error(),
              tensor.name().find("ffn_") == std::string::npos || tensor.name().find("norm") != std::string::npos)
        << tensor.name();
  }
  RandomModel rotated = MakeRandomModel({});
  rotated.model.spec.set_residual_hadamard(32);
  const Candidate out = Fill(wide.model, rotated.model);
  EXPECT_TRUE(out.has_other_basis());
  for (const TensorFigures& tensor : out.tensors()) EXPECT_FALSE(tensor.has_relative_error());
}

TEST(TensorFigures, TheSameForAnyNumberOfThreads) {
  const RandomModel a = MakeRandomModel({.seed = 1, .vocab_size = 20000});
  const RandomModel b = MakeRandomModel({.seed = 2, .vocab_size = 20000});
  const std::string one = Fill(a.model, b.model, 1).SerializeAsString();
  for (const int threads : {2, 3}) EXPECT_EQ(Fill(a.model, b.model, threads).SerializeAsString(), one);
}

}  // namespace
}  // namespace nibble
