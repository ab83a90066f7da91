// Jobs that several ranks share give the bytes of one process; the ranks are threads here (thread_ranks.h).
#include <algorithm>
#include <chrono>
#include <filesystem>
#include <fstream>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "base/status.h"
#include "converters/test_checkpoint.h"
#include "device/make_device.h"
#include "formats/io/faulty_file_system.h"
#include "formats/io/file.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "model/model.h"
#include "pipeline/calibration_options.h"
#include "pipeline/comm/comm.h"
#include "pipeline/comm/thread_ranks.h"
#include "pipeline/gpu_on_host.h"
#include "pipeline/no_progress.h"
#include "pipeline/output/output_options.h"
#include "pipeline/recipe.h"
#include "pipeline/run_recipe.h"
#include "pipeline/source/model_folder_fixture.h"
#include "pipeline/source/open_model.h"
#include "pipeline/types/container.h"
#include "pipeline/types/type_options.h"

namespace nibble {
namespace {

namespace fs = std::filesystem;
using ::testing::Each;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

constexpr TestShape kShape = {
    .layers = 3, .hidden = 256, .heads = 8, .kv_heads = 2, .head_dim = 32, .feed_forward = 512, .vocab = 300};

// A disk that is lost in the middle of the work: for the first rank when it writes, for the others (whose writes go
// past this) when they read what they wrote.
class LostDisk : public io::FaultyFileSystem {
 public:
  explicit LostDisk(int rank) : FaultyFileSystem(io::Posix()) {
    FailNth(rank == 0 ? io::Call::kWrite : io::Call::kRead, 5, absl::UnavailableError("the disk is gone"));
  }
};

class RanksTest : public ModelFolderTest {
 protected:
  // By `ranks` ranks, of which `faulty` has `files`.
  std::vector<absl::Status> Run(int ranks, const JobRecipe& recipe, const std::string& name, bool resume = false,
                                int faulty = -1, io::FileSystem& files = io::Posix(),
                                const CalibrationOptions& calibration = {}) {
    return RunRanks(ranks, [&](Comm& comm) -> absl::Status {
      NIBBLE_ASSIGN_OR_RETURN(const Model model, OpenModel(io::Posix(), Path("model")));
      const OutputOptions output{.path = Path(name),
                                 .force = true,
                                 .threads = 1,
                                 .recipe = recipe,
                                 .journal = true,
                                 .resume = resume,
                                 .comm = &comm};
      NoProgress progress;
      NIBBLE_ASSIGN_OR_RETURN(const Plan plan, RunRecipe(comm.rank() == faulty ? files : io::Posix(), model, output,
                                                         calibration, progress));
      EXPECT_EQ(plan.ranks_size(), ranks == 1 ? 0 : ranks);
      return absl::OkStatus();
    });
  }

  static JobRecipe Quantized(const std::string& type, const std::string& method,
                             Container container = Container::kGguf) {
    return QuantizeRecipe({.container = container, .type = type, .method = method}, "none", {}, 0);
  }

  // What there is beside the model, "part"s and journals included.
  std::vector<std::string> Left(const std::string& suffix) const {
    std::vector<std::string> names;
    for (const auto& entry : fs::directory_iterator(folder_)) {
      const std::string name = entry.path().filename();
      if (absl::StrContains(name, suffix)) names.push_back(name);
    }
    return names;
  }

  // All files of a folder, or one.
  std::string AllBytes(const std::string& name) const {
    if (!fs::is_directory(Path(name))) return Bytes(name);
    std::vector<std::string> files;
    for (const auto& entry : fs::directory_iterator(Path(name))) files.push_back(entry.path().filename());
    std::sort(files.begin(), files.end());
    std::string all;
    for (const std::string& file : files) absl::StrAppend(&all, file, "\n", Bytes(absl::StrCat(name, "/", file)));
    return all;
  }
};

CalibrationOptions On(const DeviceChoice& device) {
  CalibrationOptions calibration;
  calibration.texts.device = device;
  return calibration;
}

struct Case {
  const char* name;
  bool experts;
  JobRecipe recipe;
  std::string output;
};

TEST_F(RanksTest, GiveTheBytesOfOneProcess) {
  const Case cases[] = {
      {"rtn", false, Quantized("MXFP4", "rtn"), "out.gguf"},
      {"weighted", false, Quantized("Q4_K_M", "weighted"), "out.gguf"},
      {"experts", true, Quantized("Q4_K", "weighted"), "out.gguf"},
      {"folder", false, Quantized("INT4_G32", "weighted", Container::kCompressedTensors), "out"},
      {"folder with a factor", false, Quantized("NVFP4", "rtn", Container::kCompressedTensors), "out"},
      {"convert", true, ConvertRecipe("f16"), "out.gguf"},
  };
  for (const Case& c : cases) {
    SCOPED_TRACE(c.name);
    Open(c.experts ? RandomQwen3Moe(kShape) : RandomLlama(kShape));
    ASSERT_THAT(Run(1, c.recipe, c.output), Each(absl::OkStatus()));
    const std::string expected = AllBytes(c.output);
    ASSERT_FALSE(expected.empty());
    for (const int ranks : {2, 3, 4, 7}) {
      SCOPED_TRACE(ranks);
      fs::remove_all(Path(c.output));
      ASSERT_THAT(Run(ranks, c.recipe, c.output), Each(absl::OkStatus()));
      EXPECT_TRUE(AllBytes(c.output) == expected);
      EXPECT_THAT(Left(".part"), IsEmpty());
    }
    fs::remove_all(Path(c.output));
  }
}

TEST_F(RanksTest, AnotherNumberGoesOn) {
  Open(RandomLlama(kShape));
  const JobRecipe recipe = Quantized("Q4_0", "rtn");
  ASSERT_THAT(Run(1, recipe, "out.gguf"), Each(absl::OkStatus()));
  const std::string expected = Bytes("out.gguf");
  for (const auto& [before, after] : {std::pair(4, 2), {2, 4}, {3, 1}, {1, 3}}) {
    for (const int faulty : {0, before - 1}) {
      SCOPED_TRACE(absl::StrCat(before, " ranks, then ", after, "; rank ", faulty, " fails"));
      fs::remove(Path("out.gguf"));
      LostDisk files(faulty);
      const auto outcomes = Run(before, recipe, "out.gguf", false, faulty, files);
      for (const absl::Status& outcome : outcomes) {
        // One process has the disk's own code; of several the job is interrupted.
        EXPECT_EQ(ExitCode(outcome), before == 1 ? 74 : 75) << outcome;
        EXPECT_THAT(std::string(outcome.message()), HasSubstr("the disk is gone; run again with --resume"));
        const std::string place = before == 1 ? "" : absl::StrCat("rank ", faulty, " on ");
        EXPECT_THAT(std::string(outcome.message()), HasSubstr(place));
      }
      EXPECT_THAT(Left("out.gguf.part.journal"), testing::SizeIs(before));
      EXPECT_FALSE(fs::exists(Path("out.gguf")));
      ASSERT_THAT(Run(after, recipe, "out.gguf", true), Each(absl::OkStatus()));
      EXPECT_TRUE(Bytes("out.gguf") == expected);
      EXPECT_THAT(Left(".part"), IsEmpty());
    }
  }
}

// What earlier runs wrote is not written again: with all there, no write but the header and the manifest is left.
TEST_F(RanksTest, WhatIsThereIsTakenByAll) {
  Open(RandomLlama(kShape));
  const JobRecipe recipe = Quantized("Q4_0", "rtn");
  io::FaultyFileSystem files(io::Posix());
  files.FailNth(io::Call::kRename, 2, absl::UnavailableError("no rename"));  // the first is the manifest's beside it
  for (const absl::Status& outcome : Run(3, recipe, "out.gguf", false, 0, files)) {
    EXPECT_EQ(ExitCode(outcome), 75);
  }
  io::FaultyFileSystem counted(io::Posix());
  ASSERT_THAT(Run(2, recipe, "out.gguf", true, 0, counted), Each(absl::OkStatus()));
  EXPECT_LE(counted.calls(io::Call::kWrite), 4);
}

TEST_F(RanksTest, WithoutResumeOldJournalsGo) {
  Open(RandomLlama(kShape));
  const JobRecipe recipe = Quantized("Q4_0", "rtn");
  LostDisk files(0);
  Run(4, recipe, "out.gguf", false, 0, files);
  ASSERT_THAT(Left(".part.journal"), testing::SizeIs(4));
  ASSERT_THAT(Run(2, recipe, "out.gguf"), Each(absl::OkStatus()));
  EXPECT_THAT(Left(".part"), IsEmpty());
}

TEST_F(RanksTest, BadDataHasTheCodeThatOneProcessGives) {
  TestCheckpoint checkpoint = RandomLlama(kShape);
  Open(checkpoint);
  const std::string path = Path("model/model.safetensors");
  std::fstream file(path, std::ios::in | std::ios::out | std::ios::binary);
  file.seekp(-40, std::ios::end);
  for (int i = 0; i < 20; ++i) file.put('\xff');  // NaN in every type of two or four bytes
  file.close();
  const absl::Status alone = Run(1, Quantized("Q4_0", "rtn"), "out.gguf")[0];
  ASSERT_EQ(ExitCode(alone), 65) << alone;
  for (const absl::Status& outcome : Run(3, Quantized("Q4_0", "rtn"), "out.gguf")) {
    EXPECT_EQ(ExitCode(outcome), 65);
    EXPECT_THAT(std::string(outcome.message()), HasSubstr(std::string(alone.message())));
  }
  EXPECT_THAT(Left("out.gguf"), IsEmpty());
}

TEST_F(RanksTest, GpusGiveTheBytesOfOneProcessOnItsCpu) {
  for (const auto& [type, method] : {std::pair("Q4_0", "rtn"), {"Q4_K", "weighted"}}) {
    Open(RandomLlama(kShape));
    ASSERT_THAT(Run(1, Quantized(type, method), "out.gguf"), Each(absl::OkStatus()));
    const std::string expected = Bytes("out.gguf");
    for (const int ranks : {1, 2, 3}) {
      SCOPED_TRACE(absl::StrCat(method, ", ", ranks));
      fs::remove(Path("out.gguf"));
      ASSERT_THAT(Run(ranks, Quantized(type, method), "out.gguf", false, -1, io::Posix(), On(GpuOnHost())),
                  Each(absl::OkStatus()));
      EXPECT_TRUE(Bytes("out.gguf") == expected);
    }
  }
}

TEST_F(RanksTest, AGpuThatIsLostEndsTheJobOnAllRanks) {
  Open(RandomLlama(kShape));
  ASSERT_THAT(Run(1, Quantized("Q4_0", "rtn"), "out.gguf"), Each(absl::OkStatus()));
  const std::string expected = Bytes("out.gguf");
  fs::remove(Path("out.gguf"));
  const auto outcomes = RunRanks(3, [&](Comm& comm) -> absl::Status {
    const Model model = Reopen("model");
    NoProgress progress;
    const CalibrationOptions calibration = On(comm.rank() == 1 ? GpuThatGetsLost() : GpuOnHost());
    return RunRecipe(io::Posix(), model,
                     {.path = Path("out.gguf"), .recipe = Quantized("Q4_0", "rtn"), .journal = true, .comm = &comm},
                     calibration, progress)
        .status();
  });
  for (const absl::Status& outcome : outcomes) {
    EXPECT_EQ(ExitCode(outcome), 75) << outcome;
    EXPECT_THAT(std::string(outcome.message()), HasSubstr("rank 1 on thread-1"));
    EXPECT_THAT(std::string(outcome.message()), HasSubstr("found it lost"));
  }
  EXPECT_FALSE(fs::exists(Path("out.gguf")));
  ASSERT_THAT(Run(2, Quantized("Q4_0", "rtn"), "out.gguf", /*resume=*/true), Each(absl::OkStatus()));
  EXPECT_TRUE(Bytes("out.gguf") == expected);
}

TEST_F(RanksTest, OtherRecipesStopBeforeTheWork) {
  Open(RandomLlama(kShape));
  const auto outcomes = RunRanks(3, [&](Comm& comm) -> absl::Status {
    const Model model = Reopen("model");
    NoProgress progress;
    return RunRecipe(io::Posix(), model,
                     {.path = Path("out.gguf"),
                      .recipe = Quantized(comm.rank() == 1 ? "Q4_1" : "Q4_0", "rtn"),
                      .comm = &comm},
                     {}, progress)
        .status();
  });
  for (const absl::Status& outcome : outcomes) {
    EXPECT_EQ(ExitCode(outcome), 64);
    EXPECT_THAT(std::string(outcome.message()), HasSubstr("rank 1 on thread-1: expected the recipe that rank 0"));
  }
  EXPECT_THAT(Left("out.gguf"), IsEmpty());
}

TEST_F(RanksTest, OtherSourcesStopBeforeTheWork) {
  Open(RandomLlama(kShape));
  TestShape narrow = kShape;
  narrow.feed_forward = 256;
  fs::create_directories(Path("other"));
  ASSERT_EQ(RandomLlama(narrow).Write(Path("other")), absl::OkStatus());
  const auto outcomes = RunRanks(2, [&](Comm& comm) -> absl::Status {
    const Model model = Reopen(comm.rank() == 1 ? "other" : "model");
    NoProgress progress;
    return RunRecipe(io::Posix(), model, {.path = Path("out.gguf"), .recipe = Quantized("Q4_0", "rtn"), .comm = &comm},
                     {}, progress)
        .status();
  });
  for (const absl::Status& outcome : outcomes) {
    EXPECT_EQ(ExitCode(outcome), 64);
    EXPECT_THAT(std::string(outcome.message()), HasSubstr("rank 1 on thread-1: expected the source files that rank 0"));
  }
  EXPECT_THAT(Left("out.gguf"), IsEmpty());
}

// Copies of the source may be of different ages.
TEST_F(RanksTest, CopiesOfTheSourceDo) {
  Open(RandomLlama(kShape));
  fs::create_directories(Path("copy"));
  fs::copy(Path("model"), Path("copy/model"), fs::copy_options::recursive);  // of the same name: outputs tell of it
  fs::last_write_time(Path("copy/model/model.safetensors"), fs::file_time_type::clock::now() - std::chrono::hours(1));
  const auto outcomes = RunRanks(2, [&](Comm& comm) -> absl::Status {
    const Model model = Reopen(comm.rank() == 1 ? "copy/model" : "model");
    NoProgress progress;
    return RunRecipe(io::Posix(), model,
                     {.path = Path("out.gguf"), .recipe = Quantized("Q4_0", "rtn"), .journal = true, .comm = &comm}, {},
                     progress)
        .status();
  });
  EXPECT_THAT(outcomes, Each(absl::OkStatus()));
}

}  // namespace
}  // namespace nibble
