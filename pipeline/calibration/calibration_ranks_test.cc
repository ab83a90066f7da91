// Jobs on a text that several ranks share give the bytes of one process; the ranks are threads here (thread_ranks.h).
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
#include "absl/strings/string_view.h"
#include "absl/strings/strip.h"
#include "base/status.h"
#include "device/cuda/fake_nccl.h"
#include "device/make_device.h"
#include "formats/io/faulty_file_system.h"
#include "formats/io/file.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "model/model.h"
#include "model/model_spec.pb.h"
#include "pipeline/calibration/calibrate.h"
#include "pipeline/calibration_options.h"
#include "pipeline/comm/comm.h"
#include "pipeline/comm/thread_ranks.h"
#include "pipeline/gpu_on_host.h"
#include "pipeline/output/output_options.h"
#include "pipeline/progress.h"
#include "pipeline/recipe.h"
#include "pipeline/report.pb.h"
#include "pipeline/run_recipe.h"
#include "pipeline/source/byte_vocabulary.h"
#include "pipeline/types/type_options.h"
#include "runtime/random_model.h"

namespace nibble {
namespace {

namespace fs = std::filesystem;
using ::testing::Each;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

constexpr int kWindows = 36, kLength = 64;  // in five blocks

// Of the second layer; more of them than ranks, and one that few tokens reach. The other layers are dense.
void WithExperts(ModelSpec& spec) {
  Experts& experts = *spec.mutable_layers(1)->mutable_feed_forward()->mutable_experts();
  experts.set_count(5);
  experts.set_used(2);
  experts.set_length(64);
  experts.set_shared_length(32);
}

Model MakeModel(bool experts) {
  RandomModel random =
      MakeRandomModel({.vocab_size = kByteVocabularySize, .layers = 3, .edit = experts ? WithExperts : nullptr});
  random.model.vocabulary = MakeByteVocabulary();
  return std::move(random.model);
}

CalibrationTexts Text() {
  std::mt19937 random(3);
  std::string text;
  for (int i = 0; i < kWindows * kLength; ++i) text += static_cast<char>('a' + random() % 26);
  return {.files = {{.path = "text", .content = text}}, .ctx = kLength, .chunks = kWindows};
}

// Sees at which layer a job begins, and hears its warnings.
class LayerProgress : public Progress {
 public:
  LayerProgress(int* first, std::vector<std::string>* warnings) : first_(first), warnings_(warnings) {}

  void Update(const ProgressUpdate& update) override {
    absl::string_view stage = update.stage;
    absl::ConsumePrefix(&stage, "calibrate, ");
    if (first_ == nullptr || *first_ > 0 || !absl::ConsumePrefix(&stage, "layer ")) return;
    ASSERT_TRUE(absl::SimpleAtoi(stage.substr(0, stage.find('/')), first_));
  }
  void Warn(const std::string& message) override {
    if (warnings_ != nullptr) warnings_->push_back(message);
  }

 private:
  int* const first_;  // null: nobody asks, as below
  std::vector<std::string>* const warnings_;
};

// What a job made, and told of.
struct Made {
  std::string bytes, report;
  friend bool operator==(const Made&, const Made&) = default;
};

class CalibrationRanksTest : public testing::Test {
 protected:
  void SetUp() override {
    folder_ = testing::TempDir() + "/" + testing::UnitTest::GetInstance()->current_test_info()->name();
    fs::remove_all(folder_);
    fs::create_directories(folder_);
  }

  std::string Path() const { return folder_ + "/out.gguf"; }
  Made What() const {
    std::ifstream in(Path(), std::ios::binary);
    return {std::string(std::istreambuf_iterator<char>(in), {}), report_};
  }
  std::vector<std::string> Left() const {
    std::vector<std::string> names;
    for (const auto& entry : fs::directory_iterator(folder_)) {
      if (absl::StrContains(std::string(entry.path()), ".part")) names.push_back(entry.path().filename());
    }
    return names;
  }

  // Of several, `faulty` has `files` for what does not fit in memory.
  std::vector<absl::Status> Run(int ranks, const Model& model, const JobRecipe& recipe, CalibrationOptions calibration,
                                bool resume = false, int faulty = -1, io::FileSystem& files = io::Posix()) {
    calibration.texts = Text();
    calibration.texts.device = device_;
    calibration.work.directory = folder_;
    return RunRanks(ranks, [&](Comm& comm) -> absl::Status {
      CalibrationOptions mine = calibration;
      if (comm.rank() == other_text_) mine.texts.files[0].content[0] = 'z';
      if (comm.rank() == faulty) mine.work.files = &files;
      const OutputOptions output{.path = Path(),
                                 .force = true,
                                 .threads = 1 + comm.rank() % 2,
                                 .recipe = recipe,
                                 .journal = true,
                                 .resume = resume,
                                 .comm = &comm};
      LayerProgress progress(comm.is_first() ? &first_layer_ : nullptr, comm.rank() == heard_ ? &warnings_ : nullptr);
      NIBBLE_ASSIGN_OR_RETURN(Plan plan, RunRecipe(io::Posix(), model, output, mine, progress));
      EXPECT_EQ(plan.ranks_size(), ranks == 1 ? 0 : ranks);
      if (!comm.is_first()) return absl::OkStatus();
      plan.clear_ranks();
      plan.clear_buffer_bytes();
      plan.clear_device_use();
      report_ = plan.DebugString();
      return absl::OkStatus();
    });
  }

  std::vector<absl::Status> RunCalibrate(int ranks, const Model& model, bool resume = false, int faulty = -1,
                                         io::FileSystem& files = io::Posix()) {
    return RunRanks(ranks, [&](Comm& comm) -> absl::Status {
      CalibrateOptions options = {.texts = Text(), .threads = 1 + comm.rank() % 2, .comm = &comm};
      options.texts.device = device_;
      options.work = {.memory = 1, .directory = folder_, .files = comm.rank() == faulty ? &files : &io::Posix()};
      if (comm.rank() == other_text_) options.texts.files[0].content[0] = 'z';
      LayerProgress progress(comm.is_first() ? &first_layer_ : nullptr, comm.rank() == heard_ ? &warnings_ : nullptr);
      NIBBLE_ASSIGN_OR_RETURN(
          Calibration calibration,
          CalibrateToFile(io::Posix(), model, options, {.path = Path(), .force = true, .resume = resume}, progress));
      EXPECT_EQ(calibration.ranks.size(), ranks == 1 ? 0 : ranks);
      calibration.report.clear_device_use();
      if (comm.is_first()) report_ = calibration.report.DebugString();
      return absl::OkStatus();
    });
  }

  static JobRecipe Quantized(const std::string& type, const std::string& method,
                             const std::string& transform = "none") {
    return QuantizeRecipe({.type = type, .method = method}, transform, Text(), 0);
  }

  std::string folder_, report_;
  int first_layer_ = 0;  // that a run told of
  int other_text_ = -1;  // the rank that has another text
  int heard_ = 0;        // the rank whose warnings these are
  std::vector<std::string> warnings_;
  DeviceChoice device_;
};

struct Case {
  const char* name;
  bool experts;
  JobRecipe recipe;
  CalibrationOptions calibration = {};
};

// That judges itself, and is one rank's.
JobRecipe OfOneWindow(JobRecipe recipe) {
  recipe.mutable_calibration()->set_chunks(1);
  return recipe;
}

TEST_F(CalibrationRanksTest, GiveTheBytesOfOneProcess) {
  const Case cases[] = {
      {"gptq", false, Quantized("Q4_0", "gptq")},
      {"experts", true, Quantized("MXFP4", "gptq")},
      {"one window", true, OfOneWindow(Quantized("Q4_0", "gptq"))},
      {"weighted, in little memory", true, Quantized("Q4_0", "weighted"), {.judge = true, .work = {.memory = 1}}},
  };
  for (const Case& c : cases) {
    SCOPED_TRACE(c.name);
    const Model model = MakeModel(c.experts);
    ASSERT_THAT(Run(1, model, c.recipe, c.calibration), Each(absl::OkStatus()));
    const Made expected = What();
    EXPECT_THAT(expected.report, HasSubstr("kld"));
    for (const int ranks : {2, 3, 4, 7}) {  // and one without a window
      SCOPED_TRACE(ranks);
      fs::remove(Path());
      ASSERT_THAT(Run(ranks, model, c.recipe, c.calibration), Each(absl::OkStatus()));
      EXPECT_TRUE(What().bytes == expected.bytes);
      EXPECT_EQ(What().report, expected.report);
      EXPECT_THAT(Left(), IsEmpty());
    }
  }
}

TEST_F(CalibrationRanksTest, GpusDo) {
  const Model model = MakeModel(/*experts=*/true);
  device_ = GpuOnHost();
  ASSERT_THAT(Run(1, model, Quantized("Q4_0", "gptq"), {}), Each(absl::OkStatus()));
  const Made expected = What();
  for (const bool linked : {false, true}) {
    device_ = linked ? LinkedGpuOnHost() : GpuOnHost();
    for (const int ranks : {2, 3}) {
      SCOPED_TRACE(ranks);
      fs::remove(Path());
      const int sends = cuda::FakeNccl::Get().sends;
      ASSERT_THAT(Run(ranks, model, Quantized("Q4_0", "gptq"), {}), Each(absl::OkStatus()));
      EXPECT_TRUE(What().bytes == expected.bytes);
      EXPECT_EQ(What().report, expected.report);
      EXPECT_EQ(cuda::FakeNccl::Get().sends > sends, linked);
    }
  }
}

TEST_F(CalibrationRanksTest, TheFirstSaysWhyGpusAreNotLinked) {
  const Model model = MakeModel(/*experts=*/false);
  device_ = LinkedGpuOnHost();
  cuda::FakeNccl::Get().version = 21306;
  ASSERT_THAT(Run(2, model, Quantized("Q4_0", "gptq"), {}), Each(absl::OkStatus()));
  const auto is_it = HasSubstr("found NCCL 2.13.6; statistics go through the host's memory");
  EXPECT_EQ(std::count_if(warnings_.begin(), warnings_.end(),
                          [&](const std::string& warning) { return testing::Matches(is_it)(warning); }),
            1);
  warnings_.clear();
  heard_ = 1;
  ASSERT_THAT(Run(2, model, Quantized("Q4_0", "gptq"), {}), Each(absl::OkStatus()));
  EXPECT_THAT(warnings_, Each(testing::Not(is_it)));
  cuda::FakeNccl::Get().version = 22809;
}

TEST_F(CalibrationRanksTest, ALinkThatBreaksEndsAllAndTheJobGoesOn) {
  const Model model = MakeModel(/*experts=*/false);
  device_ = LinkedGpuOnHost();
  ASSERT_THAT(Run(1, model, Quantized("Q4_0", "gptq"), {}), Each(absl::OkStatus()));
  const Made expected = What();
  for (const auto failure : {cuda::FakeFailure::kGroup, cuda::FakeFailure::kAsync}) {
    fs::remove(Path());
    {
      const cuda::Failing failing(failure, 1);
      for (const absl::Status& status : Run(2, model, Quantized("Q4_0", "gptq"), {})) {
        EXPECT_EQ(status.code(), absl::StatusCode::kAborted);
        EXPECT_THAT(std::string(status.message()), HasSubstr("NCCL: expected an exchange between GPUs"));
      }
    }
    EXPECT_FALSE(fs::exists(Path()));
    ASSERT_THAT(Run(2, model, Quantized("Q4_0", "gptq"), {}, /*resume=*/true), Each(absl::OkStatus()));
    EXPECT_TRUE(What().bytes == expected.bytes);
  }
}

// What measures first, and what tries several models.
TEST_F(CalibrationRanksTest, TransformsAndFitsDo) {
  const Model model = MakeModel(false);
  JobRecipe fit = QuantizeRecipe({.fit = {.bytes = 150'000}}, "none", Text(), 0);
  for (const JobRecipe& recipe : {Quantized("Q4_0", "gptq", "awq"), Quantized("Q4_0", "gptq", "auto"), fit}) {
    SCOPED_TRACE(recipe.ShortDebugString());
    ASSERT_THAT(Run(1, model, recipe, {}), Each(absl::OkStatus()));
    const Made expected = What();
    for (const int ranks : {2, 3}) {
      fs::remove(Path());
      ASSERT_THAT(Run(ranks, model, recipe, {}), Each(absl::OkStatus()));
      EXPECT_TRUE(What() == expected) << What().report << expected.report;
      EXPECT_THAT(Left(), IsEmpty());
    }
  }
}

TEST_F(CalibrationRanksTest, ImportanceMatricesAreOneProcesss) {
  for (const bool experts : {false, true}) {
    const Model model = MakeModel(experts);
    ASSERT_THAT(RunCalibrate(1, model), Each(absl::OkStatus()));
    const Made expected = What();
    EXPECT_FALSE(expected.bytes.empty());
    for (const int ranks : {2, 3, 4, 7}) {
      SCOPED_TRACE(ranks);
      fs::remove(Path());
      ASSERT_THAT(RunCalibrate(ranks, model), Each(absl::OkStatus()));
      EXPECT_TRUE(What().bytes == expected.bytes);
      EXPECT_EQ(What().report, expected.report);
      EXPECT_THAT(Left(), IsEmpty());
    }
  }
}

// A disk that is lost after so many writes to a work file, in the middle of the layers.
class LostDisk : public io::FaultyFileSystem {
 public:
  explicit LostDisk(int writes) : FaultyFileSystem(io::Posix()) {
    FailNth(io::Call::kWrite, writes, absl::UnavailableError("the disk is gone"));
  }
};

TEST_F(CalibrationRanksTest, AnotherNumberGoesOn) {
  const Model model = MakeModel(true);
  const CalibrationOptions in_little_memory = {.work = {.memory = 1}};
  const JobRecipe recipe = Quantized("Q4_0", "gptq");
  ASSERT_THAT(Run(1, model, recipe, in_little_memory), Each(absl::OkStatus()));
  const Made expected = What();
  bool has_gone_on = false;
  for (const auto& [before, after] : {std::pair(4, 2), {2, 4}, {3, 1}, {1, 3}}) {
    for (const int faulty : {0, before - 1}) {
      for (const int writes : {10, 150}) {
        SCOPED_TRACE(absl::StrCat(before, " ranks, then ", after, "; rank ", faulty, " fails at write ", writes));
        fs::remove(Path());
        LostDisk files(writes);
        const auto outcomes = Run(before, model, recipe, in_little_memory, false, faulty, files);
        if (files.calls(io::Call::kWrite) < writes) continue;  // it has no more
        for (const absl::Status& outcome : outcomes) {
          EXPECT_EQ(ExitCode(outcome), before == 1 ? 74 : 75) << outcome;
          EXPECT_THAT(std::string(outcome.message()), HasSubstr("the disk is gone"));
          EXPECT_THAT(std::string(outcome.message()), HasSubstr("; run again with --resume"));
        }
        EXPECT_FALSE(fs::exists(Path()));
        first_layer_ = 0;
        ASSERT_THAT(Run(after, model, recipe, in_little_memory, true), Each(absl::OkStatus()));
        has_gone_on |= first_layer_ > 1;
        EXPECT_TRUE(What().bytes == expected.bytes);
        EXPECT_EQ(What().report, expected.report);
        EXPECT_THAT(Left(), IsEmpty());
      }
    }
  }
  EXPECT_TRUE(has_gone_on);  // and not begun again
}

TEST_F(CalibrationRanksTest, AnImportanceMatrixGoesOn) {
  const Model model = MakeModel(true);
  ASSERT_THAT(RunCalibrate(1, model), Each(absl::OkStatus()));
  const Made expected = What();
  bool has_gone_on = false;
  for (const auto& [before, after] : {std::pair(3, 2), {1, 3}, {2, 1}}) {
    for (const int writes : {10, 30, 60}) {
      SCOPED_TRACE(absl::StrCat(before, " ranks, then ", after, "; write ", writes));
      fs::remove(Path());
      LostDisk files(writes);
      const auto outcomes = RunCalibrate(before, model, false, before - 1, files);
      if (files.calls(io::Call::kWrite) < writes) continue;
      for (const absl::Status& outcome : outcomes) EXPECT_EQ(ExitCode(outcome), before == 1 ? 74 : 75) << outcome;
      EXPECT_FALSE(fs::exists(Path()));
      first_layer_ = 0;
      ASSERT_THAT(RunCalibrate(after, model, true), Each(absl::OkStatus()));
      has_gone_on |= first_layer_ > 1;
      EXPECT_TRUE(What() == expected);
      EXPECT_THAT(Left(), IsEmpty());
    }
  }
  EXPECT_TRUE(has_gone_on);
}

TEST_F(CalibrationRanksTest, OtherTextsStopBeforeTheWork) {
  const Model model = MakeModel(false);
  const auto refused = [&](const std::vector<absl::Status>& outcomes) {
    for (const absl::Status& outcome : outcomes) {
      EXPECT_EQ(ExitCode(outcome), 64);
      EXPECT_THAT(std::string(outcome.message()),
                  HasSubstr("rank 1 on thread-1: expected the calibration text or importance matrix that rank 0"));
    }
    EXPECT_TRUE(fs::is_empty(folder_));
  };
  other_text_ = 1;
  refused(Run(2, model, Quantized("Q4_0", "gptq"), {}));
  refused(RunCalibrate(2, model));
}

}  // namespace
}  // namespace nibble
