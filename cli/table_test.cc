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

TEST(FormatTable, WordsInTheLastColumnAreFlushLeft) {
  EXPECT_EQ(FormatTable({{"a", "1", "why"}, {"bb", "22", ""}, {"c", "3"}}, LastColumn::kFlushLeft),
            "a    1  why\nbb  22\nc    3\n");
}

}  // namespace
}  // namespace nibble::cli
