#include "pipeline/tensor_place.h"

#include <gtest/gtest.h>

namespace nibble {
namespace {

TEST(PlaceOf, IsRoleAndLayer) {
  const struct {
    const char* name;
    const char* role;
    int layer;
  } cases[] = {
      {"blk.3.attn_v.weight", "attn_v", 3},
      {"blk.17.ffn_up_exps.weight", "ffn_up_exps", 17},
      {"blk.0.attn_q.bias", "attn_q.bias", 0},
      {"token_embd.weight", "token_embd", -1},
      {"output_norm.weight", "output_norm", -1},
      {"blk.x.attn_q.weight", "x.attn_q", -1},
      {"", "", -1},
  };
  for (const auto& row : cases) {
    EXPECT_EQ(PlaceOf(row.name).role, row.role) << row.name;
    EXPECT_EQ(PlaceOf(row.name).layer, row.layer) << row.name;
  }
}

}  // namespace
}  // namespace nibble
