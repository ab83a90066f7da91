// Jobs on a text that are stopped, and go on.
#include <algorithm>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <random>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "base/status.h"
#include "formats/io/faulty_file_system.h"
#include "formats/io/file.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "pipeline/calibration/calibrate.h"
#include "pipeline/progress.h"
#include "pipeline/quantize.h"
#include "pipeline/source/byte_vocabulary.h"
#include "pipeline/transform/best_transform.h"
#include "runtime/random_model.h"

namespace nibble {
namespace {

using ::testing::HasSubstr;
using ::testing::IsEmpty;

constexpr int kWindows = 6;
constexpr int kLayers = 3;

// Sees where a job is.
class LayerProgress : public Progress {
 public:
  void Update(const ProgressUpdate& update) override {
    absl::string_view stage = update.stage;
    absl::ConsumePrefix(&stage, "calibrate, ");
    if (!absl::ConsumePrefix(&stage, "layer ")) return;
    int layer;
    ASSERT_TRUE(absl::SimpleAtoi(stage.substr(0, stage.find('/')), &layer));
    if (first == 0) first = layer;
    if (layer == stop_at) files->FailNth(io::Call::kWrite, 1, absl::UnavailableError("injected"));
  }
  void Warn(const std::string& /*message*/) override {}

  int first = 0;  // the first layer that it tells of
  int stop_at = 0;
  io::FaultyFileSystem* files = nullptr;  // whose next write then fails
};

void WithExperts(ModelSpec& spec) {
  Experts& experts = *spec.mutable_layers(1)->mutable_feed_forward()->mutable_experts();
  experts.set_count(3);
  experts.set_used(2);
  experts.set_length(32);
}

Model ByteModel() {
  RandomModel random = MakeRandomModel({.vocab_size = kByteVocabularySize, .layers = kLayers, .edit = WithExperts});
  random.model.vocabulary = MakeByteVocabulary();
  return std::move(random.model);
}

CalibrationTexts Text(const std::string& beginning = "") {
  std::mt19937 random(3);
  std::string text = beginning;
  for (int i = 0; i < kWindows * 16; ++i) text += static_cast<char>('a' + random() % 26);
  return {.files = {{.path = "text", .content = text}}, .ctx = 16, .chunks = kWindows};
}

// Of the calls that are tried: all of the first, and a share of those behind.
int Next(int n) { return n + 1 + n / 2; }

// What is reported, but for what differs from one run to the next.
template <typename Report>
std::string Told(Report report) {
  report.clear_device_use();
  return report.DebugString();
}

// A job, which tells what it reports.
struct Job {
  const char* name;
  absl::StatusOr<std::string> (*run)(io::FileSystem& files, const Model& model, const CalibrationTexts& texts,
                                     const OutputOptions& output, Progress& progress);
};

constexpr Job kJobs[] = {
    {"Quantize",
     [](io::FileSystem& files, const Model& model, const CalibrationTexts& texts, const OutputOptions& output,
        Progress& progress) -> absl::StatusOr<std::string> {
       NIBBLE_ASSIGN_OR_RETURN(const Plan plan, Quantize(files, model, {.type = "MXFP4"}, output, progress,
                                                         {.texts = texts, .work = {.files = &files}}));
       return Told(plan);
     }},
    // States in a work file; one path alone.
    {"Weighted",
     [](io::FileSystem& files, const Model& model, const CalibrationTexts& texts, const OutputOptions& output,
        Progress& progress) -> absl::StatusOr<std::string> {
       const WorkSpace work = {.memory = 1, .directory = testing::TempDir(), .files = &files};
       NIBBLE_ASSIGN_OR_RETURN(const Plan plan, Quantize(files, model, {.type = "Q4_0", .method = "weighted"}, output,
                                                         progress, {.texts = texts, .work = work}));
       return Told(plan);
     }},
    {"Calibrate",
     [](io::FileSystem& files, const Model& model, const CalibrationTexts& texts, const OutputOptions& output,
        Progress& progress) -> absl::StatusOr<std::string> {
       NIBBLE_ASSIGN_OR_RETURN(
           const Calibration calibration,
           CalibrateToFile(files, model, {.texts = texts, .threads = 2, .work = {.files = &files}}, output, progress));
       return Told(calibration.report);
     }},
};

class ResumeTest : public testing::TestWithParam<Job> {
 protected:
  void SetUp() override {
    std::string name = testing::UnitTest::GetInstance()->current_test_info()->name();
    std::replace(name.begin(), name.end(), '/', '_');
    folder_ = absl::StrCat(testing::TempDir(), "/", name);
    Clear();
    expected_report_ = Run(io::Posix(), false).value();
    expected_ = Bytes(Path());
    ASSERT_THAT(expected_, testing::Not(IsEmpty()));
    Clear();
  }

  void Clear() const {
    std::filesystem::remove_all(folder_);
    std::filesystem::create_directories(folder_);
  }

  std::string Path(absl::string_view suffix = "") const { return absl::StrCat(folder_, "/x.gguf", suffix); }

  static std::string Bytes(const std::string& path) {
    std::ifstream in(path, std::ios::binary);
    return {std::istreambuf_iterator<char>(in), {}};
  }

  absl::StatusOr<std::string> Run(io::FileSystem& files, bool resume, const CalibrationTexts& texts = Text()) {
    progress_.first = 0;
    OutputOptions output = {.path = Path(), .threads = 2, .journal = true, .resume = resume};
    output.recipe.mutable_calibration()->set_chunks(texts.chunks);
    return GetParam().run(files, model_, texts, output, progress_);
  }

  // In or behind its last layer.
  void StopLate() {
    Clear();
    io::FaultyFileSystem files(io::Posix());
    progress_.stop_at = kLayers;
    progress_.files = &files;
    const absl::Status stopped = Run(files, false).status();
    progress_ = {};
    EXPECT_THAT(std::string(stopped.message()),
                testing::AllOf(HasSubstr("injected"), HasSubstr("; run again with --resume")));
    ASSERT_TRUE(std::filesystem::exists(Path(".part.states")));
  }

  void ExpectGoesOn() {
    const absl::StatusOr<std::string> report = Run(io::Posix(), true);
    ASSERT_EQ(report.status(), absl::OkStatus());
    ExpectDone(*report);
  }
  void ExpectDone(const std::string& report) {
    EXPECT_TRUE(Bytes(Path()) == expected_);
    EXPECT_EQ(report, expected_report_);
    for (const char* suffix : {".part", ".part.journal", ".part.states"}) {
      EXPECT_FALSE(std::filesystem::exists(Path(suffix))) << suffix;
    }
  }

  std::string folder_, expected_, expected_report_;
  const Model model_ = ByteModel();
  LayerProgress progress_;
};

TEST_P(ResumeTest, WhereverACallFails) {
  for (const io::Call call : {io::Call::kOpen, io::Call::kRead, io::Call::kCreate, io::Call::kWrite,
                              io::Call::kPreallocate, io::Call::kSync, io::Call::kRename}) {
    for (int n = 1;; n = Next(n)) {
      SCOPED_TRACE(absl::StrCat("call kind ", static_cast<int>(call), " number ", n));
      Clear();
      io::FaultyFileSystem files(io::Posix());
      files.FailNth(call, n, absl::UnavailableError("injected"));
      const absl::StatusOr<std::string> report = Run(files, false);
      if (files.calls(call) < n) break;  // all of them have failed once
      EXPECT_EQ(ExitCode(report.status()), 74) << report.status();
      EXPECT_FALSE(std::filesystem::exists(Path()));
      const bool is_kept = absl::StrContains(report.status().message(), "run again with --resume");
      EXPECT_LE(is_kept, std::filesystem::exists(Path(".part.journal")));
      ExpectGoesOn();
      if (HasFailure()) return;
    }
  }
}

TEST_P(ResumeTest, GoesOnBehindTheLayersThatAreDone) {
  StopLate();
  ExpectGoesOn();
  EXPECT_GT(progress_.first, 1);
}

// Once more while it goes on, and after that.
TEST_P(ResumeTest, StoppedTwice) {
  for (int n = 1;; n = Next(n)) {
    StopLate();
    io::FaultyFileSystem files(io::Posix());
    files.FailNth(io::Call::kRead, n, absl::UnavailableError("injected"));
    const absl::StatusOr<std::string> report = Run(files, true);
    if (report.ok()) return ExpectDone(*report);
    SCOPED_TRACE(n);
    ExpectGoesOn();
    if (HasFailure()) return;
  }
}

TEST_P(ResumeTest, WhateverIsDamaged) {
  std::mt19937 random(1);
  for (const char* suffix : {".part.states", ".part"}) {
    for (int i = 0; i < 6; ++i) {
      SCOPED_TRACE(absl::StrCat(suffix, " ", i));
      StopLate();
      std::string bytes = Bytes(Path(suffix));
      if (bytes.empty()) continue;  // of calibrate until the end
      if (i < 4) {
        for (int j = 0; j <= i; ++j) bytes[random() % bytes.size()] ^= 1 << random() % 8;
        std::ofstream(Path(suffix), std::ios::binary | std::ios::in).write(bytes.data(), bytes.size());
      } else if (i == 4) {
        std::filesystem::resize_file(Path(suffix), bytes.size() / 2);
      } else {
        std::filesystem::remove(Path(suffix));
      }
      ExpectGoesOn();
      if (HasFailure()) return;
    }
  }
}

TEST_P(ResumeTest, NotWithAnotherText) {
  StopLate();
  const absl::Status other = Run(io::Posix(), true, Text("other")).status();
  EXPECT_EQ(ExitCode(other), 65);
  EXPECT_THAT(std::string(other.message()), HasSubstr("expected the calibration text"));
  CalibrationTexts texts = Text();
  texts.chunks = kWindows - 1;
  EXPECT_EQ(ExitCode(Run(io::Posix(), true, texts).status()), 65);
  ExpectGoesOn();
}

// What was kept is of no use to a job that starts anew, and goes.
TEST_P(ResumeTest, WithoutResumeItStartsAnew) {
  StopLate();
  const absl::StatusOr<std::string> report = Run(io::Posix(), false);
  ASSERT_EQ(report.status(), absl::OkStatus());
  EXPECT_EQ(progress_.first, 1);
  ExpectDone(*report);
  EXPECT_EQ(ExitCode(Run(io::Posix(), true).status()), 73);  // what is done is not replaced
  ExpectDone(*report);
}

INSTANTIATE_TEST_SUITE_P(Jobs, ResumeTest, testing::ValuesIn(kJobs),
                         [](const auto& info) { return std::string(info.param.name); });

// Whichever of the attempts at it was under way.
TEST(ResumeBestTransform, WhereverAWriteFails) {
  const Model model = ByteModel();
  const std::string path = testing::TempDir() + "/best.gguf";
  CalibrationOptions calibration = {.texts = Text()};
  LayerProgress progress;
  const auto run = [&](io::FileSystem& files, bool resume) -> absl::StatusOr<std::string> {
    NIBBLE_ASSIGN_OR_RETURN(
        const Plan plan,
        QuantizeWithBestTransform(files, model, {.type = "Q4_0"},
                                  {.path = path, .force = true, .threads = 2, .journal = true, .resume = resume},
                                  calibration, progress));
    std::ifstream in(path, std::ios::binary);
    return Told(plan) + std::string(std::istreambuf_iterator<char>(in), {});
  };
  const absl::StatusOr<std::string> expected = run(io::Posix(), false);
  ASSERT_EQ(expected.status(), absl::OkStatus());
  for (int n = 1;; n = 3 * n + 1) {
    io::FaultyFileSystem files(io::Posix());
    files.FailNth(io::Call::kWrite, n, absl::UnavailableError("injected"));
    const absl::Status status = run(files, false).status();
    if (files.calls(io::Call::kWrite) < n) return;
    EXPECT_EQ(ExitCode(status), 74);
    EXPECT_TRUE(run(io::Posix(), true) == expected) << n;
  }
}

}  // namespace
}  // namespace nibble
