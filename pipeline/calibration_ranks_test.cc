// Jobs on a text that several ranks share give the bytes of one process; the ranks are threads here (thread_ranks.h).
#include <filesystem>
#include <fstream>
#include <iterator>
#include <random>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "base/status.h"
#include "formats/io/faulty_file_system.h"
#include "formats/io/file.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "model/model.h"
#include "model/model_spec.pb.h"
#include "pipeline/byte_vocabulary.h"
#include "pipeline/calibration_options.h"
#include "pipeline/comm.h"
#include "pipeline/no_progress.h"
#include "pipeline/output_options.h"
#include "pipeline/recipe.h"
#include "pipeline/report.pb.h"
#include "pipeline/run_recipe.h"
#include "pipeline/thread_ranks.h"
#include "pipeline/type_options.h"
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
  RandomModel random = MakeRandomModel(
      {.vocab_size = kByteVocabularySize, .layers = 3, .edit = experts ? WithExperts : nullptr});
  random.model.vocabulary = MakeByteVocabulary();
  return std::move(random.model);
}

CalibrationTexts Text() {
  std::mt19937 random(3);
  std::string text;
  for (int i = 0; i < kWindows * kLength; ++i) text += static_cast<char>('a' + random() % 26);
  return {.files = {{.path = "text", .content = text}}, .ctx = kLength, .chunks = kWindows};
}

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
  std::vector<absl::Status> Run(int ranks, const Model& model, const JobRecipe& recipe,
                                CalibrationOptions calibration, bool resume = false, int faulty = -1,
                                io::FileSystem& files = io::Posix()) {
    calibration.texts = Text();
    calibration.work.directory = folder_;
    return RunRanks(ranks, [&](Comm& comm) -> absl::Status {
      CalibrationOptions mine = calibration;
      if (comm.rank() == faulty) mine.work.files = &files;
      const OutputOptions output{.path = Path(),
                                 .force = true,
                                 .threads = 1 + comm.rank() % 2,
                                 .recipe = recipe,
                                 .journal = true,
                                 .resume = resume,
                                 .comm = &comm};
      NoProgress progress;
      NIBBLE_ASSIGN_OR_RETURN(Plan plan, RunRecipe(io::Posix(), model, output, mine, progress));
      EXPECT_EQ(plan.ranks_size(), ranks == 1 ? 0 : ranks);
      if (!comm.is_first()) return absl::OkStatus();
      plan.clear_ranks();
      plan.clear_buffer_bytes();
      report_ = plan.DebugString();
      return absl::OkStatus();
    });
  }

  static JobRecipe Quantized(const std::string& type, const std::string& method,
                             const std::string& transform = "none") {
    return QuantizeRecipe({.type = type, .method = method}, transform, Text(), 0);
  }

  std::string folder_, report_;
};

struct Case {
  const char* name;
  bool experts;
  JobRecipe recipe;
  CalibrationOptions calibration = {};
};

TEST_F(CalibrationRanksTest, GiveTheBytesOfOneProcess) {
  const Case cases[] = {
      {"gptq", false, Quantized("Q4_0", "gptq")},
      {"experts", true, Quantized("MXFP4", "gptq")},
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

}  // namespace
}  // namespace nibble
