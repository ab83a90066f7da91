#include "model/tensor_list.h"

#include <utility>
#include <vector>

#include "gtest/gtest.h"

namespace nibble {
namespace {

LogicalTensor Tensor(Role role, int layer, int slice = -1) { return {.role = role, .layer = layer, .slice = slice}; }

TensorList Tensors() {
  std::vector<LogicalTensor> tensors = {Tensor(Role::kTokenEmbedding, -1)};
  for (int layer = 0; layer < 3; ++layer) {
    tensors.push_back(Tensor(Role::kRouter, layer));
    for (const Role role : {Role::kExpertUp, Role::kExpertDown}) {
      for (int slice = 0; slice < 4; ++slice) tensors.push_back(Tensor(role, layer, slice));
    }
  }
  return TensorList(std::move(tensors));
}

TEST(TensorList, SlicesOfATensorAreOneStack) {
  const TensorList tensors = Tensors();
  ASSERT_EQ(tensors.stacks().size(), 1 + 3 * 3);
  EXPECT_EQ(tensors.stacks()[0].size(), 1);
  EXPECT_EQ(tensors.stacks()[2].size(), 4);
  EXPECT_EQ(tensors.stacks()[3].data(), &tensors[6]);
}

TEST(TensorList, FindsByRoleAndLayer) {
  const TensorList tensors = Tensors();
  for (const TensorStack stack : tensors.stacks()) {
    const TensorStack found = tensors.Find(stack[0].role, stack[0].layer);
    EXPECT_EQ(found.data(), stack.data());
    EXPECT_EQ(found.size(), stack.size());
  }
  EXPECT_TRUE(tensors.Find(Role::kExpertUp, 3).empty());
  EXPECT_TRUE(tensors.Find(Role::kExpertUp, -1).empty());
  EXPECT_TRUE(tensors.Find(Role::kQuery, 0).empty());
  EXPECT_TRUE(TensorList().Find(Role::kTokenEmbedding, -1).empty());
}

TEST(TensorList, StaysWholeWhereItIsMovedTo) {
  TensorList tensors = Tensors();
  const TensorList moved = std::move(tensors);
  EXPECT_EQ(moved.Find(Role::kExpertDown, 2)[3].slice, 3);
}

}  // namespace
}  // namespace nibble
