#include "cli/table.h"

#include <gtest/gtest.h>

namespace nibble::cli {
namespace {

TEST(FormatTable, AlignsByCharacters) {
  EXPECT_EQ(FormatTable({{"", "a.gguf", "b"}, {"mean KLD", "0.1 ± 0.02", "3"}, {"total"}}),
            "              a.gguf  b\n"
            "mean KLD  0.1 ± 0.02  3\n"
            "total\n");
  EXPECT_EQ(FormatTable({}), "");
}

}  // namespace
}  // namespace nibble::cli
