// A process that finds several devices has a rank for each: the bytes of one, told of once. CPUs stand for the GPUs.
#include <cstdio>
#include <string>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "cli/app.h"
#include "device/make_device.h"
#include "gtest/gtest.h"
#include "tests/cli/program.h"

namespace nibble::tests {
namespace {

const char kModel[] = "tiny/model";

struct Shown {
  int exit_code;
  std::string out, err;
};

// By so many devices.
Shown RunOn(int devices, std::vector<std::string> arguments) {
  std::vector<const char*> argv = {"nibble"};
  for (const std::string& argument : arguments) argv.push_back(argument.c_str());
  const cli::DeviceFinder find = [&](absl::string_view) {
    return std::vector<DeviceChoice>(devices, DeviceChoice(DeviceKind::kCpu));
  };
  testing::internal::CaptureStdout();
  testing::internal::CaptureStderr();
  const int exit_code = cli::Run(static_cast<int>(argv.size()), argv.data(), nullptr, find);
  std::fflush(stdout);
  return {exit_code, testing::internal::GetCapturedStdout(), testing::internal::GetCapturedStderr()};
}

// A text that the tiny model's vocabulary covers.
std::string Text() {
  const std::string path = TempPath("text.txt");
  std::string text;
  for (int i = 0; i < 400; ++i) absl::StrAppend(&text, "the ", i % 7, " small cats see ", i % 11, " birds. ");
  WriteFile(path, text);
  return path;
}

// What comes of it with one device comes of it with three.
void ExpectTheSame(const std::vector<std::string>& arguments, const std::string& output) {
  std::string expected, warnings;
  for (const int devices : {1, 3}) {
    SCOPED_TRACE(devices);
    std::vector<std::string> all = arguments;
    for (const char* more : {"-o", output.c_str(), "--force", "--progress", "none"}) all.emplace_back(more);
    const Shown shown = RunOn(devices, all);
    ASSERT_EQ(shown.exit_code, 0) << shown.err;
    EXPECT_EQ(absl::StrContains(shown.out, "processes        3"), devices == 3) << shown.out;
    EXPECT_EQ(absl::StrContains(shown.out, "rank 2         cpu, "), devices == 3) << shown.out;
    const std::string bytes = ReadFile(output);
    EXPECT_FALSE(bytes.empty());
    if (devices == 1) {
      expected = bytes;
      warnings = shown.err;
    }
    EXPECT_TRUE(bytes == expected);
    EXPECT_EQ(shown.err, warnings);
    for (const char* left : {".part", ".part.journal", ".part.journal.1", ".part.states"}) {
      EXPECT_FALSE(Exists(output + left)) << left;
    }
  }
}

TEST(Devices, QuantizeWithoutAText) {
  ExpectTheSame({"quantize", kModel, "--type", "Q4_K", "--threads", "2"}, TempPath("plain.gguf"));
}

TEST(Devices, QuantizeWithAText) {
  ExpectTheSame({"quantize", kModel, "--type", "Q4_0", "--calibration-text", Text(), "--calibration-ctx", "64",
                 "--calibration-chunks", "36", "--memory", "3MiB"},
                TempPath("text.gguf"));
}

TEST(Devices, VerifyIsEqualToTheLastDigit) {
  const std::string candidate = TempPath("candidate.gguf");
  ASSERT_EQ(RunOn(1, {"quantize", kModel, "-o", candidate, "--type", "Q4_0", "--force"}).exit_code, 0);
  std::string expected;
  for (const int devices : {1, 3}) {
    const Shown shown =
        RunOn(devices, {"verify", kModel, candidate, "--text", Text(), "--ctx", "64", "--max-kld", "0"});
    EXPECT_EQ(shown.exit_code, 1) << shown.err;  // of the first rank
    const std::string figures = shown.out.substr(0, shown.out.find("largest layer error"));
    EXPECT_TRUE(absl::StrContains(figures, "mean KLD")) << shown.out;
    if (devices == 1) expected = figures;
    EXPECT_EQ(figures, expected);
  }
}

TEST(Devices, ErrorsAreToldOnce) {
  const Shown usage = RunOn(3, {"quantize", kModel, "-o", TempPath("x.gguf"), "--type", "Q9"});
  EXPECT_EQ(usage.exit_code, 64);
  EXPECT_EQ(usage.err, RunOn(1, {"quantize", kModel, "-o", TempPath("x.gguf"), "--type", "Q9"}).err);
  const Shown missing = RunOn(3, {"quantize", "no-such-model", "-o", TempPath("x.gguf")});
  EXPECT_EQ(missing.exit_code, 66);
  EXPECT_EQ(missing.err, RunOn(1, {"quantize", "no-such-model", "-o", TempPath("x.gguf")}).err);
}

// They take the first.
TEST(Devices, CommandsThatShareNothingTakeOne) {
  EXPECT_EQ(RunOn(3, {"inspect", kModel}).out, RunOn(1, {"inspect", kModel}).out);
}

}  // namespace
}  // namespace nibble::tests
