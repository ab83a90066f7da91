#include "runtime/row_store.h"

#include <numeric>
#include <optional>
#include <utility>
#include <vector>

#include "base/status.h"
#include "formats/io/faulty_file_system.h"
#include "formats/io/file.h"
#include "formats/io/work_file.h"
#include "gtest/gtest.h"

namespace nibble {
namespace {

constexpr int64_t kRows = 10, kWidth = 3;

std::vector<float> Counted(int64_t rows) {
  std::vector<float> values(rows * kWidth);
  std::iota(values.begin(), values.end(), 0.f);
  return values;
}

std::vector<float> Read(const RowStore& store, int64_t first, int64_t rows) {
  std::vector<float> values(rows * kWidth);
  EXPECT_EQ(store.Read(first, absl::MakeSpan(values)), absl::OkStatus());
  return values;
}

TEST(RowStoreTest, GivesBackRowsWhereverTheyAre) {
  const std::vector<float> all = Counted(kRows);
  for (const int64_t resident : {0, 1, 4, 9, 10, 11}) {
    io::WorkFile file(io::Posix(), testing::TempDir());
    RowBudget budget(resident * kWidth * sizeof(float), file);
    RowStore store = *RowStore::Create(kRows, kWidth, &budget);
    EXPECT_EQ(file.bytes(), std::max<int64_t>(0, kRows - resident) * kWidth * sizeof(float));
    for (int64_t first = 0; first < kRows; first += 5) {
      ASSERT_EQ(store.Write(first, absl::MakeSpan(all).subspan(first * kWidth, 5 * kWidth)), absl::OkStatus());
    }
    for (int64_t first = 0; first < kRows; ++first) {
      for (int64_t rows = 0; first + rows <= kRows; ++rows) {
        EXPECT_EQ(Read(store, first, rows),
                  std::vector<float>(all.begin() + first * kWidth, all.begin() + (first + rows) * kWidth));
      }
    }
  }
}

TEST(RowStoreTest, WithoutABudgetAllRowsAreInMemory) {
  RowStore store = *RowStore::Create(kRows, kWidth, nullptr);
  ASSERT_EQ(store.Write(0, Counted(kRows)), absl::OkStatus());
  EXPECT_EQ(Read(store, 0, kRows), Counted(kRows));
}

TEST(RowStoreTest, GivesTheBudgetBack) {
  io::WorkFile file(io::Posix(), testing::TempDir());
  constexpr int64_t kBytes = kRows * kWidth * sizeof(float);
  RowBudget budget(kBytes * 3 / 2, file);
  for (int time = 0; time < 3; ++time) {
    RowStore first = *RowStore::Create(kRows, kWidth, &budget), second = *RowStore::Create(kRows, kWidth, &budget);
    EXPECT_EQ(file.bytes(), kBytes / 2);
    ASSERT_EQ(second.Write(0, Counted(kRows)), absl::OkStatus());
    first = std::move(second);
    EXPECT_EQ(Read(first, 0, kRows), Counted(kRows));
  }
}

TEST(RowStoreTest, TellsWhatTheDiskDoes) {
  io::FaultyFileSystem files(io::Posix());
  io::WorkFile file(files, testing::TempDir());
  RowBudget budget(0, file);
  files.FailNth(io::Call::kPreallocate, 1, absl::UnavailableError("no room"));
  EXPECT_EQ(ExitCode(RowStore::Create(kRows, kWidth, &budget).status()), 74);
  RowStore store = *RowStore::Create(kRows, kWidth, &budget);
  files.FailNth(io::Call::kWrite, 1, absl::UnavailableError("full"));
  EXPECT_EQ(ExitCode(store.Write(0, Counted(1))), 74);
  std::vector<float> row(kWidth);
  files.FailNth(io::Call::kRead, 1, absl::UnavailableError("broken"));
  EXPECT_EQ(ExitCode(store.Read(0, absl::MakeSpan(row))), 74);
}

}  // namespace
}  // namespace nibble
