// inspect and plan on published checkpoints of every size: headers alone, two seconds, 200 MiB.
#include <cstdlib>
#include <filesystem>
#include <string>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "gtest/gtest.h"
#include "tests/shapes/measure.h"

namespace nibble::tests {
namespace {

namespace fs = std::filesystem;

#ifdef __SANITIZE_ADDRESS__  // which takes its time, and memory for what it watches
constexpr double kSeconds = 20;
constexpr uint64_t kMemory = uint64_t{1} << 30;
#else
constexpr double kSeconds = 2;
constexpr uint64_t kMemory = 200 << 20;
#endif

struct Case {
  const char* name;       // of a published checkpoint
  const char* tokenizer;  // a folder of the shared tokenizers; null: it comes without
  const char* parts[3];   // of what inspect tells
};

constexpr Case kCases[] = {
    {"llama-3.1-405b", "llama3", {"405.85 G", "126 of width 16384", "in 191 files"}},
    {"qwen3-235b-a22b", "qwen3", {"235.09 G", "94 of width 4096", "in 118 files"}},
    {"gpt-oss-20b", "gpt-oss", {"20.91 G", "24 of width 2880", "in 3 files"}},
    {"gpt-oss-120b", "gpt-oss", {"116.83 G", "36 of width 2880", "in 15 files"}},
    {"deepseek-v3", "deepseek_v3", {"671.03 G", "61 of width 7168", "in 163 files"}},
    {"kimi-k2", nullptr, {"61 of width 7168", "384 experts of 2048, 8 at a time", "in 61 files"}},
    {"kimi-k2-int4", nullptr, {"61 of width 7168", "384 experts of 2048, 8 at a time", "in 62 files"}},
    {"llama-4-maverick", nullptr, {"48 of width 5120", "128 experts of 8192, 1 at a time", "in 55 files"}},
};

std::string Runfile(const char* name) { return (fs::current_path() / name).string(); }

// The shared data, or nothing.
std::string Data() {
  const char* data = std::getenv("NIBBLE_DATA");
  return data == nullptr ? "" : data;
}

class Shapes : public testing::TestWithParam<Case> {
 protected:
  void SetUp() override {
    fs::create_directories(folder_);
    const std::string tokenizer =
        GetParam().tokenizer == nullptr ? "" : absl::StrCat(Data(), "/tokenizers/", GetParam().tokenizer);
    if (Data().empty() || !fs::exists(tokenizer)) return;
    for (const fs::directory_entry& file : fs::directory_iterator(tokenizer)) {
      fs::create_symlink(file.path(), fs::path(folder_) / file.path().filename());
    }
  }
  void TearDown() override { fs::remove_all(folder_); }

  void Make(const std::string& index = "") {
    std::vector<std::string> arguments = {Runfile("tests/shapes/sparse_checkpoint"), GetParam().name, folder_};
    if (!index.empty()) arguments.push_back(index);
    const Measured made = RunMeasured(arguments, testing::TempDir());
    ASSERT_EQ(made.exit_code, 0) << made.err;
  }

  Measured Nibble(std::vector<std::string> arguments) {
    arguments.insert(arguments.begin(), Runfile("nibble"));
    const Measured measured = RunMeasured(arguments, testing::TempDir());
    RecordProperty(arguments[1] + "_milliseconds", static_cast<int>(measured.seconds * 1000));
    RecordProperty(arguments[1] + "_kibibytes", static_cast<int>(measured.peak_memory >> 10));
    EXPECT_EQ(measured.exit_code, 0) << measured.err;
    EXPECT_LT(measured.seconds, kSeconds) << arguments[1];
    EXPECT_LT(measured.peak_memory, kMemory) << arguments[1];
    EXPECT_FALSE(absl::StrContains(measured.err, "total_size")) << measured.err;
    return measured;
  }

  void ExpectInspectAndPlan() {
    const std::string inspected = Nibble({"inspect", folder_}).out;
    for (const char* part : GetParam().parts) EXPECT_TRUE(absl::StrContains(inspected, part)) << part << inspected;
    const Measured planned = Nibble({"plan", folder_, "--type", "Q4_K_M"});
    EXPECT_TRUE(absl::StrContains(planned.out, "token_embd.weight")) << planned.out;
    EXPECT_TRUE(absl::StrContains(Nibble({"plan", folder_, "--type", "MXFP4_MOE", "--json"}).out, "\"file_bytes\": "));
  }

  const std::string folder_ = testing::TempDir() + "/" + GetParam().name;
};

TEST_P(Shapes, AreInspectedAndPlannedByTheirHeaders) {
  ASSERT_NO_FATAL_FAILURE(Make());
  ExpectInspectAndPlan();
}

INSTANTIATE_TEST_SUITE_P(Published, Shapes, testing::ValuesIn(kCases), [](const auto& info) {
  std::string name;
  for (const char* c = info.param.name; *c != 0; ++c) name += *c == '-' || *c == '.' ? '_' : *c;
  return name;
});

// The published files themselves, config and index, around sparse shards.
class Fixture : public Shapes {};

TEST_P(Fixture, IsInspectedAndPlannedByItsHeaders) {
  const std::string fixture = absl::StrCat(Data(), "/fixtures/", GetParam().name);
  if (Data().empty() || !fs::exists(fixture)) GTEST_SKIP() << "no " << fixture;
  fs::copy(fixture + "/config.json", folder_);
  ASSERT_NO_FATAL_FAILURE(Make(fixture + "/model.safetensors.index.json"));
  ExpectInspectAndPlan();
}

INSTANTIATE_TEST_SUITE_P(Real, Fixture, testing::Values(kCases[2]));

}  // namespace
}  // namespace nibble::tests
