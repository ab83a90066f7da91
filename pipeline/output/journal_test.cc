#include "pipeline/output/journal.h"

#include <filesystem>
#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "formats/io/file.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace nibble {
namespace {

using ::testing::HasSubstr;
using ::testing::SizeIs;

JobIdentity Job() {
  JobIdentity job;
  job.mutable_manifest()->set_nibble("1.0");
  job.mutable_manifest()->set_instruction_set("any");
  job.mutable_manifest()->mutable_recipe()->set_type("Q4_0");
  job.mutable_manifest()->add_sources()->set_bytes(10);
  job.add_source_times(1234);
  job.set_plan_sha256("abc");
  return job;
}

class JournalTest : public ::testing::Test {
 protected:
  void SetUp() override { std::filesystem::remove(path_); }

  // Of a run that is stopped.
  void Write(const std::vector<TensorRows>& ranges) {
    const auto journal = Journal::Begin(io::Posix(), path_, Job());
    ASSERT_TRUE(journal.ok()) << journal.status();
    for (const TensorRows& range : ranges) ASSERT_EQ((*journal)->Wrote(range, 1), absl::OkStatus());
    ASSERT_EQ((*journal)->Flush(), absl::OkStatus());
  }
  absl::StatusOr<std::unique_ptr<Journal>> Resume(const JobIdentity& job = Job()) {
    return Journal::Resume(io::Posix(), path_, job);
  }

  const std::string path_ =
      absl::StrCat(::testing::TempDir(), "/", ::testing::UnitTest::GetInstance()->current_test_info()->name());
};

TEST_F(JournalTest, RangesThatFollowOneAnotherAreOne) {
  Write({{1, 0, 16, 8}, {1, 0, 0, 8}, {0, 0, 0, 4}, {1, 0, 8, 8}, {1, 0, 24, 3}, {1, 1, 27, 8}});
  const auto journal = Resume();
  ASSERT_TRUE(journal.ok()) << journal.status();
  const std::vector<WrittenRows>& rows = (*journal)->before();
  ASSERT_THAT(rows, SizeIs(3));
  EXPECT_EQ(rows[1].first(), 0);
  EXPECT_EQ(rows[1].rows(), 27);
  EXPECT_EQ(rows[1].step(), 8);
  EXPECT_EQ(rows[1].checksum(), 4);
  EXPECT_EQ(rows[2].slice(), 1);
}

// A checksum is of parts as they were written: none is joined to one of another size.
TEST_F(JournalTest, PartsOfOtherSizesStayApart) {
  Write({{0, 0, 0, 8}, {0, 0, 8, 3}, {0, 0, 11, 8}, {0, 0, 19, 9}});
  EXPECT_THAT((*Resume())->before(), SizeIs(3));
}

TEST_F(JournalTest, GoesOnMoreThanOnce) {
  Write({{0, 0, 0, 8}});
  {
    const auto journal = Resume();
    ASSERT_TRUE(journal.ok()) << journal.status();
    ASSERT_EQ((*journal)->Wrote({0, 0, 8, 8}, 2), absl::OkStatus());
    ASSERT_EQ((*journal)->Sync(), absl::OkStatus());
  }
  EXPECT_THAT((*Resume())->before(), SizeIs(2));
}

TEST_F(JournalTest, AnotherJobIsRefusedByName) {
  const struct {
    const char* named;
    std::function<void(JobIdentity&)> change;
  } kCases[] = {
      {"nibble 2.0", [](JobIdentity& job) { job.mutable_manifest()->set_nibble("2.0"); }},
      {"AVX9", [](JobIdentity& job) { job.mutable_manifest()->set_instruction_set("AVX9"); }},
      {"Q8_0", [](JobIdentity& job) { job.mutable_manifest()->mutable_recipe()->set_type("Q8_0"); }},
      {"importance matrix",
       [](JobIdentity& job) { job.mutable_manifest()->mutable_importance_matrix()->set_sha256("x"); }},
      {"calibration text", [](JobIdentity& job) { job.mutable_manifest()->add_calibration_texts()->set_sha256("x"); }},
      {"source files", [](JobIdentity& job) { job.mutable_manifest()->mutable_sources(0)->set_bytes(11); }},
      {"source files", [](JobIdentity& job) { job.mutable_manifest()->mutable_sources(0)->set_header_sha256("x"); }},
      {"source files", [](JobIdentity& job) { job.set_source_times(0, 1235); }},
      {"places", [](JobIdentity& job) { job.set_plan_sha256("abd"); }},
  };
  Write({});
  for (const auto& test : kCases) {
    JobIdentity job = Job();
    test.change(job);
    const absl::Status status = Resume(job).status();
    EXPECT_EQ(status.code(), absl::StatusCode::kDataLoss) << test.named;
    EXPECT_THAT(std::string(status.message()), HasSubstr(test.named));
    EXPECT_THAT(std::string(status.message()), HasSubstr("without --resume it starts anew"));
  }
  EXPECT_TRUE(Resume().ok());
}

TEST_F(JournalTest, AWriterThatLivesIsRespected) {
  const auto journal = Journal::Begin(io::Posix(), path_, Job());
  ASSERT_TRUE(journal.ok());
  EXPECT_EQ(Resume().status().code(), absl::StatusCode::kAborted);
  EXPECT_EQ(Journal::Begin(io::Posix(), path_, Job()).status().code(), absl::StatusCode::kAborted);
  ASSERT_EQ((*journal)->Remove(), absl::OkStatus());
  EXPECT_EQ(Resume().status().code(), absl::StatusCode::kNotFound);
}

TEST_F(JournalTest, NoOtherFilePassesForOne) {
  EXPECT_EQ(ParseJournal("", "j").status().code(), absl::StatusCode::kNotFound);
  EXPECT_EQ(ParseJournal("a file of something else", "j").status().code(), absl::StatusCode::kNotFound);
  Write({});
  const std::string text = io::ReadWholeFile(io::Posix(), path_, 1 << 20).value();
  EXPECT_EQ(ParseJournal(text + text + text, "j").status().code(), absl::StatusCode::kDataLoss);
}

TEST_F(JournalTest, LayersThatAreGoneBackBehindNoLongerCount) {
  const auto passed = [](Journal& journal, int first, int last) {
    LayersDone layers;
    layers.set_first(first);
    layers.set_last(last);
    EXPECT_EQ(journal.Passed(layers), absl::OkStatus());
  };
  {
    const auto journal = Journal::Begin(io::Posix(), path_, Job());
    ASSERT_TRUE(journal.ok()) << journal.status();
    for (const auto& [first, last] : {std::pair(0, 1), std::pair(1, 3), std::pair(3, 4), std::pair(1, 2)}) {
      passed(**journal, first, last);
    }
    passed(**journal, 5, 6);  // says nothing, as none is before it
  }
  const auto journal = Resume();
  ASSERT_TRUE(journal.ok()) << journal.status();
  ASSERT_THAT((*journal)->layers_before(), SizeIs(2));
  EXPECT_EQ((*journal)->layers_before()[0].last(), 1);
  EXPECT_EQ((*journal)->layers_before()[1].first(), 1);
  EXPECT_EQ((*journal)->layers_before()[1].last(), 2);
}

TEST_F(JournalTest, AnotherAttemptAtTheJobIsNothingToGoOnWith) {
  Write({{0, 0, 0, 4}});
  JobIdentity job = Job();
  job.set_attempt("awq");
  EXPECT_EQ(Resume(job).status().code(), absl::StatusCode::kNotFound);
  EXPECT_TRUE(Resume().ok());
}

}  // namespace
}  // namespace nibble
