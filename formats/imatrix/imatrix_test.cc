#include "formats/imatrix/imatrix.h"

#include <cmath>
#include <cstdint>
#include <cstring>
#include <fstream>
#include <limits>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "base/status.h"
#include "formats/io/file.h"
#include "gtest/gtest.h"

namespace nibble::imatrix {
namespace {

std::string WriteTestFile(const std::string& name, const std::string& bytes) {
  const std::string path = absl::StrCat(testing::TempDir(), "/", name);
  std::ofstream(path, std::ios::binary | std::ios::trunc) << bytes;
  return path;
}

absl::StatusOr<File> ReadBytes(const std::string& bytes) { return Read(io::Posix(), WriteTestFile("imatrix", bytes)); }

File TwoEntries() {
  return {.entries = {{.name = "blk.0.attn_q.weight", .sums = {1, 2, 3}, .counts = {2}},
                      {.name = "blk.0.ffn_up_exps.weight", .sums = {4, 8, 0, 0, 6, 9}, .counts = {4, 0, 3}}},
          .datasets = {"corpus.txt"},
          .chunk_count = 5,
          .chunk_size = 512};
}

TEST(ImatrixTest, ReadsWhatItWrites) {
  const absl::StatusOr<File> file = ReadBytes(Encode(TwoEntries()));
  ASSERT_TRUE(file.ok()) << file.status();
  EXPECT_EQ(file->chunk_count, 5u);
  EXPECT_EQ(file->chunk_size, 512u);
  EXPECT_EQ(file->datasets, std::vector<std::string>{"corpus.txt"});
  ASSERT_EQ(file->entries.size(), 2u);
  for (const Entry& expected : TwoEntries().entries) {
    const Entry* entry = file->Find(expected.name);
    ASSERT_NE(entry, nullptr);
    EXPECT_EQ(entry->sums, expected.sums);
    EXPECT_EQ(entry->counts, expected.counts);
  }
  EXPECT_EQ(file->Find("blk.0.attn_k.weight"), nullptr);
}

TEST(ImatrixTest, MeansArePerMatrix) {
  const File file = TwoEntries();
  EXPECT_EQ(*MeanSquares(file.entries[0], 1, 3, 0), (std::vector<float>{0.5, 1, 1.5}));
  EXPECT_EQ(*MeanSquares(file.entries[1], 3, 2, 0), (std::vector<float>{1, 2}));
  EXPECT_TRUE(MeanSquares(file.entries[1], 3, 2, 1)->empty()) << "no token reached it";
  EXPECT_EQ(*MeanSquares(file.entries[1], 3, 2, 2), (std::vector<float>{2, 3}));
}

TEST(ImatrixTest, OneCountMayServeAllMatrices) {
  const Entry entry{.name = "e", .sums = {2, 4, 6, 8}, .counts = {2}};
  EXPECT_EQ(*MeanSquares(entry, 2, 2, 1), (std::vector<float>{3, 4}));
}

TEST(ImatrixTest, AnotherSizeIsNamed) {
  EXPECT_EQ(MeanSquares(TwoEntries().entries[1], 3, 4, 0).status().message(),
            "importance matrix of 'blk.0.ffn_up_exps.weight': expected 3 x 4 sums, found 3 x 2");
}

std::string Int(int32_t value) { return std::string(reinterpret_cast<const char*>(&value), sizeof(value)); }
std::string Float(float value) { return std::string(reinterpret_cast<const char*>(&value), sizeof(value)); }
std::string Text(const std::string& text) { return absl::StrCat(Int(static_cast<int32_t>(text.size())), text); }

TEST(ImatrixTest, ReadsTheBinaryForm) {
  const std::string entries = absl::StrCat(Int(2), Text("a"), Int(4), Int(2), Float(8), Float(2),  //
                                           Text("bb"), Int(0), Int(1), Float(7));
  for (const bool with_end : {false, true}) {
    const absl::StatusOr<File> file = ReadBytes(with_end ? absl::StrCat(entries, Int(9), Text("wiki.txt")) : entries);
    ASSERT_TRUE(file.ok()) << file.status();
    EXPECT_EQ(*MeanSquares(*file->Find("a"), 1, 2, 0), (std::vector<float>{2, 0.5}));
    EXPECT_EQ(*MeanSquares(*file->Find("a"), 2, 1, 1), (std::vector<float>{0.5}));
    EXPECT_EQ(*MeanSquares(*file->Find("bb"), 1, 1, 0), (std::vector<float>{7}));
    EXPECT_EQ(file->chunk_count, with_end ? 9u : 0u);
    EXPECT_EQ(file->datasets, with_end ? std::vector<std::string>{"wiki.txt"} : std::vector<std::string>());
  }
}

TEST(ImatrixTest, NamesWhatIsWrong) {
  const auto with = [](float sum, float count) {
    File file = TwoEntries();
    file.entries[0].sums[1] = sum;
    file.entries[0].counts[0] = count;
    return Encode(file);
  };
  const auto renamed = [](const std::string& from, const std::string& to) {
    std::string bytes = Encode(TwoEntries());
    bytes.replace(bytes.find(from), to.size(), to);
    return bytes;
  };
  const float infinity = std::numeric_limits<float>::infinity();
  const struct {
    const char* name;
    std::string bytes, message;
  } cases[] = {
      {"an infinite sum", with(infinity, 2),
       "tensor 'blk.0.attn_q.weight.in_sum2': expected finite numbers from 0 on, "
       "found inf"},
      {"a sum that is no number", with(NAN, 2), "expected finite numbers from 0 on, found nan"},
      {"a negative sum", with(-1, 2), "expected finite numbers from 0 on, found -1"},
      {"a negative count", with(1, -2), "expected finite numbers from 0 on, found -2"},
      {"another type", renamed("imatrix", "adapter"), "key 'general.type': expected \"imatrix\", found adapter"},
      {"sums without counts", renamed("q.weight.counts", "k.weight.counts"),
       "tensor 'blk.0.attn_q.weight.in_sum2': expected a tensor 'blk.0.attn_q.weight.counts' beside it, found none"},
      {"counts without sums", renamed("q.weight.in_sum2", "k.weight.in_sum2"), "beside it, found none"},
      {"a tensor of another name", renamed("q.weight.in_sum2", "q.weight.in_sum3"),
       "expected a name that ends in .in_sum2 or .counts, found another"},
      {"no entries", Int(0), "expected a number of entries in [1, "},
      {"more entries than bytes", absl::StrCat(Int(1000), Text("a"), Int(1), Int(1), Float(1)),
       "expected a number of entries in [1, 1], found 1000"},
      {"a name beyond the end", absl::StrCat(Int(1), Int(100), std::string(20, 'a')), "expected a length of a name in"},
      {"values beyond the end", absl::StrCat(Int(1), Text("a"), Int(1), Int(9), Float(1), Float(2)),
       "entry 0, byte 13: expected a number of values in [1, 3], found 9"},
      {"a value that is no number", absl::StrCat(Int(1), Text("a"), Int(1), Int(1), Float(NAN)),
       "'a': expected finite numbers from 0 on, found nan"},
      {"a negative count, binary", absl::StrCat(Int(1), Text("a"), Int(-1), Int(1), Float(1)),
       "entry 0, byte 9: expected a number of calls from 0 on, found -1"},
      {"a name that comes twice",
       absl::StrCat(Int(2), Text("a"), Int(1), Int(1), Float(1), Text("a"), Int(1), Int(1), Float(1)),
       "entry 1, byte 34: expected names that differ, found 'a' twice"},
      {"a cut end", absl::StrCat(Int(1), Text("a"), Int(1), Int(1), Float(1), Int(3)), "dataset, byte"},
      {"nothing", "", "expected"},
  };
  for (const auto& c : cases) {
    const absl::Status status = ReadBytes(c.bytes).status();
    EXPECT_EQ(ExitCode(status), 65) << c.name << ": " << status;
    EXPECT_NE(std::string(status.message()).find(c.message), std::string::npos) << c.name << ": " << status;
  }
}

TEST(ImatrixTest, NoFile) {
  EXPECT_EQ(ExitCode(Read(io::Posix(), absl::StrCat(testing::TempDir(), "/none")).status()), 66);
}

}  // namespace
}  // namespace nibble::imatrix
